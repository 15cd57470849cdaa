use sonagi_items::{Item, expression::Projection, legacy::Parameter};

use super::{
    Fault,
    checks::{BATCH_TABLE, Checks, Table, batch_table, objects},
    choice::Capacity,
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy,
    value::Attributes,
};

/// API Reference, `BatchGetItem`
#[derive(Debug)]
pub(crate) struct BatchGetItem {
    /// In the order of the body; 100 keys at the most, and those of one table distinct.
    pub(crate) tables: Vec<KeysOf>,
    pub(crate) capacity: Capacity,
}

/// `KeysAndAttributes`
#[derive(Debug)]
pub(crate) struct KeysOf {
    pub(crate) table: Table,
    pub(crate) keys: Vec<Item>,
    pub(crate) projection: Option<Projection>,
    pub(crate) is_consistent: bool,
    /// What stands beside `Keys`, as an answer repeats it with those that were left undone.
    pub(crate) written: Written,
}

/// `AttributesToGet`, or a projection and the names that it uses, as they were written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) attributes: Option<Vec<String>>,
    pub(crate) projection: Option<String>,
    pub(crate) names: Option<Vec<(String, String)>>,
}

structure! {
    Input, "BatchGetItemInput" {
        items: Entries<KeysInput> = "RequestItems",
        capacity: String = "ReturnConsumedCapacity",
    }
}

structure! {
    KeysInput, "KeysAndAttributes" {
        keys: Vec<Attributes> = "Keys",
        attributes: Vec<String> = "AttributesToGet",
        consistent: bool = "ConsistentRead",
        projection: String = "ProjectionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
    }
}

/// Keys of one request (API Reference, `BatchGetItem`).
const KEYS: usize = 100;

impl BatchGetItem {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let items = input.items.map(|Entries(items)| items).unwrap_or_default();
        if items.iter().any(|(name, _)| batch_table(name).is_none()) {
            checks.fail(|| {
                let shown: Vec<String> = items
                    .iter()
                    .map(|(name, _)| format!("{name}={}", objects("KeysAndAttributes", 1)))
                    .collect();
                format!(
                    "Value '{{{}}}' at 'requestItems' failed to satisfy constraint: {BATCH_TABLE}",
                    shown.join(", ")
                )
            });
        }
        for (name, input) in &items {
            check_keys(&mut checks, name, input);
        }
        checks.done()?;
        if items.is_empty() {
            return Err(Fault::validation("The requestItems parameter is required for BatchGetItem"));
        }
        let any = |is_there: fn(&KeysInput) -> bool| items.iter().any(|(_, input)| is_there(input));
        check_mixing(
            &[(Parameter::ProjectionExpression, any(|input| input.projection.is_some()))],
            &[(Parameter::AttributesToGet, any(|input| input.attributes.is_some()))],
        )?;
        let mut tables = Vec::with_capacity(items.len());
        let mut count = 0;
        for (name, input) in items {
            let Some(table) = batch_table(&name) else { continue };
            tables.push(keys_of(table, input, &mut count)?);
        }
        Ok(Self { tables, capacity: capacity.unwrap_or(Capacity::None) })
    }
}

/// In words that only these have.
fn check_keys(checks: &mut Checks, name: &str, input: &KeysInput) {
    let constraint = match input.keys.as_ref().map(Vec::len) {
        None => "must not be null".to_owned(),
        Some(0) => "must have length greater than or equal to 1".to_owned(),
        Some(1..=KEYS) => return,
        Some(_) => format!("must have length less than or equal to {KEYS}"),
    };
    checks.fail(|| {
        format!(
            "Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: Member {constraint}"
        )
    });
}

fn keys_of(table: Table, input: KeysInput, count: &mut usize) -> Result<KeysOf, Fault> {
    let given = Given { names: input.names, values: None };
    given.check_use(&[(Parameter::ProjectionExpression, input.projection.is_some())])?;
    let written = Written {
        attributes: input.attributes.clone(),
        projection: input.projection.clone(),
        names: given.names.as_ref().map(|Entries(names)| names.clone()),
    };
    let attributes = legacy::projection(input.attributes)?;
    let expressions = given.expressions()?;
    let projection = expressions.projection(input.projection.as_ref())?.or(attributes);
    expressions.done()?;
    let inputs = input.keys.unwrap_or_default();
    let mut keys: Vec<Item> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let key = input.item()?;
        if keys.contains(&key) {
            return Err(Fault::validation("Provided list of item keys contains duplicates"));
        }
        keys.push(key);
        *count += 1;
        if *count > KEYS {
            return Err(Fault::validation("Too many items requested for the BatchGetItem call"));
        }
    }
    Ok(KeysOf { table, keys, projection, is_consistent: input.consistent.unwrap_or(false), written })
}
