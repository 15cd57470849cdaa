//! What [`Blobs`] promise.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, future::join_all};
use sonagi_model::limits;

use crate::{Blobs, Error};

/// Makes the blobs that a case runs on.
#[async_trait]
pub trait Factory: Send + Sync {
    /// No blobs.
    async fn open(&self) -> Arc<dyn Blobs>;
    /// Closes these blobs, of which this is the last handle, and opens what they stored anew.
    async fn reopen(&self, blobs: Arc<dyn Blobs>) -> Arc<dyn Blobs>;
}

/// A test of each case for the blobs that the factory makes.
#[macro_export]
macro_rules! blobs_conformance {
    ($factory:expr) => {
        $crate::conformance_cases!(
            blobs,
            $factory,
            [
                a_blob_is_read_back_and_survives_reopening,
                a_missing_blob_is_said_to_be_missing,
                ranges_are_cut_off_at_the_end,
                a_stream_gives_the_same_bytes_in_parts,
                a_blob_in_parts_appears_when_it_is_finished,
                a_blob_that_is_not_finished_never_was,
                a_blob_is_replaced_whole_while_it_is_read,
                a_deleted_blob_is_gone_and_deleting_again_is_no_error,
                lists_are_sorted_and_go_on_after_a_key,
                a_key_may_begin_with_another_key,
                a_key_that_is_not_one_is_refused_by_every_operation,
            ]
        );
    };
}

pub async fn a_blob_is_read_back_and_survives_reopening(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let large = Bytes::from(vec![7; 3 * limits::BLOB_CHUNK_SIZE + 1]);
    blobs.put("a/b", large.clone()).await.unwrap();
    blobs.put("empty", Bytes::new()).await.unwrap();
    let blobs = factory.reopen(blobs).await;
    assert_eq!(blobs.get("a/b", None).await.unwrap(), large);
    assert_eq!(blobs.get("empty", None).await.unwrap(), Bytes::new());
    assert_eq!(blobs.size("a/b").await.unwrap(), Some(large.len() as u64));
}

pub async fn a_missing_blob_is_said_to_be_missing(factory: &dyn Factory) {
    let blobs = factory.open().await;
    blobs.put("a", Bytes::from_static(b"x")).await.unwrap();
    for key in ["b", "a/b", "b/a"] {
        assert!(matches!(blobs.get(key, None).await, Err(Error::NoBlob { .. })));
        assert!(matches!(blobs.stream(key, None).await.map(drop), Err(Error::NoBlob { .. })));
        assert_eq!(blobs.size(key).await.unwrap(), None);
    }
}

pub async fn ranges_are_cut_off_at_the_end(factory: &dyn Factory) {
    let blobs = factory.open().await;
    blobs.put("k", Bytes::from_static(b"0123456789")).await.unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "a range that ends before it begins is empty")]
    let cases = [(0..10, "0123456789"), (2..5, "234"), (8..99, "89"), (10..11, ""), (50..60, ""), (5..2, "")];
    for (range, expected) in cases {
        assert_eq!(blobs.get("k", Some(range.clone())).await.unwrap(), expected, "{range:?}");
        let parts: Vec<_> = blobs.stream("k", Some(range)).await.unwrap().try_collect().await.unwrap();
        assert_eq!(parts.concat(), expected.as_bytes());
    }
}

pub async fn a_stream_gives_the_same_bytes_in_parts(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let bytes: Vec<u8> = (0..5 * limits::BLOB_CHUNK_SIZE + 3).map(|n| (n % 251) as u8).collect();
    blobs.put("k", bytes.clone().into()).await.unwrap();
    let parts: Vec<Bytes> = blobs.stream("k", None).await.unwrap().try_collect().await.unwrap();
    assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 1 << 20));
    assert!(parts.concat() == bytes);
}

pub async fn a_blob_in_parts_appears_when_it_is_finished(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let mut writer = blobs.writer("k").await.unwrap();
    writer.write(Bytes::from_static(b"one ")).await.unwrap();
    writer.write(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(blobs.size("k").await.unwrap(), None);
    assert_eq!(blobs.list("", None, 10).await.unwrap(), []);
    assert_eq!(writer.finish().await.unwrap(), 7);
    let blobs = factory.reopen(blobs).await;
    assert_eq!(blobs.get("k", None).await.unwrap(), "one two");
}

pub async fn a_blob_that_is_not_finished_never_was(factory: &dyn Factory) {
    let blobs = factory.open().await;
    blobs.put("k", Bytes::from_static(b"old")).await.unwrap();
    let mut writer = blobs.writer("k").await.unwrap();
    writer.write(Bytes::from_static(b"new")).await.unwrap();
    drop(writer);
    assert_eq!(blobs.get("k", None).await.unwrap(), "old");
}

pub async fn a_blob_is_replaced_whole_while_it_is_read(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let size = 4 * limits::BLOB_CHUNK_SIZE;
    blobs.put("k", Bytes::from(vec![b'a'; size])).await.unwrap();
    let mut stream = blobs.stream("k", None).await.unwrap();
    let mut read = stream.next().await.unwrap().unwrap().to_vec();
    blobs.put("k", Bytes::from(vec![b'b'; size])).await.unwrap();
    while let Some(part) = stream.next().await {
        read.extend_from_slice(&part.unwrap());
    }
    assert!(read == vec![b'a'; size]);
    assert!(blobs.get("k", None).await.unwrap() == vec![b'b'; size]);
}

pub async fn a_deleted_blob_is_gone_and_deleting_again_is_no_error(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let work = (0..20).map(|n| {
        let blobs = Arc::clone(&blobs);
        tokio::spawn(async move {
            // Folders come and go under those who write beside.
            for round in 0..5 {
                let key = format!("folder/{}/{n}", round % 2);
                blobs.put(&key, Bytes::from_static(b"x")).await.unwrap();
                assert_eq!(blobs.get(&key, None).await.unwrap(), "x");
                blobs.delete(&key).await.unwrap();
                blobs.delete(&key).await.unwrap();
                assert_eq!(blobs.size(&key).await.unwrap(), None);
            }
        })
    });
    join_all(work).await.into_iter().for_each(|done| done.unwrap());
    let blobs = factory.reopen(blobs).await;
    assert_eq!(blobs.list("", None, 10).await.unwrap(), []);
}

pub async fn lists_are_sorted_and_go_on_after_a_key(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let mut keys: Vec<String> =
        ["a", "a/b", "a-b", "a.b", "a/b/c", "a0", "ab", "b/a", "b/b", "b/c/d", "c", "A/z", "_"]
            .map(str::to_owned)
            .to_vec();
    keys.extend((0..30).map(|n| format!("many/{n}")));
    for key in &keys {
        blobs.put(key, Bytes::from(key.clone())).await.unwrap();
    }
    keys.sort();
    let listed = async |prefix: &str, after: Option<&str>, limit| {
        let found = blobs.list(prefix, after, limit).await.unwrap();
        assert!(found.iter().all(|blob| blob.size == blob.key.len() as u64));
        found.into_iter().map(|blob| blob.key).collect::<Vec<_>>()
    };
    assert_eq!(listed("", None, 1_000).await, keys);
    for prefix in ["a", "a/", "a/b", "b/c", "many/1", "x", "", "a/b/c/d", "../"] {
        let with: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        assert_eq!(listed(prefix, None, 1_000).await, with, "{prefix}");
        // Page by page.
        let mut paged: Vec<String> = Vec::new();
        loop {
            let page = listed(prefix, paged.last().map(String::as_str), 3).await;
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 3);
            paged.extend(page);
        }
        assert_eq!(paged, with, "{prefix}");
    }
    for after in ["", "a/", "a/a", "a/b/", "many/3", "zzz", "b/c"] {
        let rest: Vec<_> = keys.iter().filter(|key| key.as_str() > after).cloned().collect();
        assert_eq!(listed("", Some(after), 1_000).await, rest, "{after}");
    }
    assert_eq!(listed("", None, 0).await, [""; 0]);
}

pub async fn a_key_may_begin_with_another_key(factory: &dyn Factory) {
    let blobs = factory.open().await;
    for key in ["a/b/c", "a", "a/b"] {
        blobs.put(key, Bytes::from_static(key.as_bytes())).await.unwrap();
    }
    blobs.delete("a/b").await.unwrap();
    assert_eq!(blobs.get("a", None).await.unwrap(), "a");
    assert_eq!(blobs.get("a/b/c", None).await.unwrap(), "a/b/c");
    assert_eq!(blobs.size("a/b").await.unwrap(), None);
}

pub async fn a_key_that_is_not_one_is_refused_by_every_operation(factory: &dyn Factory) {
    let blobs = factory.open().await;
    let long = "k".repeat(limits::BLOB_KEY_SIZE + 1);
    for key in ["", "/a", "../a", "a/../../b", "a//b", "a/", "a b", "=00/a", "a\0", &long] {
        let results = [
            blobs.put(key, Bytes::new()).await,
            blobs.writer(key).await.map(drop),
            blobs.get(key, None).await.map(drop),
            blobs.stream(key, None).await.map(drop),
            blobs.size(key).await.map(drop),
            blobs.delete(key).await,
        ];
        for result in results {
            assert!(matches!(result, Err(Error::BlobKey { .. })), "{key:?}: {result:?}");
        }
    }
}
