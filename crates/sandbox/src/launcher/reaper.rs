//! The launcher as the parent of all that an environment runs, on machines without control groups to give.
//!
//! It is a child subreaper: whatever the runtime starts stays below it, however often it forks and whichever session
//! it enters. It ends when the runtime ends, the way the runtime ended, having killed the rest; when the server goes
//! away it kills everything.

use std::{io::Read, os::unix::net::UnixStream, process::Command};

use rustix::process::{Pid, Signal, WaitOptions};

use super::{
    Failure, Step,
    message::{self, Word},
};
use crate::process::tree;

pub(super) fn run(mut command: Command, socket: &UnixStream) -> Result<std::convert::Infallible, Failure> {
    let this = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(this))
        .map_err(|error| Step::Session.failed(error.into(), ""))?;
    // The end of the server is seen at the socket, so that there is time to kill the others first.
    rustix::process::set_parent_process_death_signal(None)
        .map_err(|error| Step::Session.failed(error.into(), ""))?;
    let child = command.spawn().map_err(|error| Step::Exec.failed(error, ""))?;
    drop(command);
    close_output();
    let watch = socket.try_clone().map_err(|error| Step::Order.failed(error, ""))?;
    std::thread::spawn(move || end_with_the_server(watch, this));
    let _ = message::say(socket, &Word::Started, &[]);
    let runtime = Pid::from_child(&child);
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == runtime => {
                kill_all(this);
                end_as(status);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::process::exit(super::FAILED),
        }
    }
}

/// Only what the function runs may hold the log open.
fn close_output() {
    if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

fn end_with_the_server(mut socket: UnixStream, this: Pid) {
    // Nothing is ever sent: this returns when the other end is closed.
    let _ = socket.read(&mut [0]);
    kill_all(this);
    std::process::exit(super::FAILED);
}

fn kill_all(this: Pid) {
    loop {
        let below = tree::descendants(this.as_raw_nonzero().get());
        if below.is_empty() {
            return;
        }
        for pid in below.into_iter().filter_map(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        std::thread::yield_now();
    }
}

fn end_as(status: rustix::process::WaitStatus) -> ! {
    if let Some(signal) = status.terminating_signal().and_then(Signal::from_named_raw) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
    std::process::exit(status.exit_status().unwrap_or(super::FAILED))
}
