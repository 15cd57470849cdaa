//! Bodies of requests.

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::aws::error::{AwsError, Shape};

/// A body of JSON; an empty one is `{}`.
pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, AwsError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        AwsError::new(StatusCode::BAD_REQUEST, "SerializationException", error.to_string())
            .shaped(Shape::Capital)
    })
}
