//! Our own API, `/_sonagi/v1/…`: JSON, signed as AWS's are, with the service `sonagi`.
//!
//! Start reading at [`handle`]. Always true here: [`route`] lists every endpoint; each but `health` demands a
//! principal that may do it; an error is `{"error":{"kind":…,"message":…}}`.

mod apps;
mod error;
mod functions;
mod guard;
mod observe;
mod packages;
mod route;

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts as Head};
use sonagi_identity::{Access, Principal};
use sonagi_model::RequestId;

use crate::{
    aws::{
        admit::{admit, screen},
        query::Query,
    },
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::ApiError;
pub(crate) use guard::guard;
use route::{Endpoint, Found};

/// The service that requests to our own API are signed for.
pub const SERVICE: &str = "sonagi";

/// A request that was let in.
struct Call {
    found: Found,
    query: Query,
    body: Bytes,
    request: RequestId,
}

pub(crate) async fn handle(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Response<ResponseBody> {
    match answer(parts, head, body, request).await {
        Ok(response) => response,
        Err(error) => error.respond(),
    }
}

async fn answer(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Result<Response<ResponseBody>, ApiError> {
    let found = match route::find(&head.method, head.uri.path()) {
        Ok(found) => found,
        // What is there is nobody's business who is not let in.
        Err(error) => {
            admit(parts, &head, Body::whole(Bytes::new()), 0, &[SERVICE]).await.map_err(ApiError::refusal)?;
            return Err(error);
        }
    };
    if found.endpoint == Endpoint::Health {
        return json(StatusCode::OK, &serde_json::json!({ "status": "ok" }));
    }
    if found.endpoint == Endpoint::PutPackage {
        return packages::put(parts, &head, body, &found).await;
    }
    let _permit = match found.endpoint.is_upload() {
        true => {
            screen(parts, &head).map_err(ApiError::refusal)?;
            // What is read from a body is about as large as the body.
            let bytes = body.announced(found.endpoint.body_limit()) * 2;
            Some(parts.uploads.hold(bytes).await.ok_or_else(ApiError::busy)?)
        }
        false => None,
    };
    let (principal, body) = admit(parts, &head, body, found.endpoint.body_limit(), &[SERVICE])
        .await
        .map_err(ApiError::refusal)?;
    authorize(parts, &principal, found.endpoint, head.uri.path())?;
    let call = Call { query: Query::parse(head.uri.query().unwrap_or_default()), found, body, request };
    match call.found.endpoint {
        Endpoint::Health | Endpoint::PutPackage => {
            Err(ApiError::from_kind(sonagi_model::FaultKind::Internal, "unreachable".into()))
        }
        Endpoint::Platform => observe::platform(parts),
        Endpoint::Apps => apps::list(parts, &call),
        Endpoint::App => apps::get(parts, &call),
        Endpoint::RemoveApp => apps::remove(parts, &call).await,
        Endpoint::Releases => apps::releases(parts, &call).await,
        Endpoint::Release => apps::release(parts, &call).await,
        Endpoint::Deploy => apps::deploy(parts, call).await,
        Endpoint::Rollback => apps::rollback(parts, &call).await,
        Endpoint::HasPackage => packages::has(parts, &call).await,
        Endpoint::Functions => functions::list(parts, &call),
        Endpoint::Invoke => functions::invoke(parts, call).await,
        Endpoint::Logs => observe::logs(parts, &call).await,
        Endpoint::Usage => observe::usage(parts),
        Endpoint::Environments => observe::environments(parts),
    }
}

fn authorize(parts: &Parts, principal: &Principal, endpoint: Endpoint, path: &str) -> Result<(), ApiError> {
    let action = format!("{SERVICE}:{}", endpoint.action());
    let access = Access::new(principal, &action, path, parts.clock.now());
    parts.identity.may(&access).map_err(|error| ApiError::from(&error))
}

fn json<T: serde::Serialize>(status: StatusCode, value: &T) -> Result<Response<ResponseBody>, ApiError> {
    crate::aws::json(status, value)
        .map_err(|error| ApiError::from_kind(sonagi_model::FaultKind::Internal, error.message))
}
