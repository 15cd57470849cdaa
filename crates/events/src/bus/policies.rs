//! A bus's policy, which its operations edit a statement at a time.

use serde_json::{Map, Value, json};
use sonagi_model::limits;

use super::{Buses, Refusal};
use crate::{BusName, Result};

const STATEMENTS: &str = "Statement";

impl Buses {
    /// Gives a bus a policy, whole.
    pub async fn set_policy(&self, bus: &BusName, policy: String) -> Result<()> {
        self.alter(bus, move |bus| {
            bus.policy = Some(checked(policy.clone())?);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Adds a statement, or puts it in the place of the one with its `Sid`.
    pub async fn add_statement(&self, bus: &BusName, statement: Value) -> Result<()> {
        self.alter(bus, move |bus| {
            let mut policy = read(bus.policy.as_deref())
                .unwrap_or_else(|| Map::from_iter([("Version".to_owned(), json!("2012-10-17"))]));
            let mut statements = statements(&mut policy);
            statements.retain(|old| old["Sid"] != statement["Sid"]);
            statements.push(statement.clone());
            policy.insert(STATEMENTS.to_owned(), Value::Array(statements));
            bus.policy = Some(checked(Value::Object(policy).to_string())?);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Removes a statement by its `Sid`.
    pub async fn remove_statement(&self, bus: &BusName, sid: String) -> Result<()> {
        self.alter(bus, move |bus| {
            let mut policy = read(bus.policy.as_deref()).unwrap_or_default();
            let mut statements = statements(&mut policy);
            let before = statements.len();
            statements.retain(|statement| statement["Sid"] != *sid);
            if statements.len() == before {
                return Err(Refusal::NoStatement);
            }
            bus.policy = (!statements.is_empty()).then(|| {
                policy.insert(STATEMENTS.to_owned(), Value::Array(statements));
                Value::Object(policy).to_string()
            });
            Ok(())
        })
        .await
        .map(drop)
    }

    pub async fn remove_policy(&self, bus: &BusName) -> Result<()> {
        self.alter(bus, |bus| {
            bus.policy = None;
            Ok(())
        })
        .await
        .map(drop)
    }
}

fn checked(policy: String) -> std::result::Result<String, Refusal> {
    let limit = limits::BUS_POLICY_SIZE;
    if policy.len() > limit { Err(Refusal::PolicyTooLong { limit }) } else { Ok(policy) }
}

fn read(policy: Option<&str>) -> Option<Map<String, Value>> {
    serde_json::from_str(policy?).ok()
}

/// The statements of a policy, of which a single one may stand without a list.
fn statements(policy: &mut Map<String, Value>) -> Vec<Value> {
    match policy.remove(STATEMENTS) {
        Some(Value::Array(statements)) => statements,
        Some(single @ Value::Object(_)) => vec![single],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Vec::new(),
    }
}
