//! Tags, which groups have.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json as value;
use sonagi_events::schedules::{Check, ScheduleName};
use sonagi_model::limits;

use super::{Answer, Call, body, cut, error, route::Operation};
use crate::{
    aws::{error::AwsError, json},
    platform::Parts,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagInput {
    key: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagsInput {
    tags: Option<Vec<TagInput>>,
}

pub(super) fn read(check: &mut Check, tags: &[TagInput]) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (index, tag) in tags.iter().enumerate() {
        let at = |member: &str| format!("tags.{}.member.{member}", index + 1);
        let key = check.required(&at("key"), &tag.key);
        let value = check.required(&at("value"), &tag.value);
        if let (Some(key), Some(value)) = (key, value) {
            check.length(&at("key"), key, 1, limits::TAG_KEY_SIZE);
            check.length(&at("value"), value, 1, limits::TAG_VALUE_SIZE);
            read.insert(key.clone(), value.clone());
        }
    }
    read
}

/// The group that the ARN in the path names, for a caller who may do this to it.
fn group(parts: &Parts, call: &Call, operation: Operation) -> Result<ScheduleName, AwsError> {
    call.may(parts, operation, cut(&call.name))?;
    let mut check = Check::default();
    check.length("resourceArn", &call.name, 1, 1_011);
    let pattern = "^arn:aws[a-z-]*:scheduler:[a-z0-9\\-]+:\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+$";
    let segments: Vec<&str> = call.name.splitn(6, ':').collect();
    let name = match segments[..] {
        ["arn", _, "scheduler", region, account, rest] => {
            rest.strip_prefix("schedule-group/").and_then(ScheduleName::new).map(|name| {
                (name, region == parts.config.region.as_str() && account == parts.config.account.as_str())
            })
        }
        _ => None,
    };
    if name.is_none() {
        check.pattern("resourceArn", &call.name, pattern);
    }
    check.done()?;
    match name {
        Some((name, true)) => Ok(name),
        Some((name, false)) => Err(error::of(sonagi_events::schedules::Refusal::NoGroup(name).into())),
        None => Err(error::no_names()),
    }
}

pub(super) async fn tag(parts: &Parts, call: &Call) -> Answer {
    let name = group(parts, call, Operation::TagResource)?;
    let request: TagsInput = body::parse(&call.body)?;
    let mut check = Check::default();
    let tags = check.required("tags", &request.tags);
    let tags = tags.map_or_else(BTreeMap::new, |tags| read(&mut check, tags));
    check.done()?;
    parts.events.schedules().tag_group(&name, tags).await.map_err(error::of)?;
    json(StatusCode::OK, &value!({}))
}

pub(super) async fn untag(parts: &Parts, call: &Call) -> Answer {
    let name = group(parts, call, Operation::UntagResource)?;
    let keys: Vec<String> = call.query.all("TagKeys").map(str::to_owned).collect();
    let mut check = Check::default();
    check.required("tagKeys", &(!keys.is_empty()).then_some(()));
    check.done()?;
    parts.events.schedules().untag_group(&name, keys).await.map_err(error::of)?;
    json(StatusCode::OK, &value!({}))
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let name = group(parts, call, Operation::ListTagsForResource)?;
    let group = parts.events.schedules().get_group(&name).await.map_err(error::of)?;
    let tags: Vec<_> = group.tags.iter().map(|(key, text)| value!({ "Key": key, "Value": text })).collect();
    json(StatusCode::OK, &value!({ "Tags": tags }))
}
