//! What a new process does to become an environment, step by step.
//!
//! ```text
//!            new session ─► control groups ─► limits ─┬─► folder ─► exec               without a sandbox
//!                                                     │
//!    names, loopback and listeners ◄──────────────────┘                                in one
//!      └─► mounts ─► pivot_root ─► fork ─┬─► no privileges ─► Landlock ─► seccomp ─► exec
//!                                        └─► the sandbox's first process (`init`)
//! ```

use std::{
    convert::Infallible,
    ffi::CString,
    io,
    net::Ipv4Addr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    mount::{MountFlags, UnmountFlags},
    process::{Pid, Resource, Rlimit, Signal},
};

use super::{
    Failure, Step,
    confine::{self, Writes},
    crew::{self, Crew, Launch},
    disks,
    filter::Filters,
    init::{self, Trouble},
    message::{self, Files, Word},
    order::{Join, Order, Purpose, Reach, Sandbox, Stay},
    reaper,
    root::{self, Root},
    sys,
    template::{self, Template},
};

/// What the new process has of the launcher's.
pub(super) struct Inheritance<'a> {
    pub(super) order: Order,
    pub(super) files: Files<OwnedFd>,
    /// Of a sandbox: what lies in it, attached nowhere yet; in the order of [`Sandbox::mounts`].
    pub(super) mounts: Vec<OwnedFd>,
    /// Where its `/tmp` comes from, if that is to be on disk.
    pub(super) lease: Option<UnixStream>,
    pub(super) root: Option<&'a Root>,
    pub(super) filters: Option<&'a Filters>,
}

/// Becomes the environment; says on its socket how that goes.
pub(super) fn run(inheritance: Inheritance<'_>) -> ! {
    let Inheritance { order, files, mounts, mut lease, root, filters } = inheritance;
    let socket = UnixStream::from(files.socket);
    let become_it = || {
        common(&order, &files.groups)?;
        match (&order.sandbox, root, filters) {
            (Some(sandbox), Some(root), Some(filters)) => {
                enter(sandbox, mounts, lease.take(), root, &socket)?;
                wait_for_network(sandbox, &socket)?;
                runtime(&order, filters, (files.output, files.beside), &socket)
            }
            (Some(_), _, _) => Err(Step::Root.failed(io::ErrorKind::NotFound.into(), "")),
            (None, _, _) => without_sandbox(&order, files.output, &socket),
        }
    };
    let failure = match become_it() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // The driver may be gone; then there is nobody to tell.
    let _ = message::say(&socket, &Word::Failed(failure), &[]);
    std::process::exit(super::FAILED)
}

fn common(order: &Order, groups: &[OwnedFd]) -> Result<(), Failure> {
    session(order).map_err(|error| Step::Session.failed(error, ""))?;
    if order.join == Join::Write {
        for group in groups {
            // "0" is the process that writes. The file is `tasks` where there is one: for a single thread that moves
            // itself the kernel needs no lock over all processes, which `cgroup.procs` takes milliseconds to get.
            rustix::io::write(group, b"0").map_err(|error| Step::Group.failed(error.into(), ""))?;
        }
    }
    limits(order).map_err(|error| Step::Limits.failed(error, ""))
}

/// A session of its own, and an end of its own when the server ends.
fn session(order: &Order) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The server may have died before that took effect. Inside a sandbox it cannot be seen; its socket shows it.
    if order.sandbox.is_none() && rustix::process::getppid() != Pid::from_raw(order.server) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

fn limits(order: &Order) -> io::Result<()> {
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

fn without_sandbox(order: &Order, output: OwnedFd, socket: &UnixStream) -> Result<Infallible, Failure> {
    std::env::set_current_dir(&order.folder).map_err(|error| Step::Folder.failed(error, ""))?;
    let mut command = command(order);
    stdio(&output).map_err(|error| Step::Exec.failed(error, ""))?;
    drop(output);
    match order.stay {
        Stay::No => Err(Step::Exec.failed(command.exec(), "")),
        Stay::AsReaper => reaper::run(command, socket),
    }
}

fn command(order: &Order) -> Command {
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).env_clear().stdin(Stdio::null());
    command.envs(order.variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Standard output and error are the environment's from here on.
fn stdio(output: &OwnedFd) -> io::Result<()> {
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(output)?;
    Ok(())
}

/// From the launcher's view of the machine into the sandbox's.
fn enter(
    sandbox: &Sandbox,
    mounts: Vec<OwnedFd>,
    lease: Option<UnixStream>,
    root: &Root,
    socket: &UnixStream,
) -> Result<(), Failure> {
    let namespaces = |error| Step::Namespaces.failed(error, "");
    // After the process has its place in the groups, so that this place is what it sees as their root.
    sys::unshare(libc::CLONE_NEWCGROUP).map_err(namespaces)?;
    // Still as the server's user, whose folder the root lies in.
    root.enter().map_err(|error| Step::Mount.failed(error, "/"))?;
    if sandbox.users.is_some() {
        sys::become_user(0, 0).map_err(namespaces)?;
        // Another user cleared it.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| namespaces(error.into()))?;
    }
    open_doors(sandbox, socket)?;
    // While the machine's own is still in sight: the kernel gives no more of it than can be seen already.
    mount_proc("proc")?;
    mount_temporary(sandbox, lease.as_ref(), socket, "tmp")?;
    attach_all(mounts, sandbox)?;
    let at = |place: &'static str| move |error: rustix::io::Errno| Step::Mount.failed(error.into(), place);
    // The old root lies under the new one for a moment, and then nowhere.
    rustix::process::pivot_root(".", ".").map_err(at("pivot_root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(at("the machine's root"))?;
    rustix::process::chdir("/").map_err(at("/"))
}

/// A name, and the ports that the sandbox is reached at; the driver is told.
pub(super) fn open_doors(sandbox: &Sandbox, socket: &UnixStream) -> Result<(), Failure> {
    let named = rustix::system::sethostname(b"localhost");
    named.map_err(|error| Step::Namespaces.failed(error.into(), ""))?;
    let network = |error| Step::Network.failed(error, "");
    let mut listeners = listen(&sandbox.ports).map_err(network)?;
    if sandbox.reach == Reach::Connected {
        listeners.extend(network_sockets().map_err(network)?);
    }
    let borrowed: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    message::say(socket, &Word::Listening, &borrowed).map_err(|error| Step::Order.failed(error, ""))
}

/// The sandbox's own `/proc`, which lies at this place at present.
pub(super) fn mount_proc(proc: &str) -> Result<(), Failure> {
    rustix::mount::mount("proc", proc, "proc", SAFE | MountFlags::NOEXEC, None)
        .map_err(|error| Step::Mount.failed(error.into(), "/proc"))
}

/// Its `/tmp`: on disk, if it has a lease; in memory, if it has none, and in need, of which the driver is told.
pub(super) fn mount_temporary(
    sandbox: &Sandbox,
    lease: Option<&UnixStream>,
    socket: &UnixStream,
    tmp: &str,
) -> Result<(), Failure> {
    if let Some(lease) = lease {
        let mounted = disks::receive(lease).and_then(|mount| {
            root::attach(&mount, Path::new(tmp)).map_err(|error| Step::Disk.failed(error, "/tmp"))
        });
        match mounted {
            Ok(()) => return Ok(()),
            Err(failure) => message::say(socket, &Word::Memory(failure), &[])
                .map_err(|error| Step::Order.failed(error, ""))?,
        }
    }
    let options = temporary_options(sandbox);
    rustix::mount::mount("tmpfs", tmp, "tmpfs", SAFE, options.as_c_str())
        .map_err(|error| Step::Mount.failed(error.into(), "/tmp"))
}

/// Waits until the driver has connected this sandbox, if it is to be.
pub(super) fn wait_for_network(sandbox: &Sandbox, socket: &UnixStream) -> Result<(), Failure> {
    match sandbox.reach {
        Reach::Loopback => Ok(()),
        Reach::Connected => connected(socket).map_err(|error| Step::Network.failed(error, "")),
    }
}

/// What no mount of a sandbox lets happen.
const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Of a `/tmp` in memory. An inode for every 16 KiB, as the file system has that Lambda mounts there.
fn temporary_options(sandbox: &Sandbox) -> CString {
    let options = format!("mode=1777,size={},nr_inodes={}", sandbox.temporary, sandbox.temporary >> 14);
    // Numbers hold no NUL.
    CString::new(options).unwrap_or_default()
}

/// Attaches each mount at its place, which is below the working directory.
pub(super) fn attach_all(mounts: Vec<OwnedFd>, sandbox: &Sandbox) -> Result<(), Failure> {
    for (tree, mount) in mounts.into_iter().zip(&sandbox.mounts) {
        let inside = mount.to.strip_prefix("/").unwrap_or(&mount.to);
        let subject = mount.to.display().to_string();
        root::attach(&tree, inside).map_err(|error| Step::Mount.failed(error, &subject))?;
    }
    Ok(())
}

/// Listeners on the loopback interface of this network namespace, which has nothing else.
fn listen(ports: &[u16]) -> io::Result<Vec<OwnedFd>> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let socket =
        || rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    sys::loopback_up(socket()?.as_fd())?;
    let mut listeners = Vec::new();
    for &port in ports {
        let listener = socket()?;
        let address = std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        rustix::net::bind(&listener, &address)?;
        rustix::net::listen(&listener, 128)?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// What a namespace is connected with: about its routes, at the resolver's address over UDP and TCP, and about its packet
/// filter, if the kernel has one.
pub(crate) fn network_sockets() -> io::Result<Vec<OwnedFd>> {
    let [udp, tcp] = resolver()?;
    Ok([routes()?, udp, tcp].into_iter().chain(packets()).collect())
}

/// What this namespace's interfaces and routes can be set with, by whoever has it: the kernel asks for the powers of
/// who made it as well.
fn routes() -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    Ok(rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?)
}

/// Where names are asked for, in every sandbox that is connected: `etc/resolv.conf` says so.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 53);

/// Sockets at [`RESOLVER`], of UDP and TCP, for whoever will answer there; the address need not be there yet.
fn resolver() -> io::Result<[OwnedFd; 2]> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
    let socket = |kind| {
        let socket = rustix::net::socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None)?;
        sockopt::set_ip_freebind(&socket, true)?;
        rustix::net::bind(&socket, &std::net::SocketAddrV4::new(RESOLVER, 53))?;
        io::Result::Ok(socket)
    };
    let (udp, tcp) = (socket(SocketType::DGRAM)?, socket(SocketType::STREAM)?);
    rustix::net::listen(&tcp, 128)?;
    Ok([udp, tcp])
}

/// What this namespace's packet filter can be set with, if the kernel has one.
fn packets() -> Option<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink};
    let filter = Some(netlink::NETFILTER);
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, filter).ok()
}

/// Waits until the driver has connected this namespace.
fn connected(socket: &UnixStream) -> io::Result<()> {
    match rustix::io::read(socket, &mut [0])? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

/// Splits into the extensions, the runtime and the sandbox's first process.
fn runtime(
    order: &Order,
    filters: &Filters,
    (output, beside): (OwnedFd, Option<OwnedFd>),
    socket: &UnixStream,
) -> Result<Infallible, Failure> {
    let exec = |error| Step::Exec.failed(error, "");
    // Before anything is started, so that its end is not missed.
    let children = sys::ended_children().map_err(exec)?;
    let (gate, hold) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| exec(error.into()))?;
    let (launched, hold) = match beside {
        None => (None, hold),
        Some(beside) => {
            let (launch, hold) = Launch::begin(order, filters, &beside, (&gate, hold))?;
            (Some(launch), hold)
        }
    };
    let (start, wait) = crew::start(launched.as_ref()).map_err(exec)?;
    let trouble = Trouble::new().map_err(exec)?;
    let purpose = order.sandbox.as_ref().map(|sandbox| sandbox.purpose).unwrap_or_default();
    let (to_standby, template_gate) = match purpose {
        Purpose::Known | Purpose::ToldLater => (None, None),
        Purpose::Template => {
            let (ours, theirs) = template::gate().map_err(exec)?;
            (Some(ours), Some(theirs))
        }
    };
    match sys::clone(0, None).map_err(exec)? {
        sys::Cloned::Child => {
            // Until the other has given up its powers: then there is nobody left with any when the function runs.
            drop((hold, to_standby, start, launched));
            let _ = rustix::io::read(&gate, &mut [0]);
            let failure = match become_runtime(order, filters, &output, template_gate, wait) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            let _ = rustix::io::write(&trouble.write, failure.to_string().as_bytes());
            std::process::exit(super::FAILED)
        }
        sys::Cloned::Parent { pid, .. } => {
            drop((output, wait));
            close_stdio();
            let kept = match purpose {
                Purpose::Known => confine::keep_signals(),
                // What runs until then is our own client, and it has none of this.
                Purpose::ToldLater => confine::be_private(),
                // It makes copies of what runs, and those have none of this either.
                Purpose::Template => confine::be_private(),
            };
            kept.map_err(|error| Step::Privileges.failed(error, ""))?;
            drop(hold);
            let crew = match launched {
                None => {
                    trouble.heard()?;
                    None
                }
                Some(launched) => Some(Crew::new(launched, start, trouble)?),
            };
            message::say(socket, &Word::Started, &[]).map_err(exec)?;
            let runtime = Pid::from_raw(pid).ok_or_else(|| exec(io::ErrorKind::InvalidData.into()))?;
            match to_standby {
                None => init::run(runtime, &children, socket, purpose, crew),
                Some(gate) => {
                    let users = order.sandbox.as_ref().and_then(|sandbox| sandbox.users);
                    Template::new(runtime, &children, gate, users).run(socket)
                }
            }
        }
    }
}

/// Only what the function runs may hold the log open.
fn close_stdio() {
    if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = stdio(&null.into());
    }
}

fn become_runtime(
    order: &Order,
    filters: &Filters,
    output: &OwnedFd,
    gate: Option<OwnedFd>,
    wait: Option<OwnedFd>,
) -> Result<Infallible, Failure> {
    let exec = |error| Step::Exec.failed(error, "");
    let purpose = order.sandbox.as_ref().map(|sandbox| sandbox.purpose).unwrap_or_default();
    shed(order, output, &order.folder)?;
    if let Some(wait) = wait {
        // Until the extensions have registered.
        let _ = rustix::io::read(&wait, &mut [0]);
    }
    let mut command = command(order);
    if let Some(gate) = gate {
        template::place_gate(gate).map_err(exec)?;
    }
    filters.apply(purpose).map_err(|error| Step::Filter.failed(error, ""))?;
    Err(exec(command.exec()))
}

/// Gives up all powers, and what is not the function's to have.
pub(super) fn shed(order: &Order, output: &OwnedFd, folder: &Path) -> Result<(), Failure> {
    rustix::process::setsid().map_err(|error| Step::Session.failed(error.into(), ""))?;
    stdio(output).map_err(|error| Step::Exec.failed(error, ""))?;
    let users = order.sandbox.as_ref().and_then(|sandbox| sandbox.users);
    confine::drop_privileges(users).map_err(|error| Step::Privileges.failed(error, ""))?;
    std::env::set_current_dir(folder).map_err(|error| Step::Folder.failed(error, ""))?;
    let writes = match order.sandbox.as_ref().map(|sandbox| sandbox.purpose).unwrap_or_default() {
        Purpose::Known | Purpose::ToldLater => Writes::Temporary,
        Purpose::Template => Writes::Anywhere,
    };
    confine::files(Path::new("/"), writes).map_err(|error| Step::Landlock.failed(error, ""))
}
