//! Resource policies: kept and shown as Lambda does.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json as value};
use sonagi_control::lambda::AddPermission;

use super::{Answer, Call, error::not_found, input};
use crate::{
    aws::{empty, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    source_arn: Option<String>,
    source_account: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    principal_org_id: Option<String>,
    event_source_token: Option<String>,
    function_url_auth_type: Option<String>,
    invoked_via_function_url: Option<bool>,
    revision_id: Option<String>,
}

pub(super) async fn add(parts: &Parts, call: &Call) -> Answer {
    let request: Input = input::parse(&call.body)?;
    let permission = AddPermission {
        statement_id: input::required(request.statement_id, "statementId")?,
        action: input::required(request.action, "action")?,
        principal: input::required(request.principal, "principal")?,
        source_arn: request.source_arn,
        source_account: request.source_account,
        principal_org_id: request.principal_org_id,
        event_source_token: request.event_source_token,
        function_url_auth_type: request.function_url_auth_type,
        invoked_via_function_url: request.invoked_via_function_url,
        revision_id: request.revision_id,
    };
    let qualifier = call.query.get("Qualifier");
    let (_, statement) = parts.control.add_permission(&call.name, qualifier, permission).await?;
    // The policy holds the statement in the words of IAM; the answer repeats it as text.
    let (policy, _) = parts.control.policy(&call.name, qualifier)?;
    let statement = serde_json::from_str::<Value>(&policy)
        .ok()
        .and_then(|policy| {
            policy
                .get("Statement")?
                .as_array()?
                .iter()
                .find(|other| other["Sid"] == statement.sid.as_str())
                .cloned()
        })
        .ok_or_else(|| not_found("The resource you requested does not exist."))?;
    json(StatusCode::CREATED, &value!({ "Statement": statement.to_string() }))
}

pub(super) async fn remove(parts: &Parts, call: &Call) -> Answer {
    parts
        .control
        .remove_permission(
            &call.name,
            call.query.get("Qualifier"),
            &call.second,
            call.query.get("RevisionId"),
        )
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) fn get(parts: &Parts, call: &Call) -> Answer {
    let (policy, revision) = parts.control.policy(&call.name, call.query.get("Qualifier"))?;
    json(StatusCode::OK, &value!({ "Policy": policy, "RevisionId": revision }))
}
