//! Many keys at once: one transaction to write them, one snapshot to read them.

use bytes::Bytes;
use sonagi_model::limits;

use super::{
    Store,
    store::{fits, value_fits},
};
use crate::{Error, Result};

impl Store {
    /// One value for each key, in the order of the keys, all of one moment.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>> {
        count_fits(keys.len())?;
        let mut size = 0;
        for key in &keys {
            fits(key)?;
            size += key.len();
        }
        size_fits(size)?;
        let snapshot = self.records.snapshot();
        let mut values = Vec::with_capacity(keys.len());
        for key in &keys {
            let value = self.read(&*snapshot, key).await?.map(|(_, value)| value);
            size += value.as_ref().map_or(0, Bytes::len);
            size_fits(size)?;
            values.push(value);
        }
        Ok(values)
    }

    /// All or nothing; of a key that comes twice, the last value counts.
    pub async fn set_many(&self, entries: Vec<(String, Bytes)>) -> Result<()> {
        count_fits(entries.len())?;
        for (key, value) in &entries {
            fits(key)?;
            value_fits(value)?;
        }
        size_fits(entries.iter().map(|(key, value)| key.len() + value.len()).sum())?;
        self.change(move |layout, t| {
            for (key, value) in &entries {
                layout.write(t, key, value)?;
            }
            Ok(())
        })
        .await
    }

    /// All or nothing; keys that are not there are no error.
    pub async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        count_fits(keys.len())?;
        for key in &keys {
            fits(key)?;
        }
        self.change(move |layout, t| {
            for key in &keys {
                layout.delete(t, key)?;
            }
            Ok(())
        })
        .await
    }
}

fn count_fits(count: usize) -> Result<()> {
    if count > limits::KEYVALUE_BATCH {
        return Err(Error::TooManyKeys { count });
    }
    Ok(())
}

fn size_fits(size: usize) -> Result<()> {
    if size > limits::KEYVALUE_BATCH_SIZE {
        return Err(Error::BatchTooLarge);
    }
    Ok(())
}
