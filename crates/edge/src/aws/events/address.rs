//! Names and ARNs of what is on this platform.

use sonagi_events::{
    BusName, Destination,
    bus::{ArchiveName, RuleName, Tagged},
};
use sonagi_model::limits;

use super::{
    checks::{BUS_NAME, Checks},
    error::Fault,
};
use crate::platform::Parts;

/// What stands behind `arn:aws:events:<region>:<account>:` of this platform.
fn ours<'a>(parts: &Parts, arn: &'a str) -> Option<&'a str> {
    let mut fields = arn.splitn(6, ':');
    let mut next = || fields.next();
    let (scheme, partition, service) = (next()?, next()?, next()?);
    let (region, account, rest) = (next()?, next()?, next()?);
    let is_ours = scheme == "arn"
        && partition.starts_with("aws")
        && service == "events"
        && region == parts.config.region.as_str()
        && account == parts.config.account.as_str();
    is_ours.then_some(rest)
}

/// A bus by its name or ARN; the default one if there is none.
pub(super) fn bus(parts: &Parts, at: &str, text: Option<&str>) -> Result<BusName, Fault> {
    let Some(text) = text else { return Ok(BusName::default_bus()) };
    check_bus(at, text)?;
    if !text.starts_with("arn:") {
        return BusName::new(text).ok_or_else(|| Fault::no_bus(text));
    }
    ours(parts, text)
        .and_then(|rest| rest.strip_prefix("event-bus/"))
        .and_then(BusName::new)
        .ok_or_else(|| Fault::no_bus(text))
}

pub(super) fn check_bus(at: &str, text: &str) -> Result<(), Fault> {
    let mut checks = Checks::default();
    checks.length(at, Some(text), 1..=limits::BUS_ARN_SIZE);
    let name = match text.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":event-bus/").map_or("", |(_, name)| name),
        None => text,
    };
    checks.letters(at, Some(name), &BUS_NAME);
    checks.done()
}

/// A bus by its ARN alone.
pub(super) fn bus_of_arn(parts: &Parts, at: &str, arn: &str) -> Result<BusName, Fault> {
    let config = &parts.config;
    if let Ok(Destination::Bus(bus)) = Destination::parse(arn, &config.account, &config.region) {
        return Ok(bus);
    }
    match arn.split_once(":event-bus/").filter(|_| arn.starts_with("arn:aws")) {
        Some((_, name)) => Err(Fault::no_bus(name)),
        None => Err(Fault::parameter(at, "Must contain an event bus ARN.")),
    }
}

pub(super) fn archive_of_arn(parts: &Parts, at: &str, arn: &str) -> Result<ArchiveName, Fault> {
    ours(parts, arn)
        .and_then(|rest| rest.strip_prefix("archive/"))
        .and_then(ArchiveName::new)
        .ok_or_else(|| Fault::parameter(at, "Must contain an archive ARN."))
}

/// A rule by its ARN: its bus, which is not named if it is the default one, and its name.
pub(super) fn rule_of_arn(parts: &Parts, arn: &str) -> Option<(BusName, RuleName)> {
    let path = ours(parts, arn)?.strip_prefix("rule/")?;
    match path.rsplit_once('/') {
        Some((bus, rule)) => Some((BusName::new(bus)?, RuleName::new(rule)?)),
        None => Some((BusName::default_bus(), RuleName::new(path)?)),
    }
}

/// What has tags, by its ARN.
pub(super) fn tagged(parts: &Parts, arn: &str) -> Result<Tagged, Fault> {
    if let Some((bus, rule)) = rule_of_arn(parts, arn) {
        return Ok(Tagged::Rule(bus, rule));
    }
    ours(parts, arn)
        .and_then(|rest| rest.strip_prefix("event-bus/"))
        .and_then(BusName::new)
        .map(Tagged::Bus)
        .ok_or_else(|| Fault::parameter("ResourceARN", "Must be the ARN of an event bus or a rule."))
}
