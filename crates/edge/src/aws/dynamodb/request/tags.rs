use super::{
    Fault,
    checks::{Checks, is_table_arn},
    kind::{read, structure},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// API Reference, `TagResource`
#[derive(Debug)]
pub(crate) struct TagResource {
    /// A table's ARN.
    pub(crate) resource: String,
    /// At least one.
    pub(crate) tags: Vec<Tag>,
}

/// API Reference, `UntagResource`
#[derive(Debug)]
pub(crate) struct UntagResource {
    pub(crate) resource: String,
    /// At least one.
    pub(crate) keys: Vec<String>,
}

/// API Reference, `ListTagsOfResource`
#[derive(Debug)]
pub(crate) struct ListTagsOfResource {
    pub(crate) resource: String,
    pub(crate) token: Option<String>,
}

structure! {
    TagInput, "Tag" {
        key: String = "Key",
        value: String = "Value",
    }
}

structure! {
    AddInput, "TagResourceInput" {
        resource: String = "ResourceArn",
        tags: Vec<TagInput> = "Tags",
    }
}

structure! {
    RemoveInput, "UntagResourceInput" {
        resource: String = "ResourceArn",
        keys: Vec<String> = "TagKeys",
    }
}

structure! {
    ListInput, "ListTagsOfResourceInput" {
        resource: String = "ResourceArn",
        token: String = "NextToken",
    }
}

/// Characters of a tag's key and value (API Reference, `Tag`).
const KEY: std::ops::RangeInclusive<usize> = 1..=128;
const VALUE: std::ops::RangeInclusive<usize> = 0..=256;

pub(super) fn check_tags(checks: &mut Checks, inputs: Vec<TagInput>) -> Vec<Tag> {
    let mut tags = Vec::with_capacity(inputs.len());
    for (index, tag) in inputs.into_iter().enumerate() {
        let at = |member: &str| format!("tags.{}.member.{member}", index + 1);
        checks.required(&at("key"), &tag.key);
        checks.length(&at("key"), tag.key.as_ref(), KEY);
        checks.required(&at("value"), &tag.value);
        checks.length(&at("value"), tag.value.as_ref(), VALUE);
        tags.push(Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() });
    }
    tags
}

fn required(arn: Option<String>) -> Result<String, Fault> {
    arn.ok_or_else(|| Fault::validation("Invalid TableArn"))
}

/// After constraints, other than the rest of what it must be.
fn check_arn(arn: &str) -> Result<(), Fault> {
    match is_table_arn(arn) {
        true => Ok(()),
        false => Err(Fault::validation(format_args!(
            "Invalid TableArn: Invalid ResourceArn provided as input {arn}"
        ))),
    }
}

impl TagResource {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: AddInput = read(body)?;
        let resource = required(input.resource)?;
        let mut checks = Checks::default();
        checks.required("tags", &input.tags);
        let tags = check_tags(&mut checks, input.tags.unwrap_or_default());
        checks.done()?;
        check_arn(&resource)?;
        match tags.is_empty() {
            true => Err(Fault::validation("Atleast one Tag needs to be provided as Input.")),
            false => Ok(Self { resource, tags }),
        }
    }
}

impl UntagResource {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: RemoveInput = read(body)?;
        let resource = required(input.resource)?;
        let mut checks = Checks::default();
        checks.required("tagKeys", &input.keys);
        let keys = input.keys.unwrap_or_default();
        for (index, key) in keys.iter().enumerate() {
            checks.length(&format!("tagKeys.{}.member", index + 1), Some(key), KEY);
        }
        checks.done()?;
        check_arn(&resource)?;
        match keys.is_empty() {
            true => Err(Fault::validation("Atleast one Tag Key needs to be provided as Input.")),
            false => Ok(Self { resource, keys }),
        }
    }
}

impl ListTagsOfResource {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: ListInput = read(body)?;
        let resource = required(input.resource)?;
        check_arn(&resource)?;
        Ok(Self { resource, token: input.token })
    }
}
