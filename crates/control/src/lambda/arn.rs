//! ARNs of other services' things, as members of a request.

use super::reference::{is_account, is_region};
use crate::releases::change::Arns;

/// The model's `Arn`.
pub(super) const PATTERN: &str = r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
/// The model's `DestinationArn`.
pub(super) const DESTINATION_PATTERN: &str = r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
/// The model's `ResourceArn`.
pub(super) const RESOURCE_PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";

/// `arn:<partition>:<service>:<region>:<account>:<resource>`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// What the model's pattern of an ARN fits.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else { return None };
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let fits = partition.strip_prefix("aws").is_some_and(letters)
            && !service.is_empty()
            && letters(service)
            && (region.is_empty() || is_region(region))
            && (account.is_empty() || is_account(account));
        fits.then_some(Self { service, region, account, resource })
    }

    /// Whether it is this account's and this region's.
    pub(super) fn is_here(&self, arns: &Arns) -> bool {
        self.region == arns.region.as_str() && self.account == arns.account.as_str()
    }

    /// Whether its resource can be the name of a queue or a topic.
    pub(super) fn is_named(&self) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !self.resource.is_empty() && self.resource.bytes().all(word)
    }
}

pub(super) fn is_destination(text: &str) -> bool {
    text.is_empty() || text.starts_with("kafka://") || Arn::parse(text).is_some()
}

pub(super) fn is_resource(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(4, ':').collect();
    let ["arn", partition, service, _] = parts[..] else { return text.is_empty() };
    let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    (partition.is_empty() || partition.strip_prefix("aws").is_some_and(letters))
        && !service.is_empty()
        && service.bytes().all(word)
}
