//! File systems in files: what a machine's drives are.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use sonagi_model::Digest;

/// Bytes of a block.
const BLOCK: u64 = 4_096;
/// Bytes of an inode.
const INODE: u64 = 256;
/// Blocks for what every file system has, and some to spare.
const SPARE: u64 = 1_024;
/// Of what the files take, the part that is added for lists of blocks and of large folders.
const MORE_PART: u64 = 16;

/// Where `mkfs.ext4` may be that is not on everybody's search path.
const SYSTEM: &str = "/usr/sbin:/sbin";

/// Writes an ext4 file system with all that is in `folder` into `file`, which is read-only then. Blocks.
///
/// # Errors
/// Among others: there is no `mkfs.ext4`.
pub(super) fn make(folder: &Path, file: &Path, search_path: &str) -> io::Result<()> {
    let (blocks, entries) = measure(folder)?;
    let inodes = entries + 64;
    let blocks = blocks + blocks / MORE_PART + inodes * INODE / BLOCK + SPARE;
    // No journal and nothing kept for root: nobody ever writes to it.
    let output = tool("mkfs.ext4", search_path)
        .args([
            "-q",
            "-F",
            "-O",
            "^has_journal,^resize_inode",
            "-m",
            "0",
            "-E",
            "root_owner=0:0,lazy_itable_init=0",
        ])
        .args(["-b", &BLOCK.to_string(), "-I", &INODE.to_string(), "-N", &inodes.to_string(), "-d"])
        .args([folder, file])
        .arg(blocks.to_string())
        .output();
    judge("mkfs.ext4", output)?;
    without_lost_and_found(file, search_path)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o444))
}

/// What is lost is found by nobody here, and the folder for it is no part of what was asked for.
pub(super) fn without_lost_and_found(file: &Path, search_path: &str) -> io::Result<()> {
    let remove = ["-w", "-R", "rmdir lost+found"];
    judge("debugfs", tool("debugfs", search_path).args(remove).arg(file).output())
}

pub(super) fn tool(name: &str, search_path: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", format!("{search_path}:{SYSTEM}")).stdin(Stdio::null());
    command
}

pub(super) fn judge(name: &str, output: io::Result<Output>) -> io::Result<()> {
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(
            error.kind(),
            format!("this machine has no {name}: install it (Debian: e2fsprogs)"),
        ),
        _ => error,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{name} failed: {}", said.trim())))
}

/// Whether there is what it takes.
pub(super) fn can_be_made(search_path: &str) -> bool {
    let folders = format!("{search_path}:{SYSTEM}");
    let there = |name: &str| std::env::split_paths(&folders).any(|folder| folder.join(name).is_file());
    there("mkfs.ext4") && there("debugfs")
}

/// Blocks and entries of all that is in a folder.
fn measure(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut blocks, mut entries) = (1, 1);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let (more, below) = measure(&entry.path())?;
            (blocks, entries) = (blocks + more, entries + below);
        } else {
            blocks += metadata.size().div_ceil(BLOCK) + 1;
            entries += 1;
        }
    }
    Ok((blocks, entries))
}

/// A copy of a file that nobody else writes to, and what is in it. Blocks.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<Digest> {
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o444))?;
    digest(to)
}

pub(super) fn digest(file: &Path) -> io::Result<Digest> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut hash)?;
    Ok(Digest::from_bytes(hash.finalize().into()))
}
