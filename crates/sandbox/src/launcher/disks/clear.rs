//! Removes what a function has left behind, which may be anything that it could make to be a burden.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use sonagi_model::limits;

/// Empties the folder of up to `most` files. False: there is more, or it is nested too deeply.
pub(super) fn all(folder: &OwnedFd, most: u32) -> io::Result<bool> {
    let mut left = most;
    below(folder, limits::DISK_DEPTH, &mut left)
}

fn below(folder: &OwnedFd, depth: u32, left: &mut u32) -> io::Result<bool> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(false) };
    // A new one, with a position of its own.
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Some(fewer) = left.checked_sub(1) else { return Ok(false) };
        *left = fewer;
        if entry.file_type() == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let inner = rustix::fs::openat(folder, name, flags, Mode::empty())?;
            if !below(&inner, depth, left)? {
                return Ok(false);
            }
            rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?;
        } else {
            rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::*;

    fn cleared(path: &Path, most: u32) -> bool {
        all(&fs::File::open(path).unwrap().into(), most).unwrap()
    }

    #[test]
    fn all_goes_and_nothing_that_is_only_linked_to() {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        for path in [&own, &other] {
            fs::create_dir_all(path.join("a/b")).unwrap();
            fs::write(path.join("a/b/file"), "x").unwrap();
        }
        symlink(&other, own.join("link")).unwrap();
        symlink("nowhere", own.join("a/broken")).unwrap();
        fs::hard_link(own.join("a/b/file"), own.join("hard")).unwrap();
        assert!(cleared(&own, 100));
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(other.join("a/b/file")).unwrap(), "x");
    }

    #[test]
    fn it_gives_up_on_too_much() {
        let many = tempfile::tempdir().unwrap();
        for number in 0..4 {
            fs::write(many.path().join(number.to_string()), "").unwrap();
        }
        assert!(!cleared(many.path(), 3));
        assert!(cleared(many.path(), 4));
        let deep = tempfile::tempdir().unwrap();
        let path = |depth: u32| (0..depth).fold(deep.path().to_path_buf(), |path, _| path.join("d"));
        fs::create_dir_all(path(limits::DISK_DEPTH)).unwrap();
        assert!(!cleared(deep.path(), 1_000));
        fs::remove_dir(path(limits::DISK_DEPTH)).unwrap();
        assert!(cleared(deep.path(), 1_000));
    }
}
