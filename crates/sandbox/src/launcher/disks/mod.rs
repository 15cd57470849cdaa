//! `/tmp` on disk: a small file system for each environment, in a file of the server's that has no name.
//!
//! ```text
//!  launcher ──size, socket, process──► keeper ── the shelf: file systems that are mounted and empty
//!                                        │ ▲
//!          environment ◄── its mount ────┘ └── its process has ended: emptied, and back on the shelf
//! ```
//!
//! To make and to take down such a file system costs milliseconds, so that it is done ahead, by a process of its own,
//! and each serves one environment after the other: what a start pays is a message and a mount. Start reading at
//! [`keeper`]. Always true here:
//! - one environment at a time has a file system, and all its processes have ended before it is emptied;
//! - what cannot be emptied within a bound, or is not as it was when it was new, is thrown away;
//! - everything is held by the keeper alone: files, loop devices and mounts go when it ends, however it ended, and it
//!   ends with the launcher;
//! - the launcher waits for none of this. An environment waits for [`limits::DISK_WAIT`] at the most, and then has its
//!   `/tmp` in memory, as where none of this is to be had.

mod clear;
mod disk;
mod format;
mod keeper;
mod shelf;
mod sys;

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    net::{AddressFamily, SocketFlags, SocketType},
    process::{Pid, PidfdFlags},
};
use sonagi_model::limits;

use super::{
    Failure, Step,
    message::{self, Hearing, Word},
    order::Sandbox,
};

/// The launcher's end of the keeper's socket.
#[derive(Debug)]
pub(super) struct Disks {
    socket: OwnedFd,
}

impl Disks {
    /// Starts the keeper, whose files lie beside `place`; it is a copy of this process, to which `main` is of no use.
    /// For a process of a single thread, with a mount namespace of its own.
    pub(super) fn start(place: &Path, main: &mut OwnedFd) -> io::Result<Self> {
        // The place itself may be covered by now.
        let beside = place.parent().unwrap_or(place);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(beside, flags, Mode::empty())?;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let launcher = rustix::process::getpid();
        match super::sys::clone(0, None)? {
            super::sys::Cloned::Child => {
                drop(ours);
                // Its number stays taken, so that whoever has it by name closes nothing else.
                let _ = rustix::io::dup3(&theirs, main, rustix::io::DupFlags::CLOEXEC);
                let Err(_) = keeper::run(theirs, folder, place, launcher);
                std::process::exit(super::FAILED)
            }
            super::sys::Cloned::Parent { .. } => Ok(Self { socket: ours }),
        }
    }

    /// Asks for a file system of so many bytes, for the process that is given or that says so on the lease. Waits for
    /// nothing; if it cannot be asked for, the lease ends.
    pub(super) fn ask(&self, bytes: u64, lease: BorrowedFd<'_>, process: Option<BorrowedFd<'_>>) {
        let files: Vec<_> = [Some(lease), process].into_iter().flatten().collect();
        let _ = message::send(&self.socket, &bytes.to_le_bytes(), &files);
    }
}

impl Sandbox {
    /// Whether its `/tmp` should be on disk: where the function's user is nobody else's, and nobody outside.
    pub(crate) fn wants_a_disk(&self) -> bool {
        self.users.is_some() && self.temporary >= u64::from(limits::EPHEMERAL_STORAGE_MIN) << 20
    }
}

/// Says on a lease whose it is: this process, and all that end with it.
pub(crate) fn claim(lease: &UnixStream) -> io::Result<()> {
    let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    message::send(lease, b"p", &[own.as_fd()])
}

/// The mount that was asked for, attached nowhere.
pub(crate) fn receive(lease: &UnixStream) -> Result<OwnedFd, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Step::Disk.failed(io::ErrorKind::TimedOut.into(), "wait")
        }
        _ => Step::Disk.failed(error, "keeper"),
    };
    lease.set_read_timeout(Some(limits::DISK_WAIT)).map_err(failed)?;
    match Hearing::default().word(lease).map_err(failed)? {
        Some((Word::Mounts, mut files)) => {
            files.pop().ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
        }
        Some((Word::Failed(failure), _)) => Err(failure),
        Some(_) => Err(failed(io::ErrorKind::InvalidData.into())),
        None => Err(failed(io::Error::from_raw_os_error(libc::EPIPE))),
    }
}

/// Whether this is still the child of `parent`.
fn is_child_of(parent: Pid) -> bool {
    rustix::process::getppid() == Some(parent)
}
