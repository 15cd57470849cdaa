//! What the platform lends to WebAssembly guests: the data services, for `sandbox`, which does not know them.

use std::error::Error as _;

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_data::keyvalue::{self, KeyValue};
use sonagi_model::{AppName, Fault as _, FaultKind};
use sonagi_sandbox::wasm::{KeyPage, MoreKeys, NumberRange, Reach, ReachError, Revised, Revision, Swapped};

/// The platform's services, as guests reach them. That a function may, `sandbox` has checked.
pub(crate) struct Services {
    pub(crate) keyvalue: KeyValue,
}

#[async_trait]
impl Reach for Services {
    async fn get(&self, app: &AppName, store: &str, key: &str) -> Result<Option<Bytes>, ReachError> {
        self.store(app, store)?.get(key).await.map_err(refusal)
    }

    async fn set(&self, app: &AppName, store: &str, key: &str, value: Bytes) -> Result<(), ReachError> {
        self.store(app, store)?.set(key, value).await.map_err(refusal)
    }

    async fn delete(&self, app: &AppName, store: &str, key: &str) -> Result<(), ReachError> {
        self.store(app, store)?.delete(key).await.map_err(refusal)
    }

    async fn exists(&self, app: &AppName, store: &str, key: &str) -> Result<bool, ReachError> {
        self.store(app, store)?.exists(key).await.map_err(refusal)
    }

    async fn list_keys(
        &self,
        app: &AppName,
        store: &str,
        after: Option<&str>,
    ) -> Result<KeyPage, ReachError> {
        let page = self.store(app, store)?.list_keys(after).await.map_err(refusal)?;
        let more = match page.more {
            keyvalue::MoreKeys::Follow => MoreKeys::Follow,
            keyvalue::MoreKeys::End => MoreKeys::End,
        };
        Ok(KeyPage { keys: page.keys, more })
    }

    async fn increment(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        delta: i128,
        range: NumberRange,
    ) -> Result<i128, ReachError> {
        let range = match range {
            NumberRange::Signed64 => keyvalue::NumberRange::Signed64,
            NumberRange::Unsigned64 => keyvalue::NumberRange::Unsigned64,
        };
        self.store(app, store)?.increment(key, delta, range).await.map_err(refusal)
    }

    async fn read(&self, app: &AppName, store: &str, key: &str) -> Result<Revised, ReachError> {
        Ok(revised(self.store(app, store)?.revised(key).await.map_err(refusal)?))
    }

    async fn swap(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Swapped, ReachError> {
        let expected = match expected {
            Revision::Absent => keyvalue::Revision::Absent,
            Revision::Written(number) => keyvalue::Revision::Written(number),
        };
        let swapped = self.store(app, store)?.swap(key, expected, value).await.map_err(refusal)?;
        Ok(match swapped {
            keyvalue::Swapped::Done => Swapped::Done,
            keyvalue::Swapped::Changed(now) => Swapped::Changed(revised(now)),
        })
    }

    async fn get_many(
        &self,
        app: &AppName,
        store: &str,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Bytes>>, ReachError> {
        self.store(app, store)?.get_many(keys).await.map_err(refusal)
    }

    async fn set_many(
        &self,
        app: &AppName,
        store: &str,
        entries: Vec<(String, Bytes)>,
    ) -> Result<(), ReachError> {
        self.store(app, store)?.set_many(entries).await.map_err(refusal)
    }

    async fn delete_many(&self, app: &AppName, store: &str, keys: Vec<String>) -> Result<(), ReachError> {
        self.store(app, store)?.delete_many(keys).await.map_err(refusal)
    }
}

impl Services {
    fn store(&self, app: &AppName, name: &str) -> Result<keyvalue::Store, ReachError> {
        self.keyvalue.store(app, name).map_err(refusal)
    }
}

fn revised(now: keyvalue::Revised) -> Revised {
    let revision = match now.revision {
        keyvalue::Revision::Absent => Revision::Absent,
        keyvalue::Revision::Written(number) => Revision::Written(number),
    };
    Revised { value: now.value, revision }
}

/// What a guest is told. What is the platform's own doing goes to the operator's log instead.
fn refusal(error: sonagi_data::Error) -> ReachError {
    let text = match error.kind() {
        FaultKind::Invalid
        | FaultKind::Unauthenticated
        | FaultKind::Forbidden
        | FaultKind::NotFound
        | FaultKind::Exists
        | FaultKind::Conflict
        | FaultKind::TooLarge
        | FaultKind::Throttled
        | FaultKind::TimedOut
        | FaultKind::Unsupported => error.to_string(),
        FaultKind::Unavailable => {
            tracing::warn!(cause = error.source(), "a key-value store is not to be had: {error}");
            "the store is not to be had now: try again later".into()
        }
        FaultKind::Internal => {
            tracing::error!(cause = error.source(), "a key-value store failed: {error}");
            "the store failed".into()
        }
    };
    ReachError::Other(text)
}
