//! Resource policies as JSON (IAM's "JSON policy elements").

use serde_json::{Map, Value, json};

use crate::Statement;

impl Statement {
    /// The statement as IAM writes it; `resource` is the ARN that it was added to.
    pub fn to_json(&self, resource: &str) -> Value {
        let mut condition: Map<String, Value> = Map::new();
        let mut require = |operator: &str, key: &str, value: &Option<String>| {
            if let Some(value) = value {
                let of = condition.entry(operator).or_insert_with(|| Value::Object(Map::new()));
                of[key] = json!(value);
            }
        };
        require("StringEquals", "lambda:FunctionUrlAuthType", &self.function_url_auth_type);
        require("StringEquals", "aws:PrincipalOrgID", &self.principal_org_id);
        require("StringEquals", "AWS:SourceAccount", &self.source_account);
        require("StringEquals", "lambda:EventSourceToken", &self.event_source_token);
        require(
            "Bool",
            "lambda:InvokedViaFunctionUrl",
            &self.invoked_via_function_url.map(|v| v.to_string()),
        );
        require("ArnLike", "AWS:SourceArn", &self.source_arn);
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": principal(&self.principal),
            "Action": self.action,
            "Resource": resource,
        });
        if !condition.is_empty() {
            statement["Condition"] = Value::Object(condition);
        }
        statement
    }
}

fn principal(text: &str) -> Value {
    match Principal::of(text) {
        Some(Principal::Everyone) | None => json!(text),
        Some(Principal::Service) => json!({ "Service": text }),
        Some(Principal::Account) => json!({ "AWS": format!("arn:aws:iam::{text}:root") }),
        Some(Principal::Arn) => json!({ "AWS": text }),
    }
}

/// Who a statement may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Principal {
    Everyone,
    Service,
    Account,
    Arn,
}

impl Principal {
    pub(super) fn of(text: &str) -> Option<Self> {
        let account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        let arn = text.starts_with("arn:aws") && (text.contains(":iam::") || text.contains(":sts::"));
        match text {
            "*" => Some(Self::Everyone),
            _ if text.ends_with(".amazonaws.com") || text.ends_with(".amazon.com") => Some(Self::Service),
            _ if account => Some(Self::Account),
            _ if arn => Some(Self::Arn),
            _ => None,
        }
    }
}

/// The whole policy, as text.
pub(crate) fn document(statements: &[Statement], resource: &str) -> String {
    let statements: Vec<Value> = statements.iter().map(|statement| statement.to_json(resource)).collect();
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}
