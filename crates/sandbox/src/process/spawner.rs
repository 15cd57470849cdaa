//! Makes an environment's process, with all that belongs to it.

use std::{
    fs,
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
};

use rustix::{pipe::PipeFlags, process::Pid};
use sonagi_model::limits;

use super::{
    group::Group,
    launcher,
    machine::Means,
    network::{Attachment, Grant, Inside, Namespace, NoNetwork},
    remains::{Confinement, Remains},
    tree,
};
use crate::launcher::{
    Extensions, Failure, Join, Order, Reach, Sandbox, Stay,
    message::{self, Hearing, Word},
};

/// What to start, and with what.
#[derive(Debug)]
pub(super) struct Plan {
    /// Unique on this server: the name of the environment's group.
    pub(super) name: String,
    /// A folder for its temporary files, made for it and removed with it; in a sandbox it needs none.
    pub(super) folder: Option<PathBuf>,
    /// Bytes.
    pub(super) memory: u64,
    pub(super) task_root: PathBuf,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<std::ffi::OsString>,
    pub(super) variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    pub(super) sandbox: Option<Sandbox>,
    /// What it is connected to, if it can be; none: nothing, or what is told later.
    pub(super) grant: Option<Grant>,
    /// In a sandbox alone.
    pub(super) extensions: Extensions,
}

/// A process that has become a runtime.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) remains: Remains,
    /// Standard output and error.
    pub(super) output: OwnedFd,
    /// The same of its extensions, if it has some.
    pub(super) beside: Option<OwnedFd>,
    /// In a sandbox: one for each port, inside.
    pub(super) listeners: Vec<OwnedFd>,
    pid: Pid,
    /// Of one that may be connected later.
    inside: Option<Inside>,
}

/// Why there is no process.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSpawned {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The new process got as far as this.
    #[error("{0}")]
    Launch(Failure),
    #[error(transparent)]
    Network(#[from] NoNetwork),
}

/// Blocks for a few milliseconds.
pub(super) fn spawn(plan: Plan, means: &Means) -> Result<Spawned, NotSpawned> {
    if let Some(folder) = &plan.folder {
        fs::create_dir_all(folder)?;
    }
    let group = match means.groups.as_ref().map(|groups| groups.create(&plan.name, plan.memory)).transpose() {
        Ok(group) => group,
        Err(error) => {
            remove(plan.folder.as_deref());
            return Err(error.into());
        }
    };
    let folder = plan.folder.clone();
    match Launch::begin(plan, group.as_ref(), means) {
        Ok(launch) => launch.finish(group, folder, means),
        Err(error) => {
            if let Some(group) = group {
                group.remove();
            }
            remove(folder.as_deref());
            Err(error)
        }
    }
}

fn remove(folder: Option<&std::path::Path>) {
    if let Some(folder) = folder {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Who makes a process and tells its number.
enum Teller {
    Launcher,
    /// The number is one of its own sandbox.
    Template,
}

/// A process that exists, and may be no runtime yet.
struct Launch {
    socket: UnixStream,
    hearing: Hearing,
    pid: Pid,
    handle: OwnedFd,
    output: OwnedFd,
    beside: Option<OwnedFd>,
    stay: Stay,
    sandboxed: bool,
    reach: Reach,
    grant: Option<Grant>,
    /// Listeners that the sandbox passes on.
    ports: usize,
    inside: Option<Inside>,
}

impl Launch {
    fn begin(plan: Plan, group: Option<&Group>, means: &Means) -> Result<Self, NotSpawned> {
        let grant = plan.grant;
        let doors = group.map(Group::doors).transpose()?.unwrap_or_default();
        let order = order(plan, group);
        let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from);
        let (output, write) = pipe()?;
        let (beside, write_beside) = match order.extensions.programs.is_empty() {
            true => (None, None),
            false => pipe().map(|(read, write)| (Some(read), Some(write)))?,
        };
        let beside_fd = write_beside.as_ref().map(AsFd::as_fd);
        let socket = means.launcher.order(write.as_fd(), beside_fd, &doors)?;
        drop((write, write_beside));
        let launch = Self::born(Teller::Launcher, socket, order, output, grant)?;
        Ok(Self { beside, ..launch })
    }

    /// Says the order, and waits until there is a process for it.
    fn born(
        teller: Teller,
        mut socket: UnixStream,
        order: Order,
        output: OwnedFd,
        grant: Option<Grant>,
    ) -> Result<Self, NotSpawned> {
        let text = order.encode().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        socket.write_all(&text)?;
        let mut hearing = Hearing::default();
        match hearing.word(&socket)? {
            Some((Word::Born(said), mut files)) => {
                let invalid = || io::Error::from(io::ErrorKind::InvalidData);
                let handle = files.pop().ok_or_else(invalid)?;
                let pid = match teller {
                    Teller::Launcher => Pid::from_raw(said).ok_or_else(invalid)?,
                    Teller::Template => number(&handle)?,
                };
                let sandboxed = order.sandbox.is_some();
                let (reach, ports) = order
                    .sandbox
                    .map_or((Reach::Loopback, 0), |sandbox| (sandbox.reach, sandbox.ports.len()));
                let (stay, inside) = (order.stay, None);
                Ok(Self {
                    socket,
                    hearing,
                    pid,
                    handle,
                    output,
                    beside: None,
                    stay,
                    sandboxed,
                    reach,
                    grant,
                    ports,
                    inside,
                })
            }
            Some((Word::Failed(failure), _)) => Err(NotSpawned::Launch(failure)),
            Some((
                Word::Listening
                | Word::Memory(_)
                | Word::Started
                | Word::Mounts
                | Word::Told
                | Word::Ended(_)
                | Word::Left(..)
                | Word::Connect,
                _,
            )) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            None => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        }
    }

    /// Waits until it is a runtime.
    fn finish(
        mut self,
        group: Option<Group>,
        folder: Option<PathBuf>,
        means: &Means,
    ) -> Result<Spawned, NotSpawned> {
        let mut listeners = Vec::new();
        let mut connected = Ok(None);
        let word = loop {
            match self.hearing.word(&self.socket) {
                Ok(Some((Word::Listening, files))) => {
                    listeners = files;
                    connected = self.connect(&mut listeners, means);
                    if connected.is_err() {
                        break Ok(None);
                    }
                }
                Ok(Some((Word::Memory(failure), _))) => means.say_why_in_memory(&failure),
                other => break other,
            }
        };
        let (attachment, no_network) = match connected {
            Ok(attachment) => (attachment, None),
            Err(failure) => (None, Some(failure)),
        };
        let confinement = match (group, self.sandboxed) {
            (Some(group), _) => Confinement::Group(group),
            (None, true) => Confinement::Namespace(self.pid),
            (None, false) => Confinement::Tree(self.pid),
        };
        let remains = Remains {
            handle: self.handle,
            confinement,
            folder,
            // Whoever stays ends when this is closed.
            socket: (self.sandboxed || self.stay == Stay::AsReaper).then_some((self.socket, self.hearing)),
            attachment,
        };
        if let Some(failure) = no_network {
            remains.clear();
            return Err(failure);
        }
        let failure = match word {
            Ok(Some((Word::Started, _))) => {
                let Self { output, beside, pid, inside, .. } = self;
                return Ok(Spawned { remains, output, beside, listeners, pid, inside });
            }
            // The exec closed it.
            Ok(None) if remains.socket.is_none() => {
                let Self { output, beside, pid, inside, .. } = self;
                return Ok(Spawned { remains, output, beside, listeners, pid, inside });
            }
            Ok(Some((Word::Failed(failure), _))) => NotSpawned::Launch(failure),
            Ok(Some((
                Word::Born(_)
                | Word::Listening
                | Word::Memory(_)
                | Word::Mounts
                | Word::Told
                | Word::Ended(_)
                | Word::Left(..)
                | Word::Connect,
                _,
            ))) => io::Error::from(io::ErrorKind::InvalidData).into(),
            Ok(None) => io::Error::from(io::ErrorKind::ConnectionReset).into(),
            Err(error) => error.into(),
        };
        remains.clear();
        Err(failure)
    }

    /// Gives it its network, if it is to have one now, and has it go on.
    fn connect(&mut self, files: &mut Vec<OwnedFd>, means: &Means) -> Result<Option<Attachment>, NotSpawned> {
        match self.reach {
            Reach::Loopback => Ok(None),
            Reach::Connected => {
                let inside = Inside::of(files, self.ports);
                let inside = inside.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
                let attachment = match self.grant {
                    Some(grant) => attach(grant, self.pid, inside, means)?,
                    None => {
                        self.inside = Some(inside);
                        None
                    }
                };
                self.socket.write_all(b"+")?;
                Ok(attachment)
            }
        }
    }
}

fn attach(grant: Grant, pid: Pid, inside: Inside, means: &Means) -> Result<Option<Attachment>, NotSpawned> {
    let networks = means.networks.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    Ok(networks.attach(grant, Namespace::Process(pid.as_raw_nonzero().get()), inside)?)
}

/// Gives a sandbox that waits for its function what belongs to it. Blocks for less than a millisecond.
pub(super) fn tell(
    spawned: &mut Spawned,
    memory: u64,
    sandbox: Sandbox,
    grant: Option<Grant>,
    means: &Means,
) -> Result<(), NotSpawned> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    if let (Some(grant), Some(inside)) = (grant, spawned.inside.take()) {
        spawned.remains.attachment = attach(grant, spawned.pid, inside, means)?;
    }
    let remains = &mut spawned.remains;
    if let Confinement::Group(group) = &remains.confinement {
        group.shrink(memory)?;
    }
    let order = Order::of_sandbox(sandbox).encode().ok_or_else(invalid)?;
    let mut launcher = means.launcher.order_mounts()?;
    launcher.write_all(&order)?;
    let mounts = match Hearing::default().word(&launcher)? {
        Some((Word::Mounts, mounts)) => mounts,
        Some((Word::Failed(failure), _)) => return Err(NotSpawned::Launch(failure)),
        Some(_) | None => return Err(invalid().into()),
    };
    let (socket, hearing) = remains.socket.as_mut().ok_or_else(invalid)?;
    let borrowed: Vec<_> = mounts.iter().map(AsFd::as_fd).collect();
    message::send(&*socket, &order, &borrowed)?;
    match hearing.word(socket)? {
        Some((Word::Told, _)) => Ok(()),
        Some((Word::Failed(failure), _)) => Err(NotSpawned::Launch(failure)),
        Some(_) | None => Err(invalid().into()),
    }
}

/// Whether the runtime of a template can be copied. Blocks for less than a millisecond.
pub(super) fn still(template: &UnixStream) -> Result<(), NotSpawned> {
    let (ours, theirs) = launcher::conversation()?;
    message::send(template, &[message::STILL], &[theirs.as_fd()])?;
    drop(theirs);
    match Hearing::default().word(&ours)? {
        Some((Word::Started, _)) => Ok(()),
        Some((Word::Failed(failure), _)) => Err(NotSpawned::Launch(failure)),
        Some(_) | None => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
    }
}

/// A copy of a template's runtime. Blocks for a few milliseconds.
pub(super) fn copy(
    name: &str,
    memory: u64,
    sandbox: Sandbox,
    grant: Option<Grant>,
    template: &UnixStream,
    means: &Means,
) -> Result<Spawned, NotSpawned> {
    let group = means.groups.as_ref().map(|groups| groups.create(name, memory)).transpose()?;
    match begin_copy(sandbox, grant, template, group.as_ref(), means) {
        Ok(launch) => launch.finish(group, None, means),
        Err(error) => {
            if let Some(group) = group {
                group.remove();
            }
            Err(error)
        }
    }
}

fn begin_copy(
    sandbox: Sandbox,
    grant: Option<Grant>,
    template: &UnixStream,
    group: Option<&Group>,
    means: &Means,
) -> Result<Launch, NotSpawned> {
    let lease = if sandbox.wants_a_disk() {
        means.launcher.order_disk(sandbox.clone())?
    } else {
        // It is not looked at.
        launcher::conversation()?.0
    };
    let order = Order::of_sandbox(sandbox);
    let doors = group.map(Group::entrances).transpose()?.unwrap_or_default();
    let (output, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
    let (socket, theirs) = launcher::conversation()?;
    let mut files = vec![theirs.as_fd(), write.as_fd(), lease.as_fd()];
    files.extend(doors.iter().map(AsFd::as_fd));
    message::send(template, &[message::COPY], &files)?;
    drop((theirs, write));
    Launch::born(Teller::Template, socket, order, output, grant)
}

/// The process's number on this machine.
fn number(handle: &OwnedFd) -> io::Result<Pid> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
    let number = info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    // It is -1 once the process has gone.
    number.filter(|&number| number > 0).and_then(Pid::from_raw).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn order(plan: Plan, group: Option<&Group>) -> Order {
    let sandboxed = plan.sandbox.is_some();
    // The limit counts what the user runs: in a sandbox nothing but the environment's own, and else all that runs
    // already too. It does not bind root.
    let others = match (sandboxed || group.is_some(), plan.grant) {
        (true, None) => 0,
        // What connects it may run in its namespace, as its user.
        (true, Some(_)) => u64::from(limits::NETWORK_PROCESSES),
        (false, _) => tree::threads_of_this_user(),
    };
    Order {
        server: rustix::process::getpid().as_raw_nonzero().get(),
        join: group.map_or(Join::Write, Group::join),
        stay: if sandboxed || group.is_some() { Stay::No } else { Stay::AsReaper },
        files: limits::ENVIRONMENT_FILES,
        // A backstop between two looks at what it really uses: runtimes map much more than they touch.
        data: group.is_none().then_some(plan.memory.saturating_mul(2) + limits::ENVIRONMENT_MAPPED_EXTRA),
        processes: group.is_none().then(|| others + u64::from(limits::ENVIRONMENT_PROCESSES)),
        folder: plan.task_root,
        program: plan.program,
        arguments: plan.arguments,
        variables: plan.variables,
        sandbox: plan.sandbox,
        extensions: plan.extensions,
    }
}
