//! An open store: what both drafts do.
#![expect(unreachable_pub, reason = "generated bindings re-export what stands for their resources")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use sonagi_model::limits;
use wasmtime::component::{Resource, ResourceTable};

use crate::wasm::reach::{Grants, KeyPage, MoreKeys, NumberRange, ReachError, Revised, Revision, Swapped};

/// A store that a guest has opened. Cheap to clone: a call holds one while it waits.
#[derive(Clone)]
pub struct Bucket {
    grants: Grants,
    store: Arc<str>,
    numbered: Arc<Mutex<Numbered>>,
}

/// Where numbered cursors lead: a number is too short for a key, so each is good while its store is open.
#[derive(Default)]
struct Numbered {
    /// Of the next cursor.
    next: u64,
    /// The last keys of the newest pages.
    places: VecDeque<String>,
}

/// A compare-and-swap that was begun.
pub struct Cas {
    pub(super) bucket: Bucket,
    pub(super) key: String,
    pub(super) revision: Revision,
    /// What was there when it was begun.
    pub(super) value: Option<Bytes>,
}

impl Bucket {
    pub(super) fn open(grants: &Grants, store: String) -> Result<Self, ReachError> {
        if !grants.wasm().keyvalue.contains(&store) {
            return Err(ReachError::AccessDenied);
        }
        Ok(Self { grants: grants.clone(), store: store.into(), numbered: Arc::default() })
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, ReachError> {
        self.grants.reach().get(self.grants.app(), &self.store, key).await
    }

    pub(super) async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), ReachError> {
        self.grants.reach().set(self.grants.app(), &self.store, key, value.into()).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), ReachError> {
        self.grants.reach().delete(self.grants.app(), &self.store, key).await
    }

    pub(super) async fn exists(&self, key: &str) -> Result<bool, ReachError> {
        self.grants.reach().exists(self.grants.app(), &self.store, key).await
    }

    pub(super) async fn list_keys(&self, after: Option<&str>) -> Result<KeyPage, ReachError> {
        self.grants.reach().list_keys(self.grants.app(), &self.store, after).await
    }

    /// [`list_keys`](Self::list_keys) for the draft whose cursors are numbers.
    pub(super) async fn list_numbered(
        &self,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), ReachError> {
        let after = cursor.map(|cursor| self.place(cursor)).transpose()?;
        let page = self.list_keys(after.as_deref()).await?;
        let cursor = match (page.more, page.keys.last()) {
            (MoreKeys::Follow, Some(last)) => Some(self.remember(last.clone())),
            (MoreKeys::Follow | MoreKeys::End, _) => None,
        };
        Ok((page.keys, cursor))
    }

    fn place(&self, cursor: u64) -> Result<String, ReachError> {
        let numbered = self.numbered.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = numbered.next - numbered.places.len() as u64;
        let place = cursor.checked_sub(oldest).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| numbered.places.get(place)).cloned().ok_or_else(|| {
            ReachError::Other(
                "no page of this open store gave this cursor: begin without one, or use 0.2.0-draft2, whose cursors last"
                    .into(),
            )
        })
    }

    fn remember(&self, last: String) -> u64 {
        let mut numbered = self.numbered.lock().unwrap_or_else(PoisonError::into_inner);
        if numbered.places.len() == limits::KEYVALUE_CURSORS {
            numbered.places.pop_front();
        }
        numbered.places.push_back(last);
        let cursor = numbered.next;
        numbered.next += 1;
        cursor
    }

    pub(super) async fn increment(
        &self,
        key: &str,
        delta: i128,
        range: NumberRange,
    ) -> Result<i128, ReachError> {
        self.grants.reach().increment(self.grants.app(), &self.store, key, delta, range).await
    }

    pub(super) async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, ReachError> {
        self.grants.reach().get_many(self.grants.app(), &self.store, keys).await
    }

    pub(super) async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), ReachError> {
        let entries = entries.into_iter().map(|(key, value)| (key, value.into())).collect();
        self.grants.reach().set_many(self.grants.app(), &self.store, entries).await
    }

    pub(super) async fn delete_many(&self, keys: Vec<String>) -> Result<(), ReachError> {
        self.grants.reach().delete_many(self.grants.app(), &self.store, keys).await
    }

    pub(super) async fn begin(&self, key: String) -> Result<Cas, ReachError> {
        let Revised { value, revision } =
            self.grants.reach().read(self.grants.app(), &self.store, &key).await?;
        Ok(Cas { bucket: self.clone(), key, revision, value })
    }
}

impl Cas {
    /// Done, or what to try again with.
    pub(super) async fn swap(self, value: Vec<u8>) -> Result<Option<Self>, ReachError> {
        let Self { bucket, key, revision, value: _ } = self;
        let reach = bucket.grants.reach();
        let swapped = reach.swap(bucket.grants.app(), &bucket.store, &key, revision, value.into()).await?;
        match swapped {
            Swapped::Done => Ok(None),
            Swapped::Changed(Revised { value, revision }) => Ok(Some(Self { bucket, key, revision, value })),
        }
    }
}

/// Puts an open store or a begun swap among the guest's resources, which are not without number.
pub(super) fn keep<R: Send + 'static>(
    table: &mut ResourceTable,
    resource: R,
) -> Result<Resource<R>, ReachError> {
    table.push(resource).map_err(|_| {
        ReachError::Other("too many resources are open: close some of them before opening another".into())
    })
}

/// The names of more entries than a batch may have are refused before anything is copied.
pub(super) fn batch_fits(entries: usize) -> Result<(), ReachError> {
    if entries <= limits::KEYVALUE_BATCH {
        return Ok(());
    }
    Err(ReachError::Other(format!(
        "a batch has {entries} keys, and {} are the most: use several",
        limits::KEYVALUE_BATCH
    )))
}
