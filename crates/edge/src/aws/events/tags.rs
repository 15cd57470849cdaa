//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_events::bus::Tagged;
use sonagi_model::limits;

use super::{Answer, Call, address, checks::Checks, error::Fault};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// Tags as they are kept.
pub(super) fn read(tags: &[Tag]) -> Result<BTreeMap<String, String>, Fault> {
    let mut checks = Checks::default();
    for (index, tag) in tags.iter().enumerate() {
        let at = |member: &str| format!("tags.{}.member.{member}", index + 1);
        checks.length(&at("key"), Some(&tag.key), 1..=limits::TAG_KEY_SIZE);
        checks.length(&at("value"), Some(&tag.value), 0..=limits::TAG_VALUE_SIZE);
    }
    checks.count("tags", tags.len(), 0..=limits::TAGS);
    checks.done()?;
    Ok(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    #[serde(rename = "Tags")]
    tags: Option<Vec<Tag>>,
    #[serde(rename = "TagKeys")]
    keys: Option<Vec<String>>,
}

impl Input {
    /// What it is about, for a caller that may do this to it.
    fn tagged(&self, call: &Call<'_>) -> Result<Tagged, Fault> {
        let mut checks = Checks::default();
        checks.there("resourceARN", self.arn.is_some());
        checks.length("resourceARN", self.arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
        checks.done()?;
        let arn = self.arn.as_deref().unwrap_or_default();
        call.may(arn)?;
        address::tagged(call.parts, arn)
    }
}

pub(super) async fn tag(call: &Call<'_>) -> Answer {
    let input: Input = call.read()?;
    let what = input.tagged(call)?;
    let mut checks = Checks::default();
    checks.there("tags", input.tags.is_some());
    checks.done()?;
    let tags = read(input.tags.as_deref().unwrap_or_default())?;
    call.buses.tag(&what, move |all| all.extend(tags.clone())).await?;
    call.done()
}

pub(super) async fn untag(call: &Call<'_>) -> Answer {
    let input: Input = call.read()?;
    let what = input.tagged(call)?;
    let mut checks = Checks::default();
    checks.there("tagKeys", input.keys.is_some());
    checks.done()?;
    let keys = input.keys.unwrap_or_default();
    call.buses.tag(&what, move |tags| tags.retain(|key, _| !keys.contains(key))).await?;
    call.done()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput {
    tags: Vec<Tag>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: Input = call.read()?;
    let what = input.tagged(call)?;
    let tags = call.buses.tags(&what).await?;
    call.answer(&ListOutput { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
