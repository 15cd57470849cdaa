//! Both drafts as a guest meets them, over a store in memory: what is behind the seam has tests of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_model::{AppName, clock::ManualClock, function::Wasm, limits};
use wasmtime::component::ResourceTable;

use super::{KeyValueView, draft, draft2};
use crate::wasm::reach::{
    Grants, KeyPage, MoreKeys, NumberRange, Outbound, OutboundConfig, Reach, ReachError, Revised, Revision,
    Roots, Swapped, SystemResolver,
};

/// Keys of `app/store/key`, each with the number of its write. Pages of two.
#[derive(Default)]
struct Memory {
    entries: Mutex<BTreeMap<String, (u64, Bytes)>>,
    writes: Mutex<u64>,
}

impl Memory {
    fn place(app: &AppName, store: &str, key: &str) -> String {
        format!("{app}/{store}/{key}")
    }

    fn write(&self, place: String, value: Bytes) {
        let mut writes = self.writes.lock().unwrap();
        *writes += 1;
        self.entries.lock().unwrap().insert(place, (*writes, value));
    }
}

#[async_trait]
impl Reach for Memory {
    async fn get(&self, app: &AppName, store: &str, key: &str) -> Result<Option<Bytes>, ReachError> {
        Ok(self.read(app, store, key).await?.value)
    }

    async fn set(&self, app: &AppName, store: &str, key: &str, value: Bytes) -> Result<(), ReachError> {
        if key == "broken" {
            return Err(ReachError::Other("the store failed".into()));
        }
        self.write(Self::place(app, store, key), value);
        Ok(())
    }

    async fn delete(&self, app: &AppName, store: &str, key: &str) -> Result<(), ReachError> {
        self.entries.lock().unwrap().remove(&Self::place(app, store, key));
        Ok(())
    }

    async fn exists(&self, app: &AppName, store: &str, key: &str) -> Result<bool, ReachError> {
        Ok(self.get(app, store, key).await?.is_some())
    }

    async fn list_keys(
        &self,
        app: &AppName,
        store: &str,
        after: Option<&str>,
    ) -> Result<KeyPage, ReachError> {
        let prefix = Self::place(app, store, "");
        let entries = self.entries.lock().unwrap();
        let keys = entries.keys().filter_map(|place| place.strip_prefix(&prefix));
        let mut keys: Vec<String> =
            keys.filter(|key| after.is_none_or(|after| *key > after)).take(3).map(str::to_owned).collect();
        let more = if keys.len() > 2 { MoreKeys::Follow } else { MoreKeys::End };
        keys.truncate(2);
        Ok(KeyPage { keys, more })
    }

    async fn increment(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        delta: i128,
        _: NumberRange,
    ) -> Result<i128, ReachError> {
        let value = self.get(app, store, key).await?.unwrap_or_else(|| "0".into());
        let sum = std::str::from_utf8(&value).unwrap().parse::<i128>().unwrap() + delta;
        self.write(Self::place(app, store, key), sum.to_string().into());
        Ok(sum)
    }

    async fn read(&self, app: &AppName, store: &str, key: &str) -> Result<Revised, ReachError> {
        let entries = self.entries.lock().unwrap();
        Ok(match entries.get(&Self::place(app, store, key)) {
            Some((write, value)) => {
                Revised { value: Some(value.clone()), revision: Revision::Written(*write) }
            }
            None => Revised { value: None, revision: Revision::Absent },
        })
    }

    async fn swap(
        &self,
        app: &AppName,
        store: &str,
        key: &str,
        expected: Revision,
        value: Bytes,
    ) -> Result<Swapped, ReachError> {
        let now = self.read(app, store, key).await?;
        if now.revision != expected {
            return Ok(Swapped::Changed(now));
        }
        self.write(Self::place(app, store, key), value);
        Ok(Swapped::Done)
    }

    async fn get_many(
        &self,
        app: &AppName,
        store: &str,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Bytes>>, ReachError> {
        let mut values = Vec::new();
        for key in keys {
            values.push(self.get(app, store, &key).await?);
        }
        Ok(values)
    }

    async fn set_many(
        &self,
        app: &AppName,
        store: &str,
        entries: Vec<(String, Bytes)>,
    ) -> Result<(), ReachError> {
        for (key, value) in entries {
            self.set(app, store, &key, value).await?;
        }
        Ok(())
    }

    async fn delete_many(&self, app: &AppName, store: &str, keys: Vec<String>) -> Result<(), ReachError> {
        for key in keys {
            self.delete(app, store, &key).await?;
        }
        Ok(())
    }
}

/// A store of a function, of which there may be several over one memory.
struct Guest {
    grants: Grants,
    table: ResourceTable,
}

impl Guest {
    fn new(memory: &Arc<Memory>, app: &str, stores: &[&str]) -> Self {
        let keyvalue = stores.iter().map(|store| (*store).to_owned()).collect();
        let wasm = Wasm { keyvalue, config: [("key".into(), "value".into())].into(), ..Wasm::default() };
        let outbound = Outbound::new(OutboundConfig {
            resolver: Arc::new(SystemResolver),
            roots: Roots::System,
            clock: Arc::new(ManualClock::default()),
            runtime: tokio::runtime::Handle::current(),
        });
        let grants = Grants::new(AppName::new(app).unwrap(), wasm, Arc::clone(memory) as _, outbound);
        Self { grants, table: ResourceTable::new() }
    }

    fn view(&mut self) -> KeyValueView<'_> {
        KeyValueView { grants: &self.grants, table: &mut self.table }
    }
}

fn key(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn only_stores_that_were_granted_open() {
    let memory = Arc::<Memory>::default();
    let mut guest = Guest::new(&memory, "shop", &["default"]);
    for name in ["", "other", "defaul", "default/", "../default"] {
        let refused = draft::store::Host::open(&mut guest.view(), key(name)).unwrap_err();
        assert_eq!(refused, ReachError::AccessDenied, "{name:?}");
        let refused = draft2::store::Host::open(&mut guest.view(), key(name)).unwrap_err();
        assert_eq!(refused, ReachError::AccessDenied, "{name:?}");
    }
    assert!(draft::store::Host::open(&mut guest.view(), key("default")).is_ok());
}

#[tokio::test]
async fn the_first_draft_does_what_it_says() {
    use draft::{atomics::Host as _, batch::Host as _, store::Host as _, store::HostBucket as _};
    let memory = Arc::<Memory>::default();
    let mut guest = Guest::new(&memory, "shop", &["default"]);
    let mut view = guest.view();
    let bucket = view.open(key("default")).unwrap().rep();
    let bucket = || wasmtime::component::Resource::new_borrow(bucket);
    view.set(bucket(), key("a"), b"1".to_vec()).await.unwrap();
    assert_eq!(view.get(bucket(), key("a")).await.unwrap(), Some(b"1".to_vec()));
    assert!(view.exists(bucket(), key("a")).await.unwrap());
    assert_eq!(view.increment(bucket(), key("a"), 4).await.unwrap(), 5);
    view.set_many(bucket(), vec![(key("b"), vec![2]), (key("c"), vec![3])]).await.unwrap();
    let found = view.get_many(bucket(), vec![key("b"), key("none")]).await.unwrap();
    assert_eq!(found, [Some((key("b"), vec![2])), None]);

    let first = view.list_keys(bucket(), None).await.unwrap();
    assert_eq!((first.keys, first.cursor), (vec![key("a"), key("b")], Some(0)));
    for _ in 0..2 {
        let second = view.list_keys(bucket(), first.cursor).await.unwrap();
        assert_eq!((second.keys, second.cursor), (vec![key("c")], None));
    }
    for strange in [1, 2, u64::MAX] {
        assert!(matches!(view.list_keys(bucket(), Some(strange)).await, Err(ReachError::Other(_))));
    }
    for _ in 0..limits::KEYVALUE_CURSORS {
        view.list_keys(bucket(), None).await.unwrap();
    }
    assert!(view.list_keys(bucket(), Some(0)).await.is_err(), "it is too long ago");
    assert!(view.list_keys(bucket(), Some(1)).await.is_ok());

    let failed = view.set(bucket(), key("broken"), Vec::new()).await.unwrap_err();
    assert!(matches!(
        view.convert_error(failed).unwrap(),
        draft::store::Error::Other(text) if text == "the store failed"
    ));
    let many: Vec<_> = (0..=limits::KEYVALUE_BATCH).map(|number| number.to_string()).collect();
    assert!(view.get_many(bucket(), many.clone()).await.is_err());
    assert!(view.delete_many(bucket(), many.clone()).await.is_err());
    assert!(view.set_many(bucket(), many.into_iter().map(|key| (key, Vec::new())).collect()).await.is_err());
    view.delete_many(bucket(), vec![key("b"), key("none")]).await.unwrap();
    view.delete(bucket(), key("a")).await.unwrap();
    assert_eq!(view.list_keys(bucket(), None).await.unwrap().keys, [key("c")]);

    // Another app's store of the same name is another.
    let mut other = Guest::new(&memory, "other", &["default"]);
    let mut view = other.view();
    let bucket = view.open(key("default")).unwrap();
    assert!(view.list_keys(bucket, None).await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn the_second_draft_does_what_it_says() {
    use draft2::{
        SwapError, atomics::Host as _, atomics::HostCas as _, batch::Host as _, store::Host as _,
        store::HostBucket as _,
    };
    let memory = Arc::<Memory>::default();
    let mut guest = Guest::new(&memory, "shop", &["default"]);
    let mut view = guest.view();
    let bucket = view.open(key("default")).unwrap().rep();
    let bucket = || wasmtime::component::Resource::new_borrow(bucket);
    assert_eq!(view.increment(bucket(), key("n"), -4).await.unwrap(), -4);
    view.set_many(bucket(), vec![(key("a"), vec![1]), (key("b"), vec![2])]).await.unwrap();
    let found = view.get_many(bucket(), vec![key("b"), key("none")]).await.unwrap();
    assert_eq!(found, [(key("b"), Some(vec![2])), (key("none"), None)]);
    let first = view.list_keys(bucket(), None).await.unwrap();
    assert_eq!((first.keys, first.cursor.clone()), (vec![key("a"), key("b")], Some(key("b"))));
    let second = view.list_keys(bucket(), first.cursor).await.unwrap();
    assert_eq!((second.keys, second.cursor), (vec![key("n")], None));

    // Two begin alike: the second has to try again, with what the first wrote.
    let faster = HostCasNew::begin(&mut view, bucket(), "c").await;
    let slower = HostCasNew::begin(&mut view, bucket(), "c").await;
    assert!(view.swap(faster, b"first".to_vec()).await.is_ok());
    let Err(SwapError::Changed(again)) = view.swap(slower, b"second".to_vec()).await else {
        panic!("somebody was faster")
    };
    let borrowed = wasmtime::component::Resource::new_borrow(again.rep());
    assert_eq!(view.current(borrowed).await.unwrap(), Some(b"first".to_vec()));
    assert!(view.swap(again, b"second".to_vec()).await.is_ok());
    assert_eq!(view.get(bucket(), key("c")).await.unwrap(), Some(b"second".to_vec()));
    // A handle that was used up is an error of the call, and no trap.
    let used = wasmtime::component::Resource::new_own(12_345);
    assert!(matches!(view.swap(used, Vec::new()).await, Err(SwapError::Reach(ReachError::Other(_)))));
}

/// `new` of the generated trait, which is hard to name.
struct HostCasNew;

impl HostCasNew {
    async fn begin(
        view: &mut KeyValueView<'_>,
        bucket: wasmtime::component::Resource<super::Bucket>,
        name: &str,
    ) -> wasmtime::component::Resource<super::bucket::Cas> {
        draft2::atomics::HostCas::new(view, bucket, key(name)).await.unwrap()
    }
}

#[tokio::test]
async fn handles_are_not_without_number() {
    let memory = Arc::<Memory>::default();
    let mut guest = Guest::new(&memory, "shop", &["default"]);
    guest.table.set_max_capacity(3);
    let mut opened = 0;
    let refused = loop {
        match draft::store::Host::open(&mut guest.view(), key("default")) {
            Ok(_) => opened += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(opened, 3);
    assert!(matches!(refused, ReachError::Other(_)));
}

/// Both drafts and the configuration are linked, for either engine, as components import them.
#[tokio::test]
async fn components_of_either_draft_link() {
    use sonagi_model::function::WasiVersion;
    use wasmtime::component::{Component, Linker};
    let store = |version: &str, cursor: &str| {
        format!(
            r#"(component (import "wasi:keyvalue/store@{version}" (instance
                (type $e (variant (case "no-such-store") (case "access-denied") (case "other" string)))
                (export "error" (type $error (eq $e)))
                (export "bucket" (type $bucket (sub resource)))
                (type $r (record (field "keys" (list string)) (field "cursor" (option {cursor}))))
                (export "key-response" (type $response (eq $r)))
                (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))
                (export "[method]bucket.list-keys" (func (param "self" (borrow $bucket))
                    (param "cursor" (option {cursor})) (result (result $response (error $error)))))
            )))"#
        )
    };
    for wasi in [WasiVersion::P2, WasiVersion::P3] {
        let engine = crate::wasm::engine::compiling(wasi).unwrap();
        let mut linker = Linker::<Guest>::new(&engine);
        super::link_keyvalue(&mut linker, Guest::view).unwrap();
        crate::wasm::reach::link_config(&mut linker, |guest: &mut Guest| guest.grants.config()).unwrap();
        for (version, cursor, fits) in [
            ("0.2.0-draft", "u64", true),
            ("0.2.0-draft2", "string", true),
            ("0.2.0-draft", "string", false),
            ("0.2.0-draft2", "u64", false),
        ] {
            let component = Component::new(&engine, wat::parse_str(store(version, cursor)).unwrap()).unwrap();
            assert_eq!(linker.instantiate_pre(&component).is_ok(), fits, "{version} {cursor}");
        }
    }
}
