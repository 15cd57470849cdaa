//! Packages: the zips of functions, by their digest.

use http::{Response, StatusCode};
use sonagi_model::Digest;

use super::{ApiError, Call, json};
use crate::{aws::empty, platform::Parts, serve::ResponseBody};

pub(super) async fn has(parts: &Parts, call: &Call) -> Result<Response<ResponseBody>, ApiError> {
    let digest = digest(call)?;
    let there = parts.control.packages().contains(&digest).await.map_err(|error| ApiError::from(&error))?;
    Ok(empty(if there { StatusCode::OK } else { StatusCode::NOT_FOUND }))
}

pub(super) async fn put(parts: &Parts, call: Call) -> Result<Response<ResponseBody>, ApiError> {
    let wanted = digest(&call)?;
    let body = call.body;
    let got = Digest::of(&body);
    if got != wanted {
        return Err(ApiError::invalid(format!(
            "the body's digest is {got}, not {wanted}: it was damaged on the way"
        )));
    }
    let package = parts.control.packages().put(body).await.map_err(|error| ApiError::from(&error))?;
    json(StatusCode::CREATED, &package)
}

fn digest(call: &Call) -> Result<Digest, ApiError> {
    call.found
        .first
        .parse()
        .map_err(|error: sonagi_model::digest::NotADigest| ApiError::invalid(error.to_string()))
}
