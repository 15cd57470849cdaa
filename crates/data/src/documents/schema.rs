//! What keys a table and its indexes have, and an item's bytes in their order.

use serde::{Deserialize, Serialize};
use sonagi_items::{Item, Kind, Value, key};
use sonagi_model::limits;

use super::{Invalid, layout};

/// An attribute that is part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    pub name: String,
    pub kind: KeyKind,
}

/// The types that a key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    S,
    N,
    B,
}

impl KeyKind {
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::S => Some(Self::S),
            Kind::N => Some(Self::N),
            Kind::B => Some(Self::B),
            Kind::Bool | Kind::Null | Kind::L | Kind::M | Kind::Ss | Kind::Ns | Kind::Bs => None,
        }
    }

    pub const fn kind(self) -> Kind {
        match self {
            Self::S => Kind::S,
            Self::N => Kind::N,
            Self::B => Kind::B,
        }
    }

    pub const fn as_str(self) -> &'static str {
        self.kind().as_str()
    }
}

/// A partition key, and a sort key if there is one (Developer Guide, "Core components of Amazon DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySchema {
    pub partition: Attribute,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<Attribute>,
}

impl KeySchema {
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key attributes of an item that has them.
    pub fn of(&self, item: &Item) -> Item {
        let found = self.attributes().filter_map(|attribute| item.get_key_value(&attribute.name));
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Adds the key's bytes, of an item that has it.
    fn write(&self, into: &mut Vec<u8>, item: &Item) -> Result<(), Invalid> {
        for attribute in self.attributes() {
            let value =
                item.get(&attribute.name).ok_or_else(|| Invalid::KeyMissing(attribute.name.clone()))?;
            key::write(into, value);
        }
        Ok(())
    }

    /// Adds the bucket and the key's bytes.
    pub(super) fn write_with_bucket(&self, into: &mut Vec<u8>, item: &Item) -> Result<(), Invalid> {
        let start = into.len();
        into.push(0);
        let partition =
            item.get(&self.partition.name).ok_or_else(|| Invalid::KeyMissing(self.partition.name.clone()))?;
        key::write(into, partition);
        into[start] = layout::bucket(&into[start + 1..]);
        if let Some(sort) = &self.sort {
            let value = item.get(&sort.name).ok_or_else(|| Invalid::KeyMissing(sort.name.clone()))?;
            key::write(into, value);
        }
        Ok(())
    }

    /// Adds the bytes that all keys of a partition begin with.
    pub(super) fn write_partition(into: &mut Vec<u8>, partition: &Value) {
        let start = into.len();
        into.push(0);
        key::write(into, partition);
        into[start] = layout::bucket(&into[start + 1..]);
    }

    /// Adds an index's key: its own, then the table's, as several items may have the same.
    pub(super) fn write_entry(&self, table: &Self, into: &mut Vec<u8>, item: &Item) -> Result<(), Invalid> {
        self.write_with_bucket(into, item)?;
        table.write(into, item)
    }

    /// Whether a whole item has the key as it must be.
    pub(super) fn check_item(&self, item: &Item) -> Result<(), Invalid> {
        for attribute in self.attributes() {
            let Some(value) = item.get(&attribute.name) else {
                return Err(Invalid::KeyMissing(attribute.name.clone()));
            };
            if value.kind() != attribute.kind.kind() {
                return Err(Invalid::KeyKind {
                    name: attribute.name.clone(),
                    expected: attribute.kind.as_str(),
                    actual: value.kind().as_str(),
                });
            }
        }
        self.check_values(item)
    }

    /// Whether these attributes are the key, and nothing else.
    pub(super) fn check_key(&self, key: &Item) -> Result<(), Invalid> {
        let fits = key.len() == self.attributes().count()
            && self.attributes().all(|attribute| {
                key.get(&attribute.name).is_some_and(|value| value.kind() == attribute.kind.kind())
            });
        if fits { self.check_values(key) } else { Err(Invalid::Key) }
    }

    fn check_values(&self, item: &Item) -> Result<(), Invalid> {
        for attribute in self.attributes() {
            if let Some(empty) = item.get(&attribute.name).and_then(empty) {
                return Err(Invalid::KeyEmpty { kind: empty, name: attribute.name.clone() });
            }
        }
        let size = |attribute: &Attribute| item.get(&attribute.name).map_or(0, Value::size);
        if size(&self.partition) > limits::PARTITION_KEY_SIZE {
            return Err(Invalid::PartitionKeySize);
        }
        match &self.sort {
            Some(sort) if size(sort) > limits::SORT_KEY_SIZE => Err(Invalid::SortKeySize),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether an item is in an index of these keys; `index` is its name, for what cannot be in one.
    pub(super) fn check_entry(&self, index: &str, item: &Item) -> Result<bool, Invalid> {
        let mut is_whole = true;
        for attribute in self.attributes() {
            let Some(value) = item.get(&attribute.name) else {
                is_whole = false;
                continue;
            };
            if value.kind() != attribute.kind.kind() {
                return Err(Invalid::EntryKind {
                    name: attribute.name.clone(),
                    expected: attribute.kind.as_str(),
                    actual: value.kind().as_str(),
                    index: index.to_owned(),
                });
            }
            if let Some(kind) = empty(value) {
                let (name, index) = (attribute.name.clone(), index.to_owned());
                return Err(Invalid::EntryEmpty { kind, index, name });
            }
        }
        let size = |attribute: &Attribute| item.get(&attribute.name).map_or(0, Value::size);
        if size(&self.partition) > limits::PARTITION_KEY_SIZE {
            return Err(Invalid::PartitionKeySize);
        }
        if self.sort.as_ref().is_some_and(|sort| size(sort) > limits::SORT_KEY_SIZE) {
            return Err(Invalid::SortKeySize);
        }
        Ok(is_whole)
    }
}

/// What an empty value is called.
fn empty(value: &Value) -> Option<&'static str> {
    match value {
        Value::Text(text) if text.is_empty() => Some("string"),
        Value::Binary(bytes) if bytes.is_empty() => Some("binary"),
        _ => None,
    }
}
