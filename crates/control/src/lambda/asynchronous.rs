//! How asynchronous invocations of a version or an alias go on, and where their ends are told.

use std::sync::Arc;

use sonagi_model::{AliasName, LambdaName, Timestamp, function::Asynchronous, limits};

use super::{
    Destinations, PutAsynchronous,
    arn::{self, Arn},
    constraint::Violations,
};
use crate::{
    Control, Error, LiveAsynchronous, LiveFunction, Result, Version,
    releases::{
        Change, LATEST,
        records::{AsynchronousRecord, FunctionRecord, Key, Origin},
    },
};

/// Whether what a request leaves out goes back to its default or stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Default,
    Kept,
}

impl Control {
    /// Takes the place of what was set for the qualifier; none is `$LATEST`.
    pub async fn put_asynchronous(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: PutAsynchronous,
    ) -> Result<(Arc<LiveFunction>, String)> {
        self.set_asynchronous(name, qualifier, request, Rest::Default).await
    }

    /// What is none stays as it is.
    pub async fn update_asynchronous(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: PutAsynchronous,
    ) -> Result<(Arc<LiveFunction>, String)> {
        self.set_asynchronous(name, qualifier, request, Rest::Kept).await
    }

    async fn set_asynchronous(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: PutAsynchronous,
        rest: Rest,
    ) -> Result<(Arc<LiveFunction>, String)> {
        check(&request)?;
        if request == PutAsynchronous::default() {
            return Err(Error::Invalid(
                "You must specify at least one of error handling or destination setting.".into(),
            ));
        }
        let (name, qualifier) = self.locate_asynchronous(name, qualifier).map_err(no_function)?;
        let (at, key) = (name.clone(), qualifier.clone());
        self.change(move |change| {
            let mut record = change.find(&at).map_err(no_function)?.record;
            if !record.has(&key) {
                return Err(absent());
            }
            let before = match rest {
                Rest::Default => AsynchronousRecord::nothing(change.now),
                Rest::Kept => {
                    let found = record.asynchronous.get(&key).cloned();
                    found.ok_or_else(|| nothing_set(&change.arns.function(at.as_str()), &key))?
                }
            };
            let after = merge(change, &at, before, &request)?;
            record.asynchronous.insert(key.clone(), after);
            change.store.put(&Key::Function(at.clone()), &record)
        })
        .await?;
        Ok((self.shown(&name)?, qualifier))
    }

    pub async fn delete_asynchronous(&self, name: &str, qualifier: Option<&str>) -> Result<()> {
        let (name, qualifier) = self.locate_asynchronous(name, qualifier)?;
        self.change(move |change| {
            let unset = nothing_set(&change.arns.function(name.as_str()), &qualifier);
            let Some(found) = change.lookup(&name)? else { return Err(unset) };
            let mut record = found.record;
            record.asynchronous.remove(&qualifier).ok_or(unset)?;
            change.store.put(&Key::Function(name.clone()), &record)
        })
        .await
    }

    /// The function, the qualifier, and what is set for it.
    pub fn find_asynchronous(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Arc<LiveFunction>, String, LiveAsynchronous)> {
        let (name, qualifier) = self.locate_asynchronous(name, qualifier)?;
        let unset = || nothing_set(&self.arns().function(name.as_str()), &qualifier);
        let function = self.live().function(name.as_str()).cloned().ok_or_else(unset)?;
        let found = function.asynchronous.get(&qualifier).cloned().ok_or_else(unset)?;
        Ok((function, qualifier, found))
    }

    /// The function for a listing of all that is set for it.
    pub fn find_all_asynchronous(&self, name: &str) -> Result<Arc<LiveFunction>> {
        let (name, _) = self.locate(name, None).map_err(no_function)?;
        self.shown(&name).map_err(no_function)
    }

    fn locate_asynchronous(&self, name: &str, qualifier: Option<&str>) -> Result<(LambdaName, String)> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        Ok((name, qualifier.unwrap_or_else(|| LATEST.to_owned())))
    }
}

impl FunctionRecord {
    /// Whether `qualifier` is `$LATEST`, one of its versions, or one of its aliases.
    pub(super) fn has(&self, qualifier: &str) -> bool {
        match qualifier.parse() {
            Ok(Version::Latest) => true,
            Ok(Version::Number(number)) => self.versions.contains_key(&number),
            Err(_) => AliasName::new(qualifier).is_ok_and(|alias| self.aliases.contains_key(&alias)),
        }
    }
}

impl AsynchronousRecord {
    const fn nothing(modified: Timestamp) -> Self {
        Self {
            max_age: None,
            retries: None,
            on_success: None,
            on_failure: None,
            modified,
            origin: Origin::Lambda,
        }
    }
}

/// What these operations say of a function that is not there.
fn absent() -> Error {
    Error::NotFound("The function doesn't exist.".into())
}

fn no_function(error: Error) -> Error {
    match error {
        Error::NoFunction { .. } => absent(),
        other => other,
    }
}

fn nothing_set(arn: &str, qualifier: &str) -> Error {
    Error::NotFound(format!("The function {arn}:{qualifier} doesn't have an EventInvokeConfig"))
}

fn check(request: &PutAsynchronous) -> Result<()> {
    let mut found = Violations::default();
    if let Some(retries) = request.retries {
        found.range("maximumRetryAttempts", retries, 0, limits::EVENT_RETRIES_MAX);
    }
    if let Some(age) = request.max_age {
        found.range("maximumEventAgeInSeconds", age, limits::EVENT_AGE_MIN, limits::EVENT_AGE_MAX);
    }
    if let Some(destinations) = &request.destinations {
        let members = [("onSuccess", &destinations.on_success), ("onFailure", &destinations.on_failure)];
        for (member, arn) in members {
            let Some(arn) = arn else { continue };
            let field = format!("destinationConfig.{member}.destination");
            found.longest(&field, arn, limits::DESTINATION_SIZE);
            found.pattern(&field, arn, arn::is_destination(arn), arn::DESTINATION_PATTERN);
        }
    }
    found.check()
}

/// What a manifest declares.
pub(crate) fn check_declared(declared: &Asynchronous) -> Result<()> {
    let Asynchronous { max_age, retries, on_success, on_failure } = declared.clone();
    let destinations = Some(Destinations { on_success, on_failure });
    check(&PutAsynchronous { max_age: Some(max_age.into()), retries: Some(retries.into()), destinations })
}

/// Only after [`check`].
fn merge(
    change: &mut Change<'_>,
    name: &LambdaName,
    before: AsynchronousRecord,
    request: &PutAsynchronous,
) -> Result<AsynchronousRecord> {
    let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut after = AsynchronousRecord {
        max_age: request.max_age.map(number).or(before.max_age),
        retries: request.retries.map(number).or(before.retries),
        modified: change.now,
        origin: Origin::Lambda,
        ..before
    };
    if let Some(destinations) = &request.destinations {
        check_destinations(change, name, destinations)?;
        // An empty one is none.
        let given = |arn: &Option<String>| arn.clone().filter(|arn| !arn.is_empty());
        after.on_success = given(&destinations.on_success);
        after.on_failure = given(&destinations.on_failure);
    }
    Ok(after)
}

/// Whether queues, topics and buses are there is not known here.
fn check_destinations(change: &mut Change<'_>, name: &LambdaName, destinations: &Destinations) -> Result<()> {
    for arn in [&destinations.on_failure, &destinations.on_success].into_iter().flatten() {
        if arn.is_empty() {
            continue;
        }
        let invalid = || Error::Invalid(format!("The destination ARN {arn} is invalid."));
        let read = Arn::parse(arn).ok_or_else(invalid)?;
        match read.service {
            "lambda" | "sqs" | "sns" | "events" => {}
            _ => return Err(unknown_service(destinations)),
        }
        if !read.is_here(&change.arns) {
            return Err(invalid());
        }
        let fits = match read.service {
            "lambda" => check_function(change, name, read.resource)?,
            "events" => read.resource.strip_prefix("event-bus/").is_some_and(|bus| !bus.is_empty()),
            // Standard ones alone (Lambda Developer Guide, "Adding a destination").
            _ => read.is_named() && !read.resource.ends_with(".fifo"),
        };
        if !fits {
            return Err(invalid());
        }
    }
    Ok(())
}

/// Whether `resource` is another function that is there, with a qualifier that it has.
fn check_function(change: &mut Change<'_>, name: &LambdaName, resource: &str) -> Result<bool> {
    let Some(reference) = resource.strip_prefix("function:") else { return Ok(false) };
    let (other, qualifier) = match reference.split_once(':') {
        Some((other, qualifier)) => (other, Some(qualifier)),
        None => (reference, None),
    };
    if other == name.as_str() {
        return Err(Error::Invalid("You can't specify the function as a destination for itself.".into()));
    }
    let Ok(other) = LambdaName::new(other) else { return Ok(false) };
    let found = change.lookup(&other)?;
    Ok(found.is_some_and(|found| qualifier.is_none_or(|qualifier| found.record.has(qualifier))))
}

/// In Lambda's words, which show the request.
fn unknown_service(destinations: &Destinations) -> Error {
    let shown = |kind: &str, arn: &Option<String>| match arn.as_deref() {
        None | Some("") => "null".to_owned(),
        Some(arn) => format!("{kind}(destination={arn})"),
    };
    Error::Invalid(format!(
        "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
        shown("OnSuccess", &destinations.on_success),
        shown("OnFailure", &destinations.on_failure)
    ))
}
