use sonagi_items::{Item, expression::Projection};

use super::{
    Fault,
    checks::{Checks, Table},
    choice::Capacity,
    expressions::Given,
    kind::{Entries, read, structure},
    value::Attributes,
};

/// API Reference, `TransactGetItems`
#[derive(Debug)]
pub(crate) struct TransactGetItems {
    /// 1 to 100.
    pub(crate) gets: Vec<Get>,
    pub(crate) capacity: Capacity,
}

#[derive(Debug)]
pub(crate) struct Get {
    pub(crate) table: Table,
    pub(crate) key: Item,
    pub(crate) projection: Option<Projection>,
}

structure! {
    Input, "TransactGetItemsInput" {
        items: Vec<ItemInput> = "TransactItems",
        capacity: String = "ReturnConsumedCapacity",
    }
}

structure! {
    ItemInput, "TransactGetItem" {
        get: GetInput = "Get",
    }
}

structure! {
    GetInput, "Get" {
        key: Attributes = "Key",
        table: String = "TableName",
        projection: String = "ProjectionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
    }
}

/// Actions of one transaction (API Reference, `TransactGetItems`, `TransactWriteItems`).
pub(super) const ACTIONS: usize = 100;

impl TransactGetItems {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        checks.required("transactItems", &input.items);
        let wants = input.items.is_some();
        let items = input.items.unwrap_or_default();
        if wants {
            checks.count("transactItems", items.len(), 1..=ACTIONS, "TransactGetItem");
        }
        let mut gets = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let at = format!("transactItems.{}.member.get", index + 1);
            checks.required(&at, &item.get);
            let Some(get) = item.get else { continue };
            checks.required(&format!("{at}.key"), &get.key);
            let table = checks.nested_table(&format!("{at}.tableName"), get.table);
            gets.push((table, get.key, get.projection, Given { names: get.names, values: None }));
        }
        checks.done()?;
        let gets = gets.into_iter().map(|(table, key, projection, given)| {
            let key = key.unwrap_or_default().item()?;
            // Other than in the request for one item, names may be there without anything that uses them.
            let Some(projection) = projection else { return Ok(Get { table, key, projection: None }) };
            let expressions = given.expressions()?;
            let projection = expressions.projection(Some(&projection))?;
            expressions.done()?;
            Ok(Get { table, key, projection })
        });
        let gets = gets.collect::<Result<_, Fault>>()?;
        Ok(Self { gets, capacity: capacity.unwrap_or(Capacity::None) })
    }
}
