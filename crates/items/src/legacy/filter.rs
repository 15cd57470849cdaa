use super::{ConditionalOperator, LegacyError, Test};
use crate::expression::{self, Condition};

/// That `ConditionalOperator` has something to join, of which there is `count`; it comes before all that is checked of the
/// conditions, and before a query is found to have no condition on its keys.
pub fn check_conditional_operator(
    operator: Option<ConditionalOperator>,
    count: usize,
) -> Result<(), LegacyError> {
    match (operator, count) {
        (None, _) | (Some(_), 2..) => Ok(()),
        (Some(_), 0) => Err(LegacyError::NothingToJoin),
        (Some(_), 1) => Err(LegacyError::OneToJoin),
    }
}

impl Condition {
    /// `QueryFilter` or `ScanFilter` with `ConditionalOperator` (Developer Guide, "QueryFilter", "ScanFilter"), by the
    /// attributes' names. None if there are no conditions: all items are wanted.
    pub fn of_filter(
        tests: impl IntoIterator<Item = (String, Test)>,
        operator: Option<ConditionalOperator>,
    ) -> Result<Option<Self>, LegacyError> {
        let tests: Vec<_> = tests.into_iter().collect();
        check_conditional_operator(operator, tests.len())?;
        let tests = tests.into_iter().map(|(name, test)| test.of(name));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        Ok(join(tests, operator.unwrap_or_default()).map(Self))
    }
}

/// Pair by pair, so that there may be many without being deep.
pub(super) fn join(
    mut tests: Vec<expression::Test>,
    operator: ConditionalOperator,
) -> Option<expression::Test> {
    let both = |one: expression::Test, other: expression::Test| match operator {
        ConditionalOperator::And => expression::Test::And(one.into(), other.into()),
        ConditionalOperator::Or => expression::Test::Or(one.into(), other.into()),
    };
    while tests.len() > 1 {
        let mut pairs = Vec::with_capacity(tests.len().div_ceil(2));
        let mut rest = tests.into_iter();
        while let Some(one) = rest.next() {
            pairs.push(match rest.next() {
                Some(other) => both(one, other),
                None => one,
            });
        }
        tests = pairs;
    }
    tests.pop()
}
