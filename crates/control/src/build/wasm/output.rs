//! The package of a component, and what of it is kept.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sonagi_model::{Digest, FunctionName};

use super::{COMPONENT, Source};
use crate::build::{
    Error, Result,
    archive::{self, Content, Entries, Mode},
    cache::{self, Workshop},
    job::{Job, blocking},
    python::read_zip,
};

/// Folders that the languages' tools leave in a source folder.
const OUTPUTS: [&str; 3] = ["node_modules", "target", "venv"];
/// What every WebAssembly binary starts with ("Binary Format, Modules" in the WebAssembly specification; components
/// share it).
const MAGIC: &[u8] = b"\0asm";

impl Source<'_, '_> {
    /// The files of the source folder, without what tools left there.
    pub(super) async fn entries(&self) -> Result<Entries> {
        let (function, path) = (self.job.function.clone(), self.path.to_owned());
        blocking(move || archive::list_source(&function, &path, &OUTPUTS)).await
    }

    /// What the result of a build is kept under: everything that goes into it.
    pub(super) fn key(&self, tool: &str, entries: &Entries, more: &[&str]) -> Result<Digest> {
        let granted = if self.wasm.keyvalue.is_empty() { "" } else { "keyvalue" };
        let digest = archive::digest(self.job.function, entries)?;
        let mut parts: Vec<&[u8]> = vec![
            b"wasm 1",
            tool.as_bytes(),
            granted.as_bytes(),
            super::world::TEXT.as_bytes(),
            digest.as_bytes(),
        ];
        parts.extend(more.iter().map(|part| part.as_bytes()));
        Ok(cache::key(&parts))
    }

    /// The package that an earlier build made of the same.
    pub(super) async fn kept(&self, key: &Digest) -> Option<Result<Bytes>> {
        let entry = self.job.cache.get("wasm", key)?;
        Some(read_zip(self.job.function, &entry).await.map(Bytes::from))
    }

    /// The package of a component that a tool made in the workshop.
    pub(super) async fn keep(&self, key: &Digest, shop: &Workshop, component: PathBuf) -> Result<Bytes> {
        let made = shop.path().join("entry");
        self.job.make(&made)?;
        let (function, folder) = (self.job.function.clone(), made.clone());
        let zip = blocking(move || {
            let zip = pack(&function, &component)?;
            let path = folder.join("packages.zip");
            std::fs::write(&path, &zip).map_err(|cause| Error::Io {
                function,
                verb: "write",
                path,
                cause,
            })?;
            Ok(zip)
        })
        .await?;
        self.job.keep("wasm", key, &made)?;
        Ok(zip)
    }
}

/// A package that holds one component.
pub(super) fn pack(function: &FunctionName, component: &Path) -> Result<Bytes> {
    let io = |cause| Error::Io { function: function.clone(), verb: "read", path: component.into(), cause };
    let mut start = [0; MAGIC.len()];
    let read = std::fs::File::open(component)
        .and_then(|mut file| std::io::Read::read(&mut file, &mut start))
        .map_err(io)?;
    if &start[..read] != MAGIC {
        let message = format!("{} is no WebAssembly binary", component.display());
        return Err(Error::Source { function: function.clone(), message });
    }
    let content = Content::File { path: component.into(), mode: Mode::Plain };
    archive::pack(function, &Entries::from([(COMPONENT.to_owned(), content)]), None)
}

/// The package of the only component in a zip, which a Makefile made.
pub(super) async fn only_component(job: &Job<'_>, zip: Bytes) -> Result<Bytes> {
    let names = archive::names(&zip);
    let mut components = names.iter().filter(|name| name.ends_with(".wasm"));
    let (Some(name), None) = (components.next(), components.next()) else {
        let message = format!(
            "`make build-{}` must leave one component, *.wasm, in $ARTIFACTS_DIR; it left {}",
            job.function,
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        );
        return Err(Error::Source { function: job.function.clone(), message });
    };
    if name == COMPONENT && names.len() == 1 {
        return Ok(zip);
    }
    let shop = job.workshop()?;
    let path = shop.path().join(COMPONENT);
    let (function, name) = (job.function.clone(), name.clone());
    blocking(move || {
        let component = archive::read_entry(&function, &zip, &name)?;
        std::fs::write(&path, component).map_err(|cause| Error::Io {
            function: function.clone(),
            verb: "write",
            path: path.clone(),
            cause,
        })?;
        let packed = pack(&function, &path);
        drop(shop);
        packed
    })
    .await
}
