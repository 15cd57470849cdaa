//! A table as it is told of (API Reference, `TableDescription`).

use serde::Serialize;
use sonagi_data::documents::{
    Billing, Counts, Index, IndexState, KeySchema, Projected, Table, Throughput, View,
};
use sonagi_model::Timestamp;

use super::arn;
use crate::platform::Parts;

/// What a table is doing, as the operation that was asked for leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Description {
    attribute_definitions: Vec<Definition>,
    table_name: String,
    key_schema: Vec<Key>,
    table_status: &'static str,
    creation_date_time: f64,
    provisioned_throughput: Provisioned,
    table_size_bytes: u64,
    item_count: u64,
    table_arn: String,
    table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<Mode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_secondary_indexes: Vec<Secondary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<Secondary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_specification: Option<StreamSpecification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_stream_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_stream_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_class_summary: Option<Class>,
    deletion_protection_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_name: String,
    attribute_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Key {
    attribute_name: String,
    key_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Provisioned {
    number_of_decreases_today: u64,
    read_capacity_units: u64,
    write_capacity_units: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mode {
    billing_mode: &'static str,
    last_update_to_pay_per_request_date_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Class {
    table_class: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Secondary {
    index_name: String,
    key_schema: Vec<Key>,
    projection: Projection,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<Provisioned>,
    index_size_bytes: u64,
    item_count: u64,
    index_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    non_key_attributes: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_enabled: bool,
    stream_view_type: &'static str,
}

/// `StreamViewType`
pub(super) const fn view(view: View) -> &'static str {
    match view {
        View::Keys => "KEYS_ONLY",
        View::New => "NEW_IMAGE",
        View::Old => "OLD_IMAGE",
        View::Both => "NEW_AND_OLD_IMAGES",
    }
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1_000.0
}

pub(super) fn key_schema(key: &KeySchema) -> Vec<Key> {
    let kinds = ["HASH", "RANGE"];
    let of = |(attribute, key_type): (&sonagi_data::documents::Attribute, &'static str)| Key {
        attribute_name: attribute.name.clone(),
        key_type,
    };
    key.attributes().zip(kinds).map(of).collect()
}

fn provisioned(throughput: Option<Throughput>) -> Provisioned {
    let Throughput { read, write } = throughput.unwrap_or(Throughput { read: 0, write: 0 });
    Provisioned { number_of_decreases_today: 0, read_capacity_units: read, write_capacity_units: write }
}

fn secondary(parts: &Parts, table: &Table, index: &Index, counts: &Counts, status: Status) -> Secondary {
    let count = counts.index(index);
    let (projection_type, non_key_attributes) = match &index.projected {
        Projected::All => ("ALL", None),
        Projected::Keys => ("KEYS_ONLY", None),
        Projected::Include(names) => ("INCLUDE", Some(names.clone())),
    };
    let fills = index.state == IndexState::Filling;
    let index_status = match (index.is_global(), status) {
        (false, _) => None,
        (true, Status::Deleting) => Some("DELETING"),
        (true, Status::Creating) => Some("CREATING"),
        (true, Status::Active | Status::Updating) if fills => Some("CREATING"),
        (true, Status::Active | Status::Updating) => Some("ACTIVE"),
    };
    let throughput = match table.settings.billing {
        Billing::Provisioned(_) => index.throughput,
        Billing::OnDemand => None,
    };
    Secondary {
        index_name: index.name.to_string(),
        key_schema: key_schema(&index.key),
        projection: Projection { projection_type, non_key_attributes },
        index_status,
        backfilling: (index.is_global() && fills).then_some(true),
        provisioned_throughput: index.is_global().then(|| provisioned(throughput)),
        index_size_bytes: count.bytes,
        item_count: count.items,
        index_arn: arn::index(parts, table.name.as_str(), index.name.as_str()),
    }
}

pub(super) fn table(parts: &Parts, table: &Table, counts: &Counts, status: Status) -> Description {
    let count = counts.table();
    let of = |global: bool| {
        let indexes = table.indexes.iter().filter(|index| index.is_global() == global);
        indexes.map(|index| secondary(parts, table, index, counts, status)).collect()
    };
    let (throughput, mode) = match table.settings.billing {
        Billing::Provisioned(throughput) => (Some(throughput), None),
        Billing::OnDemand => {
            let mode = Mode {
                billing_mode: "PAY_PER_REQUEST",
                last_update_to_pay_per_request_date_time: seconds(table.created),
            };
            (None, Some(mode))
        }
    };
    let stream = table.stream.as_ref();
    Description {
        attribute_definitions: table
            .attributes
            .iter()
            .map(|attribute| Definition {
                attribute_name: attribute.name.clone(),
                attribute_type: attribute.kind.as_str(),
            })
            .collect(),
        table_name: table.name.to_string(),
        key_schema: key_schema(&table.key),
        table_status: status.as_str(),
        creation_date_time: seconds(table.created),
        provisioned_throughput: provisioned(throughput),
        table_size_bytes: count.bytes,
        item_count: count.items,
        table_arn: arn::table(parts, table.name.as_str()),
        table_id: table.uuid.clone(),
        billing_mode_summary: mode,
        local_secondary_indexes: of(false),
        global_secondary_indexes: of(true),
        stream_specification: stream
            .map(|stream| StreamSpecification { stream_enabled: true, stream_view_type: view(stream.view) }),
        latest_stream_label: stream.map(|stream| stream.label.clone()),
        latest_stream_arn: stream.map(|stream| arn::stream(parts, &table.name, &stream.label)),
        table_class_summary: table
            .settings
            .infrequent
            .then_some(Class { table_class: "STANDARD_INFREQUENT_ACCESS" }),
        deletion_protection_enabled: table.settings.protected,
    }
}
