//! Aliases.

use std::collections::BTreeMap;

use sonagi_model::{AliasName, LambdaName, limits};

use super::{
    CreateAlias, UpdateAlias,
    change::check_revision,
    constraint::{Violations, violated},
    provisioned,
};
use crate::{
    Alias, Control, Error, Result, Version,
    releases::{
        Change,
        records::{AliasRecord, FunctionRecord, Key},
        url_key,
    },
};

const NAME_PATTERN: &str = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
const VERSION_PATTERN: &str = r"(\$LATEST(\.PUBLISHED)?|[0-9]+)";

impl Control {
    pub async fn create_alias(&self, name: &str, request: CreateAlias) -> Result<Alias> {
        let name = self.locate_whole(name)?;
        let alias = alias_name(&request.name)?;
        check_description(request.description.as_deref())?;
        let (at, key) = (name.clone(), alias.clone());
        self.change(move |change| {
            let mut record = change.find(&at)?.record;
            if record.aliases.contains_key(&key) {
                let arn = change.arns.function(at.as_str());
                return Err(Error::Exists(format!("Alias already exists: {arn}:{key}")));
            }
            if record.aliases.len() >= limits::ALIASES_PER_FUNCTION {
                return Err(Error::TooLarge(format!(
                    "the function has {} aliases, which is the most",
                    record.aliases.len()
                )));
            }
            let version = existing_version(change, &at, &record, &request.version)?;
            let made = AliasRecord {
                version,
                description: request.description.clone().unwrap_or_default(),
                weights: read_weights(change, &at, &record, version, &request.weights)?,
                revision: change.revisions.of(&at, key.as_str()),
                url: None,
            };
            record.aliases.insert(key.clone(), made);
            change.store.put(&Key::Function(at.clone()), &record)
        })
        .await?;
        self.shown_alias(&name, &alias)
    }

    pub async fn update_alias(&self, name: &str, alias: &str, request: UpdateAlias) -> Result<Alias> {
        let name = self.locate_whole(name)?;
        let alias = alias_name(alias)?;
        check_description(request.description.as_deref())?;
        let (at, key) = (name.clone(), alias.clone());
        self.change(move |change| {
            let mut record = change.find(&at)?.record;
            let Some(mut found) = record.aliases.get(&key).cloned() else {
                let arn = change.arns.function(at.as_str());
                return Err(Error::NotFound(format!("Alias not found: {arn}:{key}")));
            };
            check_revision(request.revision_id.as_deref(), &found.revision)?;
            if let Some(version) = &request.version {
                found.version = existing_version(change, &at, &record, version)?;
            }
            if let Some(description) = &request.description {
                found.description.clone_from(description);
            }
            let weights = match &request.weights {
                Some(weights) => weights.clone(),
                // They were right for the old version: are they for the new one?
                None => found.weights.iter().map(|(number, &weight)| (number.to_string(), weight)).collect(),
            };
            found.weights = read_weights(change, &at, &record, found.version, &weights)?;
            found.revision = change.revisions.of(&at, key.as_str());
            record.aliases.insert(key.clone(), found);
            if record.provisioned.contains_key(key.as_str()) {
                provisioned::check_alias(change, &at, &record, &key)?;
            }
            change.store.put(&Key::Function(at.clone()), &record)
        })
        .await?;
        self.shown_alias(&name, &alias)
    }

    /// No error if the alias never was. Its address, its policy and what wakes it go with it.
    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        let name = self.locate_whole(name)?;
        let alias = alias_name(alias)?;
        self.change(move |change| {
            let mut record = change.find(&name)?.record;
            let Some(gone) = record.aliases.remove(&alias) else { return Ok(()) };
            if let Some((url, _)) = &gone.url {
                change.store.delete(&url_key(&url.id))?;
            }
            record.forget(alias.as_str());
            provisioned::forget(change, &name, &mut record, alias.as_str())?;
            change.store.put(&Key::Function(name.clone()), &record)
        })
        .await
    }

    fn shown_alias(&self, name: &LambdaName, alias: &AliasName) -> Result<Alias> {
        let function = self.shown(name)?;
        let unknown = || Error::NotFound(format!("Cannot find alias arn: {}:{alias}", function.arn()));
        function.aliases.get(alias).cloned().ok_or_else(unknown)
    }
}

pub(super) fn alias_name(text: &str) -> Result<AliasName> {
    let mut found = Violations::default();
    found.longest("name", text, 128);
    found.check()?;
    AliasName::new(text).map_err(|_| {
        let rule = format!("Member must satisfy regular expression pattern: {NAME_PATTERN}");
        violated("name", Some(text), &rule)
    })
}

fn check_description(text: Option<&str>) -> Result<()> {
    let mut found = Violations::default();
    if let Some(text) = text {
        found.longest("description", text, limits::DESCRIPTION_SIZE);
    }
    found.check()
}

fn existing_version(
    change: &Change<'_>,
    name: &LambdaName,
    record: &FunctionRecord,
    text: &str,
) -> Result<Version> {
    let unknown =
        || Error::NoQualifier { arn: change.arns.function(name.as_str()), qualifier: text.to_owned() };
    match text.parse::<Version>() {
        Ok(Version::Latest) => Ok(Version::Latest),
        Ok(Version::Number(number)) if record.versions.contains_key(&number) => Ok(Version::Number(number)),
        Ok(Version::Number(_)) => Err(unknown()),
        Err(_) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => Err(unknown()),
        Err(_) => {
            let rule = format!("Member must satisfy regular expression pattern: {VERSION_PATTERN}");
            Err(violated("functionVersion", Some(text), &rule))
        }
    }
}

/// At most one other version, as at Lambda.
fn read_weights(
    change: &Change<'_>,
    name: &LambdaName,
    record: &FunctionRecord,
    version: Version,
    weights: &BTreeMap<String, f64>,
) -> Result<BTreeMap<u64, f64>> {
    const FIELD: &str = "routingConfig.additionalVersionWeights";
    if weights.len() > 1 {
        return Err(Error::Invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1".into(),
        ));
    }
    let mut read = BTreeMap::new();
    for (text, &weight) in weights {
        let shown = format!("{{{text}={weight}}}");
        if !(0.0..=1.0).contains(&weight) {
            let rule = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member \
                        must have value greater than or equal to 0.0, Member must not be null]";
            return Err(violated(FIELD, Some(&shown), rule));
        }
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            let rule = "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member \
                        must have length greater than or equal to 1, Member must satisfy regular expression pattern: \
                        [0-9]+]";
            return Err(violated(FIELD, Some(&shown), rule));
        }
        if version == Version::Latest {
            return Err(Error::Invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version".into(),
            ));
        }
        let other = existing_version(change, name, record, text)?;
        if other == version {
            return Err(Error::Invalid(format!(
                "Invalid function version {version}. Function version {version} is already included in routing \
                 configuration."
            )));
        }
        if let Version::Number(number) = other {
            read.insert(number, weight);
        }
    }
    Ok(read)
}
