//! wasi:keyvalue 0.2.0-draft.

use wasmtime::component::{Linker, Resource};

use super::{
    HasKeyValue, KeyValueView,
    bucket::{Bucket, batch_fits, keep},
};
use crate::wasm::reach::{NumberRange, ReachError};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/keyvalue-draft.wit",
        world: "sonagi:keyvalue-draft/guest",
        imports: { default: async | trappable, "wasi:keyvalue/store.open": trappable },
        with: { "wasi:keyvalue/store.bucket": crate::wasm::reach::keyvalue::bucket::Bucket },
        trappable_error_type: { "wasi:keyvalue/store.error" => crate::wasm::reach::ReachError },
    });
}

pub(super) use bindings::wasi::keyvalue::{atomics, batch, store};

pub(super) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> KeyValueView<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, HasKeyValue>(linker, get)?;
    atomics::add_to_linker::<T, HasKeyValue>(linker, get)?;
    batch::add_to_linker::<T, HasKeyValue>(linker, get)
}

impl store::Host for KeyValueView<'_> {
    fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, ReachError> {
        keep(self.table, Bucket::open(self.grants, identifier)?)
    }

    fn convert_error(&mut self, error: ReachError) -> wasmtime::Result<store::Error> {
        Ok(match error {
            ReachError::AccessDenied => store::Error::AccessDenied,
            ReachError::NoSuchStore => store::Error::NoSuchStore,
            ReachError::Other(text) => store::Error::Other(text),
        })
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

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<store::KeyResponse, ReachError> {
        let (keys, cursor) = self.bucket(&bucket)?.list_numbered(cursor).await?;
        Ok(store::KeyResponse { keys, cursor })
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
        delta: u64,
    ) -> Result<u64, ReachError> {
        let bucket = self.bucket(&bucket)?;
        let number = bucket.increment(&key, delta.into(), NumberRange::Unsigned64).await?;
        u64::try_from(number).map_err(|_| ReachError::Other("the number is out of range".into()))
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, ReachError> {
        batch_fits(keys.len())?;
        let values = self.bucket(&bucket)?.get_many(keys.clone()).await?;
        Ok(keys.into_iter().zip(values).map(|(key, value)| value.map(|value| (key, value.into()))).collect())
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
