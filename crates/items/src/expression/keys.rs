use std::collections::BTreeMap;

use super::{
    Condition, KeyConditionError, Substitutes, Which,
    condition::{Comparison, Operand, Test},
};
use crate::Value;

/// What the keys of the items must be that a query is for (Developer Guide, "Key condition expressions for the Query
/// operation in DynamoDB"): a test for each attribute that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCondition(pub(crate) BTreeMap<String, KeyTest>);

/// What one attribute must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTest {
    Equal(Value),
    Less(Value),
    AtMost(Value),
    Greater(Value),
    AtLeast(Value),
    /// Both included.
    Between(Value, Value),
    BeginsWith(Value),
}

impl KeyCondition {
    pub fn parse(text: &str, substitutes: &Substitutes) -> Result<Self, KeyConditionError> {
        let Condition(test) = Condition::parse(text, Which::KeyCondition, substitutes)?;
        let mut tests = BTreeMap::new();
        collect(&test, &mut tests)?;
        Ok(Self(tests))
    }

    /// By the attributes' names.
    pub fn tests(&self) -> &BTreeMap<String, KeyTest> {
        &self.0
    }
}

fn collect(test: &Test, tests: &mut BTreeMap<String, KeyTest>) -> Result<(), KeyConditionError> {
    let (operator, operands) = test.operands();
    match test {
        Test::And(left, right) => {
            collect(left, tests)?;
            return collect(right, tests);
        }
        Test::Or(..) => return Err(KeyConditionError::Operator("OR")),
        Test::Not(_) => return Err(KeyConditionError::Operator("NOT")),
        Test::In(..)
        | Test::Exists(_)
        | Test::IsMissing(_)
        | Test::Type(..)
        | Test::Contains(..)
        | Test::Comparison(Comparison::Unequal, ..) => return Err(KeyConditionError::Operator(operator)),
        Test::Comparison(..) | Test::Between(..) | Test::BeginsWith(..) => {}
    }
    let is_path = |operand: &&&Operand| matches!(operand, Operand::Path(_));
    if !matches!(test, Test::Comparison(..)) && !operands.first().is_some_and(|first| is_path(&first)) {
        return Err(KeyConditionError::FirstOperand(operator));
    }
    if operands.iter().any(|operand| matches!(operand, Operand::Size(_))) {
        return Err(KeyConditionError::NestedOperation);
    }
    if operands.iter().filter(is_path).count() > 1 {
        return Err(KeyConditionError::SeveralNames);
    }
    let (path, test) = match test {
        Test::Comparison(comparison, Operand::Path(path), Operand::Value(value)) => {
            (path, compared(*comparison, value.clone()))
        }
        // Said the other way round.
        Test::Comparison(comparison, Operand::Value(value), Operand::Path(path)) => {
            (path, compared(turned(*comparison), value.clone()))
        }
        Test::Between(Operand::Path(path), Operand::Value(lower), Operand::Value(upper)) => {
            (path, KeyTest::Between(lower.clone(), upper.clone()))
        }
        Test::BeginsWith(Operand::Path(path), Operand::Value(beginning)) => {
            (path, KeyTest::BeginsWith(beginning.clone()))
        }
        _ => return Err(KeyConditionError::NoName),
    };
    if !path.steps.is_empty() {
        return Err(KeyConditionError::NestedName);
    }
    match tests.insert(path.name.clone(), test) {
        None => Ok(()),
        Some(_) => Err(KeyConditionError::Twice),
    }
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal | Comparison::Unequal => comparison,
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Greater => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
    }
}

fn compared(comparison: Comparison, value: Value) -> KeyTest {
    match comparison {
        // That it is unequal is said of no key.
        Comparison::Equal | Comparison::Unequal => KeyTest::Equal(value),
        Comparison::Less => KeyTest::Less(value),
        Comparison::AtMost => KeyTest::AtMost(value),
        Comparison::Greater => KeyTest::Greater(value),
        Comparison::AtLeast => KeyTest::AtLeast(value),
    }
}
