//! Event source mappings. They belong to the function whose events they bring, and go with it.

use std::{collections::BTreeMap, sync::Arc};

use sonagi_model::{AliasName, function::Mapping, limits};

use super::{
    CreateMapping, SourceQueue, UpdateMapping,
    arn::{self, Arn},
    constraint::Violations,
    mapping_settings,
};
use crate::{
    Control, Error, LiveFunction, LiveMapping, Result, Version,
    releases::{
        Change, LATEST,
        change::Found,
        check_tags,
        records::{FunctionRecord, Key, MappingRecord, Origin, VersionRecord},
    },
};

impl Control {
    pub async fn create_mapping(&self, request: CreateMapping) -> Result<(Arc<LiveFunction>, LiveMapping)> {
        mapping_settings::check(&request.settings)?;
        check_tags(&request.tags)?;
        let source = check_source(request.source.as_deref())?.to_owned();
        let (name, qualifier) = self.locate(&request.function, None).map_err(no_function)?;
        let id = self
            .change(move |change| {
                let mut found = change.lookup(&name)?.ok_or_else(absent)?;
                let mapping = Mapping {
                    id: change.revisions.of(&name, &format!("mapping of {source}")),
                    source: source.clone(),
                    qualifier: qualifier.clone(),
                    enabled: true,
                    batch: limits::MAPPING_BATCH_AT_ONCE,
                    window: 0,
                    filters: Vec::new(),
                    concurrency: None,
                    partial: false,
                };
                let mapping = mapping_settings::apply(mapping, &request.settings)?;
                check_target(change, &found, &mapping, request.queue)?;
                found.record.check_room(&mapping)?;
                let (id, tags) = (mapping.id.clone(), request.tags.clone());
                let made = MappingRecord { mapping, tags, modified: change.now, origin: Origin::Lambda };
                found.record.mappings.insert(id.clone(), made);
                change.store.put(&Key::Function(name.clone()), &found.record)?;
                Ok(id)
            })
            .await?;
        self.find_mapping(&id)
    }

    /// What is none stays as it is.
    pub async fn update_mapping(
        &self,
        id: &str,
        request: UpdateMapping,
    ) -> Result<(Arc<LiveFunction>, LiveMapping)> {
        mapping_settings::check(&request.settings)?;
        let (function, _) = self.find_mapping(id)?;
        let from = function.lambda_name().clone();
        let to = request.function.as_deref().map(|text| self.locate(text, None).map_err(no_function));
        let to = to.transpose()?;
        let key = id.to_owned();
        self.change(move |change| {
            let mut found = change.lookup(&from)?.ok_or_else(no_mapping)?;
            let before = found.record.mappings.remove(&key).ok_or_else(no_mapping)?;
            let mut mapping = mapping_settings::apply(before.mapping, &request.settings)?;
            let mut at = from.clone();
            if let Some((name, qualifier)) = &to {
                mapping.qualifier.clone_from(qualifier);
                if *name != from {
                    if before.origin == Origin::Manifest {
                        return Err(Error::Invalid(format!(
                            "a manifest declares this mapping of the function {from}: declare it of {name} instead"
                        )));
                    }
                    change.store.put(&Key::Function(from.clone()), &found.record)?;
                    found = change.lookup(name)?.ok_or_else(absent)?;
                    at = name.clone();
                }
            }
            check_target(change, &found, &mapping, request.queue)?;
            found.record.check_room(&mapping)?;
            let after = MappingRecord { mapping, modified: change.now, ..before };
            found.record.mappings.insert(key.clone(), after);
            change.store.put(&Key::Function(at), &found.record)
        })
        .await?;
        self.find_mapping(id)
    }

    /// Returns it as it was.
    pub async fn delete_mapping(&self, id: &str) -> Result<(Arc<LiveFunction>, LiveMapping)> {
        let gone = self.find_mapping(id)?;
        let (name, key) = (gone.0.lambda_name().clone(), id.to_owned());
        self.change(move |change| {
            let mut record = change.lookup(&name)?.ok_or_else(no_mapping)?.record;
            record.mappings.remove(&key).ok_or_else(no_mapping)?;
            change.store.put(&Key::Function(name.clone()), &record)
        })
        .await?;
        Ok(gone)
    }

    /// By its UUID.
    pub fn find_mapping(&self, id: &str) -> Result<(Arc<LiveFunction>, LiveMapping)> {
        let live = self.live();
        let (function, mapping) = live.mapping(id).ok_or_else(no_mapping)?;
        Ok((Arc::clone(function), mapping.clone()))
    }

    pub(super) async fn tag_mapping(
        &self,
        id: &str,
        change_it: impl Fn(&mut BTreeMap<String, String>) + Send + 'static,
    ) -> Result<()> {
        let (function, _) = self.find_mapping(id)?;
        let (name, key) = (function.lambda_name().clone(), id.to_owned());
        self.change(move |change| {
            let mut record = change.lookup(&name)?.ok_or_else(no_mapping)?.record;
            let found = record.mappings.get_mut(&key).ok_or_else(no_mapping)?;
            change_it(&mut found.tags);
            check_tags(&found.tags)?;
            change.store.put(&Key::Function(name.clone()), &record)
        })
        .await
    }
}

impl FunctionRecord {
    /// A source has one mapping to one version or alias.
    fn check_room(&self, wanted: &Mapping) -> Result<()> {
        let same = |found: &&MappingRecord| {
            found.mapping.source == wanted.source && target(&found.mapping) == target(wanted)
        };
        if let Some(found) = self.mappings.values().find(same) {
            return Err(Error::Exists(format!(
                "An event source mapping with SQS arn (\" {} \") and function (\" {} \") already exists. Please update or \
                 delete the existing mapping with UUID {}",
                wanted.source, self.name, found.mapping.id
            )));
        }
        let most = limits::MAPPINGS_PER_FUNCTION;
        if self.mappings.len() >= most {
            return Err(Error::TooLarge(format!(
                "the function has {most} event source mappings, which is the most"
            )));
        }
        Ok(())
    }

    /// Forgets what is kept under a version or an alias that goes; what is provisioned is [claimed](super::provisioned).
    pub(crate) fn forget(&mut self, qualifier: &str) {
        self.policies.remove(qualifier);
        self.asynchronous.remove(qualifier);
        self.mappings.retain(|_, found| found.mapping.qualifier.as_deref() != Some(qualifier));
    }
}

/// The qualifier that gets a mapping's events.
pub(crate) fn target(mapping: &Mapping) -> &str {
    mapping.qualifier.as_deref().unwrap_or(LATEST)
}

fn no_mapping() -> Error {
    Error::NotFound("The resource you requested does not exist.".into())
}

fn absent() -> Error {
    Error::Invalid("Function does not exist".into())
}

fn no_function(error: Error) -> Error {
    match error {
        Error::NoFunction { .. } => absent(),
        other => other,
    }
}

/// The ARN of a source that there is.
fn check_source(source: Option<&str>) -> Result<&str> {
    let Some(source) = source else { return Err(Error::Invalid("Unrecognized event source.".into())) };
    let mut found = Violations::default();
    let read = Arn::parse(source);
    found.pattern("eventSourceArn", source, read.is_some(), arn::PATTERN);
    found.check()?;
    match read {
        Some(Arn { service: "sqs", .. }) => Ok(source),
        Some(_) | None => Err(Error::Invalid(format!(
            "Unrecognized event source. {source} is not the ARN of an SQS queue, and there are mappings of nothing else yet."
        ))),
    }
}

/// Whether the version or alias is there, and the queue is such that it can get its messages.
fn check_target(
    change: &mut Change<'_>,
    found: &Found,
    mapping: &Mapping,
    queue: Option<SourceQueue>,
) -> Result<()> {
    let timeout = timeout(change, found, mapping)?;
    let Some(SourceQueue { visibility }) = queue else {
        return Err(Error::Invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error \
             Message: The specified queue does not exist."
                .into(),
        ));
    };
    if visibility < timeout {
        return Err(Error::Invalid(format!(
            "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )));
    }
    Ok(())
}

/// Seconds that the function has which gets the events; of a weighted alias its main version.
fn timeout(change: &mut Change<'_>, found: &Found, mapping: &Mapping) -> Result<u32> {
    let qualifier = target(mapping);
    let alias = AliasName::new(qualifier).ok().and_then(|alias| found.record.aliases.get(&alias));
    let version = match alias {
        Some(alias) => alias.version,
        None => qualifier.parse().map_err(|_| absent())?,
    };
    match version {
        Version::Latest => Ok(found.function.timeout),
        Version::Number(number) => {
            let key = Key::Version(found.function.lambda_name.clone(), number);
            let version: VersionRecord = change.store.get(&key)?.ok_or_else(absent)?;
            Ok(version.function.timeout)
        }
    }
}
