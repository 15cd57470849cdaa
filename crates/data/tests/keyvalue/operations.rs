use bytes::Bytes;
use sonagi_data::{
    Error,
    keyvalue::{KeyPage, MoreKeys},
};
use sonagi_model::limits;
use tempfile::TempDir;

use crate::{app, open, store};

#[tokio::test]
async fn a_value_is_what_was_set_last() {
    let (_folder, store) = store();
    assert_eq!(store.get("key").await.unwrap(), None);
    assert!(!store.exists("key").await.unwrap());
    // Both ways between small values, which are kept beside their keys, and large ones, which are not.
    for size in [0, 1, 512, 513, 1 << 20, 3, 100_000, 200_000, limits::KEYVALUE_VALUE_SIZE] {
        let value = Bytes::from(vec![size as u8; size]);
        store.set("key", value.clone()).await.unwrap();
        assert_eq!(store.get("key").await.unwrap(), Some(value));
        assert!(store.exists("key").await.unwrap());
    }
    for _ in 0..2 {
        store.delete("key").await.unwrap();
        assert_eq!(store.get("key").await.unwrap(), None);
        assert!(!store.exists("key").await.unwrap());
    }
    store.set("key", Bytes::from_static(b"again")).await.unwrap();
    assert_eq!(store.get("key").await.unwrap().unwrap(), "again");
}

#[tokio::test]
async fn keys_are_any_text() {
    let (_folder, store) = store();
    let keys = ["", "/", "a/b", "a", "\0", "열쇠", "a\u{10ffff}"];
    for key in keys {
        store.set(key, Bytes::from(key.to_owned())).await.unwrap();
    }
    for key in keys {
        assert_eq!(store.get(key).await.unwrap().unwrap(), key.as_bytes(), "{key:?}");
    }
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(
        store.list_keys(None).await.unwrap(),
        KeyPage { keys: sorted.map(str::to_owned).into(), more: MoreKeys::End }
    );
    // A cursor need not be a key that is there.
    store.delete("a").await.unwrap();
    assert_eq!(store.list_keys(Some("a")).await.unwrap().keys, ["a/b", "a\u{10ffff}", "열쇠"]);
}

#[tokio::test]
async fn stores_and_apps_do_not_see_each_other() {
    let folder = TempDir::new().unwrap();
    let keyvalue = open(folder.path());
    let places = [("shop", "default"), ("shop", "default2"), ("shop", "defaul"), ("shop2", "default")];
    for (owner, name) in places {
        let store = keyvalue.store(&app(owner), name).unwrap();
        store.set("key", Bytes::from(format!("{owner} {name}"))).await.unwrap();
        store.set(owner, Bytes::from(vec![0; 1_000])).await.unwrap();
    }
    for (owner, name) in places {
        let store = keyvalue.store(&app(owner), name).unwrap();
        assert_eq!(store.get("key").await.unwrap().unwrap(), format!("{owner} {name}"));
        assert_eq!(store.list_keys(None).await.unwrap().keys.len(), 2);
        store.delete("key").await.unwrap();
    }
}

#[tokio::test]
async fn pages_of_keys_are_whole_and_end() {
    let (_folder, store) = store();
    let count = limits::KEYVALUE_LIST_KEYS * 2 + 7;
    let keys: Vec<String> = (0..count).map(|number| format!("{number:08}")).collect();
    for part in keys.chunks(limits::KEYVALUE_BATCH) {
        store
            .set_many(part.iter().map(|key| (key.clone(), Bytes::from(vec![1; 600]))).collect())
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = store.list_keys(seen.last().map(String::as_str)).await.unwrap();
        sizes.push(page.keys.len());
        seen.extend(page.keys);
        if page.more == MoreKeys::End {
            break;
        }
    }
    assert_eq!(seen, keys);
    assert_eq!(sizes, [limits::KEYVALUE_LIST_KEYS, limits::KEYVALUE_LIST_KEYS, 7]);
    // A page that is full says nothing of more if there are none.
    store
        .delete_many(keys[limits::KEYVALUE_LIST_KEYS..limits::KEYVALUE_LIST_KEYS * 2].to_vec())
        .await
        .unwrap();
    store.delete_many(keys[limits::KEYVALUE_LIST_KEYS * 2..].to_vec()).await.unwrap();
    assert_eq!(store.list_keys(None).await.unwrap().more, MoreKeys::End);
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_and_says_which() {
    let (folder, store) = store();
    let keyvalue = open(TempDir::new().unwrap().path());
    for name in ["a/b".into(), "a\0".into(), "a".repeat(limits::WASM_STORE_NAME + 1)] {
        assert!(matches!(keyvalue.store(&app("shop"), &name), Err(Error::StoreName { .. })), "{name:?}");
    }
    let longest = "k".repeat(limits::KEYVALUE_KEY_SIZE);
    store.set(&longest, Bytes::new()).await.unwrap();
    assert!(store.exists(&longest).await.unwrap());
    let long = format!("{longest}k");
    assert!(matches!(store.set(&long, Bytes::new()).await, Err(Error::KeyTooLong { size: 1_025 })));
    assert!(matches!(store.get(&long).await, Err(Error::KeyTooLong { .. })));
    assert!(matches!(store.exists(&long).await, Err(Error::KeyTooLong { .. })));
    assert!(matches!(store.delete(&long).await, Err(Error::KeyTooLong { .. })));
    assert!(matches!(store.list_keys(Some(&long)).await, Err(Error::KeyTooLong { .. })));
    let large = Bytes::from(vec![0; limits::KEYVALUE_VALUE_SIZE + 1]);
    let refused = store.set("key", large).await.unwrap_err();
    assert!(matches!(refused, Error::ValueTooLarge { .. }));
    assert_eq!(
        refused.to_string(),
        "a value has 4194305 bytes, and 4194304 are the most: split it over several keys"
    );
    assert!(!store.exists("key").await.unwrap());
    drop(folder);
}
