use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_backend::{Error, Transaction};
use sonagi_model::{AppName, Timestamp};

use super::{
    Attribute, Index, KeySchema, Refusal, TableName,
    layout::{self, Id, IndexNo},
    stream::View,
};

/// A table, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: TableName,
    pub(super) id: Id,
    /// `TableId`
    pub uuid: String,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The app that declared it until it no longer did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<AppName>,
    /// `AttributeDefinitions`, in the order in which they were given.
    pub attributes: Vec<Attribute>,
    pub key: KeySchema,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    pub(super) next_index: IndexNo,
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<TableStream>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
    /// Since when it can be restored as it was at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
}

/// What can be changed of a table at any time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub billing: Billing,
    /// `DeletionProtectionEnabled`
    pub protected: bool,
    /// `STANDARD_INFREQUENT_ACCESS`; it changes nothing here.
    pub infrequent: bool,
}

/// It changes what is shown alone: nothing is throttled by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Billing {
    #[default]
    OnDemand,
    Provisioned(Throughput),
}

/// Units a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    pub read: u64,
    pub write: u64,
}

/// The stream that a table writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableStream {
    pub(super) id: Id,
    pub view: View,
    pub label: String,
}

/// When items expire (Developer Guide, "Using time to live (TTL) in DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    /// Seconds since 1970, as a number.
    pub attribute: String,
    /// Items that were there before it are still being noted.
    #[serde(default)]
    pub filling: bool,
}

impl Table {
    pub(super) fn decode(record: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(record).map_err(|_| damaged("a table"))
    }

    pub(super) fn find(t: &mut dyn Transaction, name: &TableName) -> Result<Option<Self>, Error> {
        t.get(&layout::name(name))?.map(|record| Self::decode(&record)).transpose()
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), Error> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a table"))?;
        t.put(&layout::name(&self.name), &record)
    }

    pub fn index(&self, name: &str) -> Result<&Index, Refusal> {
        let found = self.indexes.iter().find(|index| index.name.as_str() == name);
        found.ok_or_else(|| Refusal::NoIndex { name: name.to_owned() })
    }

    pub fn has_local_indexes(&self) -> bool {
        self.indexes.iter().any(|index| !index.is_global())
    }
}

/// A table that was read before, for the transactions that follow: most find it as it was.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) record: Bytes,
    pub(super) table: Arc<Table>,
}

impl Known {
    pub(super) fn of(record: Bytes) -> Result<Self, Error> {
        let table = Arc::new(Table::decode(&record)?);
        Ok(Self { record, table })
    }

    /// The table as the transaction finds it; none: it is gone.
    pub(super) fn now(&self, t: &mut dyn Transaction) -> Result<Option<Arc<Table>>, Error> {
        match t.get(&layout::name(&self.table.name))? {
            Some(record) if record == self.record => Ok(Some(Arc::clone(&self.table))),
            Some(record) => Ok(Some(Self::of(record)?.table)),
            None => Ok(None),
        }
    }
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned() }
}
