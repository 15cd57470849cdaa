//! Blobs under SIGKILL: what was acknowledged is there, whole; what was not is whole or absent.

use std::{collections::HashSet, fs, path::Path, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;
use sonagi_backend::{Blobs, embedded::FileBlobs};
use tempfile::TempDir;

use crate::child::{self, Child, Numbers};

const KILLS: u64 = 40;
const TASKS: u64 = 6;

/// The bytes of the blob `key`: long enough for several parts, and telling from which blob they are.
fn content(key: &str) -> Vec<u8> {
    let size = 1 + key.bytes().fold(7_usize, |sum, byte| (sum * 31 + byte as usize) % 600_000);
    key.bytes().cycle().take(size).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of blobs_survive_sigkill"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    let blobs = Arc::new(FileBlobs::open(&folder).unwrap());
    // No life names a blob as another did: what is said of one holds for ever.
    let life = std::process::id();
    child::say("ready");
    let tasks = (0..TASKS).map(|task| {
        let blobs = Arc::clone(&blobs);
        tokio::spawn(async move {
            for n in 0_u64.. {
                let key = format!("task/{task}/{}/{life}-{n}", n % 3);
                let bytes = content(&key);
                if n % 2 == 0 {
                    blobs.put(&key, bytes.into()).await.unwrap();
                } else {
                    let mut writer = blobs.writer(&key).await.unwrap();
                    for part in bytes.chunks(100_000) {
                        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
                    }
                    writer.finish().await.unwrap();
                }
                child::say(&format!("put {key}"));
                if n % 5 == 0 {
                    child::say(&format!("deleting {key}"));
                    blobs.delete(&key).await.unwrap();
                    child::say(&format!("deleted {key}"));
                }
            }
        })
    });
    join_all(tasks).await;
}

#[test]
fn blobs_survive_sigkill() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut numbers = Numbers(7);
    let mut folder = TempDir::new().unwrap();
    let mut known = Known::default();
    for kill in 0..KILLS {
        if kill % 10 == 0 {
            (folder, known) = (TempDir::new().unwrap(), Known::default());
        }
        let mut child = Child::start(&[], "blobs_crash::child", folder.path());
        let mut said = Vec::new();
        let wanted = 1 + numbers.below(40) as usize;
        while said.len() < wanted {
            said.push(child.said().expect("the child works until it is killed"));
        }
        child.kill();
        said.extend(std::iter::from_fn(|| child.said()));
        runtime.block_on(check(folder.path(), &said, &mut known));
    }
}

#[derive(Default)]
struct Known {
    there: HashSet<String>,
    /// Deleted, or about to be when the kill came.
    maybe: HashSet<String>,
    gone: HashSet<String>,
}

async fn check(folder: &Path, said: &[String], known: &mut Known) {
    for line in said {
        match line.split_once(' ') {
            Some(("put", key)) => drop(known.there.insert(key.to_owned())),
            Some(("deleting", key)) => {
                known.there.remove(key);
                known.maybe.insert(key.to_owned());
            }
            Some(("deleted", key)) => drop(known.gone.insert(key.to_owned())),
            _ => assert_eq!(line, "ready"),
        }
    }
    let blobs = FileBlobs::open(folder).unwrap();
    assert_eq!(fs::read_dir(folder.join("parts")).unwrap().count(), 0);
    for key in &known.gone {
        assert_eq!(blobs.size(key).await.unwrap(), None, "{key} was deleted");
    }
    let listed: HashSet<String> =
        blobs.list("", None, 10_000).await.unwrap().into_iter().map(|blob| blob.key).collect();
    for key in &known.there {
        assert!(listed.contains(key), "{key} was acknowledged");
    }
    for key in &listed {
        assert!(blobs.get(key, None).await.unwrap() == content(key), "{key} is whole");
    }
}
