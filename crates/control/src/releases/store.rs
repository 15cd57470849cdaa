//! A transaction that reads and writes typed records.

use sonagi_backend::{
    Transaction,
    records::{Direction, after},
};
use sonagi_model::limits;

use super::records::{Key, Record};
use crate::{Error, Result};

pub(crate) struct Store<'a> {
    transaction: &'a mut dyn Transaction,
}

impl<'a> Store<'a> {
    pub(crate) fn new(transaction: &'a mut dyn Transaction) -> Self {
        Self { transaction }
    }

    /// The transaction, for what is not control's.
    pub(crate) fn transaction(&mut self) -> &mut dyn Transaction {
        self.transaction
    }

    pub(crate) fn get<T: Record>(&mut self, key: &Key) -> Result<Option<T>> {
        self.transaction.get(&key.bytes())?.map(|bytes| T::decode(&bytes)).transpose()
    }

    pub(crate) fn contains(&mut self, key: &Key) -> Result<bool> {
        Ok(self.transaction.get(&key.bytes())?.is_some())
    }

    pub(crate) fn put<T: Record>(&mut self, key: &Key, value: &T) -> Result<()> {
        let bytes = value.encode()?;
        if bytes.len() > limits::RELEASE_SIZE {
            return Err(Error::TooLarge(format!(
                "{} of {} bytes is over the limit of {} bytes: make it of fewer functions",
                T::KIND,
                bytes.len(),
                limits::RELEASE_SIZE
            )));
        }
        Ok(self.transaction.put(&key.bytes(), &bytes)?)
    }

    pub(crate) fn delete(&mut self, key: &Key) -> Result<()> {
        Ok(self.transaction.delete(&key.bytes())?)
    }

    /// At most `limit` records whose keys begin with `prefix`, in order.
    pub(crate) fn scan<T: Record>(&mut self, prefix: &str, limit: usize) -> Result<Vec<(Key, T)>> {
        let prefix = prefix.as_bytes();
        let found = self.transaction.scan(prefix..&after(prefix), Direction::Forward, limit)?;
        let mut records = Vec::with_capacity(found.len());
        for record in found {
            if let Some(key) = Key::parse(&record.key) {
                records.push((key, T::decode(&record.value)?));
            }
        }
        Ok(records)
    }
}
