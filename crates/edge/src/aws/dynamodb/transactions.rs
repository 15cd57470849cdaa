//! Several items, all or none.

use std::collections::BTreeMap;

use serde::Serialize;
use sonagi_data::documents::{Action, Done, TableName, Token, Write};
use sonagi_items::{Item, size};
use sonagi_model::{Digest, limits};

use super::{
    Answer, Call, arn,
    capacity::{self, Consumed, Units, Way},
    error::Fault,
    items::{self, Collection},
    json,
    request::{self, Capacity, Change, OnFailure, Wire},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Got<'a> {
    responses: Vec<Response<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<Consumed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Wire<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changed<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumed_capacity: Vec<Consumed>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    item_collection_metrics: BTreeMap<&'a str, Vec<Collection>>,
}

/// A transaction reads and writes each item twice: it prepares, and it does.
const TIMES: u64 = 2;

fn consumed(units: &BTreeMap<&str, Units>, capacity: Capacity, way: Way) -> Vec<Consumed> {
    let Some(detail) = capacity.detail() else { return Vec::new() };
    units.iter().map(|(table, units)| units.consumed(table, detail, way, true)).collect()
}

pub(super) async fn get(call: &Call<'_>) -> Answer {
    let asked = request::TransactGetItems::read(&call.body)?;
    let mut wanted: Vec<(TableName, Item)> = Vec::new();
    for get in &asked.gets {
        let table = items::table(call.parts, &get.table)?;
        let resource = arn::table(call.parts, table.as_str());
        call.may_do("GetItem", &resource, &table, &[&get.key]).await?;
        if wanted.iter().any(|(other, key)| *other == table && *key == get.key) {
            return Err(Fault::validation(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        wanted.push((table, get.key.clone()));
    }
    let found = call.parts.documents.transact_get(&wanted).await?;
    if found.iter().flatten().map(size).sum::<usize>() > limits::TRANSACTION_ITEMS_SIZE {
        return Err(Fault::validation("Collection of items in the transaction exceeds the size limit"));
    }
    let mut units: BTreeMap<&str, Units> = BTreeMap::new();
    let mut shown = Vec::with_capacity(found.len());
    for (get, item) in asked.gets.iter().zip(found) {
        let read = capacity::read_units(item.as_ref().map_or(0, size), true) * TIMES as f64;
        units.entry(get.table.said()).or_default().table += read;
        shown.push(match (item, &get.projection) {
            (Some(item), Some(projection)) => Some(projection.of(&item)),
            (item, _) => item,
        });
    }
    let responses = shown.iter().map(|item| Response { item: item.as_ref().map(Wire) }).collect();
    json(&Got { responses, consumed_capacity: consumed(&units, asked.capacity, Way::Read) })
}

pub(super) async fn write(call: &Call<'_>) -> Answer {
    let asked = request::TransactWriteItems::read(&call.body)?;
    let mut writes = Vec::with_capacity(asked.actions.len());
    for action in &asked.actions {
        let table = items::table(call.parts, &action.table)?;
        let (name, change) = match &action.change {
            Change::Put(item) => ("PutItem", Action::Put(item.clone())),
            Change::Delete { key } => ("DeleteItem", Action::Delete { key: key.clone() }),
            Change::Update { key, update } => {
                ("UpdateItem", Action::Update { key: key.clone(), update: Some(update.clone()) })
            }
            Change::Check { key } => ("ConditionCheckItem", Action::Check { key: key.clone() }),
        };
        let write = Write { action: change, condition: action.condition.clone() };
        let resource = arn::table(call.parts, table.as_str());
        call.may_do(name, &resource, &table, &[write.key()]).await?;
        writes.push((table, write));
    }
    let put = |(_, write): &(TableName, Write)| match &write.action {
        Action::Put(item) => size(item),
        Action::Update { key, .. } | Action::Delete { key } | Action::Check { key } => size(key),
    };
    if writes.iter().map(put).sum::<usize>() > limits::TRANSACTION_ITEMS_SIZE {
        return Err(Fault::validation("Collection of items in the transaction exceeds the size limit"));
    }
    let names: Vec<(TableName, Item)> =
        writes.iter().map(|(table, write)| (table.clone(), write.key().clone())).collect();
    let token = asked.token.clone().map(|text| Token { text, digest: digest(&asked) });
    let shows: Vec<bool> =
        asked.actions.iter().map(|action| action.on_failure == OnFailure::AllOld).collect();
    let done = call.parts.documents.transact(writes, token).await.map_err(|error| match error {
        sonagi_data::Error::Document(refusal) => {
            Fault::refusal(refusal, &|at| shows.get(at).copied().unwrap_or(false))
        }
        error => error.into(),
    })?;
    let mut units: BTreeMap<&str, Units> = BTreeMap::new();
    let (mut metrics, mut way) = (BTreeMap::new(), Way::Write);
    match done {
        Done::Now(written) => {
            for ((action, (name, _)), written) in asked.actions.iter().zip(&names).zip(&written) {
                units.entry(action.table.said()).or_default().written(&written.cost, TIMES);
                if let Some(of) = items::collection(call.parts, name, written, asked.metrics).await {
                    metrics.entry(action.table.said()).or_insert_with(Vec::new).push(of);
                }
            }
        }
        // Asking again costs what looking at the items does.
        Done::Before => {
            way = Way::Read;
            let sizes = call.parts.documents.sizes(&names).await?;
            for (action, size) in asked.actions.iter().zip(sizes) {
                units.entry(action.table.said()).or_default().table +=
                    capacity::read_units(size, true) * TIMES as f64;
            }
        }
    }
    let consumed_capacity = consumed(&units, asked.capacity, way);
    json(&Changed { consumed_capacity, item_collection_metrics: metrics })
}

/// What was asked for, whatever is to be told of it.
fn digest(asked: &request::TransactWriteItems) -> String {
    let what = |action: &request::Action| format!("{action:?}");
    Digest::of(asked.actions.iter().map(what).collect::<String>().as_bytes()).to_string()
}
