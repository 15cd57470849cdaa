//! Packages: the zips of functions, by their digest.

use http::{Response, StatusCode, request::Parts as Head};
use sonagi_identity::sigv4;
use sonagi_model::{Digest, FaultKind, limits};

use super::{ApiError, Call, Found, SERVICE, authorize, json};
use crate::{
    aws::{
        admit::{Refusal, admit, authenticate},
        empty,
    },
    platform::Parts,
    serve::{Body, ResponseBody},
};

pub(super) async fn has(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let digest = digest(&call.found)?;
    let there = parts.control.packages().contains(&digest).await.map_err(|error| ApiError::from(&error))?;
    Ok(empty(if there { StatusCode::OK } else { StatusCode::NOT_FOUND }))
}

/// The path names what the body must be, and the path is signed: who sends it is known before its body is read, which
/// is too large to be read for a stranger.
pub(super) async fn put(
    parts: &Parts,
    head: &Head,
    body: Body,
    found: &Found,
) -> Result<Response<ResponseBody>, ApiError> {
    let wanted = match digest(found) {
        Ok(wanted) => wanted,
        Err(error) => {
            admit(parts, head, body, limits::API_BODY_SIZE, &[SERVICE]).await.map_err(ApiError::refusal)?;
            return Err(error);
        }
    };
    let principal =
        authenticate(parts, head, sigv4::Body::Named(wanted), &[SERVICE]).map_err(ApiError::refusal)?;
    authorize(parts, &principal, found.endpoint, head.uri.path())?;
    let limit = found.endpoint.body_limit();
    let _permit = parts.uploads.hold(body.announced(limit)).await.ok_or_else(ApiError::busy)?;
    let body = body.read(limit).await.map_err(|error| ApiError::refusal(Refusal::Body(error)))?;
    let bytes = body.clone();
    let got = tokio::task::spawn_blocking(move || Digest::of(&bytes))
        .await
        .map_err(|error| ApiError::from_kind(FaultKind::Internal, error.to_string()))?;
    if got != wanted {
        return Err(ApiError::invalid(format!(
            "the body's digest is {got}, not {wanted}: it was damaged on the way"
        )));
    }
    let package = parts.control.packages().put(body).await.map_err(|error| ApiError::from(&error))?;
    json(StatusCode::CREATED, &package)
}

fn digest(found: &Found) -> Result<Digest, ApiError> {
    found
        .first
        .parse()
        .map_err(|error: sonagi_model::digest::NotADigest| ApiError::invalid(error.to_string()))
}
