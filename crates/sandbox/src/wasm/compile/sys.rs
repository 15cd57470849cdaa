//! The one system call of the child that nothing safe offers.
#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use std::io;

/// Closes every open file from `first` on. For a process that has just begun and holds none of them.
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the child has opened nothing yet, so nobody holds one of these descriptors: what may be open was
    // inherited, and nothing in this process knows of it.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
