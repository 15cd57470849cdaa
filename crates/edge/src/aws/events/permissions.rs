//! PutPermission and RemovePermission: they edit a bus's policy.

use serde::Deserialize;
use serde_json::json;
use sonagi_model::{
    AccountId, limits,
    policy::{Document, Purpose},
};

use super::{
    Answer, Call, address,
    checks::{Checks, STATEMENT},
    error::Fault,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<ConditionInput>,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConditionInput {
    r#type: String,
    key: String,
    value: String,
}

/// Characters of a statement's id and of an action, as the model has it.
const STATEMENT_ID_SIZE: usize = 64;

pub(super) async fn put(call: &Call<'_>) -> Answer {
    let input: PutInput = call.read()?;
    let bus = address::bus(call.parts, "eventBusName", input.event_bus_name.as_deref())?;
    call.may_bus(&bus).await?;
    let given = [&input.action, &input.principal, &input.statement_id];
    if let Some(policy) = &input.policy {
        if given.iter().any(|member| member.is_some()) || input.condition.is_some() {
            return Err(Fault::validation(
                "Policy cannot be given together with Action, Principal, StatementId or Condition.",
            ));
        }
        // One that is too long is told of as such.
        if policy.len() <= limits::BUS_POLICY_SIZE {
            Document::parse(policy, Purpose::Resource)
                .map_err(|mistake| Fault::parameter("Policy", &mistake.to_string()))?;
        }
        call.buses.set_policy(&bus, policy.clone()).await?;
        return call.done();
    }
    let mut checks = Checks::default();
    for (at, member) in [("action", &input.action), ("principal", &input.principal)] {
        checks.there(at, member.is_some());
    }
    checks.there("statementId", input.statement_id.is_some());
    checks.length("statementId", input.statement_id.as_deref(), 1..=STATEMENT_ID_SIZE);
    checks.letters("statementId", input.statement_id.as_deref(), &STATEMENT);
    checks.done()?;
    let [action, principal, sid] = given.map(|member| member.as_deref().unwrap_or_default());
    if action != "events:PutEvents" {
        return Err(Fault::validation("Provided value in parameter 'action' is not supported."));
    }
    let principal = match principal {
        "*" => json!("*"),
        account if AccountId::is_valid(account) => {
            json!({ "AWS": format!("arn:aws:iam::{account}:root") })
        }
        _ => return Err(Fault::validation("Provided value in parameter 'principal' is not valid.")),
    };
    let mut statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": call.buses.arn(&bus),
    });
    if let Some(ConditionInput { r#type, key, value }) = input.condition {
        if r#type != "StringEquals" || key != "aws:PrincipalOrgID" {
            return Err(Fault::parameter(
                "Condition",
                "Its Type must be StringEquals and its Key aws:PrincipalOrgID.",
            ));
        }
        statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": value } });
    }
    call.buses.add_statement(&bus, statement).await?;
    call.done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveInput {
    event_bus_name: Option<String>,
    statement_id: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
}

pub(super) async fn remove(call: &Call<'_>) -> Answer {
    let input: RemoveInput = call.read()?;
    let bus = address::bus(call.parts, "eventBusName", input.event_bus_name.as_deref())?;
    call.may_bus(&bus).await?;
    match input.statement_id {
        Some(sid) => call.buses.remove_statement(&bus, sid).await?,
        None if input.remove_all_permissions => call.buses.remove_policy(&bus).await?,
        None => {
            return Err(Fault::validation(
                "Parameter StatementId is required when RemoveAllPermissions is not set to true.",
            ));
        }
    }
    call.done()
}
