//! `/tmp` of machines: an empty file system of each size, made once, and copied for each machine.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{fs::SeekFrom, io::Errno};

use super::image;

/// Bytes of a block; of each group of 32,768 one block each says which blocks and inodes are free.
const BLOCK: u64 = 4_096;
const GROUP: u64 = 32_768;
/// Bytes for which there is an inode, as in a sandbox.
const BYTES_PER_INODE: u64 = 16 << 10;
const INODE: u64 = 256;
/// Blocks that are set aside for the rest: the copies of the list of groups.
const SPARE_PER_GROUP: u64 = 6;
const SPARE: u64 = 256;
/// Of all blocks the part that the kernel keeps back for lists of blocks (`reserved_clusters`), and the most that this is.
const KEPT_PART: u64 = 50;
const KEPT_MOST: u64 = 4_096;

/// Blocks of a file system that has room for `size` bytes beside what it keeps for itself.
fn blocks(size: u64) -> u64 {
    let wanted = size.div_ceil(BLOCK);
    let inodes = (size / BYTES_PER_INODE + 1) * INODE / BLOCK;
    let groups = (wanted + inodes).div_ceil(GROUP) + 1;
    let all = wanted + inodes + inodes / 32 + groups * (2 + SPARE_PER_GROUP) + SPARE;
    all + (all / (KEPT_PART - 1) + 1).min(KEPT_MOST)
}

/// Writes an empty file system with room for `size` bytes into `file`, which takes next to nothing on the disk. Blocks.
///
/// # Errors
/// Among others: there is no `mkfs.ext4`.
pub(super) fn make(size: u64, file: &Path, search_path: &str) -> io::Result<()> {
    File::create(file)?.set_len(blocks(size) * BLOCK)?;
    let output = image::tool("mkfs.ext4", search_path)
        // Nothing outlives its machine: no journal, and nothing kept for root. The machine's kernel would write what is not
        // initialised in the background.
        .args(["-q", "-F", "-O", "^has_journal,^resize_inode", "-m", "0", "-i", &BYTES_PER_INODE.to_string()])
        .args(["-E", "root_owner=0:0,lazy_itable_init=1,nodiscard"])
        .args(["-b", &BLOCK.to_string(), "-I", &INODE.to_string()])
        .arg(file)
        .output();
    image::judge("mkfs.ext4", output)?;
    image::without_lost_and_found(file, search_path)?;
    std::fs::set_permissions(file, Permissions::from_mode(0o444))
}

/// A copy of a file, which takes as much on the disk as the file does, or nothing where the disk's file system shares what
/// is the same. Blocks.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (source, copied) = (File::open(from)?, File::create_new(to)?);
    copied.set_permissions(Permissions::from_mode(0o600))?;
    if rustix::fs::ioctl_ficlone(&copied, &source).is_ok() {
        return Ok(());
    }
    let size = source.metadata()?.len();
    copied.set_len(size)?;
    let mut at = 0;
    while at < size {
        let begin = match rustix::fs::seek(&source, SeekFrom::Data(at)) {
            Ok(begin) => begin,
            // Nothing but holes is left.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(&source, SeekFrom::Hole(begin))?;
        copy_range(&source, &copied, begin, end)?;
        at = end;
    }
    Ok(())
}

fn copy_range(source: &File, copied: &File, begin: u64, end: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let mut buffer = vec![0; 256 << 10];
    let mut at = begin;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(buffer.len()).min(buffer.len());
        let size = source.read_at(&mut buffer[..wanted], at)?;
        if size == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        copied.write_all_at(&buffer[..size], at)?;
        at += size as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    use super::*;

    #[test]
    fn a_copy_is_the_same_and_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"first", 0).unwrap();
        file.write_all_at(&[7; 300 << 10], 10 << 20).unwrap();
        copy(&from, &to).unwrap();
        assert!(std::fs::read(&from).unwrap() == std::fs::read(&to).unwrap());
        let metadata = std::fs::metadata(&to).unwrap();
        assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
        assert_eq!(metadata.mode() & 0o777, 0o600);
        // One that is there is somebody's.
        assert_eq!(copy(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        // One with nothing but a hole.
        let hole = folder.path().join("hole");
        File::create(&hole).unwrap().set_len(1 << 20).unwrap();
        copy(&hole, &folder.path().join("too")).unwrap();
        assert_eq!(std::fs::metadata(folder.path().join("too")).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_file_system_has_the_room_that_is_asked_for_and_takes_next_to_none() {
        let folder = tempfile::tempdir().unwrap();
        for size in [16_u64, 512, 10_240] {
            let file = folder.path().join(size.to_string());
            make(size << 20, &file, "/usr/bin:/bin").unwrap();
            let output = image::tool("debugfs", "/usr/bin:/bin")
                .args(["-R", "show_super_stats -h"])
                .arg(&file)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let number = |name: &str| -> u64 {
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                line.rsplit(' ').next().unwrap().parse().unwrap()
            };
            let kept = (number("Block count:") / KEPT_PART).min(KEPT_MOST);
            let free = (number("Free blocks:") - kept) * BLOCK;
            assert!(free >= size << 20, "{size} MiB: {free} bytes are free");
            assert!(free < (size << 20) + (size << 14) + (4 << 20), "{size} MiB: {free} bytes are free");
            assert!(number("Free inodes:") >= size << 6);
            let taken = std::fs::metadata(&file).unwrap().blocks() * 512;
            assert!(taken < 2 << 20, "{size} MiB take {taken} bytes");
        }
    }
}
