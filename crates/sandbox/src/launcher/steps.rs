//! The launcher's steps, one by one.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::{order::Order, sys};

/// Takes the socket off standard input, so that nothing that runs later has it, and marks every other file but the
/// standard ones to be closed by the exec.
pub(super) fn take_socket() -> io::Result<UnixStream> {
    let socket: OwnedFd = rustix::io::fcntl_dupfd_cloexec(io::stdin().as_fd(), 3)?;
    sys::close_on_exec_from(3)?;
    Ok(UnixStream::from(socket))
}

/// A session of its own, and an end of its own when the server ends.
pub(super) fn session(server: i32) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The server may have died before that took effect.
    if rustix::process::getppid() != Pid::from_raw(server) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

pub(super) fn limits(order: &Order) -> io::Result<()> {
    let limit = |resource, value| {
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
    };
    limit(Resource::Nofile, order.files)?;
    limit(Resource::Core, 0)?;
    if let Some(data) = order.data {
        limit(Resource::Data, data)?;
    }
    if let Some(processes) = order.processes {
        let most = rustix::process::getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
        limit(Resource::Nproc, processes.min(most))?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(())
}
