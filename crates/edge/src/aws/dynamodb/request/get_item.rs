use sonagi_items::{Item, expression::Projection, legacy::Parameter};

use super::{
    Fault,
    checks::{Checks, Table},
    choice::Capacity,
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy,
    value::Attributes,
};

/// API Reference, `GetItem`
#[derive(Debug)]
pub(crate) struct GetItem {
    pub(crate) table: Table,
    pub(crate) key: Item,
    pub(crate) projection: Option<Projection>,
    pub(crate) is_consistent: bool,
    pub(crate) capacity: Capacity,
}

structure! {
    Input, "GetItemInput" {
        table: String = "TableName",
        key: Attributes = "Key",
        attributes: Vec<String> = "AttributesToGet",
        consistent: bool = "ConsistentRead",
        capacity: String = "ReturnConsumedCapacity",
        projection: String = "ProjectionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
    }
}

impl GetItem {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let table = Checks::table(input.table)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        legacy::check_names(&mut checks, input.attributes.as_ref());
        checks.required("key", &input.key);
        checks.done()?;
        let expressions = [(Parameter::ProjectionExpression, input.projection.is_some())];
        check_mixing(&expressions, &[(Parameter::AttributesToGet, input.attributes.is_some())])?;
        let given = Given { names: input.names, values: None };
        given.check_use(&expressions)?;
        let key = input.key.unwrap_or_default().item()?;
        let attributes = legacy::projection(input.attributes)?;
        let expressions = given.expressions()?;
        let projection = expressions.projection(input.projection.as_ref())?.or(attributes);
        expressions.done()?;
        Ok(Self {
            table,
            key,
            projection,
            is_consistent: input.consistent.unwrap_or(false),
            capacity: capacity.unwrap_or(Capacity::None),
        })
    }
}
