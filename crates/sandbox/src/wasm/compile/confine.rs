//! What the child takes from itself before it looks at anything that a stranger wrote.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use sonagi_model::limits;

use super::sys;

/// How much nicer than the server it is: requests come first.
const NICER: i32 = 10;
/// File descriptors: the component, the output, the runtime's own, memory images.
const FILES: u64 = 256;
/// Bytes of addresses beyond the memory: what is reserved for memories of a guest that never grow that large, and for
/// the stacks and heaps of threads.
const RESERVED: u64 = 128 << 30;
/// Seconds between the signal that ends a process that used up its processor time, and the kill.
const LAST_SECONDS: u64 = 5;

/// Takes the socket off standard input and closes every other file but the standard ones.
pub(super) fn take_socket() -> io::Result<UnixStream> {
    sys::close_from(3)?;
    let socket: OwnedFd = rustix::io::fcntl_dupfd_cloexec(io::stdin().as_fd(), 3)?;
    Ok(UnixStream::from(socket))
}

/// Limits that hold for all of the child's life.
pub(super) fn confine() -> io::Result<()> {
    let limit = |resource, current: u64, maximum: u64| {
        rustix::process::setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
    };
    let cpu = limits::COMPILE_CPU.as_secs();
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Cpu, cpu, cpu + LAST_SECONDS)?;
    limit(Resource::Data, limits::COMPILE_MEMORY, limits::COMPILE_MEMORY)?;
    limit(Resource::As, limits::COMPILE_MEMORY + RESERVED, limits::COMPILE_MEMORY + RESERVED)?;
    limit(Resource::Fsize, limits::ARTIFACT_SIZE, limits::ARTIFACT_SIZE)?;
    limit(Resource::Nofile, FILES, FILES)?;
    rustix::process::nice(NICER)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // If the machine runs out of memory, this goes first. Where the file is not, nothing is lost.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

/// Dies with the server.
pub(super) fn belong_to(server: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The server may have died before that took effect.
    if rustix::process::getppid() != Pid::from_raw(server) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}
