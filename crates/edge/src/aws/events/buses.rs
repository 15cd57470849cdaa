//! CreateEventBus, UpdateEventBus, DeleteEventBus, DescribeEventBus, ListEventBuses.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sonagi_events::{
    BusName,
    bus::{Bus, BusChange, DeadLetters},
};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    checks::{BUS_NAME, Checks},
    error::Fault,
    operation,
    page::{Wanted, token},
    seconds, tags,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BusInput {
    name: Option<String>,
    event_source_name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<DeadLetters>,
    log_config: Option<Value>,
    tags: Option<Vec<tags::Tag>>,
}

/// What CreateEventBus and UpdateEventBus answer: the one with `EventBusArn`, the other with `Arn` and `Name`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BusOutput<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bus_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(flatten)]
    settings: Settings<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Settings<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_config: Option<Value>,
}

impl<'a> Settings<'a> {
    fn of(bus: &'a Bus) -> Self {
        Self {
            description: bus.description.as_deref(),
            kms_key_identifier: bus.kms_key.as_deref(),
            dead_letter_config: bus.dead_letters.clone().map(|arn| DeadLetters { arn: Some(arn) }),
            log_config: bus.log.as_deref().and_then(|log| serde_json::from_str(log).ok()),
        }
    }
}

/// Characters of a key's name, as the model has it.
const KEY_SIZE: usize = 2_048;

impl BusInput {
    fn check(&self, name: Option<&str>) -> Result<(), Fault> {
        let mut checks = Checks::default();
        checks.there("name", name.is_some());
        checks.length("name", name, 1..=limits::BUS_NAME_SIZE);
        checks.letters("name", name, &BUS_NAME);
        checks.description(self.description.as_deref());
        checks.length("kmsKeyIdentifier", self.kms_key_identifier.as_deref(), 0..=KEY_SIZE);
        let log = |member: &str| self.log_config.as_ref().and_then(|log| log.get(member)?.as_str());
        checks.one_of("logConfig.includeDetail", log("IncludeDetail"), &["NONE", "FULL"]);
        checks.one_of("logConfig.level", log("Level"), &["OFF", "ERROR", "INFO", "TRACE"]);
        checks.done()
    }

    fn change(&self) -> BusChange {
        BusChange {
            description: self.description.clone(),
            kms_key: self.kms_key_identifier.clone(),
            dead_letters: self.dead_letter_config.as_ref().map(|it| it.arn.clone().unwrap_or_default()),
            log: self.log_config.as_ref().map(Value::to_string),
        }
    }
}

fn named(name: &str) -> Result<BusName, Fault> {
    BusName::new(name).ok_or_else(|| Fault::no_bus(name))
}

pub(super) async fn create(call: &Call<'_>) -> Answer {
    let input: BusInput = call.read()?;
    input.check(input.name.as_deref())?;
    let name = named(input.name.as_deref().unwrap_or_default())?;
    call.may_bus(&name).await?;
    if input.event_source_name.is_some() {
        return Err(Fault::absent(operation::PARTNERS, "EventSourceName"));
    }
    if name.as_str().contains('/') {
        return Err(Fault::parameter("Name", "A custom event bus's name can't contain the / character."));
    }
    let tags = tags::read(input.tags.as_deref().unwrap_or_default())?;
    let bus = call.buses.create(&name, input.change(), tags).await?;
    call.answer(&BusOutput {
        event_bus_arn: Some(call.buses.arn(&name)),
        arn: None,
        name: None,
        settings: Settings::of(&bus),
    })
}

pub(super) async fn update(call: &Call<'_>) -> Answer {
    let input: BusInput = call.read()?;
    let name = input.name.as_deref().unwrap_or("default");
    input.check(Some(name))?;
    let name = named(name)?;
    call.may_bus(&name).await?;
    let bus = call.buses.update(&name, input.change()).await?;
    call.answer(&BusOutput {
        event_bus_arn: None,
        arn: Some(call.buses.arn(&name)),
        name: Some(name.as_str()),
        settings: Settings::of(&bus),
    })
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let input: BusInput = call.read()?;
    input.check(input.name.as_deref())?;
    let name = named(input.name.as_deref().unwrap_or_default())?;
    call.may_bus(&name).await?;
    call.buses.delete(&name).await?;
    call.done()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    name: &'a str,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_time: Option<f64>,
    #[serde(flatten)]
    settings: Settings<'a>,
}

impl<'a> Described<'a> {
    fn of(call: &Call<'_>, bus: &'a Bus) -> Self {
        Self {
            name: bus.name.as_str(),
            arn: call.buses.arn(&bus.name),
            policy: bus.policy.as_deref(),
            creation_time: bus.created.map(seconds),
            last_modified_time: bus.modified.map(seconds),
            settings: Settings::of(bus),
        }
    }
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let input: BusInput = call.read()?;
    let name = address::bus(call.parts, "name", input.name.as_deref())?;
    call.may_bus(&name).await?;
    let bus = call.buses.find(&name).await?;
    call.answer(&Described::of(call, &bus))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput<'a> {
    event_buses: Vec<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.length("namePrefix", input.name_prefix.as_deref(), 1..=limits::BUS_NAME_SIZE);
    checks.letters("namePrefix", input.name_prefix.as_deref(), &BUS_NAME);
    checks.done()?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let prefix = input.name_prefix.as_deref().unwrap_or_default();
    let page = call.buses.list(prefix, wanted.last(), wanted.most).await?;
    // The listing does not tell all that there is.
    let short = |bus| {
        let described = Described::of(call, bus);
        let settings = Settings {
            kms_key_identifier: None,
            dead_letter_config: None,
            log_config: None,
            ..described.settings
        };
        Described { settings, ..described }
    };
    call.answer(&ListOutput {
        event_buses: page.items.iter().map(short).collect(),
        next_token: token(page.items.last().map(|bus| bus.name.as_str()), page.more),
    })
}
