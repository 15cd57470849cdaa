//! TagQueue, UntagQueue, ListQueueTags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::{Answer, Call, error::Fault, queues::OnlyUrl, text::Text};
use crate::platform::Parts;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    tags: Option<BTreeMap<String, String>>,
}

pub(super) async fn tag(parts: &Parts, call: &Call) -> Answer {
    let input: TagInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let tags = input.tags.filter(|tags| !tags.is_empty()).ok_or_else(|| Fault::missing("Tags"))?;
    check(&tags)?;
    parts.queues.tag(&name, move |all| all.extend(tags.clone())).await?;
    call.done()
}

/// Whether these can be tags.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    for (key, value) in tags {
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
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    tag_keys: Option<Vec<String>>,
}

pub(super) async fn untag(parts: &Parts, call: &Call) -> Answer {
    let input: UntagInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let keys = input.tag_keys.filter(|keys| !keys.is_empty()).ok_or_else(|| Fault::missing("TagKeys"))?;
    parts.queues.tag(&name, move |tags| tags.retain(|key, _| !keys.contains(key))).await?;
    call.done()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a BTreeMap<String, String>,
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let input: OnlyUrl<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let queue = parts.queues.find(&name).await?;
    call.answer(&ListOutput { tags: &queue.tags })
}
