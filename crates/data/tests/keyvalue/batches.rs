use bytes::Bytes;
use sonagi_data::Error;
use sonagi_model::limits;

use crate::store;

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key{number}")).collect()
}

#[tokio::test]
async fn a_batch_reads_writes_and_deletes_many_keys() {
    let (_folder, store) = store();
    let entries = |size: usize| keys(10).into_iter().map(|key| (key, Bytes::from(vec![1; size]))).collect();
    for size in [10, 1_000, 20] {
        store.set_many(entries(size)).await.unwrap();
        let values = store.get_many(keys(12)).await.unwrap();
        let sizes: Vec<_> = values.iter().map(|value| value.as_ref().map(Bytes::len)).collect();
        assert_eq!(sizes, [[Some(size); 10].as_slice(), &[None, None]].concat());
    }
    let twice =
        vec![("key0".into(), Bytes::from(vec![2; 900])), ("key0".into(), Bytes::from_static(b"last"))];
    store.set_many(twice).await.unwrap();
    let values = store.get_many(vec!["key0".into(), "none".into(), "key0".into()]).await.unwrap();
    assert_eq!(values, [Some(Bytes::from_static(b"last")), None, Some(Bytes::from_static(b"last"))]);
    store.delete_many(keys(20)).await.unwrap();
    assert_eq!(store.get_many(keys(10)).await.unwrap(), vec![None; 10]);
    store.set_many(Vec::new()).await.unwrap();
    assert!(store.list_keys(None).await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn a_batch_that_is_refused_writes_nothing() {
    let (_folder, store) = store();
    let mut entries: Vec<_> =
        keys(limits::KEYVALUE_BATCH + 1).into_iter().map(|key| (key, Bytes::new())).collect();
    assert!(matches!(store.set_many(entries.clone()).await, Err(Error::TooManyKeys { count: 1_001 })));
    assert!(matches!(store.get_many(keys(1_001)).await, Err(Error::TooManyKeys { .. })));
    assert!(matches!(store.delete_many(keys(1_001)).await, Err(Error::TooManyKeys { .. })));
    entries.truncate(3);
    entries[2].0 = "k".repeat(limits::KEYVALUE_KEY_SIZE + 1);
    assert!(matches!(store.set_many(entries.clone()).await, Err(Error::KeyTooLong { .. })));
    entries[2] = ("key".into(), vec![0; limits::KEYVALUE_VALUE_SIZE + 1].into());
    assert!(matches!(store.set_many(entries).await, Err(Error::ValueTooLarge { .. })));
    let largest = Bytes::from(vec![0; limits::KEYVALUE_VALUE_SIZE]);
    let too_much = keys(5).into_iter().map(|key| (key, largest.clone())).collect();
    assert!(matches!(store.set_many(too_much).await, Err(Error::BatchTooLarge)));
    assert!(store.list_keys(None).await.unwrap().keys.is_empty());
    // What each fits is not read together either, if it is too much.
    for key in keys(5) {
        store.set(&key, largest.clone()).await.unwrap();
    }
    assert!(matches!(store.get_many(keys(5)).await, Err(Error::BatchTooLarge)));
    assert_eq!(store.get_many(keys(3)).await.unwrap().len(), 3);
}
