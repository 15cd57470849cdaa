use std::cmp::Ordering;

use super::{ComparisonOperator, LegacyError};
use crate::{
    Value,
    expression::{self, Comparison, KeyTest, Operand, Path},
};

/// What an attribute must be (API Reference, `Condition`; Developer Guide, "Writing conditions with legacy parameters").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub operator: ComparisonOperator,
    /// `AttributeValueList`
    pub values: Vec<Value>,
}

impl Test {
    /// In the order in which DynamoDB tells mistakes.
    pub(super) fn check(&self) -> Result<(), LegacyError> {
        let Self { operator, values } = self;
        if !operator.count().contains(&values.len()) {
            return Err(LegacyError::Count(*operator));
        }
        if values.windows(2).any(|pair| pair[0].kind() != pair[1].kind()) {
            return Err(LegacyError::SeveralKinds);
        }
        if let Some(kind) = values.iter().map(Value::kind).find(|kind| !operator.takes(*kind)) {
            return Err(LegacyError::Kind { operator: *operator, kind });
        }
        match (operator, &values[..]) {
            (ComparisonOperator::Between, [lower, upper])
                if expression::order(lower, upper) == Some(Ordering::Greater) =>
            {
                Err(LegacyError::Bounds)
            }
            _ => Ok(()),
        }
    }

    /// The same of an attribute, as an expression has it.
    pub(super) fn of(self, name: String) -> Result<expression::Test, LegacyError> {
        self.check()?;
        let attribute = Operand::Path(Path { name, steps: Vec::new() });
        let mut values = self.values.into_iter().map(Operand::Value);
        let mut next = || values.next().ok_or(LegacyError::Count(self.operator));
        let compared =
            |comparison, attribute, value| expression::Test::Comparison(comparison, attribute, value);
        Ok(match self.operator {
            ComparisonOperator::Eq => compared(Comparison::Equal, attribute, next()?),
            ComparisonOperator::Ne => compared(Comparison::Unequal, attribute, next()?),
            ComparisonOperator::Le => compared(Comparison::AtMost, attribute, next()?),
            ComparisonOperator::Lt => compared(Comparison::Less, attribute, next()?),
            ComparisonOperator::Ge => compared(Comparison::AtLeast, attribute, next()?),
            ComparisonOperator::Gt => compared(Comparison::Greater, attribute, next()?),
            ComparisonOperator::In => expression::Test::In(attribute, values.collect()),
            ComparisonOperator::Between => expression::Test::Between(attribute, next()?, next()?),
            ComparisonOperator::NotNull => expression::Test::Exists(attribute),
            ComparisonOperator::Null => expression::Test::IsMissing(attribute),
            ComparisonOperator::Contains => expression::Test::Contains(attribute, next()?),
            // Unlike NE and unlike `NOT contains`, it holds only where there is an attribute.
            ComparisonOperator::NotContains => {
                let contains = expression::Test::Contains(attribute.clone(), next()?);
                let is_there = expression::Test::Exists(attribute);
                expression::Test::And(is_there.into(), expression::Test::Not(contains.into()).into())
            }
            ComparisonOperator::BeginsWith => expression::Test::BeginsWith(attribute, next()?),
        })
    }

    /// The same of a key, of what was checked.
    pub(super) fn of_key(self) -> Result<KeyTest, LegacyError> {
        let mut values = self.values.into_iter();
        let mut next = || values.next().ok_or(LegacyError::Count(self.operator));
        Ok(match self.operator {
            ComparisonOperator::Eq => KeyTest::Equal(next()?),
            ComparisonOperator::Le => KeyTest::AtMost(next()?),
            ComparisonOperator::Lt => KeyTest::Less(next()?),
            ComparisonOperator::Ge => KeyTest::AtLeast(next()?),
            ComparisonOperator::Gt => KeyTest::Greater(next()?),
            ComparisonOperator::Between => KeyTest::Between(next()?, next()?),
            ComparisonOperator::BeginsWith => KeyTest::BeginsWith(next()?),
            ComparisonOperator::Ne
            | ComparisonOperator::In
            | ComparisonOperator::NotNull
            | ComparisonOperator::Null
            | ComparisonOperator::Contains
            | ComparisonOperator::NotContains => return Err(LegacyError::NotIndexable),
        })
    }
}
