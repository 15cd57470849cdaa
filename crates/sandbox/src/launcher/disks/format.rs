//! The blocks of an empty file system, as `mkfs.ext4` writes them: made once for a size, and copied for each.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    process::{Child, Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::{MemfdFlags, SeekFrom},
    process::{Pid, PidfdFlags},
};
use sonagi_model::limits;

/// Bytes of a block.
pub(super) const BLOCK: u64 = 4_096;
/// Bytes for which there is one inode, as in what Lambda mounts.
const INODE_FOR: u64 = 16 << 10;
/// Bytes of an inode.
const INODE: u64 = 256;
/// Blocks of `lost+found`, which is removed.
const LOST_AND_FOUND: u64 = 4;
/// What ext4 keeps back for its own lists while it is mounted: one block in so many, up to so many.
const KEPT_PART: u64 = 50;
const KEPT_MOST: u64 = 4_096;
/// Bytes beyond all that, for bitmaps and the like; what is not needed of them is not given out either.
const SPARE: u64 = 16 << 20;
/// Where the superblock begins, and in it the numbers of blocks, of blocks for root alone, and of free ones.
const SUPERBLOCK: u64 = 1_024;
const BLOCKS: u64 = SUPERBLOCK + 4;
const BLOCKS_FOR_ROOT: u64 = SUPERBLOCK + 8;
const BLOCKS_FREE: u64 = SUPERBLOCK + 12;

/// Only what a folder of temporary files needs: no journal, since nobody ever mounts it a second time.
const FEATURES: &str = "none,extent,filetype,large_file,huge_file,uninit_bg,dir_index,dir_nlink,extra_isize,flex_bg,\
                        sparse_super2";
const EXTENDED: &str = "lazy_itable_init=1,nodiscard,num_backup_sb=0,root_owner=0:0";

/// An empty file system.
#[derive(Debug)]
pub(super) struct Format {
    /// Bytes of the whole.
    size: u64,
    /// What is not zero, by its place.
    parts: Vec<(u64, Vec<u8>)>,
}

impl Format {
    /// One that takes files of `bytes` altogether, to a block.
    pub(super) fn make(bytes: u64) -> io::Result<Self> {
        let inodes = bytes / INODE_FOR;
        let size = bytes + inodes * INODE + bytes / KEPT_PART + SPARE;
        let size = size.next_multiple_of(BLOCK);
        // Nowhere on a disk, and gone with this process.
        let file = File::from(rustix::fs::memfd_create(c"format", MemfdFlags::CLOEXEC)?);
        file.set_len(size)?;
        format(&file, inodes)?;
        let number = |at| -> io::Result<u64> {
            let mut number = [0; 4];
            file.read_exact_at(&mut number, at)?;
            Ok(u32::from_le_bytes(number).into())
        };
        let kept = (number(BLOCKS)? / KEPT_PART).min(KEPT_MOST);
        let over = (number(BLOCKS_FREE)? + LOST_AND_FOUND).checked_sub(kept + bytes / BLOCK);
        let over = over.and_then(|over| u32::try_from(over).ok()).ok_or(io::ErrorKind::InvalidData)?;
        file.write_all_at(&over.to_le_bytes(), BLOCKS_FOR_ROOT)?;
        Ok(Self { size, parts: parts(&file)? })
    }

    /// Writes it into an empty file.
    pub(super) fn write(&self, file: &OwnedFd) -> io::Result<()> {
        rustix::fs::ftruncate(file, self.size)?;
        for (at, part) in &self.parts {
            let mut written = 0;
            while written < part.len() {
                written += rustix::io::pwrite(file, &part[written..], at + written as u64)?;
            }
        }
        Ok(())
    }
}

fn parts(file: &File) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let begin = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Err(rustix::io::Errno::NXIO) => return Ok(parts),
            other => other?,
        };
        at = rustix::fs::seek(file, SeekFrom::Hole(begin))?;
        let mut part = vec![0; usize::try_from(at - begin).map_err(|_| io::ErrorKind::InvalidData)?];
        file.read_exact_at(&mut part, begin)?;
        parts.push((begin, part));
    }
}

fn format(file: &File, inodes: u64) -> io::Result<()> {
    // The file itself, whatever its number is in the other process: it is this process's while that runs.
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let child = Command::new("mkfs.ext4")
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin:/run/current-system/sw/bin")
        .args(["-q", "-F", "-m", "0", "-O", FEATURES, "-E", EXTENDED])
        .args(["-b", &BLOCK.to_string(), "-I", &INODE.to_string(), "-N", &inodes.to_string(), &path])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    ended(child)
}

/// Waits for it to end well, and not without an end.
fn ended(mut child: Child) -> io::Result<()> {
    let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let patience = Timespec { tv_sec: limits::DISK_FORMAT_TIMEOUT.as_secs() as i64, tv_nsec: 0 };
    let polled = loop {
        match rustix::event::poll(
            &mut [PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)],
            Some(&patience),
        ) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if polled == 0 {
        child.kill()?;
        child.wait()?;
        return Err(io::ErrorKind::TimedOut.into());
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EIO)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_system_is_a_few_blocks() {
        for mebibytes in [limits::EPHEMERAL_STORAGE_MIN, 600, limits::EPHEMERAL_STORAGE_MAX] {
            let made = Format::make(u64::from(mebibytes) << 20);
            let format = match made {
                Ok(format) => format,
                // The clear refusal of a machine that lacks the program.
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
                    return;
                }
            };
            assert!(format.size > u64::from(mebibytes) << 20);
            let written: usize = format.parts.iter().map(|(_, part)| part.len()).sum();
            assert!(written < 1 << 20, "{written} bytes for {mebibytes} MiB");
            let first = format.parts.iter().find(|(at, _)| *at == 0).unwrap();
            assert_eq!(first.1[1_024 + 56..][..2], [0x53, 0xef], "ext4's mark");
        }
    }

    #[test]
    fn a_program_that_fails_is_told_from_one_that_ends_well() {
        let run = |program: &str| ended(Command::new(program).spawn().unwrap());
        assert!(run("true").is_ok());
        assert_eq!(run("false").unwrap_err().raw_os_error(), Some(libc::EIO));
    }
}
