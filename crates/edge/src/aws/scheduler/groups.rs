//! Groups of schedules.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use sonagi_events::schedules::{Check, Group, GroupState};

use super::{
    Answer, Call, body, error,
    route::Operation,
    schedules::{Paging, seconds, token},
    tags::{self, TagInput},
};
use crate::{aws::json, platform::Parts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    tags: Option<Vec<TagInput>>,
    client_token: Option<String>,
}

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let name = call.group(parts, Operation::CreateScheduleGroup)?;
    let request: CreateInput = body::parse(&call.body)?;
    let mut check = Check::default();
    check.token(request.client_token.as_deref());
    let tags = request.tags.map_or_else(BTreeMap::new, |tags| tags::read(&mut check, &tags));
    check.done()?;
    parts.events.schedules().create_group(&name, tags, request.client_token).await.map_err(error::of)?;
    let arn = super::arn(parts, "schedule-group", name.as_str());
    json(StatusCode::OK, &value!({ "ScheduleGroupArn": arn }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    arn: String,
    name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modification_date: Option<f64>,
}

fn shown<'a>(parts: &Parts, group: &'a Group) -> Shown<'a> {
    Shown {
        arn: group.arn(&parts.config.account, &parts.config.region),
        name: group.name.as_str(),
        state: match group.state {
            GroupState::Active => "ACTIVE",
            GroupState::Deleting => "DELETING",
        },
        creation_date: group.created.map(seconds),
        last_modification_date: group.modified.map(seconds),
    }
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let name = call.group(parts, Operation::GetScheduleGroup)?;
    let group = parts.events.schedules().get_group(&name).await.map_err(error::of)?;
    json(StatusCode::OK, &shown(parts, &group))
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let name = call.group(parts, Operation::DeleteScheduleGroup)?;
    let mut check = Check::default();
    check.token(call.query.get("clientToken"));
    check.done()?;
    parts.events.schedules().delete_group(&name).await.map_err(error::of)?;
    json(StatusCode::OK, &value!({}))
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    call.may(parts, Operation::ListScheduleGroups, "*")?;
    let mut check = Check::default();
    let prefix = call.query.get("NamePrefix");
    check.prefix("namePrefix", prefix);
    let paging = Paging::of(call, &mut check);
    check.done()?;
    let paging = paging?;
    let schedules = parts.events.schedules();
    let page = schedules
        .list_groups(prefix.unwrap_or_default(), paging.after.as_deref(), paging.most)
        .await
        .map_err(error::of)?;
    let groups: Vec<Shown<'_>> = page.items.iter().map(|group| shown(parts, group)).collect();
    let mut answer = value!({ "ScheduleGroups": groups });
    if let Some(next) = page.next {
        answer["NextToken"] = token(&next).into();
    }
    json(StatusCode::OK, &answer)
}
