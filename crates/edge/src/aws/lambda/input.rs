//! Reading requests: bodies into structs, values against their constraints, with AWS's words for what is wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use super::error::validation;
use crate::aws::error::AwsError;

/// A body of JSON; an empty one is `{}`, as some clients send it.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AwsError> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| serialization(&error))
}

/// The same for what borrows from the body.
pub(super) fn parse_borrowed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AwsError> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| serialization(&error))
}

fn serialization(error: &serde_json::Error) -> AwsError {
    let message = match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => format!("Could not parse request body into json: {error}"),
    };
    AwsError::new(StatusCode::BAD_REQUEST, "SerializationException", message)
}

/// A blob in JSON: base64, of which some clients break lines.
pub(super) fn blob(text: &str) -> Result<Bytes, AwsError> {
    let decoded = if text.contains(['\n', '\r']) {
        STANDARD.decode(text.replace(['\n', '\r'], ""))
    } else {
        STANDARD.decode(text)
    };
    decoded.map(Bytes::from).map_err(|_| {
        AwsError::new(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            "A blob must be base64 (RFC 4648 §4)",
        )
    })
}

/// Something that the request must have.
pub(super) fn required<T>(value: Option<T>, member: &str) -> Result<T, AwsError> {
    value.ok_or_else(|| {
        validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

pub(super) fn range(member: &str, value: i64, least: i64, most: i64) -> Result<(), AwsError> {
    let constraint = if value < least {
        format!("Member must have value greater than or equal to {least}")
    } else if value > most {
        format!("Member must have value less than or equal to {most}")
    } else {
        return Ok(());
    };
    Err(constraint_error(member, &value.to_string(), &constraint))
}

pub(super) fn one_of(member: &str, value: &str, choices: &[&str]) -> Result<(), AwsError> {
    if choices.contains(&value) {
        return Ok(());
    }
    let constraint = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
    Err(constraint_error(member, value, &constraint))
}

fn constraint_error(member: &str, value: &str, constraint: &str) -> AwsError {
    let value: String = value.chars().take(256).collect();
    validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

pub(super) fn not_a_number(text: &str) -> AwsError {
    let text: String = text.chars().take(64).collect();
    AwsError::new(StatusCode::BAD_REQUEST, "SerializationException", format!("{text:?} is not a number"))
}
