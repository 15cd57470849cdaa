//! A store's keys, page by page.

use sonagi_backend::{
    Error as BackendError,
    records::{Direction, after},
};
use sonagi_model::limits;

use super::{Store, store::fits};
use crate::Result;

/// A part of a store's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    pub keys: Vec<String>,
    pub more: MoreKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreKeys {
    /// After the last one of this page, there was one more.
    Follow,
    End,
}

impl Store {
    /// Keys that sort after `last`, from the first one without it: at most
    /// [`KEYVALUE_LIST_KEYS`](limits::KEYVALUE_LIST_KEYS). A page is of one moment; what is written between two pages
    /// may or may not be in the later one.
    pub async fn list_keys(&self, last: Option<&str>) -> Result<KeyPage> {
        let start = match last {
            None => self.layout.keys().to_vec(),
            Some(last) => {
                fits(last)?;
                let mut start = self.layout.key(last);
                // The first that can come after it.
                start.push(0);
                start
            }
        };
        let end = after(self.layout.keys());
        let snapshot = self.records.snapshot();
        let mut records =
            snapshot.scan(&start..&end, Direction::Forward, limits::KEYVALUE_LIST_KEYS + 1).await?;
        let more = if records.len() > limits::KEYVALUE_LIST_KEYS { MoreKeys::Follow } else { MoreKeys::End };
        records.truncate(limits::KEYVALUE_LIST_KEYS);
        let prefix = self.layout.keys().len();
        let keys = records.into_iter().map(|record| {
            String::from_utf8(record.key[prefix..].to_vec())
                .map_err(|_| BackendError::Damaged { what: "a key of a key-value store is no text".into() })
        });
        Ok(KeyPage { keys: keys.collect::<std::result::Result<_, _>>()?, more })
    }
}
