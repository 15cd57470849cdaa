//! Where what was written before there were expressions becomes what expressions become, one function for a parameter.
//! Each is asked at the point at which DynamoDB checks what the parameter means, which is before it looks at the table.

use sonagi_items::{
    expression::{Condition, KeyCondition, Update},
    legacy::{self, KeyConditions, LegacyError},
};

use super::{
    Fault,
    choice::{Action, Comparison, Operator},
    legacy::{AttributeCondition, AttributeUpdate, Expected, Filter},
};

fn fault(error: LegacyError) -> Fault {
    Fault::validation(error)
}

impl From<Operator> for legacy::ConditionalOperator {
    fn from(operator: Operator) -> Self {
        match operator {
            Operator::And => Self::And,
            Operator::Or => Self::Or,
        }
    }
}

impl From<Comparison> for legacy::ComparisonOperator {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::In => Self::In,
            Comparison::Null => Self::Null,
            Comparison::Between => Self::Between,
            Comparison::Lt => Self::Lt,
            Comparison::NotContains => Self::NotContains,
            Comparison::Eq => Self::Eq,
            Comparison::Gt => Self::Gt,
            Comparison::NotNull => Self::NotNull,
            Comparison::Ne => Self::Ne,
            Comparison::Le => Self::Le,
            Comparison::BeginsWith => Self::BeginsWith,
            Comparison::Ge => Self::Ge,
            Comparison::Contains => Self::Contains,
        }
    }
}

/// Of several conditions; of one it says nothing.
fn operator(operator: Operator, count: usize) -> Option<legacy::ConditionalOperator> {
    (count > 1).then(|| operator.into())
}

fn tests(conditions: &[(String, AttributeCondition)]) -> impl Iterator<Item = (String, legacy::Test)> {
    conditions.iter().map(|(name, condition)| {
        let test = legacy::Test { operator: condition.comparison.into(), values: condition.values.clone() };
        (name.clone(), test)
    })
}

/// Of `PutItem`, `UpdateItem` and `DeleteItem`.
pub(super) fn expected(expected: &Expected) -> Result<Option<Condition>, Fault> {
    let expectations = expected.attributes.iter().map(|(name, attribute)| {
        let expectation = legacy::Expectation {
            exists: attribute.exists,
            value: attribute.value.clone(),
            operator: attribute.comparison.map(Into::into),
            values: attribute.values.clone(),
        };
        (name.clone(), expectation)
    });
    let operator = operator(expected.operator, expected.attributes.len());
    Condition::of_expected(expectations, operator).map_err(fault)
}

/// Of `UpdateItem`.
pub(super) fn attribute_updates(updates: &[(String, AttributeUpdate)]) -> Result<Update, Fault> {
    let updates = updates.iter().map(|(name, update)| {
        let action = match update.action {
            Action::Add => legacy::Action::Add,
            Action::Delete => legacy::Action::Delete,
            Action::Put => legacy::Action::Put,
        };
        (name.clone(), legacy::AttributeUpdate { action: Some(action), value: update.value.clone() })
    });
    Update::of_attributes(updates).map_err(fault)
}

/// Of `Query`; there may be any number of them.
pub(super) fn key_conditions(conditions: &[(String, AttributeCondition)]) -> Result<KeyCondition, Fault> {
    KeyConditions::new(tests(conditions)).and_then(KeyConditions::condition).map_err(fault)
}

/// Of `Query` and `Scan`.
pub(super) fn filter(filter: &Filter) -> Result<Option<Condition>, Fault> {
    Condition::of_filter(tests(&filter.conditions), operator(filter.operator, filter.conditions.len()))
        .map_err(fault)
}
