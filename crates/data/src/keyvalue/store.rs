//! One store.

use std::sync::Arc;

use bytes::Bytes;
use sonagi_backend::{Records, Snapshot, Transaction};
use sonagi_model::limits;

use super::layout::{Entry, Layout, Place, missing};
use crate::{Error, Result};

/// The keys and values of one store of one app. Keys sort bytewise; both keys and values may be empty.
#[derive(Clone)]
pub struct Store {
    pub(super) records: Arc<dyn Records>,
    pub(super) layout: Layout,
}

impl Store {
    pub(super) fn new(records: Arc<dyn Records>, layout: Layout) -> Self {
        Self { records, layout }
    }

    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        fits(key)?;
        let snapshot = self.records.snapshot();
        Ok(self.read(&*snapshot, key).await?.map(|(_, value)| value))
    }

    pub async fn exists(&self, key: &str) -> Result<bool> {
        fits(key)?;
        Ok(self.records.snapshot().get(&self.layout.key(key)).await?.is_some())
    }

    pub async fn set(&self, key: &str, value: Bytes) -> Result<()> {
        fits(key)?;
        value_fits(&value)?;
        let key = key.to_owned();
        self.change(move |layout, t| layout.write(t, &key, &value)).await
    }

    /// A key that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        fits(key)?;
        let key = key.to_owned();
        self.change(move |layout, t| layout.delete(t, &key)).await
    }

    /// Runs `body` as one transaction.
    pub(super) async fn change<T, F>(&self, mut body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Layout, &mut dyn Transaction) -> Result<T, sonagi_backend::Error> + Send + 'static,
    {
        let layout = self.layout.clone();
        let (value, _) = self.records.transact(move |t| body(&layout, t)).await?;
        Ok(value)
    }

    /// A key's entry and value as `snapshot` has them.
    pub(super) async fn read(&self, snapshot: &dyn Snapshot, key: &str) -> Result<Option<(Entry, Bytes)>> {
        let Some(record) = snapshot.get(&self.layout.key(key)).await? else { return Ok(None) };
        let entry = Entry::decode(record)?;
        let value = match &entry.value {
            Place::Beside(value) => value.clone(),
            Place::Apart => snapshot.get(&self.layout.value(key)).await?.ok_or_else(missing)?,
        };
        Ok(Some((entry, value)))
    }
}

pub(super) fn fits(key: &str) -> Result<()> {
    if key.len() > limits::KEYVALUE_KEY_SIZE {
        return Err(Error::KeyTooLong { size: key.len() });
    }
    Ok(())
}

pub(super) fn value_fits(value: &[u8]) -> Result<()> {
    if value.len() > limits::KEYVALUE_VALUE_SIZE {
        return Err(Error::ValueTooLarge { size: value.len() });
    }
    Ok(())
}
