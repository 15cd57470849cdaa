//! A package's entries, and the zip that is made of them: sorted, with one fixed time, modes reduced to "may run or
//! not", so that the same content gives the same bytes on every machine.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use sonagi_model::{Digest, FunctionName, limits};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{Error, Result};

/// Never part of a package: what tools keep for themselves.
const LEFT_OUT: [&str; 6] = [".git", ".sonagi", ".aws-sam", "__pycache__", ".venv", ".DS_Store"];

/// By path in the package, with `/`.
pub(super) type Entries = BTreeMap<String, Content>;

#[derive(Debug, Clone)]
pub(super) enum Content {
    File { path: PathBuf, mode: Mode },
    Link { to: String },
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Plain,
    Runs,
}

/// What a folder's own `node_modules` is to its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modules {
    Taken,
    LeftOut,
}

/// Every file and link of a function's own folder that belongs into its package.
pub(super) fn list(function: &FunctionName, root: &Path, modules: Modules) -> Result<Entries> {
    walk(function, root, modules, &LEFT_OUT)
}

/// Every file and link of a function's own folder but those called as in `outputs`, which are what its tools leave.
pub(super) fn list_source(function: &FunctionName, root: &Path, outputs: &[&str]) -> Result<Entries> {
    let left_out: Vec<&str> = LEFT_OUT.iter().chain(outputs).copied().collect();
    walk(function, root, Modules::LeftOut, &left_out)
}

/// Every file and link of what a tool made.
pub(super) fn list_all(function: &FunctionName, root: &Path, modules: Modules) -> Result<Entries> {
    walk(function, root, modules, &[])
}

fn walk(function: &FunctionName, root: &Path, modules: Modules, left_out: &[&str]) -> Result<Entries> {
    let io =
        |verb, path: &Path, cause| Error::Io { function: function.clone(), verb, path: path.into(), cause };
    let mut entries = Entries::new();
    let mut size = 0_u64;
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let at = root.join(&folder);
        for entry in std::fs::read_dir(&at).map_err(|cause| io("read the folder", &at, cause))? {
            let entry = entry.map_err(|cause| io("read the folder", &at, cause))?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let Some(text) = path.to_str().map(str::to_owned) else {
                let message = format!("the file name {} is not UTF-8", path.display());
                return Err(Error::Source { function: function.clone(), message });
            };
            let not_taken = name.to_str().is_some_and(|name| left_out.contains(&name))
                || modules == Modules::LeftOut && text == "node_modules";
            if not_taken {
                continue;
            }
            let full = entry.path();
            let kind = entry.file_type().map_err(|cause| io("look at", &full, cause))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let to = std::fs::read_link(&full).map_err(|cause| io("read the link", &full, cause))?;
                if !stays_inside(&folder, &to) {
                    let message =
                        format!("the link {text} leads out of the function's folder, to {}", to.display());
                    return Err(Error::Source { function: function.clone(), message });
                }
                entries.insert(text, Content::Link { to: to.to_string_lossy().into_owned() });
            } else if kind.is_file() {
                let metadata = entry.metadata().map_err(|cause| io("look at", &full, cause))?;
                let runs = metadata.permissions().mode() & 0o111 != 0;
                size += metadata.len();
                let mode = if runs { Mode::Runs } else { Mode::Plain };
                entries.insert(text, Content::File { path: full, mode });
            }
            // Sockets, pipes and devices are no code.
            check_size(function, size, entries.len())?;
        }
    }
    Ok(entries)
}

fn check_size(function: &FunctionName, size: u64, entries: usize) -> Result<()> {
    let limit = limits::PACKAGE_UNPACKED_SIZE;
    if size > limit {
        return Err(Error::Unpacked { function: function.clone(), size, limit });
    }
    if entries > limits::PACKAGE_ENTRIES {
        return Err(Error::Entries { function: function.clone(), limit: limits::PACKAGE_ENTRIES });
    }
    Ok(())
}

/// Whether a link in `folder` to `to` ends below the root that `folder` is relative to.
fn stays_inside(folder: &Path, to: &Path) -> bool {
    let mut depth = folder.components().count();
    for part in to.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// The digest of all names, modes and contents.
pub(super) fn digest(function: &FunctionName, entries: &Entries) -> Result<Digest> {
    let mut hash = Sha256::new();
    for (name, content) in entries {
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        match content {
            Content::File { path, mode, .. } => {
                let bytes = read(function, path)?;
                hash.update(if *mode == Mode::Runs { b"x" } else { b"f" });
                hash.update(bytes.len().to_le_bytes());
                hash.update(&bytes);
            }
            Content::Link { to } => {
                hash.update(b"l");
                hash.update(to.len().to_le_bytes());
                hash.update(to);
            }
            Content::Text(text) => {
                hash.update(b"f");
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
        }
    }
    Ok(Digest::from_bytes(hash.finalize().into()))
}

fn read(function: &FunctionName, path: &Path) -> Result<Vec<u8>> {
    let io = |cause| Error::Io { function: function.clone(), verb: "read", path: path.into(), cause };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    // A file that grows while it is read must not grow without an end.
    file.take(limits::PACKAGE_UNPACKED_SIZE + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// A zip of `entries`, together with those of `dependencies` (a zip that this module made) that are not in `entries`.
pub(super) fn pack(function: &FunctionName, entries: &Entries, dependencies: Option<&[u8]>) -> Result<Bytes> {
    let broken = |cause: zip::result::ZipError| Error::Io {
        function: function.clone(),
        verb: "write the package of",
        path: function.as_str().into(),
        cause: io::Error::other(cause),
    };
    let mut old = match dependencies {
        Some(zip) => Some(ZipArchive::new(Cursor::new(zip)).map_err(broken)?),
        None => None,
    };
    let mut order: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    let names: Vec<String> = match &old {
        Some(old) => names_of(old),
        None => Vec::new(),
    };
    for (at, name) in names.iter().enumerate() {
        order.insert(name, Some(at));
    }
    for name in entries.keys() {
        order.insert(name, None);
    }
    let mut size = 0_u64;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, at) in &order {
        if name.len() > limits::PACKAGE_PATH_SIZE {
            let message = format!("the path {name} is longer than {} bytes", limits::PACKAGE_PATH_SIZE);
            return Err(Error::Source { function: function.clone(), message });
        }
        if let (Some(at), Some(old)) = (at, &mut old) {
            let file = old.by_index_raw(*at).map_err(broken)?;
            size += file.size();
            zip.raw_copy_file(file).map_err(broken)?;
        } else if let Some(content) = entries.get(*name) {
            size += write(function, &mut zip, name, content)?;
        }
        check_size(function, size, order.len())?;
    }
    Ok(zip.finish().map_err(broken)?.into_inner().into())
}

fn write(
    function: &FunctionName,
    zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    name: &str,
    content: &Content,
) -> Result<u64> {
    let failed = |cause: io::Error| Error::Io {
        function: function.clone(),
        verb: "write the package's",
        path: name.into(),
        cause,
    };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    let (bytes, mode) = match content {
        Content::Link { to } => {
            zip.add_symlink(name, to, options).map_err(|cause| failed(io::Error::other(cause)))?;
            return Ok(to.len() as u64);
        }
        Content::File { path, mode, .. } => (read(function, path)?, *mode),
        Content::Text(text) => (text.clone().into_bytes(), Mode::Plain),
    };
    let mode = match mode {
        Mode::Plain => 0o644,
        Mode::Runs => 0o755,
    };
    let start = zip.start_file(name, options.unix_permissions(mode));
    start.map_err(|cause| failed(io::Error::other(cause)))?;
    zip.write_all(&bytes).map_err(failed)?;
    Ok(bytes.len() as u64)
}

/// One zip of several that this module made; what is in an earlier one wins.
pub(super) fn merge(function: &FunctionName, zips: &[Vec<u8>]) -> Result<Bytes> {
    let mut merged: Option<Bytes> = None;
    for zip in zips.iter().rev() {
        merged = Some(match merged {
            None => zip.clone().into(),
            Some(below) => overlay(function, zip, &below)?,
        });
    }
    Ok(merged.unwrap_or_default())
}

fn overlay(function: &FunctionName, above: &[u8], below: &[u8]) -> Result<Bytes> {
    let broken = |cause: zip::result::ZipError| Error::Io {
        function: function.clone(),
        verb: "write the package of",
        path: function.as_str().into(),
        cause: io::Error::other(cause),
    };
    let mut archives = [
        ZipArchive::new(Cursor::new(below)).map_err(broken)?,
        ZipArchive::new(Cursor::new(above)).map_err(broken)?,
    ];
    let mut order = BTreeMap::new();
    for (which, archive) in archives.iter().enumerate() {
        for (at, name) in names_of(archive).into_iter().enumerate() {
            order.insert(name, (which, at));
        }
    }
    let mut size = 0;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (which, at) in order.values() {
        let file = archives[*which].by_index_raw(*at).map_err(broken)?;
        size += file.size();
        zip.raw_copy_file(file).map_err(broken)?;
    }
    check_size(function, size, order.len())?;
    Ok(zip.finish().map_err(broken)?.into_inner().into())
}

/// The same entries, in a folder of a zip.
pub(super) fn below(function: &FunctionName, zip: &[u8], folder: &str) -> Result<Bytes> {
    let broken = |cause: zip::result::ZipError| Error::Io {
        function: function.clone(),
        verb: "write the package of",
        path: function.as_str().into(),
        cause: io::Error::other(cause),
    };
    let mut from = ZipArchive::new(Cursor::new(zip)).map_err(broken)?;
    let mut to = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, name) in names_of(&from).into_iter().enumerate() {
        let file = from.by_index_raw(at).map_err(broken)?;
        to.raw_copy_file_rename(file, format!("{folder}/{name}")).map_err(broken)?;
    }
    Ok(to.finish().map_err(broken)?.into_inner().into())
}

/// The paths in a zip.
pub(super) fn names(zip: &[u8]) -> Vec<String> {
    let archive = ZipArchive::new(Cursor::new(zip));
    archive.map(|archive| names_of(&archive)).unwrap_or_default()
}

/// One file of a zip that this module made.
pub(super) fn read_entry(function: &FunctionName, zip: &[u8], name: &str) -> Result<Vec<u8>> {
    let broken = |cause| Error::Io {
        function: function.clone(),
        verb: "read the package's",
        path: name.into(),
        cause,
    };
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|cause| broken(io::Error::other(cause)))?;
    let file = archive.by_name(name).map_err(|cause| broken(io::Error::other(cause)))?;
    let mut bytes = Vec::new();
    file.take(limits::PACKAGE_UNPACKED_SIZE).read_to_end(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

/// One name for each index, in their order.
fn names_of(archive: &ZipArchive<Cursor<&[u8]>>) -> Vec<String> {
    let name = |at| archive.name_for_index(at).and_then(|name| name.ok()).unwrap_or_default().into_owned();
    (0..archive.len()).map(name).collect()
}

/// Writes the entries out into a folder, for a tool to work in.
pub(super) fn copy(function: &FunctionName, entries: &Entries, to: &Path) -> Result<()> {
    let failed = |path: &Path, cause| Error::Io {
        function: function.clone(),
        verb: "copy into",
        path: path.into(),
        cause,
    };
    for (name, content) in entries {
        let target = to.join(name);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))?;
        }
        let done = match content {
            Content::File { path, .. } => std::fs::copy(path, &target).map(|_| ()),
            Content::Link { to } => std::os::unix::fs::symlink(to, &target),
            Content::Text(text) => std::fs::write(&target, text),
        };
        done.map_err(|cause| failed(&target, cause))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_inside_or_is_refused() {
        assert!(stays_inside(Path::new("a"), Path::new("../b")));
        assert!(!stays_inside(Path::new("a"), Path::new("../../b")));
        assert!(!stays_inside(Path::new(""), Path::new("/etc/passwd")));
    }
}
