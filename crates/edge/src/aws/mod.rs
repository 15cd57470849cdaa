//! The AWS wire protocols: which service a request is for, and in which protocol to answer it.
//!
//! ```text
//!   head ──► Service::of (credential scope, target header, path) ──► admit (SigV4, body) ──► lambda | scheduler | sqs | sns | events | dynamodb | sts | "not yet"
//! ```
//!
//! Start reading at [`handle`]. Always true here: a request is let in before anything of it is acted on; every
//! refusal is in the protocol of the service that was asked.

pub(crate) mod admit;
mod dynamodb;
pub(crate) mod error;
mod events;
mod eventstream;
mod lambda;
mod policy_text;
pub(crate) mod query;
mod scheduler;
mod service;
mod sns;
mod sqs;
mod sts;

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts as Head};
use sonagi_model::RequestId;

use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::AwsError;
use query::Query;
use service::Service;

pub(crate) use lambda::{CODE_PATH, serve_code};

/// Answers one request of an AWS client.
pub(crate) async fn handle(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Response<ResponseBody> {
    let service = Service::of(&head);
    let answer = match &service {
        Service::Lambda => lambda::handle(parts, head, body, request).await,
        // It answers errors in two protocols.
        Service::Sqs => return sqs::handle(parts, head, body, request).await,
        Service::Sns => return sns::handle(parts, head, body, request).await,
        Service::Events => return events::handle(parts, head, body).await,
        Service::DynamoDb => return dynamodb::handle(parts, head, body).await,
        Service::Scheduler => scheduler::handle(parts, head, body).await,
        Service::Sts => sts::handle(parts, head, body, request).await,
        Service::Absent { .. } => absent(parts, &service, &head, body).await,
    };
    answer.unwrap_or_else(|error| error.respond(service.protocol(), request))
}

/// A service that is not there is not there for those alone who may ask.
async fn absent(
    parts: &Parts,
    service: &Service,
    head: &Head,
    body: Body,
) -> Result<Response<ResponseBody>, AwsError> {
    let protocol = service.protocol();
    let name = service.name();
    admit::admit(parts, head, body, sonagi_model::limits::API_BODY_SIZE, &[name])
        .await
        .map_err(|refusal| AwsError::refusal(refusal, protocol))?;
    let asked = match head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some(target) => format!("{name} ({target})"),
        None => format!("{name} ({} {})", head.method, head.uri.path()),
    };
    Err(AwsError::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        format!(
            "Sonagi has no {asked} yet. What it speaks now: lambda, scheduler, sqs, sns, events, dynamodb, and GetCallerIdentity of sts."
        ),
    ))
}

/// An answer of JSON.
pub(crate) fn json<T: serde::Serialize>(
    status: StatusCode,
    value: &T,
) -> Result<Response<ResponseBody>, AwsError> {
    let bytes = serde_json::to_vec(value).map_err(|error| AwsError::internal(&error))?;
    let mut response = Response::new(ResponseBody::whole(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// An answer of nothing.
pub(crate) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

pub(crate) const JSON: http::HeaderValue = http::HeaderValue::from_static("application/json");
