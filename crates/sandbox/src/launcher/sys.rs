//! The one system call of the launcher that nothing safe offers.
#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use std::io;

/// Marks every open file from `first` on to be closed by an exec.
pub(super) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call closes nothing and touches no memory; it only sets a flag on file
    // descriptors, whoever owns them.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
