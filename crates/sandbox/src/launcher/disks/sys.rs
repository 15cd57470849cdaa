//! The `ioctl`s of loop devices and of ext4.
#![expect(unsafe_code, reason = "these calls have no safe wrapper; each says why it is sound")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

/// `linux/loop.h`
const LOOP_CTL_GET_FREE: u64 = 0x4c82;
const LOOP_CONFIGURE: u64 = 0x4c0a;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
const LO_FLAGS_DIRECT_IO: u32 = 16;
/// `linux/fs.h`: `_IOWR('X', 121, struct fstrim_range)`
const FITRIM: u64 = 0xc018_5879;
/// `fs/ext4/ext4.h`: `_IOR('X', 125, __u32)`, and its flag that nothing is written any more.
const EXT4_IOC_SHUTDOWN: u64 = 0x8004_587d;
const NOTHING_WRITTEN: u32 = 2;

/// The kernel's `struct loop_info64`.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    own_device: u64,
    offset: u64,
    size: u64,
    number: u32,
    encryption: u32,
    key_size: u32,
    flags: u32,
    name: [u8; 64],
    cipher: [u8; 64],
    key: [u8; 32],
    init: [u64; 2],
}

/// The kernel's `struct loop_config`.
#[repr(C)]
struct LoopConfiguration {
    file: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

/// `struct fstrim_range`
#[repr(C)]
struct Range {
    start: u64,
    length: u64,
    least: u64,
}

/// The number of a loop device that nobody uses at this moment.
pub(super) fn free_loop(control: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: the call takes nothing and gives a number.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) };
    if number < 0 { Err(io::Error::last_os_error()) } else { Ok(number) }
}

/// Has the device be what is in the file, until nobody has it open.
pub(super) fn attach_loop(device: BorrowedFd<'_>, file: BorrowedFd<'_>, block: u32) -> io::Result<()> {
    let number = u32::try_from(file.as_raw_fd()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: all zeroes are valid for a struct of numbers and bytes.
    let mut configuration: LoopConfiguration = unsafe { std::mem::zeroed() };
    configuration.file = number;
    configuration.block_size = block;
    // Past the machine's page cache: what a function writes is cached once, as its own, and the disk slows down whoever
    // writes and not the one who comes next.
    configuration.info.flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    // SAFETY: the pointer is to a `struct loop_config` that outlives the call.
    done(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, ptr::from_ref(&configuration)) })
}

/// Gives the blocks that are free in the mounted file system back to where it lies.
pub(super) fn trim(folder: BorrowedFd<'_>) -> io::Result<()> {
    let mut range = Range { start: 0, length: u64::MAX, least: 0 };
    // SAFETY: the pointer is to a `struct fstrim_range` that outlives the call, which writes to it.
    done(unsafe { libc::ioctl(folder.as_raw_fd(), FITRIM as _, ptr::from_mut(&mut range)) })
}

/// From here on nothing is written to the mounted file system, which is of no more use.
pub(super) fn shut_down(folder: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the pointer is to a number that outlives the call.
    done(unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_SHUTDOWN as _, ptr::from_ref(&NOTHING_WRITTEN)) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_as_the_kernel_has_them() {
        assert_eq!(size_of::<LoopInfo>(), 232);
        assert_eq!(size_of::<LoopConfiguration>(), 304);
        assert_eq!(size_of::<Range>(), 24);
    }
}
