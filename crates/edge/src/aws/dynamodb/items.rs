//! One item: reading, putting, updating, deleting it.

use serde::Serialize;
use sonagi_data::documents::{Action, Refusal, TableName, Write, Written};
use sonagi_items::{Item, expression::Projection, size};

use super::{
    Answer, Call, arn,
    capacity::{self, Consumed, Detail, Units, Way},
    error::Fault,
    json,
    request::{self, Capacity, Metrics, OnFailure, ReturnValues, Wire, WireValue},
};
use crate::platform::Parts;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Got<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Wire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Wire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_collection_metrics: Option<Collection>,
}

/// `ItemCollectionMetrics`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Collection {
    item_collection_key: serde_json::Value,
    /// Gigabytes.
    #[serde(rename = "SizeEstimateRangeGB")]
    size_estimate: [f64; 2],
}

impl Capacity {
    pub(super) fn detail(self) -> Option<Detail> {
        match self {
            Self::None => None,
            Self::Total => Some(Detail::Total),
            Self::Indexes => Some(Detail::Indexes),
        }
    }
}

/// The table that a request names.
pub(super) fn table(parts: &Parts, table: &request::Table) -> Result<TableName, Fault> {
    arn::table_name(parts, table.said())
}

/// Where an item was, of a table with local indexes.
pub(super) async fn collection(
    parts: &Parts,
    table: &TableName,
    written: &Written,
    metrics: Metrics,
) -> Option<Collection> {
    let bytes = written.collection.filter(|_| metrics == Metrics::Size)?;
    let table = parts.documents.recall(table).await.ok()?;
    let name = &table.key.partition.name;
    let value = written.new.as_ref().or(written.old.as_ref())?.get(name)?;
    let gigabytes = (bytes >> 30) as f64;
    Some(Collection {
        item_collection_key: serde_json::json!({ name.as_str(): WireValue(value) }),
        size_estimate: [gigabytes, gigabytes + 1.0],
    })
}

pub(super) async fn get(call: &Call<'_>) -> Answer {
    let asked = request::GetItem::read(&call.body)?;
    let table = table(call.parts, &asked.table)?;
    call.may_all(&table, &[&asked.key]).await?;
    let found = call.parts.documents.get(&table, &asked.key).await?;
    let consumed_capacity = asked.capacity.detail().map(|detail| {
        let units = capacity::read_units(found.as_ref().map_or(0, size), asked.is_consistent);
        Units { table: units, ..Units::default() }.consumed(asked.table.said(), detail, Way::Read, false)
    });
    let found = match (found, &asked.projection) {
        (Some(item), Some(projection)) => Some(projection.of(&item)),
        (found, _) => found,
    };
    json(&Got { item: found.as_ref().map(Wire), consumed_capacity })
}

/// How a write is answered.
struct Wanted<'a> {
    table: &'a request::Table,
    returns: ReturnValues,
    /// The places that an update changes.
    places: Option<Projection>,
    on_failure: OnFailure,
    capacity: Capacity,
    metrics: Metrics,
}

async fn write(call: &Call<'_>, write: Write, wanted: Wanted<'_>) -> Answer {
    let table = table(call.parts, wanted.table)?;
    call.may_all(&table, &[write.key()]).await?;
    let shows = wanted.on_failure == OnFailure::AllOld;
    let written = call.parts.documents.write(&table, write).await.map_err(|error| match error {
        sonagi_data::Error::Document(refusal @ Refusal::ConditionFailed { .. }) => {
            Fault::refusal(refusal, &|_| shows)
        }
        error => error.into(),
    })?;
    let consumed_capacity = wanted.capacity.detail().map(|detail| {
        let mut units = Units::default();
        units.written(&written.cost, 1);
        units.consumed(wanted.table.said(), detail, Way::Write, false)
    });
    let item_collection_metrics = collection(call.parts, &table, &written, wanted.metrics).await;
    let of = |item: Option<Item>| match (item, &wanted.places) {
        (Some(item), Some(places)) => Some(places.of(&item)).filter(|item| !item.is_empty()),
        (_, _) => None,
    };
    let attributes = match wanted.returns {
        ReturnValues::None => None,
        ReturnValues::AllOld => written.old,
        ReturnValues::AllNew => written.new,
        ReturnValues::UpdatedOld => of(written.old),
        ReturnValues::UpdatedNew => of(written.new),
    };
    json(&Changed { attributes: attributes.as_ref().map(Wire), consumed_capacity, item_collection_metrics })
}

pub(super) async fn put(call: &Call<'_>) -> Answer {
    let asked = request::PutItem::read(&call.body)?;
    let wanted = Wanted {
        table: &asked.table,
        returns: asked.return_values,
        places: None,
        on_failure: asked.on_failure,
        capacity: asked.capacity,
        metrics: asked.metrics,
    };
    write(call, Write { action: Action::Put(asked.item), condition: asked.condition }, wanted).await
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let asked = request::DeleteItem::read(&call.body)?;
    let wanted = Wanted {
        table: &asked.table,
        returns: asked.return_values,
        places: None,
        on_failure: asked.on_failure,
        capacity: asked.capacity,
        metrics: asked.metrics,
    };
    write(call, Write { action: Action::Delete { key: asked.key }, condition: asked.condition }, wanted).await
}

pub(super) async fn update(call: &Call<'_>) -> Answer {
    let asked = request::UpdateItem::read(&call.body)?;
    let places = asked.update.as_ref().map(|update| Projection::of_paths(update.paths().cloned()));
    let wanted = Wanted {
        table: &asked.table,
        returns: asked.return_values,
        places,
        on_failure: asked.on_failure,
        capacity: asked.capacity,
        metrics: asked.metrics,
    };
    let action = Action::Update { key: asked.key, update: asked.update };
    write(call, Write { action, condition: asked.condition }, wanted).await
}
