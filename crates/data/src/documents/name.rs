use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::Refusal;

/// A table's name, or an index's: 3 to 255 letters, digits, underscores, hyphens and points (Developer Guide, "Supported
/// data types and naming rules in Amazon DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName(Arc<str>);

impl TableName {
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let fits = (limits::TABLE_NAME_MIN..=limits::TABLE_NAME_SIZE).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if fits { Ok(Self(text.into())) } else { Err(Refusal::Name) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TableName {
    type Err = Refusal;
    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::new(text)
    }
}

impl TryFrom<String> for TableName {
    type Error = Refusal;
    fn try_from(text: String) -> Result<Self, Refusal> {
        Self::new(&text)
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rule() {
        for right in ["abc", "_a.b-c", &"a".repeat(255)] {
            assert_eq!(TableName::new(right).unwrap().as_str(), right);
        }
        for wrong in ["", "ab", "a b", "a/b", "äöü", &"a".repeat(256)] {
            assert_eq!(TableName::new(wrong), Err(Refusal::Name), "{wrong:?}");
        }
    }
}
