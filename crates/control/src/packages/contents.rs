//! Reads a package's zip: every entry, path, link and byte, before anything of it is trusted.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use sonagi_model::limits;
use zip::{ZipArchive, result::ZipError};

use super::path;
use crate::{Error, Result};

const FILE_KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

pub(super) type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// What a package unpacks to, by path.
pub(super) struct Contents<'a> {
    pub(super) archive: Archive<'a>,
    pub(super) entries: BTreeMap<String, Entry>,
}

pub(super) enum Entry {
    Folder,
    File { index: usize, access: Access },
    Link { target: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    ReadExecute,
}

/// Reads all of the zip and stores nothing. Returns how many bytes its files have.
pub(super) fn check(zip: &[u8]) -> Result<u64> {
    let mut contents = Contents::read(zip)?;
    if contents.entries.is_empty() {
        return Err(Error::BadPackage("Uploaded file must be a non-empty zip".into()));
    }
    let mut budget = Budget::default();
    for entry in contents.entries.values() {
        if let Entry::File { index, .. } = entry {
            let mut file = contents.archive.by_index(*index).map_err(broken)?;
            budget.copy(&mut file, &mut std::io::sink())?;
        }
    }
    Ok(budget.used())
}

impl<'a> Contents<'a> {
    /// Reads the directory and the links, and checks every path.
    pub(super) fn read(zip: &'a [u8]) -> Result<Self> {
        let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(broken)?;
        if archive.len() > limits::PACKAGE_ENTRIES {
            return Err(Error::BadPackage(format!(
                "The package has {} files and folders; the most is {}.",
                archive.len(),
                limits::PACKAGE_ENTRIES
            )));
        }
        if archive.has_duplicate_names() {
            return Err(Error::BadPackage("The package has two entries of one name.".into()));
        }
        let mut entries = BTreeMap::new();
        let mut links = BTreeMap::new();
        for index in 0..archive.len() {
            let (name, entry) = read_entry(&mut archive, index)?;
            let path = path::normal(&name)?;
            if path.is_empty() {
                continue;
            }
            if let Entry::Link { target } = &entry {
                links.insert(path.clone(), target.clone());
                if links.len() > limits::PACKAGE_LINKS {
                    return Err(Error::BadPackage(format!(
                        "The package has more than {} symbolic links.",
                        limits::PACKAGE_LINKS
                    )));
                }
            }
            match (entries.get(&path), &entry) {
                (None, _) => {
                    entries.insert(path, entry);
                }
                // The same folder may be named twice (`a` and `a/./`); nothing else may.
                (Some(Entry::Folder), Entry::Folder) => {}
                (Some(_), _) => {
                    return Err(Error::BadPackage(format!("The package has two entries {path:?}.")));
                }
            }
        }
        for path in entries.keys() {
            let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
            for parent in parents {
                if matches!(entries.get(parent), Some(Entry::File { .. } | Entry::Link { .. })) {
                    return Err(Error::BadPackage(format!(
                        "The package has an entry {path:?} below {parent:?}, which is not a folder."
                    )));
                }
            }
        }
        for link in links.keys() {
            path::check_link(&links, link)?;
        }
        Ok(Self { archive, entries })
    }
}

fn read_entry(archive: &mut Archive<'_>, index: usize) -> Result<(String, Entry)> {
    let mut file = archive.by_index(index).map_err(broken)?;
    if file.encrypted() {
        return Err(Error::BadPackage("The package is encrypted: Lambda takes plain zips alone.".into()));
    }
    // Tools on Unix write UTF-8 and often do not say so; what is not UTF-8 is in the zip's old code page.
    let name = match std::str::from_utf8(file.name_raw()) {
        Ok(name) => name.to_owned(),
        Err(_) => file.name().map_err(broken)?.into_owned(),
    };
    let mode = file.unix_mode().unwrap_or(0);
    let entry = match mode & FILE_KIND {
        LINK => {
            let mut target = Vec::new();
            let limit = limits::PACKAGE_PATH_SIZE as u64 + 1;
            file.by_ref().take(limit).read_to_end(&mut target).map_err(unreadable)?;
            match String::from_utf8(target) {
                Ok(target)
                    if !target.is_empty()
                        && target.len() <= limits::PACKAGE_PATH_SIZE
                        && !target.contains('\0') =>
                {
                    Entry::Link { target }
                }
                Ok(_) | Err(_) => {
                    return Err(Error::BadPackage(format!(
                        "The package has a symbolic link {name:?} without a usable target."
                    )));
                }
            }
        }
        0 | REGULAR | FOLDER if file.is_dir() => Entry::Folder,
        FOLDER => Entry::Folder,
        0 | REGULAR => {
            let access = if mode & 0o111 == 0 { Access::Read } else { Access::ReadExecute };
            Entry::File { index, access }
        }
        _ => {
            return Err(Error::BadPackage(format!(
                "The package has {name:?}, which is neither a file, a folder nor a symbolic link."
            )));
        }
    };
    Ok((name, entry))
}

/// Counts the bytes that really come out: what the zip's directory says about sizes may be a lie.
#[derive(Default)]
pub(super) struct Budget {
    used: u64,
}

impl Budget {
    pub(super) fn copy(&mut self, from: &mut dyn Read, to: &mut dyn std::io::Write) -> Result<()> {
        let mut buffer = [0; 64 << 10];
        loop {
            let count = from.read(&mut buffer).map_err(unreadable)?;
            if count == 0 {
                return Ok(());
            }
            self.used += count as u64;
            if self.used > limits::PACKAGE_UNPACKED_SIZE {
                return Err(too_large());
            }
            to.write_all(&buffer[..count]).map_err(|cause| Error::Io { doing: "unpack a package", cause })?;
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.used
    }
}

pub(super) fn too_large() -> Error {
    Error::TooLarge(format!("Unzipped size must be smaller than {} bytes", limits::PACKAGE_UNPACKED_SIZE))
}

fn broken(_: ZipError) -> Error {
    not_a_zip()
}

/// The zip is in memory: what cannot be read of it is broken.
fn unreadable(_: std::io::Error) -> Error {
    not_a_zip()
}

fn not_a_zip() -> Error {
    Error::BadPackage(
        "Could not unzip uploaded file. Please check your file, then try to upload again.".into(),
    )
}
