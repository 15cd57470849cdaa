use sonagi_items::{
    Item,
    expression::{Condition, Update, Which},
    legacy::{ConditionalOperator, Parameter},
};

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{Capacity, Metrics, OnFailure, ReturnValues},
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy::{self, ExpectedInput, UpdateInput},
    value::Attributes,
};

/// API Reference, `UpdateItem`
#[derive(Debug)]
pub(crate) struct UpdateItem {
    pub(crate) table: Table,
    pub(crate) key: Item,
    /// None makes an item that has but its key, if there is none.
    pub(crate) update: Option<Update>,
    pub(crate) condition: Option<Condition>,
    pub(crate) return_values: ReturnValues,
    pub(crate) on_failure: OnFailure,
    pub(crate) capacity: Capacity,
    pub(crate) metrics: Metrics,
}

structure! {
    Input, "UpdateItemInput" {
        table: String = "TableName",
        key: Attributes = "Key",
        updates: Entries<UpdateInput> = "AttributeUpdates",
        expected: Entries<ExpectedInput> = "Expected",
        operator: String = "ConditionalOperator",
        return_values: String = "ReturnValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
        capacity: String = "ReturnConsumedCapacity",
        metrics: String = "ReturnItemCollectionMetrics",
        update: String = "UpdateExpression",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
    }
}

impl UpdateItem {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let table = Checks::table(input.table)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let metrics = checks.choice("returnItemCollectionMetrics", input.metrics.as_ref());
        let return_values = checks.choice("returnValues", input.return_values.as_ref());
        checks.required("key", &input.key);
        let operator: Option<ConditionalOperator> =
            checks.choice("conditionalOperator", input.operator.as_ref());
        legacy::check_expected(&mut checks, input.expected.as_ref());
        legacy::check_updates(&mut checks, input.updates.as_ref());
        let on_failure = checks.choice("returnValuesOnConditionCheckFailure", input.on_failure.as_ref());
        checks.done()?;
        let expressions = [
            (Parameter::UpdateExpression, input.update.is_some()),
            (Parameter::ConditionExpression, input.condition.is_some()),
        ];
        let others = [
            (Parameter::AttributeUpdates, input.updates.is_some()),
            (Parameter::Expected, input.expected.is_some()),
            (Parameter::ConditionalOperator, input.operator.is_some()),
        ];
        check_mixing(&expressions, &others)?;
        let given = Given { names: input.names, values: input.values };
        given.check_use(&expressions)?;
        let key = input.key.unwrap_or_default().item()?;
        let updates = legacy::updates(input.updates)?;
        let expected = legacy::expected(input.expected, operator)?;
        let expressions = given.expressions()?;
        let update = expressions.update(input.update.as_ref())?.or(updates);
        let condition = expressions.condition(input.condition.as_ref(), Which::Condition)?.or(expected);
        expressions.done()?;
        Ok(Self {
            table,
            key,
            update,
            condition,
            return_values: return_values.unwrap_or(ReturnValues::None),
            on_failure: on_failure.unwrap_or(OnFailure::None),
            capacity: capacity.unwrap_or(Capacity::None),
            metrics: metrics.unwrap_or(Metrics::None),
        })
    }
}
