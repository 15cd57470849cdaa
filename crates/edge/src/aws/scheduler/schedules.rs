//! Schedules.

use http::StatusCode;
use serde::Serialize;
use serde_json::json as value;
use sonagi_events::schedules::{Check, Completion, Filter, Schedule, ScheduleInput, ScheduleName, State};
use sonagi_model::{Timestamp, limits};

use super::{Answer, Call, arn, body, error, passing, route::Operation};
use crate::{
    aws::{error::AwsError, json},
    platform::Parts,
};

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let request: ScheduleInput = body::parse(&call.body)?;
    let (group, name) = call.schedule(parts, Operation::CreateSchedule, request.group_name.as_deref())?;
    let settings = request.settings()?;
    passing::may_pass(parts, call, &settings.target)?;
    let made = parts.events.schedules().create(&group, &name, settings, request.client_token).await;
    made.map_err(error::of)?;
    said_arn(parts, &group, &name)
}

pub(super) async fn update(parts: &Parts, call: &Call) -> Answer {
    let request: ScheduleInput = body::parse(&call.body)?;
    let (group, name) = call.schedule(parts, Operation::UpdateSchedule, request.group_name.as_deref())?;
    let settings = request.settings()?;
    passing::may_pass(parts, call, &settings.target)?;
    parts.events.schedules().update(&group, &name, settings).await.map_err(error::of)?;
    said_arn(parts, &group, &name)
}

fn said_arn(parts: &Parts, group: &ScheduleName, name: &ScheduleName) -> Answer {
    let arn = arn(parts, "schedule", &format!("{group}/{name}"));
    json(StatusCode::OK, &value!({ "ScheduleArn": arn }))
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let (group, name) = call.schedule(parts, Operation::DeleteSchedule, call.query.get("groupName"))?;
    let mut check = Check::default();
    check.token(call.query.get("clientToken"));
    check.done()?;
    parts.events.schedules().delete(&group, &name).await.map_err(error::of)?;
    json(StatusCode::OK, &value!({}))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    arn: String,
    group_name: &'a str,
    name: &'a str,
    schedule_expression: &'a str,
    schedule_expression_timezone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    state: &'static str,
    creation_date: f64,
    last_modification_date: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<&'a str>,
    target: serde_json::Value,
    flexible_time_window: serde_json::Value,
    action_after_completion: &'static str,
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let (group, name) = call.schedule(parts, Operation::GetSchedule, call.query.get("groupName"))?;
    let schedule = parts.events.schedules().get(&group, &name).await.map_err(error::of)?;
    let settings = &schedule.settings;
    json(
        StatusCode::OK,
        &Shown {
            arn: schedule.arn(&parts.config.account, &parts.config.region),
            group_name: schedule.group.as_str(),
            name: schedule.name.as_str(),
            schedule_expression: &settings.expression,
            schedule_expression_timezone: &settings.zone,
            start_date: settings.start.map(seconds),
            end_date: settings.end.map(seconds),
            description: settings.description.as_deref(),
            state: state(settings.state),
            creation_date: seconds(schedule.created),
            last_modification_date: seconds(schedule.modified),
            kms_key_arn: settings.key.as_deref(),
            target: target(&schedule),
            flexible_time_window: match settings.window {
                None => value!({ "Mode": "OFF" }),
                Some(minutes) => value!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes }),
            },
            action_after_completion: match settings.completion {
                Completion::None => "NONE",
                Completion::Delete => "DELETE",
            },
        },
    )
}

fn target(schedule: &Schedule) -> serde_json::Value {
    let target = &schedule.settings.target;
    let mut shown = value!({
        "Arn": target.arn,
        "RoleArn": target.role,
        "RetryPolicy": {
            "MaximumEventAgeInSeconds": target.retry.age,
            "MaximumRetryAttempts": target.retry.attempts,
        },
    });
    if let Some(input) = &target.input {
        shown["Input"] = input.as_str().into();
    }
    if let Some(arn) = &target.dead_letters {
        shown["DeadLetterConfig"] = value!({ "Arn": arn });
    }
    if let Some(group) = &target.message_group {
        shown["SqsParameters"] = value!({ "MessageGroupId": group });
    }
    if let Some(event) = &target.event {
        shown["EventBridgeParameters"] = value!({ "DetailType": event.kind, "Source": event.source });
    }
    shown
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary<'a> {
    arn: String,
    name: &'a str,
    group_name: &'a str,
    state: &'static str,
    creation_date: f64,
    last_modification_date: f64,
    target: serde_json::Value,
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let group = call.query.get("ScheduleGroup");
    // As the service authorization reference has it: listing is for all schedules.
    call.may(parts, Operation::ListSchedules, "*")?;
    let mut check = Check::default();
    let group = group.and_then(|group| check.name("groupName", group));
    let prefix = call.query.get("NamePrefix");
    check.prefix("namePrefix", prefix);
    let choices = [("ENABLED", State::Enabled), ("DISABLED", State::Disabled)];
    let state = call.query.get("State").and_then(|state| check.one_of("state", state, &choices));
    let paging = Paging::of(call, &mut check);
    check.done()?;
    let paging = paging?;
    let filter =
        Filter { group, prefix: prefix.map(str::to_owned), state, after: paging.after, most: paging.most };
    let page = parts.events.schedules().list(&filter).await.map_err(error::of)?;
    let schedules: Vec<Summary<'_>> = page
        .items
        .iter()
        .map(|schedule| Summary {
            arn: schedule.arn(&parts.config.account, &parts.config.region),
            name: schedule.name.as_str(),
            group_name: schedule.group.as_str(),
            state: self::state(schedule.settings.state),
            creation_date: seconds(schedule.created),
            last_modification_date: seconds(schedule.modified),
            target: value!({ "Arn": schedule.settings.target.arn }),
        })
        .collect();
    let mut answer = value!({ "Schedules": schedules });
    if let Some(next) = page.next {
        answer["NextToken"] = token(&next).into();
    }
    json(StatusCode::OK, &answer)
}

/// `MaxResults` and `NextToken`.
pub(super) struct Paging {
    pub(super) most: usize,
    pub(super) after: Option<String>,
}

impl Paging {
    pub(super) fn of(call: &Call, check: &mut Check) -> Result<Self, AwsError> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut most = limits::SCHEDULES_PAGE;
        if let Some(text) = call.query.get("MaxResults") {
            let number: i64 = text
                .parse()
                .map_err(|_| error::validation(format!("MaxResults wants a number, and not {text:.32}.")))?;
            check.range("maxResults", number, 1, limits::SCHEDULES_PAGE as i64);
            most = usize::try_from(number).unwrap_or(most);
        }
        let after = call.query.get("NextToken").map(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok();
            let after = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            after.ok_or_else(|| error::validation("Invalid or expired NextToken."))
        });
        Ok(Self { most, after: after.transpose()? })
    }
}

pub(super) fn token(next: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(next)
}

fn state(state: State) -> &'static str {
    match state {
        State::Enabled => "ENABLED",
        State::Disabled => "DISABLED",
    }
}

pub(super) fn seconds(moment: Timestamp) -> f64 {
    moment.millis() as f64 / 1_000.0
}
