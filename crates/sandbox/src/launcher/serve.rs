//! The launcher's loop: orders in, environments out.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
};

use rustix::process::getuid;

use super::{
    Failure, Step,
    disks::Disks,
    environment::{self, Inheritance},
    filter::Filters,
    message::{self, Files, Word},
    order::{Join, Mount, Sandbox},
    root::{self, Root},
    sys,
};

/// What every sandbox is made from.
struct Ground {
    root: Root,
    filters: Filters,
    /// None where this process has not the power to mount them.
    disks: Option<Disks>,
}

/// Serves the driver at the other end of `socket` until that is closed. `place` is an empty folder for the root of the
/// sandboxes; without one there are none.
pub(super) fn run(socket: &mut OwnedFd, place: Option<PathBuf>) -> io::Result<()> {
    let ground = place.map(|place| ground(&place, socket));
    loop {
        let mut byte = [0];
        let mut files = Vec::new();
        if message::receive(&*socket, &mut byte, &mut files)? == 0 {
            return Ok(());
        }
        let mut files = files.into_iter();
        let Some(own) = files.next().map(UnixStream::from) else { continue };
        let done = match (byte, files.next()) {
            ([message::MOUNTS], _) => open(&own, ground.as_ref()),
            ([message::DISK], Some(lease)) => lend(&own, &lease, ground.as_ref()),
            (_, Some(output)) => make(&own, output, files.collect(), socket, ground.as_ref()),
            (_, None) => continue,
        };
        let failure = match done {
            Ok(()) => continue,
            Err(failure) => failure,
        };
        // The driver may have given it up.
        let _ = message::say(&own, &Word::Failed(failure), &[]);
    }
}

/// Namespaces of the launcher's own, and in them what all sandboxes share.
fn ground(place: &std::path::Path, main: &mut OwnedFd) -> Result<Ground, Failure> {
    let own = |error| Step::Namespaces.failed(error, "of the launcher");
    if getuid().is_root() {
        sys::unshare(libc::CLONE_NEWNS).map_err(own)?;
    } else {
        let (user, group) = (getuid().as_raw(), rustix::process::getgid().as_raw());
        sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).map_err(own)?;
        write_maps("self", &format!("{user} {user} 1"), &format!("{group} {group} 1"), Groups::Denied)
            .map_err(own)?;
    }
    let root = Root::make(place).map_err(|error| Step::Root.failed(error, ""))?;
    let filters = Filters::new().map_err(|error| Step::Filter.failed(error, ""))?;
    // Without it `/tmp` is in memory, which is said where it matters.
    let disks = getuid().is_root().then(|| Disks::start(place, main).ok()).flatten();
    Ok(Ground { root, filters, disks })
}

/// Opens the mounts of an order, for a sandbox that exists.
fn open(socket: &UnixStream, ground: Option<&Result<Ground, Failure>>) -> Result<(), Failure> {
    let lost = |error| Step::Order.failed(error, "");
    let (order, _) = message::order(socket).map_err(lost)?;
    let (Some(sandbox), Some(Ok(ground))) = (&order.sandbox, ground) else {
        return Err(lost(io::ErrorKind::Unsupported.into()));
    };
    let mounts = mounts(sandbox, &ground.root)?;
    let borrowed: Vec<_> = mounts.iter().map(AsFd::as_fd).collect();
    message::say(socket, &Word::Mounts, &borrowed).map_err(lost)
}

/// Has the keeper lend a disk for a sandbox that will say itself whose it is.
fn lend(
    socket: &UnixStream,
    lease: &OwnedFd,
    ground: Option<&Result<Ground, Failure>>,
) -> Result<(), Failure> {
    let (order, _) = message::order(socket).map_err(|error| Step::Order.failed(error, ""))?;
    if let (Some(sandbox), Some(Ok(Ground { disks: Some(disks), .. }))) = (&order.sandbox, ground) {
        disks.ask(sandbox.temporary, lease.as_fd(), None);
    }
    Ok(())
}

fn mounts(sandbox: &Sandbox, root: &Root) -> Result<Vec<OwnedFd>, Failure> {
    let open = |mount: &Mount| {
        let failed = |error| Step::Mount.failed(error, &mount.from.display().to_string());
        root.open(&mount.from, &mount.to).map_err(failed)
    };
    sandbox.mounts.iter().map(open).collect()
}

fn make(
    socket: &UnixStream,
    output: OwnedFd,
    mut groups: Vec<OwnedFd>,
    main: &mut OwnedFd,
    ground: Option<&Result<Ground, Failure>>,
) -> Result<(), Failure> {
    let lost = |error| Step::Order.failed(error, "");
    let (order, _) = message::order(socket).map_err(lost)?;
    let beside = (!order.extensions.programs.is_empty() && !groups.is_empty()).then(|| groups.remove(0));
    let group = match order.join {
        Join::Born => groups.first().map(AsFd::as_fd),
        Join::Write => None,
    };
    let ground = match (&order.sandbox, ground) {
        (None, _) => None,
        (Some(_), Some(Ok(ground))) => Some(ground),
        (Some(_), Some(Err(failure))) => return Err(failure.clone()),
        (Some(_), None) => return Err(lost(io::ErrorKind::Unsupported.into())),
    };
    let mut flags = libc::CLONE_PARENT as u64;
    let mut mounts = Vec::new();
    let (mut lease, mut lent) = (None, None);
    if let (Some(sandbox), Some(ground)) = (&order.sandbox, ground) {
        flags |= NAMESPACES;
        mounts = self::mounts(sandbox, &ground.root)?;
        if sandbox.wants_a_disk() && ground.disks.is_some() {
            let (ours, theirs) = UnixStream::pair().map_err(lost)?;
            (lease, lent) = (Some(theirs), Some(ours));
        }
        if let Some(users) = sandbox.users {
            // So that `/dev/stdout` can be opened.
            let user = rustix::fs::Uid::from_raw(users + 1);
            for output in [Some(&output), beside.as_ref()].into_iter().flatten() {
                rustix::fs::fchown(output, Some(user), None)
                    .map_err(|error| Step::Privileges.failed(error.into(), ""))?;
            }
        }
    }
    let (gate, open) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| lost(error.into()))?;
    match sys::clone(flags, group).map_err(|error| Step::Namespaces.failed(error, ""))? {
        sys::Cloned::Child => {
            drop((open, lent));
            // What is the launcher's own is not the environment's.
            let _ = rustix::io::dup3(&gate, main, rustix::io::DupFlags::CLOEXEC);
            let own = socket.try_clone().map(OwnedFd::from);
            let (Ok(1), Ok(own)) = (rustix::io::read(&gate, &mut [0]), own) else {
                std::process::exit(super::FAILED)
            };
            drop(gate);
            let files = Files { socket: own, output, beside, groups };
            environment::run(Inheritance {
                order,
                files,
                mounts,
                lease,
                root: ground.map(|ground| &ground.root),
                filters: ground.map(|ground| &ground.filters),
            })
        }
        sys::Cloned::Parent { pid, handle } => {
            drop((gate, lease));
            // It is on its way while the process does the rest.
            if let (Some(lent), Some(sandbox), Some(Ground { disks: Some(disks), .. })) =
                (&lent, &order.sandbox, ground)
            {
                disks.ask(sandbox.temporary, lent.as_fd(), Some(handle.as_fd()));
            }
            message::say(socket, &Word::Born(pid), &[handle.as_fd()]).map_err(lost)?;
            if let Some(sandbox) = &order.sandbox {
                map_users(pid, sandbox).map_err(|error| Step::Namespaces.failed(error, "users"))?;
            }
            rustix::io::write(&open, b"+").map_err(|error| lost(error.into()))?;
            Ok(())
        }
    }
}

pub(super) const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS) as u64;

fn map_users(pid: i32, sandbox: &Sandbox) -> io::Result<()> {
    let pid = pid.to_string();
    match sandbox.users {
        Some(first) => {
            let map = |inside: u32| format!("0 {first} 1\n{inside} {} 1", first + 1);
            write_maps(&pid, &map(root::USER), &map(root::GROUP), Groups::Allowed)
        }
        None => {
            let (user, group) = (getuid().as_raw(), rustix::process::getgid().as_raw());
            let map = |inside: u32, outside: u32| format!("{inside} {outside} 1");
            write_maps(&pid, &map(root::USER, user), &map(root::GROUP, group), Groups::Denied)
        }
    }
}

/// Whether a process of the namespace may change its list of groups: only where it cannot have been given one to keep
/// it out of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    Allowed,
    Denied,
}

fn write_maps(pid: &str, users: &str, groups: &str, list: Groups) -> io::Result<()> {
    let file = |name: &str| format!("/proc/{pid}/{name}");
    if list == Groups::Denied {
        std::fs::write(file("setgroups"), "deny")?;
    }
    std::fs::write(file("uid_map"), users)?;
    std::fs::write(file("gid_map"), groups)
}
