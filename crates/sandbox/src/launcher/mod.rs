//! What makes environments' processes: the seam of isolation.
//!
//! The driver starts the sonagi binary again, with `__launch`, once. That process has a single thread and stays; for
//! each environment it gets an [`Order`] and copies itself, as a sibling: the new process is the driver's child. So
//! nothing is loaded for a start, and nothing that another thread holds can be in the way.
//!
//! ```text
//!  driver ──order──► launcher ──clone──► environment: namespaces ─► root ─► limits ─► filters ─► exec
//!     ▲                 └── the process's handle ──┐        └── listeners, how it went ──┐
//!     └────────────────────────────────────────────┴─────────────────────────────────────┘
//! ```
//!
//! Start reading at [`serve`], then `environment`. In a sandbox (the default) the first process stays as its init:
//! it reaps what the function leaves behind, and everything in the sandbox ends when it ends. Always true here:
//! - nothing of the function's runs before the last step, which takes the last privilege away;
//! - what the launcher has open is closed by the exec, and its own socket before that.
//!
//! Without a sandbox, and where the machine has no control groups to give either, the process stays as the reaper of
//! all that the runtime starts ([`reaper`]), so that nothing can escape by leaving its session or its parent.

mod allowed;
mod confine;
mod crew;
pub(crate) mod disks;
mod environment;
mod filter;
mod init;
pub(crate) mod message;
mod order;
mod reaper;
mod refused;
mod root;
mod search;
mod serve;
mod still;
mod sys;
mod template;
mod tether;
#[cfg(target_arch = "x86_64")]
mod trace;

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

pub(crate) use environment::{RESOLVER, network_sockets};
pub(crate) use order::{Extensions, Join, Mount, Order, Purpose, Reach, Sandbox, Stay};

/// The first argument that makes the program a launcher.
pub const WORD: &str = "__launch";

/// The variable that names the folder for the sandboxes' root. Not an argument: every process may read those.
pub(crate) const PLACE: &str = "SONAGI_PLACE";

/// The variable that has a program's line instead, which this one then ties to whoever started it.
pub(crate) const TETHER: &str = "SONAGI_TETHER";

/// The exit status of a launcher that could not do its work; the driver knows why from the socket.
const FAILED: i32 = 125;

/// Becomes the launcher; never returns. The cli calls it first of all when its first argument is `__launch`.
#[expect(
    clippy::disallowed_methods,
    reason = "the launcher is a program of its own, and this is how it is told"
)]
pub fn main() -> ! {
    if let Some(line) = std::env::var_os(TETHER) {
        std::process::exit(tether::run(&line).unwrap_or(FAILED));
    }
    let place = std::env::var_os(PLACE).map(Into::into);
    let status = match take_socket().and_then(|mut socket| serve::run(&mut socket, place)) {
        Ok(()) => 0,
        Err(_) => FAILED,
    };
    std::process::exit(status)
}

/// Takes the socket off standard input, so that nothing that runs later has it, and marks every other file but the
/// standard ones to be closed by an exec.
fn take_socket() -> io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(io::stdin().as_fd(), 3)?;
    sys::close_on_exec_from(3)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(socket)
}

/// A step that failed, the error number that it failed with, and what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: i32,
    pub(crate) subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Order,
    Namespaces,
    Root,
    Session,
    Group,
    Limits,
    Network,
    Mount,
    Privileges,
    Landlock,
    Filter,
    Folder,
    Exec,
    Still,
    Copy,
    Disk,
}

impl Step {
    const ALL: [(Self, &'static str); 16] = [
        (Self::Order, "order"),
        (Self::Namespaces, "namespaces"),
        (Self::Root, "root"),
        (Self::Session, "session"),
        (Self::Group, "group"),
        (Self::Limits, "limits"),
        (Self::Network, "network"),
        (Self::Mount, "mount"),
        (Self::Privileges, "privileges"),
        (Self::Landlock, "landlock"),
        (Self::Filter, "filter"),
        (Self::Folder, "folder"),
        (Self::Exec, "exec"),
        (Self::Still, "still"),
        (Self::Copy, "copy"),
        (Self::Disk, "disk"),
    ];

    fn failed(self, error: io::Error, subject: &str) -> Failure {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Failure { step: self, errno, subject: subject.replace('\n', " ") }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Step::ALL.iter().find(|(step, _)| *step == self.step).map_or("", |(_, name)| name);
        write!(f, "{name} {} {}", self.errno, self.subject)
    }
}

impl std::str::FromStr for Failure {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, ' ');
        let (name, errno) = (parts.next().ok_or(())?, parts.next().ok_or(())?);
        let (step, _) = Step::ALL.iter().find(|(_, known)| *known == name).ok_or(())?;
        let subject = parts.next().unwrap_or_default().into();
        Ok(Self { step: *step, errno: errno.parse().map_err(|_| ())?, subject })
    }
}
