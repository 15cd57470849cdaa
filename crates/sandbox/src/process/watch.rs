//! Waiting for a process's end through its file descriptor.
#![expect(unsafe_code, reason = "tokio asks for a promise about file descriptors that are given to it")]

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// A process's handle that can be waited for: readable from the process's end on, and for ever.
pub(super) fn watch(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and always gives the same descriptor, and nothing is ever
    // taken out of the `AsyncFd` before that is dropped.
    unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }.map_err(io::Error::from)
}
