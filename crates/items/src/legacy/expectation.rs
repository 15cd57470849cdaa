use super::{
    ComparisonOperator, ConditionalOperator, LegacyError, Test,
    filter::{check_conditional_operator, join},
};
use crate::{Value, expression::Condition};

/// What is expected of an attribute before an item is written (API Reference, `ExpectedAttributeValue`): either an operator
/// with its values, or a value, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    pub exists: Option<bool>,
    pub value: Option<Value>,
    /// `ComparisonOperator`
    pub operator: Option<ComparisonOperator>,
    /// `AttributeValueList`
    pub values: Option<Vec<Value>>,
}

impl Condition {
    /// `Expected` with `ConditionalOperator` (Developer Guide, "Expected"), by the attributes' names. None if nothing is
    /// expected.
    pub fn of_expected(
        expected: impl IntoIterator<Item = (String, Expectation)>,
        operator: Option<ConditionalOperator>,
    ) -> Result<Option<Self>, LegacyError> {
        let expected: Vec<_> = expected.into_iter().collect();
        check_conditional_operator(operator, expected.len())?;
        let tests = expected.into_iter().map(|(name, expectation)| expectation.test(&name)?.of(name));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        Ok(join(tests, operator.unwrap_or_default()).map(Self))
    }
}

impl Expectation {
    /// The test that it is, in the order in which DynamoDB tells mistakes.
    fn test(self, name: &str) -> Result<Test, LegacyError> {
        let name = || name.to_owned();
        let Self { exists, value, operator, values } = self;
        let has_values = values.is_some();
        if value.is_some() && has_values {
            return Err(LegacyError::ValueAndValues(name()));
        }
        let Some(operator) = operator else {
            if has_values {
                return Err(LegacyError::OnlyValues(name()));
            }
            return match (exists, value) {
                (None | Some(true), Some(value)) => {
                    Ok(Test { operator: ComparisonOperator::Eq, values: vec![value] })
                }
                (None | Some(true), None) => Err(LegacyError::NoValue { exists, name: name() }),
                (Some(false), Some(_)) => Err(LegacyError::ValueOfMissing(name())),
                (Some(false), None) => Ok(Test { operator: ComparisonOperator::Null, values: Vec::new() }),
            };
        };
        if exists.is_some() {
            return Err(LegacyError::ExistsAndOperator(name()));
        }
        match values.or_else(|| value.map(|value| vec![value])) {
            Some(values) => Ok(Test { operator, values }),
            None if *operator.count().end() == 0 => Ok(Test { operator, values: Vec::new() }),
            None => Err(LegacyError::OnlyOperator { operator, name: name() }),
        }
    }
}
