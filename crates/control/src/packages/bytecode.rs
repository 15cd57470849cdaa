//! Bytecode beside a package's modules, made by whoever can compile them.
//!
//! It is not a part of the package: its digest and its zip stay as they are. Folders `__pycache__` appear whole, one by
//! one, in a folder that functions may be running from.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sonagi_model::function::Package;

use super::{Packages, blocking, unpack};
use crate::{Error, Result};

const CACHE: &str = "__pycache__";

impl Packages {
    /// Has the modules of `packages`, one over the other, compiled, unless that was done for the same `version` of Python.
    /// `compile` is given the unpacked packages and an empty folder, and leaves folders `__pycache__` below that. A
    /// `__pycache__` that a package has is left alone.
    pub async fn add_bytecode<F, W>(&self, packages: &[Package], version: u32, compile: F) -> Result<()>
    where
        F: FnOnce(PathBuf, PathBuf) -> W,
        W: Future<Output = io::Result<()>>,
    {
        let Some((digest, code)) = self.merged(packages).await? else { return Ok(()) };
        let cache = &self.inner.cache;
        let marker = cache.bytecode_marker(&digest, version);
        if marker.exists() {
            return Ok(());
        }
        let staging = cache.partial();
        fs::create_dir(&staging).map_err(failed)?;
        let compiled = compile(code.clone(), staging.clone()).await;
        let at = staging.clone();
        let moved = blocking(move || {
            let moved = compiled.and_then(|()| adopt(&at, &code)).and_then(|()| fs::write(&marker, b""));
            moved.map_err(failed)
        })
        .await;
        blocking(move || unpack::remove(&staging).map_err(failed)).await?;
        moved
    }
}

fn failed(cause: io::Error) -> Error {
    Error::Io { doing: "put bytecode beside a package's modules", cause }
}

/// Moves what is in `from` to the same places in `to`, where these are folders of its own.
fn adopt(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // The entry's own kind: a link is no folder.
        let found = fs::symlink_metadata(&target);
        match (entry.file_name() == CACHE, found) {
            (true, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                fs::set_permissions(to, Permissions::from_mode(0o755))?;
                let moved = fs::rename(entry.path(), &target);
                let closed = fs::set_permissions(to, Permissions::from_mode(0o555));
                moved.and(closed)?;
                close(&target)?;
            }
            (false, Ok(found)) if found.is_dir() => adopt(&entry.path(), &target)?,
            (true | false, _) => {}
        }
    }
    Ok(())
}

fn close(cache: &Path) -> io::Result<()> {
    for entry in fs::read_dir(cache)? {
        fs::set_permissions(entry?.path(), Permissions::from_mode(0o444))?;
    }
    fs::set_permissions(cache, Permissions::from_mode(0o555))
}
