use sonagi_items::{
    expression::{KeyCondition, Which},
    legacy::{ConditionalOperator, KeyConditions, Parameter},
};

use super::{
    Fault,
    checks::Checks,
    choice::Capacity,
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy::{self, ConditionInput},
    page::{Page, check_select},
    scalar::Integer,
    value::Attributes,
};

/// API Reference, `Query`
#[derive(Debug)]
pub(crate) struct Query {
    /// Of one attribute or two.
    pub(crate) keys: KeyCondition,
    pub(crate) is_forward: bool,
    pub(crate) page: Page,
}

structure! {
    Input, "QueryInput" {
        table: String = "TableName",
        index: String = "IndexName",
        select: String = "Select",
        attributes: Vec<String> = "AttributesToGet",
        limit: Integer = "Limit",
        consistent: bool = "ConsistentRead",
        key_conditions: Entries<ConditionInput> = "KeyConditions",
        query_filter: Entries<ConditionInput> = "QueryFilter",
        operator: String = "ConditionalOperator",
        forward: bool = "ScanIndexForward",
        start: Attributes = "ExclusiveStartKey",
        capacity: String = "ReturnConsumedCapacity",
        projection: String = "ProjectionExpression",
        filter: String = "FilterExpression",
        keys: String = "KeyConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
    }
}

impl Query {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let table = Checks::table(input.table)?;
        let mut checks = Checks::default();
        let select = checks.choice("select", input.select.as_ref());
        checks.name("indexName", input.index.as_ref());
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        legacy::check_conditions(&mut checks, "queryFilter", input.query_filter.as_ref());
        let operator: Option<ConditionalOperator> =
            checks.choice("conditionalOperator", input.operator.as_ref());
        legacy::check_names(&mut checks, input.attributes.as_ref());
        let limit = input.limit.map(|Integer(limit)| limit);
        if limit.is_some_and(|limit| limit < 1) {
            // In other words than all others.
            checks.fail(|| {
                "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1".into()
            });
        }
        legacy::check_conditions(&mut checks, "keyConditions", input.key_conditions.as_ref());
        checks.done()?;
        let expressions = [
            (Parameter::ProjectionExpression, input.projection.is_some()),
            (Parameter::FilterExpression, input.filter.is_some()),
            (Parameter::KeyConditionExpression, input.keys.is_some()),
        ];
        let others = [
            (Parameter::AttributesToGet, input.attributes.is_some()),
            (Parameter::QueryFilter, input.query_filter.is_some()),
            (Parameter::ConditionalOperator, input.operator.is_some()),
            (Parameter::KeyConditions, input.key_conditions.is_some()),
        ];
        check_mixing(&expressions, &others)?;
        let given = Given { names: input.names, values: input.values };
        match input.key_conditions {
            None => given.check_use(&expressions)?,
            Some(_) => given.check_use_beside_keys(&expressions)?,
        }
        let query_filter = legacy::filter(input.query_filter, operator)?;
        let wants_attributes = input.attributes.is_some();
        let attributes = legacy::projection(input.attributes)?;
        let start = input.start.map(Attributes::start_key).transpose()?;
        if input.key_conditions.is_none() && input.keys.is_none() {
            return Err(Fault::validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ));
        }
        let expressions = given.expressions()?;
        let keys = expressions.key_condition(input.keys.as_ref())?;
        let filter = expressions.condition(input.filter.as_ref(), Which::Filter)?.or(query_filter);
        let wants_projection = input.projection.is_some();
        let projection = expressions.projection(input.projection.as_ref())?.or(attributes);
        expressions.done()?;
        check_select(select, input.index.as_ref(), wants_attributes, wants_projection)
            .map_err(|message| Fault::validation(format_args!("1 validation error detected: {message}")))?;
        let keys = match (keys, input.key_conditions) {
            (Some(keys), _) => keys,
            (None, conditions) => {
                let tests = conditions.map(legacy::tests).transpose()?.unwrap_or_default();
                check_count(tests.len())?;
                KeyConditions::new(tests).and_then(KeyConditions::condition).map_err(Fault::validation)?
            }
        };
        check_count(keys.tests().len())?;
        let page = Page {
            table,
            index: input.index,
            filter,
            projection,
            select,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            start,
            is_consistent: input.consistent.unwrap_or(false),
            capacity: capacity.unwrap_or(Capacity::None),
        };
        Ok(Self { keys, is_forward: input.forward.unwrap_or(true), page })
    }
}

fn check_count(conditions: usize) -> Result<(), Fault> {
    match conditions {
        1 | 2 => Ok(()),
        _ => Err(Fault::validation("Conditions can be of length 1 or 2 only")),
    }
}
