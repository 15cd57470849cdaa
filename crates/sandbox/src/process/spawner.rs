//! Makes an environment's process, with all that belongs to it.

use std::{
    fs, io,
    io::Write,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::{
    pipe::PipeFlags,
    process::{Pid, PidfdFlags},
};
use sonagi_model::limits;

use super::{
    group::{Group, Groups},
    remains::{Confinement, Remains},
    tree,
};
use crate::launcher::{Order, Stay};

/// What to start, and with what.
#[derive(Debug)]
pub(super) struct Plan {
    /// Unique on this server: the name of the environment's group and folder.
    pub(super) name: String,
    /// A folder for its temporary files, removed with it.
    pub(super) folder: PathBuf,
    /// Bytes.
    pub(super) memory: u64,
    pub(super) task_root: PathBuf,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    pub(super) variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

/// A process that is on its way to be a runtime.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) remains: Remains,
    /// Standard output and error.
    pub(super) output: OwnedFd,
    /// Where the launcher says how it went.
    pub(super) launcher: UnixStream,
}

/// How the launcher is started.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// Blocks for about a millisecond.
pub(super) fn spawn(plan: Plan, launcher: &Launcher, groups: Option<&Groups>) -> io::Result<Spawned> {
    fs::create_dir_all(&plan.folder)?;
    let group = match groups.map(|groups| groups.create(&plan.name, plan.memory)).transpose() {
        Ok(group) => group,
        Err(error) => {
            let _ = fs::remove_dir_all(&plan.folder);
            return Err(error);
        }
    };
    let folder = plan.folder.clone();
    let order = order(plan, group.as_ref());
    match start(launcher, &order) {
        Ok((pid, handle, output, launcher)) => {
            let confinement = match group {
                Some(group) => Confinement::Group(group),
                None => Confinement::Tree(pid),
            };
            Ok(Spawned { remains: Remains { handle, confinement, folder }, output, launcher })
        }
        Err(error) => {
            if let Some(group) = group {
                group.kill();
                group.remove();
            }
            let _ = fs::remove_dir_all(&folder);
            Err(error)
        }
    }
}

fn order(plan: Plan, group: Option<&Group>) -> Order {
    Order {
        server: rustix::process::getpid().as_raw_nonzero().get(),
        groups: group.map(Group::doors).unwrap_or_default(),
        stay: if group.is_some() { Stay::No } else { Stay::AsReaper },
        files: limits::ENVIRONMENT_FILES,
        // A backstop between two looks at what it really uses: runtimes map much more than they touch.
        data: group.is_none().then_some(plan.memory.saturating_mul(2) + limits::ENVIRONMENT_MAPPED_EXTRA),
        // The limit counts all that the user runs, so what runs already comes on top. It does not bind root.
        processes: group
            .is_none()
            .then(|| tree::threads_of_this_user() + u64::from(limits::ENVIRONMENT_PROCESSES)),
        folder: plan.task_root,
        program: plan.program,
        arguments: plan.arguments,
        variables: plan.variables,
    }
}

type Started = (Pid, OwnedFd, OwnedFd, UnixStream);

fn start(launcher: &Launcher, order: &Order) -> io::Result<Started> {
    let order = order.encode().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let (ours, theirs) = UnixStream::pair()?;
    let (output, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let mut child = Command::new(&launcher.program)
        .args(&launcher.arguments)
        // Nothing of the server's reaches the runtime, and nothing of the function's the launcher (`LD_PRELOAD`).
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(write.try_clone()?))
        .stderr(Stdio::from(write))
        .spawn()?;
    let pid = Pid::from_child(&child);
    let handed_over = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)
        .map_err(io::Error::from)
        .and_then(|handle| (&ours).write_all(&order).map(|()| handle));
    match handed_over {
        // Whether it is alive and how it ended is known through the handle from here on.
        Ok(handle) => Ok((pid, handle, output, ours)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}
