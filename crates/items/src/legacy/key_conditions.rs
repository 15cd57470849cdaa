use super::{LegacyError, Test};
use crate::expression::KeyCondition;

/// `KeyConditions` (Developer Guide, "KeyConditions"): what DynamoDB checks before it looks for the table is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConditions(Vec<(String, Test)>);

impl KeyConditions {
    /// By the attributes' names.
    pub fn new(tests: impl IntoIterator<Item = (String, Test)>) -> Result<Self, LegacyError> {
        let tests: Vec<_> = tests.into_iter().collect();
        tests.iter().try_for_each(|(_, test)| test.check())?;
        match tests.len() {
            1 | 2 => Ok(Self(tests)),
            _ => Err(LegacyError::KeyConditions),
        }
    }

    /// The attributes that it asks of.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Refuses an operator that no order of keys answers. DynamoDB does so once it has found the table, and for each of the
    /// table's keys that has a condition; that a key has none comes before.
    pub fn condition(self) -> Result<KeyCondition, LegacyError> {
        let tests = self.0.into_iter().map(|(name, test)| Ok((name, test.of_key()?)));
        tests.collect::<Result<_, _>>().map(KeyCondition)
    }
}
