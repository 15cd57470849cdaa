use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_items::{Item, codec};

use super::{
    Invalid, KeySchema, Table, TableName, Throughput,
    layout::{self, IndexNo},
};

/// A secondary index (Developer Guide, "Improving data access with secondary indexes in DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    pub name: TableName,
    pub(super) no: IndexNo,
    pub scope: Scope,
    pub key: KeySchema,
    pub projected: Projected,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
    #[serde(default)]
    pub state: IndexState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    Global,
    /// Of the table's own partitions.
    Local,
}

/// What of an item is in an index, beside the keys of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projected {
    All,
    Keys,
    Include(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum IndexState {
    #[default]
    Active,
    /// Items that were there before it are still being entered.
    Filling,
}

impl Index {
    pub fn is_global(&self) -> bool {
        self.scope == Scope::Global
    }

    /// What the index has of an item.
    pub(super) fn of(&self, table: &KeySchema, item: &Item) -> Item {
        let others: &[String] = match &self.projected {
            Projected::All => return item.clone(),
            Projected::Keys => &[],
            Projected::Include(names) => names,
        };
        let keys = self.key.attributes().chain(table.attributes()).map(|attribute| &attribute.name);
        let names: BTreeSet<&String> = keys.chain(others).collect();
        let found = names.into_iter().filter_map(|name| item.get_key_value(name));
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The key of an item's entry, if it has one.
    pub(super) fn key_of(&self, table: &Table, item: &Item) -> Result<Option<Vec<u8>>, Invalid> {
        if !self.key.check_entry(self.name.as_str(), item)? {
            return Ok(None);
        }
        let mut key = layout::entries(table.id, self.no);
        self.key.write_entry(&table.key, &mut key, item)?;
        Ok(Some(key))
    }

    /// An item's entry, if it has one: its key, its bytes, and how large it is.
    pub(super) fn entry(&self, table: &Table, item: &Item) -> Result<Option<Entry>, Invalid> {
        let Some(key) = self.key_of(table, item)? else { return Ok(None) };
        let projected = self.of(&table.key, item);
        Ok(Some(Entry { key, size: sonagi_items::size(&projected), record: codec::encode(&projected) }))
    }
}

/// What an index has of an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) record: Bytes,
    /// Bytes, as DynamoDB counts them.
    pub(super) size: usize,
}
