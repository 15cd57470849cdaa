//! A layer version's resource policy.

use sonagi_model::{LayerName, limits};

use super::LayerVersionRecord;
use crate::{
    Control, Error, Result, Statement,
    lambda::{Violations, check_revision_at, policy_document},
    releases::{Change, records::Key},
};

const READ_BY: &str = "GetLayerPolicy";

#[derive(Debug, Clone, Default)]
pub struct AddLayerPermission {
    pub statement_id: String,
    /// `lambda:GetLayerVersion`; there is no other.
    pub action: String,
    /// An account, its root's ARN, or `*`.
    pub principal: String,
    pub organization: Option<String>,
    pub revision_id: Option<String>,
}

impl Control {
    /// The statement as JSON, and the policy's revision.
    pub async fn add_layer_permission(
        &self,
        layer: &str,
        number: i64,
        request: AddLayerPermission,
    ) -> Result<(String, String)> {
        let (name, number) = self.layer_and_number(layer, number)?;
        check(&request)?;
        let arn = self.arns().layer_version(&name, number);
        self.change(move |change| {
            let mut record = change.layer_version(&name, number)?;
            if record.statements.iter().any(|other| other.sid == request.statement_id) {
                return Err(Error::Exists(format!(
                    "The statement id ({}) provided already exists. Please provide a new statement id, or remove the \
                     existing statement.",
                    request.statement_id
                )));
            }
            check_revision_at(request.revision_id.as_deref(), &record.revision, READ_BY)?;
            let statement = Statement {
                sid: request.statement_id.clone(),
                action: request.action.clone(),
                principal: request.principal.clone(),
                source_arn: None,
                source_account: None,
                principal_org_id: request.organization.clone(),
                event_source_token: None,
                function_url_auth_type: None,
                invoked_via_function_url: None,
            };
            let shown = statement.to_json(&arn).to_string();
            record.statements.push(statement);
            let size = policy_document(&record.statements, &arn).len();
            if size > limits::POLICY_SIZE {
                return Err(Error::PolicyTooLong(format!(
                    "The final policy size ({size}) is bigger than the limit ({}).",
                    limits::POLICY_SIZE
                )));
            }
            Ok((shown, change.renew(&name, number, record)?))
        })
        .await
    }

    pub async fn remove_layer_permission(
        &self,
        layer: &str,
        number: i64,
        sid: &str,
        revision_id: Option<&str>,
    ) -> Result<()> {
        let (name, number) = self.layer_and_number(layer, number)?;
        let (sid, revision_id) = (sid.to_owned(), revision_id.map(str::to_owned));
        self.change(move |change| {
            let mut record = change.layer_version(&name, number)?;
            if record.statements.is_empty() {
                return Err(no_policy());
            }
            let Some(at) = record.statements.iter().position(|statement| statement.sid == sid) else {
                return Err(Error::NotFound(format!("Statement {sid} is not found in resource policy.")));
            };
            check_revision_at(revision_id.as_deref(), &record.revision, READ_BY)?;
            record.statements.remove(at);
            change.renew(&name, number, record).map(drop)
        })
        .await
    }

    /// The policy as the JSON text that `GetLayerVersionPolicy` returns, and its revision.
    pub async fn layer_policy(&self, layer: &str, number: i64) -> Result<(String, String)> {
        let (name, number) = self.layer_and_number(layer, number)?;
        let arn = self.arns().layer_version(&name, number);
        let found = self.layer_version_record(&name, number).await?;
        let record = found.ok_or_else(|| no_version(&arn))?;
        if record.statements.is_empty() {
            return Err(no_policy());
        }
        Ok((policy_document(&record.statements, &arn), record.revision))
    }
}

impl Change<'_> {
    fn layer_version(&mut self, name: &LayerName, number: u64) -> Result<LayerVersionRecord> {
        let found = self.store.get(&Key::LayerVersion(name.clone(), number))?;
        found.ok_or_else(|| no_version(&self.arns.layer_version(name, number)))
    }

    /// Stores a version whose policy has changed. Returns the policy's revision.
    fn renew(&mut self, name: &LayerName, number: u64, mut record: LayerVersionRecord) -> Result<String> {
        record.revision = self.layer_revision(name, number);
        self.store.put(&Key::LayerVersion(name.clone(), number), &record)?;
        Ok(record.revision)
    }
}

fn no_version(arn: &str) -> Error {
    Error::NotFound(format!("Layer version {arn} does not exist."))
}

fn no_policy() -> Error {
    Error::NotFound("No policy is associated with the given resource.".into())
}

fn check(request: &AddLayerPermission) -> Result<()> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let mut found = Violations::default();
    found.longest("statementId", &request.statement_id, 100);
    found.pattern("statementId", &request.statement_id, word(&request.statement_id), "([a-zA-Z0-9-_]+)");
    let action = "lambda:GetLayerVersion";
    found.pattern("action", &request.action, request.action == action, action);
    let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let root = |text: &str| {
        let rest = text.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":iam::"));
        rest.and_then(|(_, rest)| rest.strip_suffix(":root")).is_some_and(account)
    };
    let principal = &request.principal;
    let fits = principal == "*" || account(principal) || root(principal);
    found.pattern("principal", principal, fits, r"\d{12}|\*|arn:(aws[a-zA-Z-]*):iam::\d{12}:root");
    if let Some(organization) = &request.organization {
        let fits = organization.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        found.pattern("organizationId", organization, fits, "o-[a-z0-9]{10,32}");
    }
    found.check()?;
    if request.organization.is_some() && principal != "*" {
        return Err(Error::Invalid("OrganizationId can be specified only when principal is *".into()));
    }
    Ok(())
}
