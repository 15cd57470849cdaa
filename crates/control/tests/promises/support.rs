//! A control on a temporary folder, and short ways to make what it takes.

use std::{
    io::{Cursor, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use sonagi_backend::{
    Records,
    embedded::{FileBlobs, RecordsConfig, SqliteRecords},
};
use sonagi_control::{
    Config, Control, Error, LiveFunction, Preparation,
    lambda::{CreateFunction, PublishVersion, UpdateConfiguration},
};
use sonagi_model::{
    AppName, Digest, Entropy, FunctionName, LambdaName, Timestamp,
    clock::ManualClock,
    function::{Function, Package, Runtime},
    release::ReleaseContent,
};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/test";

pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) records: Arc<SqliteRecords>,

    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    async fn open(folder: TempDir) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let records =
            Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path().join("records"))).unwrap());
        let blobs = Arc::new(FileBlobs::open(&folder.path().join("blobs")).unwrap());
        let control = Control::open(
            Config {
                account: Default::default(),
                region: Default::default(),
                concurrency: sonagi_model::limits::ACCOUNT_CONCURRENCY,
                code_dir: folder.path().join("code"),
            },
            Arc::clone(&records) as Arc<dyn Records>,
            blobs,
            Arc::new(clock.clone()),
            Arc::new(Counter::default()),
        )
        .await
        .unwrap();
        Self { control, records, folder }
    }

    pub(crate) fn prepared_by(self, preparation: Arc<dyn Preparation>) -> Self {
        Self { control: self.control.clone().prepared_by(preparation), ..self }
    }

    pub(crate) async fn reopen(self) -> Self {
        let Self { control, records, folder, .. } = self;
        drop(control);
        records.close().await;
        drop(records);
        Self::open(folder).await
    }

    pub(crate) fn code_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("code")
    }

    /// A package whose only file says `text`.
    pub(crate) async fn package(&self, text: &str) -> Package {
        self.control.packages().put(zip(&[("app.py", text)])).await.unwrap()
    }

    pub(crate) fn function(&self, name: &str) -> Arc<LiveFunction> {
        self.control.live().function(name).unwrap_or_else(|| panic!("{name} is not live")).clone()
    }

    /// With a function `f` that has versions 1 and 2.
    pub(crate) async fn with_two_versions() -> Self {
        let world = Self::start().await;
        world.create("f").await;
        for timeout in [5, 6] {
            let change = UpdateConfiguration { timeout: Some(timeout), ..Default::default() };
            world.control.update_configuration("f", change).await.unwrap();
            world.control.publish_version("f", PublishVersion::default()).await.unwrap();
        }
        world
    }

    pub(crate) async fn create(&self, name: &str) -> Arc<LiveFunction> {
        self.control.create_function(request(name)).await.unwrap().function
    }
}

/// A create request with what Lambda wants at least.
pub(crate) fn request(name: &str) -> CreateFunction {
    CreateFunction {
        name: name.into(),
        runtime: Some("python3.11".into()),
        role: ROLE.into(),
        handler: Some("app.handler".into()),
        code: zip(&[("app.py", "pass")]),
        ..CreateFunction::default()
    }
}

/// Random enough, and the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let seed = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            chunk.copy_from_slice(&Digest::of(&seed).as_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Bytes {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner().into()
}

pub(crate) fn app(name: &str) -> AppName {
    name.parse().unwrap()
}

pub(crate) fn function(app: &str, name: &str, package: Package) -> Function {
    let lambda_name: LambdaName = format!("{app}-{name}").parse().unwrap();
    let name: FunctionName = name.parse().unwrap();
    Function::new(name, lambda_name, Runtime::Python { minor: 11 }, "app.handler".into(), package)
}

pub(crate) fn content(functions: impl IntoIterator<Item = Function>) -> ReleaseContent {
    let functions = functions.into_iter().map(|function| (function.name.clone(), function)).collect();
    ReleaseContent { functions, ..ReleaseContent::default() }
}

pub(crate) fn text_of<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
