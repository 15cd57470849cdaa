//! From a request to the event that a function gets, written straight to JSON bytes.
//!
//! Formats: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" (payload 1.0 and 2.0), "Set up
//! Lambda proxy integrations in API Gateway", section "Input format" (REST), and "Invoking Lambda function URLs",
//! section "Request and response payloads". Always true here: whatever bytes a client sends, the event is valid
//! JSON, and nothing of the body is lost (what is not UTF-8 goes as base64).

mod body;
mod headers;
mod v1;
mod v2;

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use serde::{Serialize, Serializer, ser::SerializeMap};
use sonagi_model::{RequestId, Timestamp, api::PayloadFormat};

pub(super) use body::is_binary_type;
pub(super) use headers::text;

use super::{Front, percent};

/// All that an event tells of a request.
pub(super) struct Asked<'a> {
    pub(super) front: Front,
    pub(super) method: &'a Method,
    /// As the client sent it, still encoded; a stage in it included.
    pub(super) path: &'a str,
    /// What the routes were asked: the path without its stage.
    pub(super) route_path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) version: Version,
    /// With what the gateway adds, without what it takes away.
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    pub(super) source_ip: &'a str,
    /// As in the `Host` header, port included.
    pub(super) host: &'a str,
    pub(super) account: &'a str,
    pub(super) api: &'a str,
    pub(super) stage: &'a str,
    pub(super) stage_variables: Option<&'a BTreeMap<String, String>>,
    /// `GET` or `ANY`, as the route says; a function URL and `$default` have none.
    pub(super) route_method: Option<&'a str>,
    /// `/pets/{id}` or `$default`.
    pub(super) resource: &'a str,
    pub(super) variables: &'a [Box<str>],
    /// Still encoded.
    pub(super) values: &'a [&'a str],
    pub(super) binary_media_types: &'a [String],
    pub(super) request: RequestId,
    /// The short id of API Gateway.
    pub(super) extended: &'a str,
    pub(super) now: Timestamp,
    /// Of a function URL that wants signatures.
    pub(super) caller: Option<&'a Caller>,
}

/// Who signed a request to a function URL: `requestContext.authorizer.iam`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Caller {
    pub(super) access_key: String,
    pub(super) account_id: String,
    pub(super) caller_id: String,
    /// There are no Cognito identities and no organisations here; the members are there all the same.
    pub(super) cognito_identity: Option<()>,
    pub(super) principal_org_id: Option<()>,
    pub(super) user_arn: String,
    pub(super) user_id: String,
}

impl Asked<'_> {
    pub(super) fn event(&self, format: PayloadFormat) -> Bytes {
        // Base64 makes four bytes of three; the rest of an event is about twice its headers.
        let mut json = Vec::with_capacity(self.body.len() + self.body.len() / 2 + 4_096);
        let written = match format {
            PayloadFormat::V2 => serde_json::to_writer(&mut json, &v2::Event::of(self)),
            PayloadFormat::V1 => serde_json::to_writer(&mut json, &v1::Event::of(self)),
        };
        // Writing to memory cannot fail, and no key of an event is anything but a string.
        debug_assert!(written.is_ok());
        json.into()
    }

    fn route_key(&self) -> RouteKey<'_> {
        RouteKey(self.route_method.map(|method| (method, self.resource)))
    }

    /// The first label of the host.
    fn domain_prefix(&self) -> &str {
        let name = super::hosts::name(self.host);
        if name.parse::<std::net::Ipv4Addr>().is_ok() {
            return name;
        }
        name.split('.').next().unwrap_or(name)
    }

    fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.headers.get(http::header::USER_AGENT).map(text)
    }

    fn protocol(&self) -> &'static str {
        // HTTP/2 ends at the front of API Gateway; functions are told what it speaks behind.
        if self.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }
    }

    /// HTTP APIs hand over a decoded path; REST APIs and function URLs hand it over as it came.
    fn shown<'p>(&self, path: &'p str) -> Cow<'p, str> {
        match self.front {
            Front::HttpApi => percent::decode(path),
            Front::RestApi | Front::FunctionUrl => path.into(),
        }
    }
}

/// `GET /pets` or `$default`.
#[derive(Clone, Copy)]
struct RouteKey<'a>(Option<(&'a str, &'a str)>);

impl Serialize for RouteKey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some((method, resource)) => serializer.collect_str(&format_args!("{method} {resource}")),
            None => serializer.serialize_str("$default"),
        }
    }
}

/// `12/Mar/2020:19:03:58 +0000`
fn common_log_time(at: Timestamp) -> String {
    let c = at.civil();
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        c.day,
        c.month_name(),
        c.year,
        c.hour,
        c.minute,
        c.second
    )
}

/// The path's variables: REST APIs hand them over as they came, the others decoded.
struct PathParameters<'a> {
    names: &'a [Box<str>],
    values: &'a [&'a str],
    front: Front,
}

impl<'a> PathParameters<'a> {
    fn of(asked: &'a Asked<'a>) -> Option<Self> {
        (!asked.values.is_empty()).then_some(Self {
            names: asked.variables,
            values: asked.values,
            front: asked.front,
        })
    }
}

impl Serialize for PathParameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.names.iter().zip(self.values) {
            match self.front {
                Front::RestApi => map.serialize_entry(&**name, value)?,
                Front::HttpApi | Front::FunctionUrl => {
                    map.serialize_entry(&**name, &percent::decode(value))?;
                }
            }
        }
        map.end()
    }
}

fn some(variables: Option<&BTreeMap<String, String>>) -> Option<&BTreeMap<String, String>> {
    variables.filter(|variables| !variables.is_empty())
}
