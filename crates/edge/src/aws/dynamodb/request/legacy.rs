//! The parameters from before there were expressions, as they are written (Developer Guide, "Legacy DynamoDB conditional
//! parameters"): read and checked for their constraints. What they mean is in [`super::join`].

use sonagi_items::{Value, expression::Projection};

use super::{
    Fault,
    checks::Checks,
    choice::{Action, Comparison, Operator},
    kind::{Entries, structure},
    value::{Attribute, Values},
};

/// `Expected` with `ConditionalOperator`
#[derive(Debug)]
pub(crate) struct Expected {
    /// In the order of the body; never empty.
    pub(crate) attributes: Vec<(String, ExpectedAttribute)>,
    pub(crate) operator: Operator,
}

#[derive(Debug)]
pub(crate) struct ExpectedAttribute {
    pub(crate) exists: Option<bool>,
    pub(crate) value: Option<Value>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) values: Option<Vec<Value>>,
}

/// `QueryFilter` or `ScanFilter` with `ConditionalOperator`
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) conditions: Vec<(String, AttributeCondition)>,
    pub(crate) operator: Operator,
}

/// Of `KeyConditions` and filters.
#[derive(Debug)]
pub(crate) struct AttributeCondition {
    pub(crate) comparison: Comparison,
    pub(crate) values: Vec<Value>,
}

/// Of `AttributeUpdates`.
#[derive(Debug)]
pub(crate) struct AttributeUpdate {
    pub(crate) action: Action,
    pub(crate) value: Option<Value>,
}

structure! {
    ExpectedInput, "ExpectedAttributeValue" {
        values: Values = "AttributeValueList",
        comparison: String = "ComparisonOperator",
        exists: bool = "Exists",
        value: Attribute = "Value",
    }
}

structure! {
    ConditionInput, "Condition" {
        values: Values = "AttributeValueList",
        comparison: String = "ComparisonOperator",
    }
}

structure! {
    UpdateInput, "AttributeValueUpdate" {
        action: String = "Action",
        value: Attribute = "Value",
    }
}

/// `AttributesToGet`
pub(super) fn check_names(checks: &mut Checks, names: Option<&Vec<String>>) {
    if let Some(names) = names {
        checks.count_of("attributesToGet", names.iter().cloned(), 1..=255);
    }
}

pub(super) fn projection(names: Option<Vec<String>>) -> Result<Option<Projection>, Fault> {
    let Some(names) = names else { return Ok(None) };
    let mut seen = std::collections::BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(Fault::parameter(format_args!("Duplicate value in attribute name: {name}"))),
        None => Ok(Some(Projection::of_names(names))),
    }
}

/// That `ConditionalOperator` has something to combine.
pub(super) fn check_operator(operator: Option<Operator>, count: Option<usize>) -> Result<(), Fault> {
    match (operator, count.unwrap_or(0)) {
        (None, _) | (Some(_), 2..) => Ok(()),
        (Some(_), 0) => {
            Err(Fault::validation("ConditionalOperator cannot be used without Filter or Expected"))
        }
        (Some(_), 1) => Err(Fault::validation(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
    }
}

pub(super) fn check_expected(checks: &mut Checks, expected: Option<&Entries<ExpectedInput>>) {
    for (name, attribute) in expected.into_iter().flat_map(|Entries(attributes)| attributes) {
        if attribute.comparison.is_some() {
            let at = format!("expected.{name}.member.comparisonOperator");
            checks.choice::<Comparison>(&at, attribute.comparison.as_ref());
        }
    }
}

/// After [`check_expected`].
pub(super) fn expected(
    expected: Option<Entries<ExpectedInput>>,
    operator: Option<Operator>,
) -> Result<Option<Expected>, Fault> {
    check_operator(operator, expected.as_ref().map(|Entries(attributes)| attributes.len()))?;
    let Some(Entries(inputs)) = expected.filter(|Entries(attributes)| !attributes.is_empty()) else {
        return Ok(None);
    };
    let mut attributes = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let attribute = ExpectedAttribute {
            exists: input.exists,
            value: input.value.map(Attribute::value).transpose()?,
            comparison: input.comparison.as_deref().and_then(comparison),
            values: input.values.map(Values::values).transpose()?,
        };
        attributes.push((name, attribute));
    }
    Ok(Some(Expected { attributes, operator: operator.unwrap_or(Operator::And) }))
}

fn comparison(word: &str) -> Option<Comparison> {
    super::choice::Choice::of(word)
}

/// `at` is the parameter's name.
pub(super) fn check_conditions(checks: &mut Checks, at: &str, conditions: Option<&Entries<ConditionInput>>) {
    for (name, condition) in conditions.into_iter().flat_map(|Entries(conditions)| conditions) {
        let at = format!("{at}.{name}.member.comparisonOperator");
        checks.required(&at, &condition.comparison);
        checks.choice::<Comparison>(&at, condition.comparison.as_ref());
    }
}

/// After [`check_conditions`].
pub(super) fn conditions(
    Entries(inputs): Entries<ConditionInput>,
) -> Result<Vec<(String, AttributeCondition)>, Fault> {
    let mut conditions = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let values = input.values.map(Values::values).transpose()?.unwrap_or_default();
        if let Some(comparison) = input.comparison.as_deref().and_then(comparison) {
            conditions.push((name, AttributeCondition { comparison, values }));
        }
    }
    Ok(conditions)
}

pub(super) fn filter(
    filter: Option<Entries<ConditionInput>>,
    operator: Option<Operator>,
) -> Result<Option<Filter>, Fault> {
    check_operator(operator, filter.as_ref().map(|Entries(conditions)| conditions.len()))?;
    let Some(filter) = filter.filter(|Entries(conditions)| !conditions.is_empty()) else { return Ok(None) };
    Ok(Some(Filter { conditions: conditions(filter)?, operator: operator.unwrap_or(Operator::And) }))
}

pub(super) fn check_updates(checks: &mut Checks, updates: Option<&Entries<UpdateInput>>) {
    for (name, update) in updates.into_iter().flat_map(|Entries(updates)| updates) {
        if update.action.is_some() {
            checks
                .choice::<Action>(&format!("attributeUpdates.{name}.member.action"), update.action.as_ref());
        }
    }
}

/// After [`check_updates`].
pub(super) fn updates(
    updates: Option<Entries<UpdateInput>>,
) -> Result<Option<Vec<(String, AttributeUpdate)>>, Fault> {
    let Some(Entries(inputs)) = updates.filter(|Entries(updates)| !updates.is_empty()) else {
        return Ok(None);
    };
    let mut updates = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let value = input.value.map(Attribute::value).transpose()?;
        let action = input.action.as_deref().and_then(super::choice::Choice::of).unwrap_or(Action::Put);
        check_update(action, value.as_ref())?;
        updates.push((name, AttributeUpdate { action, value }));
    }
    Ok(Some(updates))
}

/// What an action may have as its value (API Reference, `AttributeValueUpdate`).
fn check_update(action: Action, value: Option<&Value>) -> Result<(), Fault> {
    match (action, value) {
        (Action::Delete, None) | (Action::Put, Some(_)) => Ok(()),
        (Action::Put | Action::Add, None) => {
            Err(Fault::parameter("Only DELETE action is allowed when no attribute value is specified"))
        }
        (Action::Delete, Some(Value::Texts(_) | Value::Numbers(_) | Value::Binaries(_)))
        | (
            Action::Add,
            Some(
                Value::Number(_) | Value::Texts(_) | Value::Numbers(_) | Value::Binaries(_) | Value::List(_),
            ),
        ) => Ok(()),
        (Action::Delete, Some(value)) => Err(Fault::parameter(format_args!(
            "DELETE action with value is not supported for the type {}",
            value.kind().as_str()
        ))),
        (Action::Add, Some(value)) => Err(Fault::parameter(format_args!(
            "ADD action is not supported for the type {}",
            value.kind().as_str()
        ))),
    }
}
