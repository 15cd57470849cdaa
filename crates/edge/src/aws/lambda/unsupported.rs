//! What Sonagi does not do: said truthfully where the truth is simple (there are none), else refused by name.

use http::{StatusCode, request::Parts as Head};
use serde_json::json as value;

use super::{Answer, Call, configuration::runtime_version_arn, qualified, route::Operation, shown};
use crate::{
    aws::{
        error::{AwsError, Shape},
        json,
    },
    platform::Parts,
};

/// Reads of things that can only be at their defaults here.
pub(super) fn trivial(parts: &Parts, operation: Operation, call: &Call) -> Answer {
    match operation {
        Operation::ListCodeSigningConfigs => {
            return json(StatusCode::OK, &value!({ "CodeSigningConfigs": [] }));
        }
        _ => {}
    }
    let (function, qualifier) = call.function(parts)?;
    let target = shown(&function, qualifier.as_deref())?;
    let arn = qualified(function.arn(), qualifier.as_deref());
    match operation {
        Operation::GetRuntimeManagementConfig => json(
            StatusCode::OK,
            &value!({
                "UpdateRuntimeOn": "Auto",
                "FunctionArn": arn,
                "RuntimeVersionArn": runtime_version_arn(parts, target.function.runtime),
            }),
        ),
        // As Lambda answers for a function without one: no arn.
        Operation::GetFunctionCodeSigningConfig => {
            json(StatusCode::OK, &value!({ "FunctionName": target.function.lambda_name.as_str() }))
        }
        _ => Err(self::operation("this operation")),
    }
}

pub(super) fn operation(name: &str) -> AwsError {
    AwsError::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplementedException",
        format!("Sonagi does not support {name} of Lambda's API yet; docs/lambda-api.md lists what it does."),
    )
    .shaped(Shape::TypedCapital)
}

pub(super) fn unknown(head: &Head) -> AwsError {
    let path: String = head.uri.path().chars().take(256).collect();
    AwsError::new(
        StatusCode::NOT_FOUND,
        "UnknownOperationException",
        format!("Lambda's API has no {} {path}", head.method),
    )
}
