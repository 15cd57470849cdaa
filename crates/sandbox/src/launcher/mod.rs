//! What an environment's process is before it becomes the runtime: the seam of isolation.
//!
//! The driver starts the sonagi binary again, with `__launch`, and writes an [`Order`] to its standard input, which
//! is one end of a socket pair. The process then puts itself where it belongs and replaces itself:
//!
//! ```text
//! new session ─► dies with the server ─► control groups ─► rlimits, umask ─► no open files ─► exec
//! ```
//!
//! It does so single-threaded and before anything of the function's can run. The namespaces and system call filters
//! of a later issue belong here, between the limits and the exec, and nowhere else.
//!
//! Where the machine has no control groups to give, the process stays, as the reaper of all that the runtime
//! starts ([`reaper`]), so that nothing can escape by leaving its session or its parent.
//!
//! The socket tells the driver how it went: it is closed by a successful exec; before that, one message says which
//! step failed (`exec 13`). The reaper says `+` instead.

mod order;
mod reaper;
mod steps;
mod sys;

use std::{
    io::{Read, Write},
    os::unix::{net::UnixStream, process::CommandExt},
    process::{Command, Stdio},
};

pub(crate) use order::{Order, Stay};

/// The first argument that makes the program a launcher.
pub const WORD: &str = "__launch";

/// The exit status of a launcher that could not do its work; the driver knows why from the socket.
const FAILED: i32 = 125;

/// Becomes an environment's process; never returns. The cli calls it first of all when its first argument is
/// `__launch`.
pub fn main() -> ! {
    let mut socket = match steps::take_socket() {
        Ok(socket) => socket,
        Err(_) => std::process::exit(FAILED),
    };
    let failure = match launch(&mut socket) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // The driver may be gone; then there is nobody to tell.
    let _ = socket.write_all(failure.to_string().as_bytes());
    std::process::exit(FAILED)
}

/// A step that failed, and the error number that it failed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Order,
    Session,
    Group,
    Limits,
    Folder,
    Exec,
}

impl Step {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Order, "order"),
        (Self::Session, "session"),
        (Self::Group, "group"),
        (Self::Limits, "limits"),
        (Self::Folder, "folder"),
        (Self::Exec, "exec"),
    ];
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Step::ALL.iter().find(|(step, _)| *step == self.step).map_or("", |(_, name)| name);
        write!(f, "{name} {}", self.errno)
    }
}

impl std::str::FromStr for Failure {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, errno) = text.split_once(' ').ok_or(())?;
        let (step, _) = Step::ALL.iter().find(|(_, known)| *known == name).ok_or(())?;
        Ok(Self { step: *step, errno: errno.parse().map_err(|_| ())? })
    }
}

impl Step {
    fn failed(self, error: impl Into<std::io::Error>) -> Failure {
        Failure { step: self, errno: error.into().raw_os_error().unwrap_or(libc::EIO) }
    }
}

fn launch(socket: &mut UnixStream) -> Result<std::convert::Infallible, Failure> {
    let order = read_order(socket).map_err(|error| Step::Order.failed(error))?;
    steps::session(order.server).map_err(|error| Step::Session.failed(error))?;
    for file in &order.groups {
        // "0" is the process that writes. The file is `tasks` where there is one: for a single thread that moves
        // itself the kernel needs no lock over all processes, which `cgroup.procs` takes milliseconds to get.
        std::fs::write(file, "0").map_err(|error| Step::Group.failed(error))?;
    }
    steps::limits(&order).map_err(|error| Step::Limits.failed(error))?;
    std::env::set_current_dir(&order.folder).map_err(|error| Step::Folder.failed(error))?;
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).env_clear().stdin(Stdio::null());
    command.envs(order.variables.iter().map(|(name, value)| (name, value)));
    match order.stay {
        Stay::No => Err(Step::Exec.failed(command.exec())),
        Stay::AsReaper => reaper::run(command, socket),
    }
}

fn read_order(socket: &mut UnixStream) -> std::io::Result<Order> {
    let mut size = [0; 4];
    socket.read_exact(&mut size)?;
    let size = u32::from_le_bytes(size) as usize;
    if size > order::SIZE {
        return Err(std::io::Error::from_raw_os_error(libc::E2BIG));
    }
    let mut text = vec![0; size];
    socket.read_exact(&mut text)?;
    Order::decode(&text).ok_or_else(|| std::io::Error::from_raw_os_error(libc::EINVAL))
}
