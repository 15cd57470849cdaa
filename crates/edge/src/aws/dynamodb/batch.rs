//! Several items, each by itself.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sonagi_data::documents::{Action, TableName, Write};
use sonagi_items::{Item, size};
use sonagi_model::limits;

use super::{
    Answer, Call,
    capacity::{self, Consumed, Units, Way},
    items::{self, Collection},
    json as answer,
    request::{self, KeysOf, Wire},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Got<'a> {
    responses: BTreeMap<&'a str, Vec<Wire<'a>>>,
    unprocessed_keys: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<Consumed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changed<'a> {
    unprocessed_items: Map<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    item_collection_metrics: BTreeMap<&'a str, Vec<Collection>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<Consumed>,
}

pub(super) async fn get(call: &Call<'_>) -> Answer {
    let asked = request::BatchGetItem::read(&call.body)?;
    let mut wanted: Vec<(TableName, Item)> = Vec::new();
    for of in &asked.tables {
        let table = items::table(call.parts, &of.table)?;
        call.may_all(&table, &of.keys.iter().collect::<Vec<_>>()).await?;
        wanted.extend(of.keys.iter().map(|key| (table.clone(), key.clone())));
    }
    let mut found = call.parts.documents.get_all(&wanted).await?.into_iter();
    let (mut responses, mut left, mut consumed_capacity) = (Vec::new(), Map::new(), Vec::new());
    let mut bytes = 0;
    for of in &asked.tables {
        let (mut items, mut undone, mut units) = (Vec::new(), Vec::new(), 0.0);
        for (key, item) in of.keys.iter().zip(&mut found) {
            // What is too much for one answer is asked for again.
            if bytes >= limits::BATCH_GET_SIZE {
                undone.push(json!(Wire(key)));
                continue;
            }
            let size = item.as_ref().map_or(0, size);
            bytes += size;
            units += capacity::read_units(size, of.is_consistent);
            items.extend(item.map(|item| match &of.projection {
                Some(projection) => projection.of(&item),
                None => item,
            }));
        }
        responses.push((of.table.said(), items));
        if !undone.is_empty() {
            left.insert(of.table.said().to_owned(), undone_of(of, undone));
        }
        if let Some(detail) = asked.capacity.detail() {
            let units = Units { table: units, ..Units::default() };
            consumed_capacity.push(units.consumed(of.table.said(), detail, Way::Read, false));
        }
    }
    let responses = responses.iter().map(|(table, items)| (*table, items.iter().map(Wire).collect()));
    answer(&Got { responses: responses.collect(), unprocessed_keys: left, consumed_capacity })
}

/// `KeysAndAttributes` of what was left undone, as it was asked for.
fn undone_of(of: &KeysOf, keys: Vec<Value>) -> Value {
    let mut again = Map::new();
    again.insert("Keys".into(), keys.into());
    if of.is_consistent {
        again.insert("ConsistentRead".into(), true.into());
    }
    let request::Written { attributes, projection, names } = &of.written;
    if let Some(attributes) = attributes {
        again.insert("AttributesToGet".into(), attributes.clone().into());
    }
    if let Some(projection) = projection {
        again.insert("ProjectionExpression".into(), projection.as_str().into());
    }
    if let Some(names) = names {
        let names: Map<_, _> =
            names.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        again.insert("ExpressionAttributeNames".into(), names.into());
    }
    again.into()
}

pub(super) async fn write(call: &Call<'_>) -> Answer {
    let asked = request::BatchWriteItem::read(&call.body)?;
    let mut writes = Vec::new();
    for (table, changes) in &asked.tables {
        let name = items::table(call.parts, table)?;
        let of = |change: &request::Write| match change {
            request::Write::Put(item) => Write { action: Action::Put(item.clone()), condition: None },
            request::Write::Delete(key) => {
                Write { action: Action::Delete { key: key.clone() }, condition: None }
            }
        };
        let changes: Vec<_> = changes.iter().map(of).collect();
        call.may_all(&name, &changes.iter().map(Write::key).collect::<Vec<_>>()).await?;
        writes.extend(changes.into_iter().map(|change| (name.clone(), change)));
    }
    let names: Vec<TableName> = writes.iter().map(|(name, _)| name.clone()).collect();
    let written = call.parts.documents.write_all(writes).await?;
    let (mut consumed_capacity, mut item_collection_metrics) = (Vec::new(), BTreeMap::new());
    for (table, _) in &asked.tables {
        let name = items::table(call.parts, table)?;
        let mut units = Units::default();
        for (_, written) in names.iter().zip(&written).filter(|(other, _)| **other == name) {
            units.written(&written.cost, 1);
            if let Some(of) = items::collection(call.parts, &name, written, asked.metrics).await {
                item_collection_metrics.entry(table.said()).or_insert_with(Vec::new).push(of);
            }
        }
        if let Some(detail) = asked.capacity.detail() {
            consumed_capacity.push(units.consumed(table.said(), detail, Way::Write, false));
        }
    }
    answer(&Changed { unprocessed_items: Map::new(), item_collection_metrics, consumed_capacity })
}
