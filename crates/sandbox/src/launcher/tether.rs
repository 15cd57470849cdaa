//! What a program that gives an environment its network is tied by: it ends with whoever started this.
//!
//! The program takes on the powers of the environment's user namespace, and with that the kernel forgets the signal that
//! it was to get at its parent's death. A pipe cannot be forgotten: the server has its other end.

use std::{
    ffi::OsStr,
    io,
    os::{fd::AsFd, unix::ffi::OsStrExt},
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, PidfdFlags},
};

/// Runs the program of `line`, whose words are apart by line ends, until standard input ends. Gives its status.
pub(super) fn run(line: &OsStr) -> io::Result<i32> {
    // The terminal's signals are for the server, which ends this in its own time.
    let _ = rustix::process::setsid();
    let mut words = line.as_bytes().split(|&byte| byte == b'\n').map(OsStr::from_bytes);
    let program = words.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child =
        Command::new(program).args(words).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let tie = io::stdin();
    let mut both = [
        PollFd::from_borrowed_fd(tie.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN),
    ];
    while matches!(rustix::event::poll(&mut both, None), Err(rustix::io::Errno::INTR)) {}
    // Nothing if it has ended by itself.
    child.kill()?;
    Ok(child.wait()?.code().unwrap_or(super::FAILED))
}
