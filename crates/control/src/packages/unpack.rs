//! Writes a package's files into a folder, and takes such a folder away again.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink},
    path::Path,
};

use super::{
    contents::{Access, Budget, Contents, Entry},
    layers,
};
use crate::{Error, Result};

/// Unpacks `zips`, each over those before it, into `folder`, which must not exist, and returns how many bytes its files
/// have. Everything is readable for all and writable for nobody.
pub(super) fn unpack(zips: &[&[u8]], folder: &Path) -> Result<u64> {
    let mut packages = zips.iter().map(|zip| Contents::read(zip)).collect::<Result<Vec<_>>>()?;
    let mut budget = Budget::default();
    let mut folders = vec![folder.to_owned()];
    create_folder(folder)?;
    for (path, (number, entry)) in &layers::overlay(&mut packages)? {
        let place = folder.join(path);
        for (end, _) in path.match_indices('/') {
            let parent = folder.join(&path[..end]);
            if !parent.exists() {
                create_folder(&parent)?;
                folders.push(parent);
            }
        }
        match entry {
            Entry::Folder => {
                if !place.exists() {
                    create_folder(&place)?;
                    folders.push(place);
                }
            }
            Entry::Link { target } => symlink(target, &place).map_err(writing)?,
            Entry::File { index, access } => {
                let mut from = packages[*number]
                    .archive
                    .by_index(*index)
                    .map_err(|_| Error::Damaged { what: format!("the package's entry {path:?}") })?;
                let mut to = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o644)
                    .open(&place)
                    .map_err(writing)?;
                budget.copy(&mut from, &mut to)?;
                let mode = match access {
                    Access::Read => 0o444,
                    Access::ReadExecute => 0o555,
                };
                to.set_permissions(Permissions::from_mode(mode)).map_err(writing)?;
            }
        }
    }
    for folder in folders.iter().rev() {
        fs::set_permissions(folder, Permissions::from_mode(0o555)).map_err(writing)?;
    }
    Ok(budget.used())
}

fn create_folder(folder: &Path) -> Result<()> {
    DirBuilder::new().mode(0o755).create(folder).map_err(writing)
}

fn writing(cause: io::Error) -> Error {
    Error::Io { doing: "unpack a package", cause }
}

/// Deletes a folder of read-only folders.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    make_writable(folder)?;
    fs::remove_dir_all(folder)
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The entry's own kind: a link is not followed.
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}
