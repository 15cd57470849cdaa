//! A network for an environment where the server is an ordinary user's: `pasta` or `slirp4netns` gives the namespace an
//! interface, and opens as a connection of the user's what comes out of it.
//!
//! ```text
//!   environment's namespace                                  the machine
//!   rules ─► eth0 198.18.0.100 ─► gateway 198.18.0.2 ══ tap ══ pasta ─► connections of the server's user
//!   resolver's sockets ──────────────────────────────────────► the server
//! ```
//!
//! Neither program keeps a function from private networks or from this machine, so the namespace's own rules do
//! ([`wall`]). They are in force before the interface has an address. The program is a tether's child
//! ([`tether`](crate::launcher)), and ends with the environment or with the server, however that ended.

use std::{
    io::{self, Read},
    net::Ipv4Addr,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, PidfdFlags},
};
use sonagi_model::{Clock, limits, network::Range};

use super::{
    Inside, NoNetwork, Walls,
    addresses::RESOLVER,
    dns::{Askers, Names, Serving},
    failed, links,
    netlink::Socket,
    policy::Policy,
    survey, wall,
};
use crate::launcher::TETHER;

/// In the environment's namespace, which is like all others: nobody else sees these.
const OWN: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 100);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
const PREFIX: u8 = 24;

/// Where systems have them.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/run/current-system/sw/bin"];

/// The programs, the best first: pasta copies less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pasta,
    Slirp,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Pasta, Self::Slirp];

    const fn name(self) -> &'static str {
        match self {
            Self::Pasta => "pasta",
            Self::Slirp => "slirp4netns",
        }
    }
}

/// One that this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    kind: Kind,
    path: PathBuf,
}

impl Program {
    pub(super) fn find() -> Option<Self> {
        Kind::ALL.into_iter().find_map(|kind| {
            let path = FOLDERS.iter().map(|folder| PathBuf::from(folder).join(kind.name()));
            path.into_iter().find(|path| path.is_file()).map(|path| Self { kind, path })
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Its command line, for the namespaces of process `pid`.
    fn line(&self, pid: i32) -> Vec<String> {
        let (user, net) = (format!("/proc/{pid}/ns/user"), format!("/proc/{pid}/ns/net"));
        let (own, gateway) = (OWN.to_string(), GATEWAY.to_string());
        let prefix = PREFIX.to_string();
        let network = format!("{}/{PREFIX}", Range::new(OWN, PREFIX).first());
        let path = self.path.display().to_string();
        let pid = pid.to_string();
        let line: Vec<&str> = match self.kind {
            // Nothing of this machine is mapped into the namespace, and no port of the namespace's out of it.
            Kind::Pasta => vec![
                &path,
                "--foreground",
                "--quiet",
                "--ipv4-only",
                "--no-map-gw",
                "--tcp-ports",
                "none",
                "--udp-ports",
                "none",
                "--tcp-ns",
                "none",
                "--udp-ns",
                "none",
                "--no-dhcp",
                "--no-dhcpv6",
                "--no-ndp",
                "--no-ra",
                "--no-icmp",
                "--ns-ifname",
                links::INSIDE,
                "--address",
                &own,
                "--netmask",
                &prefix,
                "--gateway",
                &gateway,
                "--userns",
                &user,
                "--netns",
                &net,
            ],
            Kind::Slirp => vec![
                &path,
                "--disable-host-loopback",
                "--disable-dns",
                "--cidr",
                &network,
                "--userns-path",
                &user,
                &pid,
                links::INSIDE,
            ],
        };
        line.into_iter().map(str::to_owned).collect()
    }
}

/// Our own program, as the launcher is started.
#[derive(Debug, Clone)]
pub(super) struct Tether {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// One environment's helper. Dropping it ends it.
#[derive(Debug)]
pub(in crate::process) struct Connection {
    _running: Running,
    _serving: Serving,
}

/// Connects the namespace of process `pid`.
pub(super) fn attach(
    program: &Program,
    tether: &Tether,
    policy: &Policy,
    (names, askers): (&Names, Askers),
    (pid, inside): (i32, Inside),
    clock: &dyn Clock,
) -> Result<Connection, NoNetwork> {
    let filter = match inside.walls {
        Walls::ToRaise(filter) => filter,
        // Those are a machine's, which this is not for.
        Walls::Raised | Walls::Impossible => return Err(NoNetwork::Lacking(survey::NO_FILTER.into())),
    };
    let walls = Socket::over(filter).and_then(|filter| wall::raise(&filter, policy));
    walls.map_err(failed("load the rules of an environment's network"))?;
    let routes =
        Socket::over(inside.routes).map_err(failed("ask the kernel about an environment's network"))?;
    routes.hear_of_links().map_err(failed("wait for an environment's interface"))?;
    let mut running =
        Running::start(tether, &program.line(pid)).map_err(failed("start an environment's network"))?;
    running.connects(&routes, clock).map_err(failed("connect an environment by pasta or slirp4netns"))?;
    links::set_up_among_others(&routes, (OWN, PREFIX), Some(GATEWAY), RESOLVER)
        .map_err(failed("give an environment its address"))?;
    let serving = names.serve(inside.udp.into(), inside.tcp.into(), askers);
    let serving = serving.map_err(failed("listen for an environment's questions"))?;
    Ok(Connection { _running: running, _serving: serving })
}

/// The tether, which ends with what it is tied to.
#[derive(Debug)]
struct Running {
    child: Child,
    handle: OwnedFd,
    /// Closed to end it.
    tie: Option<ChildStdin>,
}

impl Running {
    fn start(tether: &Tether, line: &[String]) -> io::Result<Self> {
        let mut child = Command::new(&tether.program)
            .arg0("sonagi")
            .args(&tether.arguments)
            .env_clear()
            .env(TETHER, line.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let tie = child.stdin.take();
        let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Self { child, handle, tie })
    }

    /// Waits until the namespace has its interface.
    fn connects(&mut self, routes: &Socket, clock: &dyn Clock) -> io::Result<()> {
        let deadline = clock.tick() + limits::NETWORK_HELPER_TIMEOUT;
        loop {
            if links::index(routes, links::INSIDE)?.is_some() {
                return Ok(());
            }
            let left = deadline.since(clock.tick());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended with {status}: {}", self.complaint())));
            }
            routes.wait(self.handle.as_fd(), left)?;
        }
    }

    /// The last line that it wrote.
    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(errors) = self.child.stderr.take() {
            let _ = errors.take(limits::NFT_COMPLAINT_SIZE).read_to_string(&mut text);
        }
        // What both add when there is no system log.
        let said = text.lines().rfind(|line| !line.is_empty() && !line.contains("syslog"));
        said.unwrap_or("no word of why").to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.tie.take());
        let timeout = Timespec { tv_sec: limits::KILL_TIMEOUT.as_secs() as i64, tv_nsec: 0 };
        let mut wait = [PollFd::new(&self.handle, PollFlags::IN)];
        if !rustix::event::poll(&mut wait, Some(&timeout)).is_ok_and(|ready| ready > 0) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
