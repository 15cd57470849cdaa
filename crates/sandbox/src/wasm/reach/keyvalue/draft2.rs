//! wasi:keyvalue 0.2.0-draft2.

use wasmtime::component::{Linker, Resource};

use super::{
    HasKeyValue, KeyValueView,
    bucket::{Bucket, Cas, batch_fits, keep},
};
use crate::wasm::reach::{MoreKeys, NumberRange, ReachError};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/keyvalue-draft2.wit",
        world: "sonagi:keyvalue-draft2/guest",
        imports: { default: async | trappable, "wasi:keyvalue/store.open": trappable },
        with: {
            "wasi:keyvalue/store.bucket": crate::wasm::reach::keyvalue::bucket::Bucket,
            "wasi:keyvalue/atomics.cas": crate::wasm::reach::keyvalue::bucket::Cas,
        },
        trappable_error_type: {
            "wasi:keyvalue/store.error" => crate::wasm::reach::ReachError,
            "wasi:keyvalue/atomics.cas-error" => super::SwapError,
        },
    });
}

pub(super) use bindings::wasi::keyvalue::{atomics, batch, store};

/// Why a swap did not happen.
pub(crate) enum SwapError {
    Reach(ReachError),
    /// Somebody else was faster: what to try again with.
    Changed(Resource<Cas>),
}

impl From<ReachError> for SwapError {
    fn from(error: ReachError) -> Self {
        Self::Reach(error)
    }
}

pub(super) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> KeyValueView<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, HasKeyValue>(linker, get)?;
    atomics::add_to_linker::<T, HasKeyValue>(linker, get)?;
    batch::add_to_linker::<T, HasKeyValue>(linker, get)
}

fn wire(error: ReachError) -> store::Error {
    match error {
        ReachError::AccessDenied => store::Error::AccessDenied,
        ReachError::NoSuchStore => store::Error::NoSuchStore,
        ReachError::Other(text) => store::Error::Other(text),
    }
}

impl store::Host for KeyValueView<'_> {
    fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, ReachError> {
        keep(self.table, Bucket::open(self.grants, identifier)?)
    }

    fn convert_error(&mut self, error: ReachError) -> wasmtime::Result<store::Error> {
        Ok(wire(error))
    }
}

impl store::HostBucket for KeyValueView<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, ReachError> {
        Ok(self.bucket(&bucket)?.get(&key).await?.map(Into::into))
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), ReachError> {
        self.bucket(&bucket)?.set(&key, value).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), ReachError> {
        self.bucket(&bucket)?.delete(&key).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, ReachError> {
        self.bucket(&bucket)?.exists(&key).await
    }

    /// The cursor is the last key of a page, so it is good for ever and in any instance.
    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<store::KeyResponse, ReachError> {
        let page = self.bucket(&bucket)?.list_keys(cursor.as_deref()).await?;
        let cursor = match page.more {
            MoreKeys::Follow => page.keys.last().cloned(),
            MoreKeys::End => None,
        };
        Ok(store::KeyResponse { keys: page.keys, cursor })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<i64, ReachError> {
        let bucket = self.bucket(&bucket)?;
        let number = bucket.increment(&key, delta.into(), NumberRange::Signed64).await?;
        i64::try_from(number).map_err(|_| ReachError::Other("the number is out of range".into()))
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<(), SwapError> {
        let cas = self.table.delete(cas).map_err(|_| unknown())?;
        match cas.swap(value).await? {
            None => Ok(()),
            Some(newer) => Err(SwapError::Changed(keep(self.table, newer)?)),
        }
    }

    fn convert_cas_error(&mut self, error: SwapError) -> wasmtime::Result<atomics::CasError> {
        Ok(match error {
            SwapError::Reach(error) => atomics::CasError::StoreError(wire(error)),
            SwapError::Changed(cas) => atomics::CasError::CasFailed(cas),
        })
    }
}

impl atomics::HostCas for KeyValueView<'_> {
    async fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Resource<Cas>, ReachError> {
        let cas = self.bucket(&bucket)?.begin(key).await?;
        keep(self.table, cas)
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Result<Option<Vec<u8>>, ReachError> {
        let cas = self.table.get(&cas).map_err(|_| unknown())?;
        Ok(cas.value.as_ref().map(|value| value.to_vec()))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

fn unknown() -> ReachError {
    ReachError::Other("there is no such compare-and-swap".into())
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<(String, Option<Vec<u8>>)>, ReachError> {
        batch_fits(keys.len())?;
        let values = self.bucket(&bucket)?.get_many(keys.clone()).await?;
        Ok(keys.into_iter().zip(values).map(|(key, value)| (key, value.map(Into::into))).collect())
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Result<(), ReachError> {
        batch_fits(entries.len())?;
        self.bucket(&bucket)?.set_many(entries).await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<(), ReachError> {
        batch_fits(keys.len())?;
        self.bucket(&bucket)?.delete_many(keys).await
    }
}
