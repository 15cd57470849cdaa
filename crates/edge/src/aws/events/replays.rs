//! StartReplay, CancelReplay, DescribeReplay, ListReplays.

use serde::{Deserialize, Serialize};
use sonagi_events::bus::{Replay, ReplayDraft, ReplayName, ReplayState};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    archives::one_filter,
    checks::Checks,
    error::Fault,
    page::{Wanted, token},
    seconds, time,
};

const STATES: [&str; 6] = ["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"];

fn state(state: ReplayState) -> &'static str {
    match state {
        ReplayState::Starting => "STARTING",
        ReplayState::Running => "RUNNING",
        ReplayState::Cancelling => "CANCELLING",
        ReplayState::Completed => "COMPLETED",
        ReplayState::Cancelled => "CANCELLED",
        ReplayState::Failed => "FAILED",
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationForm {
    arn: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    filter_arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartInput {
    replay_name: Option<String>,
    description: Option<String>,
    event_source_arn: Option<String>,
    event_start_time: Option<f64>,
    event_end_time: Option<f64>,
    destination: Option<DestinationForm>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StateOutput<'a> {
    replay_arn: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_start_time: Option<f64>,
}

/// The replay's name, for a caller that may do this to it.
fn named(call: &Call<'_>, name: Option<&str>) -> Result<ReplayName, Fault> {
    let mut checks = Checks::default();
    checks.name("replayName", name, limits::REPLAY_NAME_SIZE);
    checks.done()?;
    let name = name.and_then(ReplayName::new);
    let name = name.ok_or_else(|| Fault::parameter("ReplayName", "It is no replay's name."))?;
    call.may(&call.buses.replay_arn(&name))?;
    Ok(name)
}

pub(super) async fn start(call: &Call<'_>) -> Answer {
    let input: StartInput = call.read()?;
    let name = named(call, input.replay_name.as_deref())?;
    let mut checks = Checks::default();
    checks.description(input.description.as_deref());
    checks.there("eventSourceArn", input.event_source_arn.is_some());
    checks.there("eventStartTime", input.event_start_time.is_some());
    checks.there("eventEndTime", input.event_end_time.is_some());
    checks.there("destination", input.destination.is_some());
    checks.done()?;
    let StartInput {
        event_source_arn: Some(archive),
        event_start_time: Some(from),
        event_end_time: Some(to),
        destination: Some(destination),
        ..
    } = input
    else {
        return Err(Fault::validation("The request lacks a required member."));
    };
    let bus = address::bus_of_arn(call.parts, "Destination.Arn", &destination.arn)?;
    let rules = destination.filter_arns.iter().map(|arn| {
        address::rule_of_arn(call.parts, arn).filter(|(of, _)| *of == bus).map(|(_, rule)| rule).ok_or_else(
            || {
                Fault::parameter(
                    "Destination.FilterArns",
                    "Each must be the ARN of a rule on the destination event bus.",
                )
            },
        )
    });
    let draft = ReplayDraft {
        name,
        rules: rules.collect::<Result<_, _>>()?,
        bus,
        archive: address::archive_of_arn(call.parts, "EventSourceArn", &archive)?,
        description: input.description,
        from: time(from)?,
        to: time(to)?,
    };
    let replay = call.buses.start_replay(draft).await?;
    call.answer(&StateOutput {
        replay_arn: call.buses.replay_arn(&replay.name),
        state: state(replay.state),
        state_reason: None,
        replay_start_time: Some(seconds(replay.started)),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnlyReplay {
    replay_name: Option<String>,
}

pub(super) async fn cancel(call: &Call<'_>) -> Answer {
    let input: OnlyReplay = call.read()?;
    let name = named(call, input.replay_name.as_deref())?;
    let replay = call.buses.cancel_replay(&name).await?;
    call.answer(&StateOutput {
        replay_arn: call.buses.replay_arn(&replay.name),
        state: state(replay.state),
        state_reason: replay.reason.as_deref(),
        replay_start_time: None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    replay_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    event_source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<DestinationForm>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<&'a str>,
    event_start_time: f64,
    event_end_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_last_replayed_time: Option<f64>,
    replay_start_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_end_time: Option<f64>,
}

impl<'a> Described<'a> {
    /// As the listing has it.
    fn of(call: &Call<'_>, replay: &'a Replay) -> Self {
        Self {
            replay_name: replay.name.as_str(),
            replay_arn: None,
            description: None,
            event_source_arn: call.buses.archive_arn(&replay.archive),
            destination: None,
            state: state(replay.state),
            state_reason: replay.reason.as_deref(),
            event_start_time: seconds(replay.from),
            event_end_time: seconds(replay.to),
            event_last_replayed_time: replay.last.map(seconds),
            replay_start_time: seconds(replay.started),
            replay_end_time: replay.ended.map(seconds),
        }
    }
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let input: OnlyReplay = call.read()?;
    let name = named(call, input.replay_name.as_deref())?;
    let replay = call.buses.find_replay(&name).await?;
    call.answer(&Described {
        replay_arn: Some(call.buses.replay_arn(&name)),
        description: replay.description.as_deref(),
        destination: Some(DestinationForm {
            arn: call.buses.arn(&replay.bus),
            filter_arns: replay.rules.iter().map(|rule| call.buses.rule_arn(&replay.bus, rule)).collect(),
        }),
        ..Described::of(call, &replay)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    name_prefix: Option<String>,
    state: Option<String>,
    event_source_arn: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput<'a> {
    replays: Vec<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.optional_name("namePrefix", input.name_prefix.as_deref(), limits::REPLAY_NAME_SIZE);
    checks.one_of("state", input.state.as_deref(), &STATES);
    checks.length("eventSourceArn", input.event_source_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.done()?;
    one_filter("ListReplays", [&input.name_prefix, &input.event_source_arn, &input.state])?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let archive = input.event_source_arn.as_deref();
    let archive =
        archive.map(|arn| address::archive_of_arn(call.parts, "EventSourceArn", arn)).transpose()?;
    let prefix = input.name_prefix.as_deref().unwrap_or_default();
    let is_wanted = |replay: &Replay| {
        let name = replay.name.as_str();
        name.starts_with(prefix)
            && archive.as_ref().is_none_or(|archive| replay.archive == *archive)
            && input.state.as_deref().is_none_or(|wanted| state(replay.state) == wanted)
            && wanted.is_ahead(name)
    };
    let page = call.buses.list_replays(wanted.most, is_wanted).await?;
    call.answer(&ListOutput {
        replays: page.items.iter().map(|replay| Described::of(call, replay)).collect(),
        next_token: token(page.items.last().map(|replay| replay.name.as_str()), page.more),
    })
}
