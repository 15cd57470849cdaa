//! The files that every environment sees: made once, when the launcher starts.
//!
//! ```text
//!   /            a tmpfs, read-only          /etc        written here; certificates and alternatives of the machine's
//!   /usr …       the machine's, read-only    /dev        null, zero, full, random, urandom
//!   /var/task, /var/runtime, /opt, /tmp, /proc    empty: each environment mounts its own there
//! ```
//!
//! An environment gets a copy of these mounts, which costs microseconds, and adds its own.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::symlink,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags},
};

use super::sys;

/// Everything that is kept of the machine's own root: programs and their libraries.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Of `/etc`, what programs need to trust certificates, to find libraries and each other.
const SETTINGS: [&str; 7] = [
    "etc/alternatives",
    "etc/ca-certificates",
    "etc/crypto-policies",
    "etc/fonts",
    "etc/pki",
    "etc/ssl/certs",
    "etc/ssl/openssl.cnf",
];
const COPIES: [&str; 3] = ["etc/ld.so.cache", "etc/mime.types", "etc/os-release"];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// The user that Lambda runs functions as, by its number.
pub(super) const USER: u32 = 993;
pub(super) const GROUP: u32 = 990;

const WRITTEN: [(&str, &str); 5] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nsbx_user1051:x:990:\n"),
    ("etc/hosts", "127.0.0.1 localhost sandbox.localdomain sandbox\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    // Of an environment with a network; where there is none, nobody answers there.
    ("etc/resolv.conf", "nameserver 198.19.255.53\noptions timeout:5 attempts:2\n"),
];

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
/// Bytes of the tmpfs, which holds a few small files.
const SIZE: &std::ffi::CStr = c"size=16m,mode=755";

/// The finished root.
#[derive(Debug)]
pub(super) struct Root {
    place: PathBuf,
    /// The same files once more, where they can be written: for new places to mount at.
    writable: OwnedFd,
}

impl Root {
    /// Makes the root at `place`, an empty folder, in a mount namespace that must be this process's own.
    pub(super) fn make(place: &Path) -> io::Result<Self> {
        rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
        rustix::mount::mount("tmpfs", place, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, SIZE)?;
        let writable =
            rustix::fs::open(place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut mounts = Vec::new();
        fill(place, &mut mounts)?;
        // What lies over it from here on is the same, and read-only.
        let over = tree(place)?;
        sys::set_mount_attributes(over.as_fd(), READ_ONLY)?;
        attach(&over, place)?;
        for name in mounts {
            let from = Path::new("/").join(&name);
            let device = name.starts_with("dev");
            let mount = tree(&from)?;
            let attributes = if device { READ_ONLY & !libc::MOUNT_ATTR_NODEV } else { READ_ONLY };
            sys::set_mount_attributes(mount.as_fd(), attributes)?;
            attach(&mount, &place.join(&name))?;
        }
        Ok(Self { place: place.into(), writable })
    }

    /// A mount of its own of `from`, read-only, that is nowhere yet; `to` exists in the root from here on.
    pub(super) fn open(&self, from: &Path, to: &Path) -> io::Result<OwnedFd> {
        let mount = tree(from)?;
        sys::set_mount_attributes(mount.as_fd(), READ_ONLY)?;
        match (fs::metadata(from)?.is_dir(), to.parent(), to.file_name()) {
            (false, Some(folder), Some(name)) => {
                let folder = self.ensure(folder)?;
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o644))?;
            }
            (_, _, _) => {
                self.ensure(to)?;
            }
        }
        Ok(mount)
    }

    /// Makes the folder `to`, an absolute path, in the root.
    fn ensure(&self, to: &Path) -> io::Result<OwnedFd> {
        let mut folder = self.writable.try_clone()?;
        for part in to.strip_prefix("/").map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))? {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let next = match rustix::fs::openat(&folder, part, flags, Mode::empty()) {
                Err(rustix::io::Errno::NOENT) => {
                    rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755))?;
                    rustix::fs::openat(&folder, part, flags, Mode::empty())?
                }
                other => other?,
            };
            folder = next;
        }
        Ok(folder)
    }

    /// In a process with a mount namespace of its own: a copy of the root lies over the root's place, and is the
    /// working directory.
    pub(super) fn enter(&self) -> io::Result<()> {
        let own = tree(&self.place)?;
        attach(&own, &self.place)?;
        rustix::process::fchdir(&own)?;
        Ok(())
    }
}

/// Makes what is not a mount, and collects what is to be one.
fn fill(place: &Path, mounts: &mut Vec<PathBuf>) -> io::Result<()> {
    for folder in
        ["dev", "etc", "etc/ssl", "opt", "proc", "tmp", "var", "var/lang", "var/runtime", "var/task"]
    {
        fs::create_dir(place.join(folder))?;
    }
    for name in PROGRAMS {
        let from = Path::new("/").join(name);
        let Ok(what) = fs::symlink_metadata(&from) else { continue };
        if what.is_symlink() {
            symlink(fs::read_link(&from)?, place.join(name))?;
        } else if what.is_dir() {
            mount_point(place, name, Kind::Folder, mounts)?;
        }
    }
    for name in SETTINGS {
        // A symbolic link is followed: what it leads to is what programs read.
        match fs::metadata(Path::new("/").join(name)) {
            Ok(what) if what.is_dir() => mount_point(place, name, Kind::Folder, mounts)?,
            Ok(_) => mount_point(place, name, Kind::File, mounts)?,
            Err(_) => {}
        }
    }
    for name in COPIES {
        if let Ok(content) = fs::read(Path::new("/").join(name)) {
            fs::write(place.join(name), content)?;
        }
    }
    for (name, content) in WRITTEN {
        fs::write(place.join(name), content)?;
    }
    for name in DEVICES {
        mount_point(place, &format!("dev/{name}"), Kind::File, mounts)?;
    }
    symlink("/proc/self/fd", place.join("dev/fd"))?;
    for (number, name) in ["stdin", "stdout", "stderr"].into_iter().enumerate() {
        symlink(format!("/proc/self/fd/{number}"), place.join("dev").join(name))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    File,
    Folder,
}

fn mount_point(place: &Path, name: &str, kind: Kind, mounts: &mut Vec<PathBuf>) -> io::Result<()> {
    let point = place.join(name);
    match kind {
        Kind::File => fs::write(&point, "")?,
        Kind::Folder => fs::create_dir_all(&point)?,
    }
    mounts.push(name.into());
    Ok(())
}

/// A copy of the mounts at `path` and below, attached nowhere.
pub(super) fn tree(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    Ok(rustix::mount::open_tree(CWD, path, flags)?)
}

/// Attaches a mount that is nowhere yet.
pub(super) fn attach(mount: &OwnedFd, at: &Path) -> io::Result<()> {
    Ok(rustix::mount::move_mount(mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}
