use sonagi_items::Item;

use super::{
    Fault,
    checks::{BATCH_TABLE, Checks, Table, batch_table, objects},
    choice::{Capacity, Metrics},
    kind::{Entries, read, structure},
    put_item::check_size,
    value::Attributes,
};

/// API Reference, `BatchWriteItem`
#[derive(Debug)]
pub(crate) struct BatchWriteItem {
    /// In the order of the body; 25 writes at the most. Whether two of them are of one item only the tables' keys tell.
    pub(crate) tables: Vec<(Table, Vec<Write>)>,
    pub(crate) capacity: Capacity,
    pub(crate) metrics: Metrics,
}

/// `WriteRequest`
#[derive(Debug)]
pub(crate) enum Write {
    Put(Item),
    /// The item with this key.
    Delete(Item),
}

structure! {
    Input, "BatchWriteItemInput" {
        items: Entries<Vec<WriteInput>> = "RequestItems",
        capacity: String = "ReturnConsumedCapacity",
        metrics: String = "ReturnItemCollectionMetrics",
    }
}

structure! {
    WriteInput, "WriteRequest" {
        put: PutInput = "PutRequest",
        delete: DeleteInput = "DeleteRequest",
    }
}

structure! {
    PutInput, "PutRequest" {
        item: Attributes = "Item",
    }
}

structure! {
    DeleteInput, "DeleteRequest" {
        key: Attributes = "Key",
    }
}

/// Writes of one request (API Reference, `BatchWriteItem`).
const WRITES: usize = 25;

impl BatchWriteItem {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let metrics = checks.choice("returnItemCollectionMetrics", input.metrics.as_ref());
        let items = input.items.map(|Entries(items)| items).unwrap_or_default();
        check_items(&mut checks, &items);
        checks.done()?;
        if items.is_empty() {
            return Err(Fault::validation("The requestItems parameter is required for BatchWriteItem"));
        }
        if items.iter().map(|(_, writes)| writes.len()).sum::<usize>() > WRITES {
            return Err(Fault::validation("Too many items requested for the BatchWriteItem call"));
        }
        let mut tables = Vec::with_capacity(items.len());
        for (name, inputs) in items {
            let Some(table) = batch_table(&name) else { continue };
            // Each has one of the two, which is looked at before what they have.
            if inputs.iter().any(|input| input.put.is_some() == input.delete.is_some()) {
                return Err(Fault::validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
                     datatypes",
                ));
            }
            let writes = inputs.into_iter().map(write).collect::<Result<_, _>>()?;
            tables.push((table, writes));
        }
        Ok(Self {
            tables,
            capacity: capacity.unwrap_or(Capacity::None),
            metrics: metrics.unwrap_or(Metrics::None),
        })
    }
}

fn check_items(checks: &mut Checks, items: &[(String, Vec<WriteInput>)]) {
    let mut fail = |constraint: &str| {
        checks.fail(|| {
            let shown: Vec<String> = items
                .iter()
                .map(|(name, writes)| format!("{name}={}", objects("WriteRequest", writes.len())))
                .collect();
            format!(
                "Value '{{{}}}' at 'requestItems' failed to satisfy constraint: {constraint}",
                shown.join(", ")
            )
        });
    };
    if items.iter().any(|(name, _)| batch_table(name).is_none()) {
        fail(BATCH_TABLE);
    }
    if items.iter().any(|(_, writes)| !(1..=WRITES).contains(&writes.len())) {
        fail(&format!(
            "Map value must satisfy constraint: [Member must have length less than or equal to {WRITES}, Member must have \
             length greater than or equal to 1]"
        ));
    }
    for (name, writes) in items {
        for (index, write) in writes.iter().enumerate() {
            let at = || format!("requestItems.{name}.member.{}.member", index + 1);
            if let Some(DeleteInput { key: None }) = &write.delete {
                checks.required::<()>(&format!("{}.deleteRequest.key", at()), &None);
            }
            if let Some(PutInput { item: None }) = &write.put {
                checks.required::<()>(&format!("{}.putRequest.item", at()), &None);
            }
        }
    }
}

fn write(input: WriteInput) -> Result<Write, Fault> {
    if let Some(PutInput { item: Some(item) }) = input.put {
        let item = item.item()?;
        check_size(&item)?;
        return Ok(Write::Put(item));
    }
    let key = input.delete.and_then(|delete| delete.key).unwrap_or_default();
    Ok(Write::Delete(key.item()?))
}
