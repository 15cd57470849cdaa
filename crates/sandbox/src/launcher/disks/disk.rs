//! One file system: a file without a name, a loop device that goes with its last user, and a mount.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, StatVfsMountFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, UnmountFlags},
};
use sonagi_model::limits;

use super::{
    super::{Failure, Step, root},
    clear, format,
    format::Format,
    sys,
};

/// Free blocks that an empty file system may have less than when it was new: its first folder has grown.
const GROWN: u64 = 64;
/// Devices that others may take between asking for a free one and taking it.
const TRIES: u32 = 64;

/// A mounted file system. Dropping it takes it down.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) bytes: u64,
    mounted: Mounted,
    /// For the next one who gets it: a mount of it that is nowhere yet.
    next: Option<OwnedFd>,
    folder: OwnedFd,
    image: OwnedFd,
    /// Free blocks and inodes when it was new.
    new: (u64, u64),
}

#[derive(Debug)]
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.0);
    }
}

impl Disk {
    /// Makes one in a file below `beside`, mounted at `place`, which is made too.
    pub(super) fn make(
        bytes: u64,
        format: &Format,
        beside: &OwnedFd,
        place: PathBuf,
    ) -> Result<Self, Failure> {
        let failed = |subject: &'static str| move |error: io::Error| Step::Disk.failed(error, subject);
        let errno =
            |subject: &'static str| move |error: rustix::io::Errno| Step::Disk.failed(error.into(), subject);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let image =
            rustix::fs::openat(beside, ".", flags, Mode::from_raw_mode(0o600)).map_err(errno("file"))?;
        format.write(&image).map_err(failed("file"))?;
        let (device, name) = attach(&image).map_err(failed("loop"))?;
        let mount = mount(&name).map_err(failed("mount"))?;
        // The mount has it now.
        drop(device);
        fs::create_dir(&place).map_err(failed("mount"))?;
        root::attach(&mount, &place).map_err(failed("mount"))?;
        let mounted = Mounted(place);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&mounted.0, flags, Mode::empty()).map_err(errno("mount"))?;
        rustix::fs::unlinkat(&folder, "lost+found", AtFlags::REMOVEDIR).map_err(errno("mount"))?;
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(0o1777)).map_err(errno("mount"))?;
        let new = rustix::fs::fstatvfs(&folder).map_err(errno("mount"))?;
        let next = Some(root::tree(&mounted.0).map_err(failed("mount"))?);
        Ok(Self { bytes, mounted, next, folder, image, new: (new.f_bfree, new.f_ffree) })
    }

    /// A mount of it that is nowhere yet.
    pub(super) fn lend(&mut self) -> io::Result<OwnedFd> {
        match self.next.take() {
            Some(next) => Ok(next),
            None => root::tree(&self.mounted.0),
        }
    }

    /// Removes all that is in it, if that is done within a bound and it then is as it was: else it is of no more use.
    /// Nothing may use it.
    pub(super) fn clear(mut self) -> Option<Self> {
        match self.cleared() {
            Ok(true) => {
                self.next = root::tree(&self.mounted.0).ok();
                Some(self)
            }
            Ok(false) | Err(_) => {
                // So that what was written is not written out before it is thrown away.
                let _ = sys::shut_down(self.folder.as_fd());
                None
            }
        }
    }

    fn cleared(&self) -> io::Result<bool> {
        if !clear::all(&self.folder, limits::DISK_ENTRIES)? {
            return Ok(false);
        }
        let now = rustix::fs::fstatvfs(&self.folder)?;
        // An error of the disk below has made it read-only.
        let sound = !now.f_flag.contains(StatVfsMountFlags::RDONLY)
            && now.f_ffree == self.new.1
            && now.f_bfree + GROWN >= self.new.0;
        let held = rustix::fs::fstat(&self.image)?.st_blocks.unsigned_abs() * 512;
        if sound && held > limits::DISK_TRIM {
            // Not every file system can give back a part of a file; then it stays as large as it was.
            let _ = sys::trim(self.folder.as_fd());
        }
        Ok(sound)
    }
}

/// A loop device with the file in it, and its name.
fn attach(image: &OwnedFd) -> io::Result<(OwnedFd, String)> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let control = rustix::fs::open("/dev/loop-control", flags, Mode::empty())?;
    for _ in 0..TRIES {
        let name = format!("/dev/loop{}", sys::free_loop(control.as_fd())?);
        let device = rustix::fs::open(&name, flags, Mode::empty())?;
        match sys::attach_loop(device.as_fd(), image.as_fd(), format::BLOCK as u32) {
            Ok(()) => return Ok((device, name)),
            // Somebody else was quicker.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from_raw_os_error(libc::EBUSY))
}

/// A mount of the device, attached nowhere.
fn mount(device: &str) -> io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("ext4", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(context.as_fd(), "source", device)?;
    // Nobody reads it after a crash; what the function syncs needs no more than to leave the page cache.
    for flag in ["noinit_itable", "nobarrier"] {
        rustix::mount::fsconfig_set_flag(context.as_fd(), flag)?;
    }
    rustix::mount::fsconfig_set_string(context.as_fd(), "errors", "remount-ro")?;
    rustix::mount::fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOATIME;
    Ok(rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Whether files of so many bytes can be promised where `beside` is: on a disk that has them, and room for others.
pub(super) fn has_room(beside: &OwnedFd, bytes: u64) -> Result<(), Failure> {
    let failed = |errno: i32, subject| Step::Disk.failed(io::Error::from_raw_os_error(errno), subject);
    let there = rustix::fs::fstatvfs(beside).map_err(|error| Step::Disk.failed(error.into(), "room"))?;
    if there.f_bavail.saturating_mul(there.f_frsize) < bytes + limits::DISK_ROOM {
        return Err(failed(libc::ENOSPC, "room"));
    }
    Ok(())
}

/// Whether files lie on a disk there, and not in memory.
pub(super) fn is_a_disk(beside: &OwnedFd) -> Result<(), Failure> {
    /// `linux/magic.h`
    const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    // Of an open path alone some file systems say nothing.
    let opened =
        rustix::fs::openat(beside, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let what = opened.and_then(|folder| rustix::fs::fstatfs(&folder));
    let what = what.map_err(|error| Step::Disk.failed(error.into(), "room"))?;
    if MEMORY.contains(&(what.f_type as u64)) {
        return Err(Step::Disk.failed(io::Error::from_raw_os_error(libc::EOPNOTSUPP), "memory"));
    }
    Ok(())
}

/// A place of its own for mounts, over `place`, in a mount namespace of this process's own.
pub(super) fn ground(place: &Path) -> io::Result<()> {
    use rustix::mount::{MountFlags, MountPropagationFlags};
    super::super::sys::unshare(libc::CLONE_NEWNS)?;
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(rustix::mount::mount("tmpfs", place, "tmpfs", flags, c"size=1m,nr_inodes=65536,mode=700")?)
}
