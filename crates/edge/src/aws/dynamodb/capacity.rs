//! What an operation has consumed (API Reference, `ConsumedCapacity`). Nothing is billed or throttled by it.

use std::collections::BTreeMap;

use serde::Serialize;
use sonagi_data::documents::{Cost, Scope};
use sonagi_model::limits;

/// How much of it is told (`ReturnConsumedCapacity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Total,
    Indexes,
}

/// Whether units were read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Read,
    Write,
}

/// Units of a table and of its indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Units {
    pub(super) table: f64,
    pub(super) indexes: BTreeMap<String, (Scope, f64)>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Consumed {
    table_name: String,
    capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    local_secondary_indexes: BTreeMap<String, Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    global_secondary_indexes: BTreeMap<String, Capacity>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_capacity_units: Option<f64>,
}

impl Units {
    /// Of a write; one within a transaction is done twice.
    pub(super) fn written(&mut self, cost: &Cost, times: u64) {
        self.table += (cost.table * times) as f64;
        for (index, scope, units) in &cost.indexes {
            let place = self.indexes.entry(index.to_string()).or_insert((*scope, 0.0));
            place.1 += (units * times) as f64;
        }
    }

    pub(super) fn read_of_index(&mut self, index: &str, scope: Scope, units: f64) {
        self.indexes.entry(index.to_owned()).or_insert((scope, 0.0)).1 += units;
    }

    fn total(&self) -> f64 {
        self.table + self.indexes.values().map(|(_, units)| units).sum::<f64>()
    }

    /// `both`: whether it is said which way they went, as transactions do.
    pub(super) fn consumed(&self, table: &str, detail: Detail, way: Way, both: bool) -> Consumed {
        let ways = |units: f64| match way {
            Way::Read if both => (Some(units), None),
            Way::Write if both => (None, Some(units)),
            Way::Read | Way::Write => (None, None),
        };
        let capacity = |units: f64| {
            let (read_capacity_units, write_capacity_units) = ways(units);
            Capacity { capacity_units: units, read_capacity_units, write_capacity_units }
        };
        let shows = detail == Detail::Indexes;
        let of = |wanted: Scope| {
            let indexes = self.indexes.iter().filter(|(_, (scope, _))| shows && *scope == wanted);
            indexes.map(|(name, (_, units))| (name.clone(), capacity(*units))).collect()
        };
        let (read_capacity_units, write_capacity_units) = ways(self.total());
        Consumed {
            table_name: table.to_owned(),
            capacity_units: self.total(),
            read_capacity_units,
            write_capacity_units,
            table: shows.then(|| capacity(self.table)),
            local_secondary_indexes: of(Scope::Local),
            global_secondary_indexes: of(Scope::Global),
        }
    }
}

/// Units of reading so many bytes: one for each 4 KiB that was begun, half of that for a read that may be late.
pub(super) fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(limits::READ_UNIT_SIZE).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}
