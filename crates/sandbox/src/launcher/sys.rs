//! The system calls of the launcher that nothing safe offers.
#![expect(unsafe_code, reason = "these calls have no safe wrapper; each says why it is sound")]

use std::{
    ffi::c_void,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

/// Marks every open file from `first` on to be closed by an exec.
pub(super) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call closes nothing and touches no memory; it only sets a flag on file
    // descriptors, whoever owns them.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
}

/// The kernel's `struct clone_args`, up to what Linux 5.7 knows.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// libc's is of a type that is too narrow for it.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// What a clone is in each of the two processes.
pub(super) enum Cloned {
    Child,
    Parent { pid: i32, handle: OwnedFd },
}

/// A copy of this process, with `flags` (`CLONE_NEW…`, `CLONE_PARENT`), in the control group `group` (version 2) if one
/// is given. Only for a process of a single thread.
pub(super) fn clone(flags: u64, group: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    let mut handle: RawFd = -1;
    // A sibling tells the common parent of its end the way this process does.
    let exit_signal = if flags & libc::CLONE_PARENT as u64 == 0 { libc::SIGCHLD as u64 } else { 0 };
    let mut arguments = CloneArguments {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: ptr::from_mut(&mut handle) as u64,
        exit_signal,
        ..CloneArguments::default()
    };
    if let Some(group) = group {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: the arguments are a valid `struct clone_args` whose one pointer is to `handle`, which outlives the call.
    // Without CLONE_VM the child has a copy of all memory, so that it is as if it had returned from a fork. The
    // process has a single thread, so no lock is held by a thread that the child lacks.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, ptr::from_ref(&arguments), size_of::<CloneArguments>()) };
    match pid {
        0 => Ok(Cloned::Child),
        1.. => {
            let pid = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            // SAFETY: the kernel has stored a new file descriptor there that nobody else owns.
            Ok(Cloned::Parent { pid, handle: unsafe { OwnedFd::from_raw_fd(handle) } })
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Leaves namespaces for new ones.
pub(super) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: only namespace flags are given, none that would unshare what Rust's types rely on (files, memory).
    done(unsafe { libc::unshare(flags) }.into())
}

/// The kernel's `struct mount_attr`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Sets attributes (`MOUNT_ATTR_…`) of a mount, and of all below it.
pub(super) fn set_mount_attributes(mount: BorrowedFd<'_>, set: u64) -> io::Result<()> {
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    // SAFETY: the path is an empty C string, and the attributes are a valid `struct mount_attr` of the given size.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | AT_RECURSIVE,
            ptr::from_ref(&attributes),
            size_of::<MountAttributes>(),
        )
    })
}

const AT_RECURSIVE: i32 = 0x8000;

/// Becomes this user and group for good, without any other group.
pub(super) fn become_user(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: a list of no groups needs no memory; the other calls take numbers only. The process has one thread, so
    // that the calls' being for one thread alone makes no difference.
    unsafe {
        done(libc::syscall(libc::SYS_setgroups, 0, ptr::null::<c_void>()))?;
        done(libc::syscall(libc::SYS_setresgid, group, group, group))?;
        done(libc::syscall(libc::SYS_setresuid, user, user, user))
    }
}

/// Acts as this user and group, and can come back if it was root.
pub(super) fn act_as(user: u32, group: u32) -> io::Result<()> {
    const KEPT: i32 = -1;
    // SAFETY: numbers only; see `become_user` about threads. Root's number comes first to be able to set the other.
    unsafe {
        if user == 0 {
            done(libc::syscall(libc::SYS_setresuid, KEPT, user, KEPT))?;
        }
        done(libc::syscall(libc::SYS_setresgid, KEPT, group, KEPT))?;
        done(libc::syscall(libc::SYS_setresuid, KEPT, user, KEPT))
    }
}

/// Has no other user and group than these.
pub(super) fn be(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: numbers only; see `become_user` about threads.
    unsafe {
        done(libc::syscall(libc::SYS_setresgid, group, group, group))?;
        done(libc::syscall(libc::SYS_setresuid, user, user, user))
    }
}

/// Sends a signal to every process that this one sees, but itself.
pub(super) fn signal_all(signal: rustix::process::Signal) -> io::Result<()> {
    // SAFETY: two numbers. Of the processes of a namespace, its first is not among those that this reaches.
    done(unsafe { libc::kill(-1, signal.as_raw()) }.into())
}

/// Has the file at the number `to` too, to stay open across an exec.
pub(super) fn duplicate_to(file: BorrowedFd<'_>, to: RawFd) -> io::Result<()> {
    // SAFETY: whatever is open at that number in this process, which is about to become another program, is not used
    // again.
    done(unsafe { libc::dup2(file.as_raw_fd(), to) }.into())
}

/// Has the loopback interface of this network namespace up.
pub(super) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: all zeroes are a valid `ifreq`, whose name then is an empty C string; the kernel reads the name and the
    // flags that are set here.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        done(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, ptr::from_ref(&request)).into())
    }
}

/// Blocks `SIGCHLD` and gives a file that is readable when a child has ended.
pub(super) fn ended_children() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by `sigemptyset` before it is read; a mask of one signal is the whole effect.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, libc::SIGCHLD);
        done(libc::sigprocmask(libc::SIG_BLOCK, &signals, ptr::null_mut()).into())?;
        let file = libc::signalfd(-1, &signals, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        done(file.into())?;
        Ok(OwnedFd::from_raw_fd(file))
    }
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
