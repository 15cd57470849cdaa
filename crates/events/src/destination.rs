//! Where an event goes, as an ARN says it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sonagi_data::queues::QueueName;
use sonagi_model::{AccountId, LambdaName, Region, limits};

/// A topic's name: 1 to 256 letters, digits, hyphens and underscores; a FIFO topic's ends in `.fifo` (SNS API Reference,
/// "CreateTopic").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicName(String);

/// An event bus's name: 1 to 256 letters, digits, and any of `/.-_` (EventBridge API Reference, "CreateEventBus").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BusName(String);

impl TopicName {
    pub fn new(text: &str) -> Option<Self> {
        let word = text.strip_suffix(".fifo").unwrap_or(text);
        let fits = !word.is_empty()
            && text.len() <= limits::TOPIC_NAME_SIZE
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(".fifo")
    }
}

impl TryFrom<String> for TopicName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| format!("{text:?} is no topic's name"))
    }
}

impl From<TopicName> for String {
    fn from(name: TopicName) -> Self {
        name.0
    }
}

impl BusName {
    /// One that is a name.
    pub(crate) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=limits::BUS_NAME_SIZE).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// It is invoked asynchronously.
    Function {
        name: LambdaName,
        qualifier: Option<String>,
    },
    Queue(QueueName),
    Topic(TopicName),
    Bus(BusName),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    #[error("{0:?} is not the ARN of a function, a queue, a topic or an event bus")]
    Malformed(String),
    /// Another account's or region's.
    #[error("{0:?} is not on this platform")]
    Elsewhere(String),
}

impl Destination {
    pub fn parse(arn: &str, account: &AccountId, region: &Region) -> Result<Self, BadDestination> {
        let malformed = || BadDestination::Malformed(arn.to_owned());
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(malformed);
        let (scheme, partition, service) = (next()?, next()?, next()?);
        let (place, whose, rest) = (next()?, next()?, next()?);
        if scheme != "arn" || !partition.starts_with("aws") {
            return Err(malformed());
        }
        let destination = match service {
            "lambda" => {
                let rest = rest.strip_prefix("function:").ok_or_else(malformed)?;
                let (name, qualifier) = match rest.split_once(':') {
                    Some((name, qualifier)) if !qualifier.is_empty() => (name, Some(qualifier.to_owned())),
                    Some(_) => return Err(malformed()),
                    None => (rest, None),
                };
                Self::Function { name: LambdaName::new(name).map_err(|_| malformed())?, qualifier }
            }
            "sqs" => Self::Queue(QueueName::new(rest).map_err(|_| malformed())?),
            "sns" => Self::Topic(TopicName::new(rest).ok_or_else(malformed)?),
            "events" => {
                let name = rest.strip_prefix("event-bus/").ok_or_else(malformed)?;
                Self::Bus(BusName::new(name).ok_or_else(malformed)?)
            }
            _ => return Err(malformed()),
        };
        if place != region.as_str() || whose != account.as_str() {
            return Err(BadDestination::Elsewhere(arn.to_owned()));
        }
        Ok(destination)
    }

    pub fn arn(&self, account: &AccountId, region: &Region) -> String {
        match self {
            Self::Function { name, qualifier: None } => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}")
            }
            Self::Function { name, qualifier: Some(qualifier) } => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}")
            }
            Self::Queue(name) => format!("arn:aws:sqs:{region}:{account}:{name}"),
            Self::Topic(name) => format!("arn:aws:sns:{region}:{account}:{name}"),
            Self::Bus(name) => format!("arn:aws:events:{region}:{account}:event-bus/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_where_it_leads_and_what_was_read_is_written_again() {
        let (account, region) = (AccountId::default(), Region::default());
        for arn in [
            "arn:aws:lambda:us-east-1:000000000000:function:shop-search",
            "arn:aws:lambda:us-east-1:000000000000:function:shop-search:live",
            "arn:aws:sqs:us-east-1:000000000000:clicks.fifo",
            "arn:aws:sns:us-east-1:000000000000:news",
            "arn:aws:events:us-east-1:000000000000:event-bus/default",
        ] {
            assert_eq!(Destination::parse(arn, &account, &region).unwrap().arn(&account, &region), arn);
        }
        for arn in [
            "",
            "arn:aws:sqs:us-east-1:000000000000",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:us-east-1:000000000000:layer:x",
            "arn:aws:lambda:us-east-1:000000000000:function:x:",
            "arn:aws:sqs:us-east-1:000000000000:~f~x",
            "urn:aws:sqs:us-east-1:000000000000:q",
        ] {
            let refused = Destination::parse(arn, &account, &region);
            assert_eq!(refused, Err(BadDestination::Malformed(arn.to_owned())));
        }
        let elsewhere = "arn:aws:sqs:eu-west-1:000000000000:q";
        let refused = Destination::parse(elsewhere, &account, &region);
        assert_eq!(refused, Err(BadDestination::Elsewhere(elsewhere.to_owned())));
    }
}
