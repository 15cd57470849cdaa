//! The parameters from before there were expressions, as they are written (Developer Guide, "Legacy DynamoDB conditional
//! parameters"): read, checked for their constraints, and then for what they mean, which is before DynamoDB looks at the table.

use sonagi_items::{
    expression::{Condition, Projection, Update},
    legacy::{
        Action, AttributeUpdate, ComparisonOperator, ConditionalOperator, Expectation, Test,
        check_conditional_operator,
    },
};

use super::{
    Fault,
    checks::Checks,
    choice::Choice,
    kind::{Entries, structure},
    value::{Attribute, Values},
};

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

pub(super) fn check_expected(checks: &mut Checks, expected: Option<&Entries<ExpectedInput>>) {
    for (name, attribute) in expected.into_iter().flat_map(|Entries(attributes)| attributes) {
        if attribute.comparison.is_some() {
            let at = format!("expected.{name}.member.comparisonOperator");
            checks.choice::<ComparisonOperator>(&at, attribute.comparison.as_ref());
        }
    }
}

/// After [`check_expected`].
pub(super) fn expected(
    expected: Option<Entries<ExpectedInput>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, Fault> {
    let Entries(inputs) = expected.unwrap_or_default();
    check_conditional_operator(operator, inputs.len()).map_err(Fault::validation)?;
    let mut expected = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let expectation = Expectation {
            exists: input.exists,
            value: input.value.map(Attribute::value).transpose()?,
            operator: input.comparison.as_deref().and_then(ComparisonOperator::of),
            values: input.values.map(Values::values).transpose()?,
        };
        expected.push((name, expectation));
    }
    Condition::of_expected(expected, operator).map_err(Fault::validation)
}

/// `at` is the parameter's name.
pub(super) fn check_conditions(checks: &mut Checks, at: &str, conditions: Option<&Entries<ConditionInput>>) {
    for (name, condition) in conditions.into_iter().flat_map(|Entries(conditions)| conditions) {
        let at = format!("{at}.{name}.member.comparisonOperator");
        checks.required(&at, &condition.comparison);
        checks.choice::<ComparisonOperator>(&at, condition.comparison.as_ref());
    }
}

/// After [`check_conditions`].
pub(super) fn tests(Entries(inputs): Entries<ConditionInput>) -> Result<Vec<(String, Test)>, Fault> {
    let mut tests = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let values = input.values.map(Values::values).transpose()?.unwrap_or_default();
        if let Some(operator) = input.comparison.as_deref().and_then(ComparisonOperator::of) {
            tests.push((name, Test { operator, values }));
        }
    }
    Ok(tests)
}

pub(super) fn filter(
    filter: Option<Entries<ConditionInput>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, Fault> {
    let filter = filter.unwrap_or_default();
    check_conditional_operator(operator, filter.0.len()).map_err(Fault::validation)?;
    Condition::of_filter(tests(filter)?, operator).map_err(Fault::validation)
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
pub(super) fn updates(updates: Option<Entries<UpdateInput>>) -> Result<Option<Update>, Fault> {
    let Some(Entries(inputs)) = updates.filter(|Entries(updates)| !updates.is_empty()) else {
        return Ok(None);
    };
    let mut updates = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let value = input.value.map(Attribute::value).transpose()?;
        let action = input.action.as_deref().and_then(Choice::of);
        updates.push((name, AttributeUpdate::new(action, value).map_err(Fault::validation)?));
    }
    Ok(Some(Update::of_attributes(updates)))
}
