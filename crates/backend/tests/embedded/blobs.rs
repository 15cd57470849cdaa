use std::{fs, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_backend::{Blobs, Error, conformance::blobs::Factory, embedded::FileBlobs};
use tempfile::TempDir;

struct Files(TempDir);

#[async_trait]
impl Factory for Files {
    async fn open(&self) -> Arc<dyn Blobs> {
        Arc::new(FileBlobs::open(self.0.path()).unwrap())
    }

    async fn reopen(&self, blobs: Arc<dyn Blobs>) -> Arc<dyn Blobs> {
        assert_eq!(Arc::strong_count(&blobs), 1);
        drop(blobs);
        self.open().await
    }
}

sonagi_backend::blobs_conformance!(Files(TempDir::new().unwrap()));

#[tokio::test]
async fn what_unfinished_writers_left_is_removed_when_the_folder_is_opened() {
    let folder = TempDir::new().unwrap();
    let parts = folder.path().join("parts");
    drop(FileBlobs::open(folder.path()).unwrap());
    fs::write(parts.join("7"), "left by a crash").unwrap();
    let blobs = FileBlobs::open(folder.path()).unwrap();
    assert_eq!(fs::read_dir(&parts).unwrap().count(), 0);
    let mut writer = blobs.writer("k").await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(fs::read_dir(&parts).unwrap().count(), 1);
    writer.finish().await.unwrap();
    assert_eq!(fs::read_dir(&parts).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_is_open_is_not_opened_again() {
    let folder = TempDir::new().unwrap();
    let _blobs = FileBlobs::open(folder.path()).unwrap();
    assert!(matches!(FileBlobs::open(folder.path()).map(drop), Err(Error::Locked { .. })));
}

#[tokio::test]
async fn no_empty_folders_are_left_behind() {
    let folder = TempDir::new().unwrap();
    let blobs = FileBlobs::open(folder.path()).unwrap();
    for n in 0..20 {
        blobs.put(&format!("a/{n}/b"), Bytes::new()).await.unwrap();
    }
    for n in 0..20 {
        blobs.delete(&format!("a/{n}/b")).await.unwrap();
    }
    assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), 0);
}
