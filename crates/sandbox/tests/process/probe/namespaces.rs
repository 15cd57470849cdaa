//! Mounts, roots and namespaces: what would make another room, or lead into one.

use std::{fs::File, os::fd::AsRawFd};

use crate::{
    attempt::{Attempt, Named, Refusal, Tried},
    processes,
    sys::{self, at, call},
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("mount", mount),
    ("mount_by_descriptors", mount_by_descriptors),
    ("unmount", unmount),
    ("change_the_root", change_the_root),
    ("unshare", unshare),
    ("clone_into_namespaces", clone_into_namespaces),
    ("enter_namespaces", enter_namespaces),
];

const KINDS: [(&str, usize); 8] = [
    ("user", libc::CLONE_NEWUSER as usize),
    ("mnt", libc::CLONE_NEWNS as usize),
    ("pid", libc::CLONE_NEWPID as usize),
    ("net", libc::CLONE_NEWNET as usize),
    ("ipc", libc::CLONE_NEWIPC as usize),
    ("uts", libc::CLONE_NEWUTS as usize),
    ("cgroup", libc::CLONE_NEWCGROUP as usize),
    ("time", 0x80),
];

const HERE: usize = libc::AT_FDCWD as usize;

fn mount(attempt: &mut Attempt<'_>) {
    let none = at(c"none");
    let place = at(c"/tmp");
    for (name, kind) in [
        ("tmpfs", c"tmpfs"),
        ("proc", c"proc"),
        ("sysfs", c"sysfs"),
        ("devpts", c"devpts"),
        ("mqueue", c"mqueue"),
        ("cgroup", c"cgroup"),
        ("cgroup2", c"cgroup2"),
        ("overlay", c"overlay"),
        ("ext4", c"ext4"),
        ("fuse", c"fuse"),
        ("securityfs", c"securityfs"),
        ("debugfs", c"debugfs"),
    ] {
        attempt.call(name, libc::SYS_mount, [none, place, at(kind), 0, 0]);
    }
    let flags = |flags: libc::c_ulong| flags as usize;
    attempt.call("bind", libc::SYS_mount, [at(c"/"), place, 0, flags(libc::MS_BIND | libc::MS_REC), 0]);
    attempt.call("move", libc::SYS_mount, [at(c"/usr"), place, 0, flags(libc::MS_MOVE), 0]);
    for (name, path) in [("/", c"/"), ("/usr", c"/usr"), ("/var/task", c"/var/task"), ("/proc", c"/proc")] {
        attempt.call(
            format!("writable {name}"),
            libc::SYS_mount,
            [0, at(path), 0, flags(libc::MS_REMOUNT), 0],
        );
        let bind = flags(libc::MS_REMOUNT | libc::MS_BIND);
        attempt.call(format!("writable bind {name}"), libc::SYS_mount, [0, at(path), 0, bind, 0]);
        attempt.call(format!("shared {name}"), libc::SYS_mount, [0, at(path), 0, flags(libc::MS_SHARED), 0]);
    }
}

fn mount_by_descriptors(attempt: &mut Attempt<'_>) {
    attempt.call("open a file system", libc::SYS_fsopen, [at(c"tmpfs"), 0]);
    attempt.call("configure", libc::SYS_fsconfig, [0, 6, 0, 0, 0]);
    attempt.call("make a mount", libc::SYS_fsmount, [0, 0, 0]);
    attempt.call("pick", libc::SYS_fspick, [HERE, at(c"/"), 0]);
    // OPEN_TREE_CLONE, recursively; and without a copy.
    attempt.call("copy a tree", libc::SYS_open_tree, [HERE, at(c"/"), 0x8001]);
    attempt.call("open a tree", libc::SYS_open_tree, [HERE, at(c"/"), 0]);
    attempt.call("move", libc::SYS_move_mount, [HERE, at(c"/usr"), HERE, at(c"/tmp"), 0]);
    let attributes = [0_u64, libc::MOUNT_ATTR_RDONLY, 0, 0];
    let pointer = attributes.as_ptr() as usize;
    attempt.call("set attributes", libc::SYS_mount_setattr, [HERE, at(c"/"), 0x8000, pointer, 32]);
    attempt.call("open a tree with attributes", 467, [HERE, at(c"/"), 1, pointer, 32]);
}

fn unmount(attempt: &mut Attempt<'_>) {
    for (name, path) in [
        ("/", c"/"),
        ("/tmp", c"/tmp"),
        ("/proc", c"/proc"),
        ("/usr", c"/usr"),
        ("/var/task", c"/var/task"),
        ("/dev/null", c"/dev/null"),
    ] {
        for (how, flags) in [("", 0), (" lazily", libc::MNT_DETACH), (" by force", libc::MNT_FORCE)] {
            attempt.call(format!("{name}{how}"), libc::SYS_umount2, [at(path), flags as usize]);
        }
    }
}

fn change_the_root(attempt: &mut Attempt<'_>) {
    for (name, path) in [("/tmp", c"/tmp"), ("/proc/1/root", c"/proc/1/root"), ("/", c"/")] {
        let changed = sys::in_child(|| call(libc::SYS_chroot, [at(path)]).map(|_| String::new()));
        attempt.way(format!("chroot {name}"), changed);
    }
    attempt.call("pivot", libc::SYS_pivot_root, [at(c"/tmp"), at(c"/tmp")]);
    attempt.call("pivot in place", libc::SYS_pivot_root, [at(c"."), at(c".")]);
}

fn unshare(attempt: &mut Attempt<'_>) {
    let user = KINDS[0].1;
    for (name, flag) in KINDS {
        let tried = |flags: usize| sys::in_child(|| call(libc::SYS_unshare, [flags]).map(|_| String::new()));
        attempt.way(name, tried(flag));
        // A user namespace of one's own would make all others possible.
        attempt.way(format!("{name} as a new user"), tried(flag | user));
        // The upper half of the register is not looked at by the kernel.
        attempt.way(format!("{name}, upper half"), tried(flag | 1 << 32));
    }
}

fn clone_into_namespaces(attempt: &mut Attempt<'_>) {
    let user = KINDS[0].1;
    for (name, flag) in KINDS.into_iter().filter(|(name, _)| *name != "time") {
        for (how, flags) in [("", flag), (" as a new user", flag | user), (", upper half", flag | 1 << 32)] {
            attempt.way(
                format!("clone {name}{how}"),
                born(|| call(libc::SYS_clone, [flags | libc::SIGCHLD as usize, 0, 0, 0, 0])),
            );
        }
    }
    for (name, flag) in KINDS {
        // struct clone_args: flags, …, the exit signal as the fifth.
        let arguments = [flag as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0, 0, 0, 0];
        let pointer = arguments.as_ptr() as usize;
        attempt.way(format!("clone3 {name}"), born(|| call(libc::SYS_clone3, [pointer, 88])));
    }
}

/// A child that was born ends at once.
fn born(clone: impl FnOnce() -> Result<i64, Refusal>) -> Tried {
    match clone()? {
        0 => sys::leave(0),
        child => {
            let _ = sys::wait(child as i32);
            Ok("born".into())
        }
    }
}

fn enter_namespaces(attempt: &mut Attempt<'_>) {
    let own = sys::pid();
    let names = ["user", "mnt", "pid", "pid_for_children", "net", "ipc", "uts", "cgroup", "time"];
    for pid in processes::others(attempt).into_iter().chain([own]) {
        for name in names {
            let path = format!("/proc/{pid}/ns/{name}");
            let entered = sys::in_child(|| {
                let file = File::open(&path)?;
                // Its parent, too.
                let parent = call(libc::SYS_ioctl, [file.as_raw_fd() as usize, 0xb702, 0]);
                let _ = parent.map(|parent| call(libc::SYS_setns, [parent as usize, 0]));
                call(libc::SYS_setns, [file.as_raw_fd() as usize, 0]).map(|_| String::new())
            });
            let shown = if pid == own { path.replace(&own.to_string(), "self") } else { path.clone() };
            attempt.way(shown, entered);
            // What the namespace lies in.
            let parent = File::open(&path).map_err(Refusal::from);
            let parent =
                parent.and_then(|file| call(libc::SYS_ioctl, [file.as_raw_fd() as usize, 0xb702, 0]));
            attempt.way(format!("parent of {path}"), parent.map(|_| String::new()));
        }
        let handle = call(libc::SYS_pidfd_open, [pid as usize, 0]);
        for (name, flag) in KINDS {
            let entered = handle.clone().and_then(|handle| {
                sys::in_child(|| call(libc::SYS_setns, [handle as usize, flag]).map(|_| String::new()))
            });
            attempt.way(format!("handle of {pid}: {name}"), entered);
        }
    }
}
