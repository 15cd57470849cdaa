use sonagi_items::{
    Item,
    expression::{Condition, Which},
    legacy::{ConditionalOperator, Parameter},
    size,
};

use sonagi_model::limits;

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{Capacity, Metrics, OnFailure, ReturnValues},
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy::{self, ExpectedInput},
    value::Attributes,
};

/// API Reference, `PutItem`
#[derive(Debug)]
pub(crate) struct PutItem {
    pub(crate) table: Table,
    pub(crate) item: Item,
    pub(crate) condition: Option<Condition>,
    /// `None` or `AllOld`
    pub(crate) return_values: ReturnValues,
    pub(crate) on_failure: OnFailure,
    pub(crate) capacity: Capacity,
    pub(crate) metrics: Metrics,
}

structure! {
    Input, "PutItemInput" {
        table: String = "TableName",
        item: Attributes = "Item",
        expected: Entries<ExpectedInput> = "Expected",
        operator: String = "ConditionalOperator",
        return_values: String = "ReturnValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
        capacity: String = "ReturnConsumedCapacity",
        metrics: String = "ReturnItemCollectionMetrics",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
    }
}

pub(super) fn check_size(item: &Item) -> Result<(), Fault> {
    match size(item) > limits::ITEM_SIZE {
        true => Err(Fault::validation("Item size has exceeded the maximum allowed size")),
        false => Ok(()),
    }
}

/// Of operations that have nothing but the item as it was.
pub(super) fn check_old(return_values: ReturnValues) -> Result<(), Fault> {
    match return_values {
        ReturnValues::None | ReturnValues::AllOld => Ok(()),
        ReturnValues::AllNew | ReturnValues::UpdatedNew | ReturnValues::UpdatedOld => {
            Err(Fault::validation("ReturnValues can only be ALL_OLD or NONE"))
        }
    }
}

impl PutItem {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let table = Checks::table(input.table)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        checks.required("item", &input.item);
        let operator: Option<ConditionalOperator> =
            checks.choice("conditionalOperator", input.operator.as_ref());
        legacy::check_expected(&mut checks, input.expected.as_ref());
        let return_values = checks.choice("returnValues", input.return_values.as_ref());
        let metrics = checks.choice("returnItemCollectionMetrics", input.metrics.as_ref());
        let on_failure = checks.choice("returnValuesOnConditionCheckFailure", input.on_failure.as_ref());
        checks.done()?;
        let expressions = [(Parameter::ConditionExpression, input.condition.is_some())];
        let others = [
            (Parameter::Expected, input.expected.is_some()),
            (Parameter::ConditionalOperator, input.operator.is_some()),
        ];
        check_mixing(&expressions, &others)?;
        let given = Given { names: input.names, values: input.values };
        given.check_use(&expressions)?;
        let item = input.item.unwrap_or_default().item()?;
        let return_values = return_values.unwrap_or(ReturnValues::None);
        check_old(return_values)?;
        check_size(&item)?;
        let expected = legacy::expected(input.expected, operator)?;
        let expressions = given.expressions()?;
        let condition = expressions.condition(input.condition.as_ref(), Which::Condition)?.or(expected);
        expressions.done()?;
        Ok(Self {
            table,
            item,
            condition,
            return_values,
            on_failure: on_failure.unwrap_or(OnFailure::None),
            capacity: capacity.unwrap_or(Capacity::None),
            metrics: metrics.unwrap_or(Metrics::None),
        })
    }
}
