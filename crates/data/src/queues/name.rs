use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::Refusal;

/// A queue's name: 1 to 80 letters, digits, hyphens and underscores. A FIFO queue's ends in `.fifo`, which counts (SQS
/// Developer Guide, "Queue and message identifiers"). One of the platform's own queues begins with a tilde, which no
/// client can say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueName(Arc<str>);

const FIFO: &str = ".fifo";
/// Sorts behind all letters.
pub(super) const OWN: char = '~';

impl QueueName {
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let word = text.strip_suffix(FIFO).unwrap_or(text);
        let fits = (1..=limits::QUEUE_NAME_SIZE).contains(&text.len())
            && !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fits { Ok(Self(text.into())) } else { Err(Refusal::Name) }
    }

    /// The name of a queue of the platform's own: of what kind, and for what.
    pub fn own(kind: &str, whose: &str) -> Self {
        Self(format!("{OWN}{kind}{OWN}{whose}").into())
    }

    /// Of one of the platform's own, for what it is, if it is of that kind.
    pub fn whose(&self, kind: &str) -> Option<&str> {
        self.0.strip_prefix(OWN)?.strip_prefix(kind)?.strip_prefix(OWN)
    }

    pub fn is_own(&self) -> bool {
        self.0.starts_with(OWN)
    }

    /// As it is stored.
    pub(super) fn stored(text: &str) -> Result<Self, Refusal> {
        if text.starts_with(OWN) { Ok(Self(text.into())) } else { Self::new(text) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(FIFO)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueueName {
    type Err = Refusal;
    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::new(text)
    }
}

impl TryFrom<String> for QueueName {
    type Error = Refusal;
    fn try_from(text: String) -> Result<Self, Refusal> {
        Self::stored(&text)
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rule() {
        for right in ["a", "Clicks_2-b", "clicks.fifo", &"a".repeat(80), &format!("{}.fifo", "a".repeat(75))]
        {
            assert_eq!(QueueName::new(right).unwrap().as_str(), right);
        }
        for wrong in [
            "",
            ".fifo",
            "a.b",
            "a b",
            "é",
            "a.fifo.fifo",
            &"a".repeat(81),
            &format!("{}.fifo", "a".repeat(76)),
        ] {
            assert!(QueueName::new(wrong).is_err(), "{wrong:?}");
        }
        let own = QueueName::own("f", "shop-search");
        assert!(own.is_own() && QueueName::new(own.as_str()).is_err());
        assert_eq!((own.whose("f"), own.whose("h")), (Some("shop-search"), None));
        assert_eq!(serde_json::from_str::<QueueName>("\"~f~shop-search\"").unwrap(), own);
        assert!(QueueName::new("clicks.fifo").unwrap().is_fifo());
        assert!(!QueueName::new("clicks").unwrap().is_fifo());
    }
}
