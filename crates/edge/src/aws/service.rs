//! Which service a request is for. All share one address, so the request itself must tell.

use std::borrow::Cow;

use http::{HeaderMap, Method, request::Parts as Head};
use sonagi_model::AccountId;

use super::{admit, query::Query, scheduler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Service {
    Lambda,
    Scheduler,
    Sqs,
    Sns,
    /// EventBridge.
    Events,
    /// With its streams.
    DynamoDb,
    Sts,
    /// One of AWS's that Sonagi does not have.
    Absent {
        name: Cow<'static, str>,
        protocol: Protocol,
    },
}

/// How a service writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `x-amzn-errortype` and JSON (Lambda).
    RestJson,
    /// `__type` in JSON (DynamoDB, SQS).
    Json,
    /// `<ErrorResponse>` (STS, IAM).
    Query,
    /// `<Error>` (S3).
    RestXml,
}

impl Service {
    /// The credential's scope rules, since it is what is signed; then the target header, the path, the form.
    pub(super) fn of(head: &Head) -> Self {
        let scoped = admit::with_signed_request(head, |request| {
            sonagi_identity::sigv4::claim(request).ok().flatten().map(|claim| claim.service().to_owned())
        });
        if let Some(name) = scoped {
            return Self::named(name, head);
        }
        if is_sqs(head) {
            return Self::Sqs;
        }
        if is_sns(head) {
            return Self::Sns;
        }
        if let Some(target) = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
            if target.starts_with("AWSEvents.") {
                return Self::Events;
            }
            if target.starts_with("DynamoDB_") || target.starts_with("DynamoDBStreams_") {
                return Self::DynamoDb;
            }
            // `Kinesis_20131202.PutRecord`, `AmazonSNS.Publish`
            let prefix = target.split(['.', '_']).next().unwrap_or_default().to_ascii_lowercase();
            let name = prefix.strip_prefix("amazon").unwrap_or(&prefix).to_owned();
            return Self::Absent { name: Cow::Owned(clean(name)), protocol: Protocol::Json };
        }
        if scheduler::is_path(&head.method, head.uri.path()) {
            return Self::Scheduler;
        }
        if is_dated(head.uri.path()) {
            return Self::Lambda;
        }
        if head.uri.path() == "/" && (is_form(&head.headers) || head.uri.query().is_some_and(asks_action)) {
            return Self::Sts;
        }
        if matches!(head.method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::POST) {
            return Self::Absent { name: Cow::Borrowed("s3"), protocol: Protocol::RestXml };
        }
        Self::Absent { name: Cow::Borrowed("unknown"), protocol: Protocol::RestJson }
    }

    fn named(name: String, head: &Head) -> Self {
        match name.as_str() {
            "lambda" => Self::Lambda,
            "scheduler" => Self::Scheduler,
            "sqs" => Self::Sqs,
            "sns" => Self::Sns,
            "events" => Self::Events,
            "dynamodb" => Self::DynamoDb,
            "sts" => Self::Sts,
            "s3" => Self::Absent { name: Cow::Borrowed("s3"), protocol: Protocol::RestXml },
            _ => {
                let protocol = if head.headers.contains_key("x-amz-target") {
                    Protocol::Json
                } else if is_form(&head.headers) {
                    Protocol::Query
                } else {
                    Protocol::RestJson
                };
                Self::Absent { name: Cow::Owned(clean(name)), protocol }
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Lambda => "lambda",
            Self::Scheduler => "scheduler",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::DynamoDb => "dynamodb",
            Self::Sts => "sts",
            Self::Absent { name, .. } => name,
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Lambda | Self::Scheduler => Protocol::RestJson,
            Self::Sqs | Self::Events | Self::DynamoDb => Protocol::Json,
            Self::Sns | Self::Sts => Protocol::Query,
            Self::Absent { protocol, .. } => *protocol,
        }
    }
}

/// What a stranger wrote goes into a message only as far as it could be a service's name.
fn clean(mut name: String) -> String {
    name.retain(|c| c.is_ascii_alphanumeric() || c == '-');
    name.truncate(32);
    name
}

/// SQS's target, or a form for a queue's address, or one of SQS's API version in a query.
fn is_sqs(head: &Head) -> bool {
    let target = head.headers.get("x-amz-target").map(http::HeaderValue::as_bytes);
    if let Some(target) = target {
        return target.starts_with(b"AmazonSQS.");
    }
    let query = head.uri.query().unwrap_or_default();
    if query.split('&').any(|part| part == "Version=2012-11-05") && asks_action(query) {
        return true;
    }
    is_queue(head.uri.path()) && (is_form(&head.headers) || asks_action(query))
}

/// A link of a message's, or a query of SNS's API version.
fn is_sns(head: &Head) -> bool {
    let query = head.uri.query().unwrap_or_default();
    if head.uri.path() != "/" || !asks_action(query) {
        return false;
    }
    let query = Query::parse(query);
    query.get("Version") == Some("2010-03-31") || super::sns::is_linked(query.get("Action"))
}

/// `/<account>/<queue>`
fn is_queue(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).is_some_and(|(account, queue)| {
        AccountId::is_valid(account) && !queue.is_empty() && !queue.contains('/')
    })
}

/// Lambda's paths begin with the date of their API version.
fn is_dated(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default().as_bytes();
    first.len() == 10
        && first.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

fn asks_action(query: &str) -> bool {
    query.split('&').any(|part| part.starts_with("Action="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Head {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_says_which_service_it_is_for() {
        let scope = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIA/20260131/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
            )
        };
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let date = ("x-amz-date", "20260131T000000Z");
        let cases = [
            (head("GET", "/2015-03-31/functions", &[]), "lambda", Protocol::RestJson),
            (head("GET", "/x", &[("authorization", &scope("lambda")), date]), "lambda", Protocol::RestJson),
            (head("GET", "/schedules/x", &[]), "scheduler", Protocol::RestJson),
            (
                head("GET", "/x", &[("authorization", &scope("scheduler")), date]),
                "scheduler",
                Protocol::RestJson,
            ),
            (head("POST", "/", &[form]), "sts", Protocol::Query),
            (head("POST", "/", &[form, ("authorization", &scope("iam")), date]), "iam", Protocol::Query),
            (head("POST", "/", &[("x-amz-target", "DynamoDB_20120810.PutItem")]), "dynamodb", Protocol::Json),
            (head("POST", "/", &[("x-amz-target", "AmazonSQS.SendMessage")]), "sqs", Protocol::Json),
            (head("POST", "/", &[form, ("authorization", &scope("sqs")), date]), "sqs", Protocol::Json),
            (head("POST", "/", &[("x-amz-target", "AWSEvents.PutEvents")]), "events", Protocol::Json),
            (head("POST", "/", &[("authorization", &scope("events")), date]), "events", Protocol::Json),
            (head("POST", "/000000000000/q", &[form]), "sqs", Protocol::Json),
            (head("GET", "/000000000000/q?Action=SendMessage", &[]), "sqs", Protocol::Json),
            (head("GET", "/?Action=ListQueues&Version=2012-11-05", &[]), "sqs", Protocol::Json),
            (head("GET", "/?Action=ConfirmSubscription&Token=t", &[]), "sns", Protocol::Query),
            (head("GET", "/?Action=ListTopics&Version=2010-03-31", &[]), "sns", Protocol::Query),
            (head("POST", "/", &[form, ("authorization", &scope("sns")), date]), "sns", Protocol::Query),
            (head("GET", "/000000000000/q", &[]), "s3", Protocol::RestXml),
            (head("GET", "/bucket/key", &[]), "s3", Protocol::RestXml),
            (head("GET", "/", &[("authorization", &scope("s3")), date]), "s3", Protocol::RestXml),
        ];
        for (head, name, protocol) in cases {
            let service = Service::of(&head);
            assert_eq!((service.name(), service.protocol()), (name, protocol), "{head:?}");
        }
    }
}
