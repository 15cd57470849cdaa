//! The initial RAM disk of every machine: the init and the runtime clients.
//!
//! It is an archive in the kernel's own form ("initramfs buffer format", `newc`), so that a machine's init is always of
//! the same version as the server, whatever root file system the operator names.

use std::{io, path::Path};

use sonagi_guest::{Client, Family, machine::INIT};

/// Where the clients are, before the root file system is mounted.
const CLIENTS: &str = "runtime";

/// A file or a folder more.
#[derive(Debug, Clone)]
pub struct Extra {
    /// Without a slash at its start; the folders above it are made.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The folder of a client, as the init finds it.
pub(super) fn folder(client: &Client) -> String {
    format!("/{CLIENTS}/{}", name(client.family))
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Python => "python",
        Family::Node => "node",
    }
}

/// The archive.
///
/// # Errors
/// This program was built without an init.
pub(super) fn archive(extras: &[Extra]) -> io::Result<Vec<u8>> {
    if INIT.is_empty() {
        let text = "this sonagi was built without the init of virtual machines, for want of a static C library (Debian: \
                    libc6-dev, Fedora: glibc-static): build it again with one";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let mut archive = Archive::default();
    for folder in ["dev", "proc", "sys", "root"] {
        archive.folder(Path::new(folder));
    }
    archive.file(Path::new("init"), INIT);
    for client in [sonagi_guest::python(), sonagi_guest::node()] {
        for (file, text) in client.files {
            archive.file(&Path::new(CLIENTS).join(name(client.family)).join(file), text.as_bytes());
        }
    }
    for extra in extras {
        archive.file(Path::new(&extra.name), &extra.bytes);
    }
    Ok(archive.end())
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    folders: std::collections::BTreeSet<std::path::PathBuf>,
}

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

impl Archive {
    fn file(&mut self, path: &Path, content: &[u8]) {
        if let Some(parent) = path.parent() {
            self.folder(parent);
        }
        self.entry(&path.to_string_lossy(), PROGRAM, content);
    }

    /// The folder and those above it, once.
    fn folder(&mut self, path: &Path) {
        if path.as_os_str().is_empty() || !self.folders.insert(path.into()) {
            return;
        }
        if let Some(parent) = path.parent() {
            self.folder(parent);
        }
        self.entry(&path.to_string_lossy(), FOLDER, &[]);
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // Inode, mode, user, group, links, time, size, four device numbers, the name's length with its NUL, no check sum.
        let fields =
            [self.entries, mode, 0, 0, 1, 0, size(content.len()), 0, 0, 0, 0, size(name.len() + 1), 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn end(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }
}
