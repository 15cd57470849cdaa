//! CreateArchive, UpdateArchive, DeleteArchive, DescribeArchive, ListArchives.

use serde::{Deserialize, Serialize};
use sonagi_events::bus::{Archive, ArchiveChange, ArchiveDraft, ArchiveName, Held};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    checks::Checks,
    error::Fault,
    page::{Wanted, token},
    seconds,
};

/// An archive takes events and lets them be replayed from when it was made.
const ENABLED: &str = "ENABLED";
const STATES: [&str; 6] = [ENABLED, "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveInput {
    archive_name: Option<String>,
    event_source_arn: Option<String>,
    description: Option<String>,
    event_pattern: Option<String>,
    retention_days: Option<i64>,
    kms_key_identifier: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveOutput {
    archive_arn: String,
    state: &'static str,
    creation_time: f64,
}

impl ArchiveInput {
    /// The archive's name, for a caller that may do this to it.
    fn name(&self, call: &Call<'_>) -> Result<ArchiveName, Fault> {
        let mut checks = Checks::default();
        checks.name("archiveName", self.archive_name.as_deref(), limits::ARCHIVE_NAME_SIZE);
        checks.length("eventSourceArn", self.event_source_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
        checks.description(self.description.as_deref());
        checks.length("eventPattern", self.event_pattern.as_deref(), 0..=limits::BUS_PATTERN_TEXT);
        checks.range("retentionDays", self.retention_days, 0..=i64::from(i32::MAX));
        checks.done()?;
        let name = self.archive_name.as_deref().and_then(ArchiveName::new);
        let name = name.ok_or_else(|| Fault::parameter("ArchiveName", "It is no archive's name."))?;
        call.may(&call.buses.archive_arn(&name))?;
        Ok(name)
    }

    fn retention(&self) -> Option<u32> {
        self.retention_days.and_then(|days| u32::try_from(days).ok())
    }
}

impl ArchiveOutput {
    fn of(call: &Call<'_>, archive: &Archive) -> Self {
        Self {
            archive_arn: call.buses.archive_arn(&archive.name),
            state: ENABLED,
            creation_time: seconds(archive.created),
        }
    }
}

pub(super) async fn create(call: &Call<'_>) -> Answer {
    let input: ArchiveInput = call.read()?;
    let name = input.name(call)?;
    let mut checks = Checks::default();
    checks.there("eventSourceArn", input.event_source_arn.is_some());
    checks.done()?;
    let arn = input.event_source_arn.as_deref().unwrap_or_default();
    let draft = ArchiveDraft {
        name,
        bus: address::bus_of_arn(call.parts, "EventSourceArn", arn)?,
        retention: input.retention().unwrap_or_default(),
        description: input.description,
        pattern: input.event_pattern.filter(|pattern| !pattern.is_empty()),
        kms_key: input.kms_key_identifier,
    };
    let archive = call.buses.create_archive(draft).await?;
    call.answer(&ArchiveOutput::of(call, &archive))
}

pub(super) async fn update(call: &Call<'_>) -> Answer {
    let input: ArchiveInput = call.read()?;
    let name = input.name(call)?;
    let change = ArchiveChange {
        retention: input.retention(),
        description: input.description,
        pattern: input.event_pattern.filter(|pattern| !pattern.is_empty()),
        kms_key: input.kms_key_identifier,
    };
    let archive = call.buses.update_archive(&name, change).await?;
    call.answer(&ArchiveOutput::of(call, &archive))
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let input: ArchiveInput = call.read()?;
    let name = input.name(call)?;
    call.buses.delete_archive(&name).await?;
    call.done()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_arn: Option<String>,
    archive_name: &'a str,
    event_source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<&'a str>,
    state: &'static str,
    retention_days: u32,
    size_bytes: u64,
    event_count: u64,
    creation_time: f64,
}

impl<'a> Described<'a> {
    /// As the listing has it.
    fn of(call: &Call<'_>, (archive, held): &'a (Archive, Held)) -> Self {
        Self {
            archive_arn: None,
            archive_name: archive.name.as_str(),
            event_source_arn: call.buses.arn(&archive.bus),
            description: None,
            event_pattern: None,
            kms_key_identifier: None,
            state: ENABLED,
            retention_days: archive.retention,
            size_bytes: held.bytes,
            event_count: held.events,
            creation_time: seconds(archive.created),
        }
    }
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let input: ArchiveInput = call.read()?;
    let name = input.name(call)?;
    let found = call.buses.find_archive(&name).await?;
    let archive = &found.0;
    call.answer(&Described {
        archive_arn: Some(call.buses.archive_arn(&name)),
        description: archive.description.as_deref(),
        event_pattern: archive.pattern.as_deref(),
        kms_key_identifier: archive.kms_key.as_deref(),
        ..Described::of(call, &found)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    name_prefix: Option<String>,
    event_source_arn: Option<String>,
    state: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput<'a> {
    archives: Vec<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.optional_name("namePrefix", input.name_prefix.as_deref(), limits::ARCHIVE_NAME_SIZE);
    checks.length("eventSourceArn", input.event_source_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.one_of("state", input.state.as_deref(), &STATES);
    checks.done()?;
    one_filter("ListArchives", [&input.name_prefix, &input.event_source_arn, &input.state])?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let bus = match &input.event_source_arn {
        Some(arn) => {
            let bus = address::bus_of_arn(call.parts, "EventSourceArn", arn)?;
            Some(call.buses.find(&bus).await?.name)
        }
        None => None,
    };
    let prefix = input.name_prefix.as_deref().unwrap_or_default();
    let in_state = input.state.as_deref().is_none_or(|state| state == ENABLED);
    let is_wanted = |archive: &Archive| {
        let name = archive.name.as_str();
        in_state
            && name.starts_with(prefix)
            && bus.as_ref().is_none_or(|bus| archive.bus == *bus)
            && wanted.is_ahead(name)
    };
    let page = call.buses.list_archives(wanted.most, is_wanted).await?;
    call.answer(&ListOutput {
        archives: page.items.iter().map(|found| Described::of(call, found)).collect(),
        next_token: token(page.items.last().map(|(archive, _)| archive.name.as_str()), page.more),
    })
}

/// A listing is narrowed by one thing at the most.
pub(super) fn one_filter(operation: &str, filters: [&Option<String>; 3]) -> Result<(), Fault> {
    if filters.iter().filter(|filter| filter.is_some()).count() > 1 {
        return Err(Fault::validation(format!(
            "At most one filter is allowed for {operation}. Use either : State, EventSourceArn, or NamePrefix."
        )));
    }
    Ok(())
}
