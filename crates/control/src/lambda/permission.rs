//! `AddPermission`, `RemovePermission` and `GetPolicy`: statements per function, version and alias. They are
//! durable, and no part of a release: a rollback leaves them as they are.

use std::sync::Arc;

use sonagi_model::{AliasName, LambdaName, limits};

use super::{
    AddPermission,
    change::{check_revision, check_revision_at},
    constraint::Violations,
    policy::{Principal, document},
};
use crate::{
    Control, Error, LiveFunction, Result, Statement, Version,
    releases::{
        Change,
        change::Found,
        records::{Key, VersionRecord},
    },
};

impl Control {
    /// Returns the function and the statement as it is stored.
    pub async fn add_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: AddPermission,
    ) -> Result<(Arc<LiveFunction>, Statement)> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        if qualifier.as_deref() == Some("$LATEST") {
            return Err(Error::Invalid("We currently do not support adding policies for $LATEST.".into()));
        }
        check(&request)?;
        let at = name.clone();
        let statement = self
            .change(move |change| {
                let mut found = change.find(&at)?;
                let place = Place::of(change, &at, &found, qualifier.as_deref())?;
                let present = place.revision(change, &at, &found)?;
                check_revision_at(request.revision_id.as_deref(), &present, "GetPolicy")?;
                let statement = statement(&request);
                let statements = found.record.policies.entry(place.key()).or_default();
                if statements.iter().any(|other| other.sid == statement.sid) {
                    return Err(Error::Exists(format!(
                        "The statement id ({}) provided already exists. Please provide a new statement id, or remove \
                         the existing statement.",
                        statement.sid
                    )));
                }
                statements.push(statement.clone());
                let size = document(statements, &place.arn(change, &at)).len();
                if size > limits::POLICY_SIZE {
                    return Err(Error::PolicyTooLong(format!(
                        "The final policy size ({size}) is bigger than the limit ({}).",
                        limits::POLICY_SIZE
                    )));
                }
                place.renew(change, &at, &mut found)?;
                change.store.put(&Key::Function(at.clone()), &found.record)?;
                Ok(statement)
            })
            .await?;
        Ok((self.shown(&name)?, statement))
    }

    pub async fn remove_permission(
        &self,
        name: &str,
        qualifier: Option<&str>,
        sid: &str,
        revision_id: Option<&str>,
    ) -> Result<()> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        let (sid, revision_id) = (sid.to_owned(), revision_id.map(str::to_owned));
        self.change(move |change| {
            let Some(mut found) = change.lookup(&name)? else {
                let arn = change.arns.function(name.as_str());
                return Err(Error::NotFound(format!("No policy found for: {arn}")));
            };
            let place = Place::of(change, &name, &found, qualifier.as_deref())?;
            let present = place.revision(change, &name, &found)?;
            let Some(statements) = found.record.policies.get_mut(&place.key()) else {
                return Err(Error::NotFound("No policy is associated with the given resource.".into()));
            };
            let Some(at) = statements.iter().position(|statement| statement.sid == sid) else {
                return Err(Error::NotFound(format!("Statement {sid} is not found in resource policy.")));
            };
            check_revision(revision_id.as_deref(), &present)?;
            statements.remove(at);
            if statements.is_empty() {
                found.record.policies.remove(&place.key());
            }
            place.renew(change, &name, &mut found)?;
            change.store.put(&Key::Function(name.clone()), &found.record)
        })
        .await
    }

    /// The resource policy as the JSON text that `GetPolicy` returns, and its revision id.
    pub fn policy(&self, name: &str, qualifier: Option<&str>) -> Result<(String, String)> {
        let (function, qualifier) = self.find_function(name, qualifier)?;
        let none = || Error::NotFound("The resource you requested does not exist.".into());
        let qualifier = qualifier.filter(|qualifier| qualifier != "$LATEST");
        let statements = function.policies.get(&qualifier).ok_or_else(none)?;
        let arn = function.arn().to_owned();
        let (arn, revision) = match qualifier {
            None => (arn, function.revision_id.clone()),
            Some(qualifier) => {
                let alias = function.aliases.get(qualifier.as_str()).map(|alias| &alias.revision_id);
                let version = qualifier.parse().ok().and_then(|number: Version| function.version(number));
                let revision = alias.or(version.map(|target| &target.revision_id)).ok_or_else(none)?;
                (format!("{arn}:{qualifier}"), revision.clone())
            }
        };
        Ok((document(statements, &arn), revision))
    }
}

/// What a policy belongs to.
enum Place {
    Function,
    Alias(AliasName),
    Version(u64),
}

impl Place {
    fn of(change: &Change<'_>, name: &LambdaName, found: &Found, qualifier: Option<&str>) -> Result<Self> {
        let Some(qualifier) = qualifier.filter(|&qualifier| qualifier != "$LATEST") else {
            return Ok(Self::Function);
        };
        let arn = change.arns.function(name.as_str());
        if let Ok(alias) = AliasName::new(qualifier) {
            return if found.record.aliases.contains_key(&alias) {
                Ok(Self::Alias(alias))
            } else {
                Err(Error::NotFound(format!("Cannot find alias arn: {arn}:{qualifier}")))
            };
        }
        match qualifier.parse() {
            Ok(Version::Number(number)) if found.record.versions.contains_key(&number) => {
                Ok(Self::Version(number))
            }
            Ok(_) | Err(_) => Err(Error::NoQualifier { arn, qualifier: qualifier.to_owned() }),
        }
    }

    /// In the function's record.
    fn key(&self) -> String {
        match self {
            Self::Function => String::new(),
            Self::Alias(alias) => alias.to_string(),
            Self::Version(number) => number.to_string(),
        }
    }

    fn arn(&self, change: &Change<'_>, name: &LambdaName) -> String {
        let arn = change.arns.function(name.as_str());
        match self {
            Self::Function => arn,
            Self::Alias(_) | Self::Version(_) => format!("{arn}:{}", self.key()),
        }
    }

    fn revision(&self, change: &mut Change<'_>, name: &LambdaName, found: &Found) -> Result<String> {
        Ok(match self {
            Self::Function => found.record.revision.clone(),
            Self::Alias(alias) => {
                found.record.aliases.get(alias).map(|alias| alias.revision.clone()).unwrap_or_default()
            }
            Self::Version(number) => version(change, name, *number)?.revision,
        })
    }

    /// A change of a policy gives what it belongs to a new revision.
    fn renew(&self, change: &mut Change<'_>, name: &LambdaName, found: &mut Found) -> Result<()> {
        match self {
            Self::Function => found.record.revision = change.revisions.of(name, "$LATEST"),
            Self::Alias(alias) => {
                if let Some(record) = found.record.aliases.get_mut(alias) {
                    record.revision = change.revisions.of(name, alias.as_str());
                }
            }
            Self::Version(number) => {
                let mut record = version(change, name, *number)?;
                record.revision = change.revisions.of(name, &number.to_string());
                change.store.put(&Key::Version(name.clone(), *number), &record)?;
            }
        }
        Ok(())
    }
}

fn version(change: &mut Change<'_>, name: &LambdaName, number: u64) -> Result<VersionRecord> {
    let found = change.store.get(&Key::Version(name.clone(), number))?;
    found.ok_or_else(|| Error::Damaged { what: format!("version {number} of {name} is not there") })
}

fn statement(request: &AddPermission) -> Statement {
    Statement {
        sid: request.statement_id.clone(),
        action: request.action.clone(),
        principal: request.principal.clone(),
        source_arn: request.source_arn.clone(),
        source_account: request.source_account.clone(),
        principal_org_id: request.principal_org_id.clone(),
        event_source_token: request.event_source_token.clone(),
        function_url_auth_type: request.function_url_auth_type.clone(),
        invoked_via_function_url: request.invoked_via_function_url,
    }
}

fn check(request: &AddPermission) -> Result<()> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let mut found = Violations::default();
    found.longest("statementId", &request.statement_id, 100);
    found.pattern("statementId", &request.statement_id, word(&request.statement_id), "([a-zA-Z0-9-_]+)");
    let action = match request.action.strip_prefix("lambda:") {
        Some(rest) => rest == "*" || !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphabetic()),
        None => request.action == "*",
    };
    found.pattern("action", &request.action, action, "(lambda:[*]|lambda:[a-zA-Z]+|[*])");
    if let Some(kind) = &request.function_url_auth_type {
        found.one_of("functionUrlAuthType", kind, &["NONE", "AWS_IAM"]);
    }
    if let Some(account) = &request.source_account {
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        found.pattern("sourceAccount", account, digits, r"\d{12}");
    }
    if let Some(arn) = &request.source_arn {
        let fits = arn.starts_with("arn:aws") && arn.splitn(6, ':').count() == 6;
        let pattern = r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
        found.pattern("sourceArn", arn, fits, pattern);
    }
    if let Some(token) = &request.event_source_token {
        found.longest("eventSourceToken", token, 256);
        let fits = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        found.pattern("eventSourceToken", token, fits, r"[a-zA-Z0-9._\-]+");
    }
    if let Some(org) = &request.principal_org_id {
        let fits = org.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        found.pattern("principalOrgID", org, fits, "o-[a-z0-9]{10,32}");
    }
    found.check()?;
    if request.function_url_auth_type.is_some() && request.action != "lambda:InvokeFunctionUrl" {
        return Err(Error::Invalid(
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action".into(),
        ));
    }
    if Principal::of(&request.principal).is_none() {
        return Err(Error::Invalid(
            "The provided principal was invalid. Please check the principal and try again.".into(),
        ));
    }
    Ok(())
}
