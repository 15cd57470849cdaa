//! SQS (Amazon SQS API Reference, version 2012-11-05) over `data::queues`, in both of its protocols: AWS JSON 1.0, and
//! the query form that SDKs sent until 2023, with answers in XML.
//!
//! ```text
//!   head ──► Wire::of ──► admit ──► Operation ──► a handler: its input's struct ──► Queues ──► its output's struct
//!            json|query            target|Action     json, or query::read             json, or xml::write
//! ```
//!
//! Start reading at [`handle`], then [`operation`], which lists every operation. Always true here: a handler knows
//! nothing of the protocol; it gets the name of a queue from [`Call`], which has asked whether the caller may.

mod acknowledge;
mod address;
mod attributes;
mod batch;
mod error;
mod message;
mod moves;
mod operation;
mod permissions;
mod policies;
mod query;
mod queues;
mod receive;
mod send;
mod tags;
mod text;
mod xml;

pub(super) use message::is_number;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, request::Parts as Head};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sonagi_data::queues::{Queue, QueueName};
use sonagi_identity::{Access, Principal};
use sonagi_model::{RequestId, limits};

use super::{admit, error::XML, query::Query};
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::{Code, Fault};
use operation::Operation;
use text::Text;

type Answer = Result<Response<ResponseBody>, Fault>;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Which of the two protocols a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Json,
    Query,
}

impl Wire {
    fn of(head: &Head) -> Self {
        let content = head.headers.get(http::header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if head.headers.contains_key("x-amz-target")
            || content.is_some_and(|content| content.starts_with(b"application/x-amz-json"))
        {
            Self::Json
        } else {
            Self::Query
        }
    }
}

/// A request that was let in.
struct Call {
    operation: Operation,
    principal: Principal,
    input: Input,
    /// The queue's address, where that is what was asked.
    path: String,
    /// The address that the client used.
    host: String,
    /// `X-Amzn-Trace-Id`, which a message carries on.
    trace: Option<String>,
    request: RequestId,
}

enum Input {
    Json(Bytes),
    Query(Value),
}

pub(super) async fn handle(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Response<ResponseBody> {
    let wire = Wire::of(&head);
    match answer(parts, head, body, request, wire).await {
        Ok(response) => response,
        Err(fault) => fault.respond(wire, request),
    }
}

async fn answer(parts: &Parts, head: Head, body: Body, request: RequestId, wire: Wire) -> Answer {
    let (principal, body) = admit::admit(parts, &head, body, limits::QUEUE_BODY_SIZE, &["sqs"]).await?;
    let (operation, input) = match wire {
        Wire::Json => (operation::of_target(&head)?, Input::Json(body)),
        Wire::Query => {
            let form = match head.method {
                Method::POST => Query::parse(&String::from_utf8_lossy(&body)),
                _ => Query::parse(head.uri.query().unwrap_or_default()),
            };
            (operation::of_action(form.get("Action"))?, Input::Query(query::read(&form)?))
        }
    };
    let host = admit::host(&head).to_owned();
    let path = head.uri.path().to_owned();
    let trace = admit::trace(&head);
    let call = Call { operation, principal, input, path, host, trace, request };
    match operation {
        Operation::CreateQueue => queues::create(parts, &call).await,
        Operation::DeleteQueue => queues::delete(parts, &call).await,
        Operation::GetQueueUrl => queues::get_url(parts, &call).await,
        Operation::ListQueues => queues::list(parts, &call).await,
        Operation::GetQueueAttributes => attributes::get(parts, &call).await,
        Operation::SetQueueAttributes => attributes::set(parts, &call).await,
        Operation::ListDeadLetterSourceQueues => queues::list_sources(parts, &call).await,
        Operation::PurgeQueue => queues::purge(parts, &call).await,
        Operation::SendMessage => send::one(parts, &call).await,
        Operation::SendMessageBatch => send::batch(parts, &call).await,
        Operation::ReceiveMessage => receive::receive(parts, &call).await,
        Operation::DeleteMessage => acknowledge::delete(parts, &call).await,
        Operation::DeleteMessageBatch => acknowledge::delete_batch(parts, &call).await,
        Operation::ChangeMessageVisibility => acknowledge::change(parts, &call).await,
        Operation::ChangeMessageVisibilityBatch => acknowledge::change_batch(parts, &call).await,
        Operation::TagQueue => tags::tag(parts, &call).await,
        Operation::UntagQueue => tags::untag(parts, &call).await,
        Operation::ListQueueTags => tags::list(parts, &call).await,
        Operation::AddPermission => permissions::add(parts, &call).await,
        Operation::RemovePermission => permissions::remove(parts, &call).await,
        Operation::StartMessageMoveTask => moves::start(parts, &call).await,
        Operation::CancelMessageMoveTask => moves::cancel(parts, &call).await,
        Operation::ListMessageMoveTasks => moves::list(parts, &call).await,
    }
}

/// Whether `principal` may do this to a queue, or to none in particular. Nothing is looked up before that but whose queue
/// it is, and its own policy.
fn authorize(
    parts: &Parts,
    principal: &Principal,
    action: &str,
    resource: &str,
    queue: Option<&Queue>,
) -> Result<(), Fault> {
    let policy = match principal {
        Principal::Function { .. } | Principal::Service { .. } => queue.and_then(policies::of),
        Principal::Operator { .. } | Principal::Anonymous => None,
    };
    let access = Access::new(principal, action, resource, parts.clock.now())
        .owned_by(queue.and_then(|queue| queue.app.as_ref()))
        .under(policy.as_ref());
    parts.identity.may(&access).map_err(|error| Fault::identity(&error))
}

impl Call {
    /// The input, borrowed from the request where it can be.
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        match &self.input {
            Input::Json(body) => serde_json::from_slice(if body.is_empty() { b"{}" } else { body }),
            Input::Query(value) => T::deserialize(value),
        }
        .map_err(|error| Fault::new(Code::SERIALIZATION, error.to_string()))
    }

    /// A text of the input, which shares the request's memory where it can.
    fn bytes(&self, text: Text<'_>) -> Bytes {
        match (&self.input, text) {
            (Input::Json(body), Text::Borrowed(text)) => body.slice_ref(text.as_bytes()),
            (Input::Query(_), Text::Borrowed(text)) => Bytes::copy_from_slice(text.as_bytes()),
            (Input::Json(_) | Input::Query(_), Text::Owned(text)) => Bytes::from(text),
        }
    }

    /// The queue that `url`, or else the path, names, for a caller that may do this to it.
    async fn queue(&self, parts: &Parts, url: Option<&str>) -> Result<QueueName, Fault> {
        let name = match (url, address::of_path(&self.path)) {
            (Some(url), _) => address::of_url(parts, url)?,
            (None, Some(path)) => address::of_url(parts, path)?,
            (None, None) => return Err(Fault::missing("QueueUrl")),
        };
        self.may(parts, &name).await?;
        Ok(name)
    }

    /// Whether the caller may do this to that queue.
    async fn may(&self, parts: &Parts, name: &QueueName) -> Result<(), Fault> {
        self.may_do(parts, self.operation.action(), name).await
    }

    async fn may_do(&self, parts: &Parts, action: &str, name: &QueueName) -> Result<(), Fault> {
        let queue = parts.queues.recall(name).await.ok();
        authorize(parts, &self.principal, action, &address::arn(parts, name), queue.as_deref())
    }

    /// Whether the caller may do this at all.
    fn may_everywhere(&self, parts: &Parts) -> Result<(), Fault> {
        authorize(parts, &self.principal, self.operation.action(), "*", None)
    }

    fn answer<T: Serialize>(&self, output: &T) -> Answer {
        let (content, body) = match &self.input {
            Input::Json(_) => (JSON, serde_json::to_vec(output).map_err(|error| Fault::internal(&error))?),
            Input::Query(_) => {
                let value = serde_json::to_value(output).map_err(|error| Fault::internal(&error))?;
                (XML, xml::write(self.operation, &value, self.request).into_bytes())
            }
        };
        Ok(respond(StatusCode::OK, content, body))
    }

    /// The answer of an operation that has nothing to say.
    fn done(&self) -> Answer {
        match &self.input {
            Input::Json(_) => Ok(respond(StatusCode::OK, JSON, b"{}".as_slice())),
            Input::Query(_) => {
                let body = xml::write_nothing(self.operation, self.request);
                Ok(respond(StatusCode::OK, XML, body))
            }
        }
    }
}

fn respond(status: StatusCode, content: HeaderValue, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, content);
    response
}
