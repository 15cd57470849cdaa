//! Extensions: programs that run beside the runtime in its sandbox, from before it begins.
//!
//! ```text
//!  first process ──clone──► an extension, for each ──► (no powers are left) ──► exec
//!       └─────────clone──► the runtime ──► (no powers are left) ──► all have registered, says the driver ──► exec
//! ```
//!
//! All are started while the sandbox's first process still has the powers that this takes, and each waits until it has
//! them no more.

use std::{
    convert::Infallible,
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{pipe::PipeFlags, process::Pid};

use super::{
    Failure, Step, environment,
    filter::Filters,
    init::{self, Trouble},
    order::{Order, Purpose},
    sys,
};

/// Extensions that have been started, and may not have become what they are to be.
pub(super) struct Launch {
    members: Vec<Pid>,
    trouble: OwnedFd,
}

impl Launch {
    /// Starts all, to wait at `gate` until `hold` and every other copy of it is closed.
    pub(super) fn begin(
        order: &Order,
        filters: &Filters,
        output: &OwnedFd,
        (gate, hold): (&OwnedFd, OwnedFd),
    ) -> Result<(Self, OwnedFd), Failure> {
        let exec = |error| Step::Exec.failed(error, "");
        let trouble = Trouble::new().map_err(exec)?;
        let mut members = Vec::new();
        for program in &order.extensions.programs {
            match sys::clone(0, None).map_err(exec)? {
                sys::Cloned::Child => {
                    drop(hold);
                    let _ = rustix::io::read(gate, &mut [0]);
                    let Err(failure) = become_extension(order, filters, output, program);
                    let _ = rustix::io::write(&trouble.write, failure.to_string().as_bytes());
                    std::process::exit(super::FAILED)
                }
                sys::Cloned::Parent { pid, .. } => {
                    members.push(Pid::from_raw(pid).ok_or_else(|| exec(io::ErrorKind::InvalidData.into()))?);
                }
            }
        }
        Ok((Self { members, trouble: trouble.listen() }, hold))
    }
}

fn become_extension(
    order: &Order,
    filters: &Filters,
    output: &OwnedFd,
    program: &PathBuf,
) -> Result<Infallible, Failure> {
    environment::shed(order, output, Path::new("/"))?;
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    command.envs(order.extensions.variables.iter().map(|(name, value)| (name, value)));
    filters.apply(Purpose::Known).map_err(|error| Step::Filter.failed(error, ""))?;
    Err(Step::Exec.failed(command.exec(), &program.display().to_string()))
}

/// What a runtime waits at until its extensions have registered: whoever lets it go has the first, it has the second.
pub(super) fn start(launched: Option<&Launch>) -> io::Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    if launched.is_none() {
        return Ok((None, None));
    }
    let (wait, start) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Some(start), Some(wait)))
}

/// The extensions of a sandbox, and its runtime's beginning.
pub(super) struct Crew {
    members: Vec<Pid>,
    /// Closed to have the runtime begin.
    start: Option<OwnedFd>,
    /// Where the runtime says that it could not.
    trouble: Option<OwnedFd>,
}

/// Whose process has ended.
pub(super) enum Left {
    Extension(usize),
    /// None of theirs.
    Nobody,
}

impl Crew {
    /// Waits until all have become what they are to be.
    pub(super) fn new(launch: Launch, start: Option<OwnedFd>, runtime: Trouble) -> Result<Self, Failure> {
        init::hear(launch.trouble)?;
        Ok(Self { members: launch.members, start, trouble: Some(runtime.listen()) })
    }

    pub(super) fn begin(&mut self) {
        self.start = None;
    }

    /// Is readable once the runtime has begun, or has failed to.
    pub(super) fn trouble(&self) -> Option<&OwnedFd> {
        self.trouble.as_ref()
    }

    /// Why the runtime has not begun, if so.
    pub(super) fn begun(&mut self) -> Option<Failure> {
        init::hear(self.trouble.take()?).err()
    }

    pub(super) fn left(&self, pid: Pid) -> Left {
        self.members.iter().position(|&member| member == pid).map_or(Left::Nobody, Left::Extension)
    }
}
