//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;

use sonagi_events::topics::Refusal;
use sonagi_model::limits;

use super::{
    Answer, Call,
    error::{Code, Fault},
    form::Form,
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn tag(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "ResourceArn").await?;
    let tags = given(&call.form)?;
    if tags.is_empty() {
        return Err(Fault::null("Tags"));
    }
    let changed = parts.events.topics().tag(&name, move |all| all.extend(tags.clone())).await;
    changed.map_err(|error| of_resource(error.into()))?;
    Ok(Output::Result(String::new()))
}

pub(super) async fn untag(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "ResourceArn").await?;
    let keys: Vec<String> = call.form.texts("TagKeys").into_iter().map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(Fault::null("TagKeys"));
    }
    let changed =
        parts.events.topics().tag(&name, move |tags| tags.retain(|key, _| !keys.contains(key))).await;
    changed.map_err(|error| of_resource(error.into()))?;
    Ok(Output::Result(String::new()))
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "ResourceArn").await?;
    let topic = parts.events.topics().find(&name).await.map_err(|error| of_resource(error.into()))?;
    let tags = topic.tags.iter().map(|(key, value)| xml::text("Key", key) + &xml::text("Value", value));
    Ok(Output::Result(xml::list("Tags", tags)))
}

/// The tags of a form.
pub(super) fn given(form: &Form) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = BTreeMap::new();
    for tag in form.items("Tags") {
        let key = tag.text("Key").ok_or_else(|| Fault::null("tags.member.key"))?;
        let value = tag.text("Value").unwrap_or_default();
        let (key_size, value_size) = (key.chars().count(), value.chars().count());
        if !(1..=limits::TAG_KEY_SIZE).contains(&key_size) {
            return Err(Fault::parameter(format!(
                "Tag keys must be between 1 and {} characters in length.",
                limits::TAG_KEY_SIZE
            )));
        }
        if value_size > limits::TAG_VALUE_SIZE {
            return Err(Fault::parameter(format!(
                "Tag values must be between 0 and {} characters in length.",
                limits::TAG_VALUE_SIZE
            )));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Fault::parameter("Duplicated keys are not allowed."));
        }
    }
    Ok(tags)
}

/// A topic that is not there, as these operations say it.
fn of_resource(fault: Fault) -> Fault {
    match fault.code {
        Code::NOT_FOUND if fault.message == Refusal::NoTopic.to_string() => {
            Fault::new(Code::RESOURCE_NOT_FOUND, "Resource does not exist")
        }
        _ => fault,
    }
}
