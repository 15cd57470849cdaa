//! Rights: users, capabilities, setuid files, priorities, limits.

use std::{
    ffi::CString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use crate::{
    attempt::{Attempt, Named, Refusal, Tried},
    sys::{self, at, call},
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("standing", standing),
    ("become_root", become_root),
    ("raise_capabilities", raise_capabilities),
    ("setuid_files", setuid_files),
    ("make_a_setuid_file", make_a_setuid_file),
    ("personality", personality),
    ("terminal", terminal),
    ("scheduling", scheduling),
    ("lock_memory", lock_memory),
    ("raise_limits", raise_limits),
];

pub(crate) fn status(pid: i32, wanted: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(wanted)?.strip_prefix(":\t"));
    line.unwrap_or_default().replace('\t', " ")
}

/// What the kernel says of this process: each field must be as it is for somebody without any right.
fn standing(attempt: &mut Attempt<'_>) {
    let none = "0000000000000000";
    let expected = [
        ("Uid", "993 993 993 993"),
        ("Gid", "990 990 990 990"),
        ("Groups", ""),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("CapAmb", none),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ];
    for (name, wanted) in expected {
        let found = status(sys::pid(), name).trim().to_owned();
        attempt.way(name, if found == wanted { Err("none".into()) } else { Ok(found) });
    }
}

fn become_root(attempt: &mut Attempt<'_>) {
    let mut calls: Vec<(&str, libc::c_long, Vec<usize>)> = vec![
        ("setuid", libc::SYS_setuid, vec![0]),
        ("setgid", libc::SYS_setgid, vec![0]),
        ("setreuid", libc::SYS_setreuid, vec![0, 0]),
        ("setregid", libc::SYS_setregid, vec![0, 0]),
        ("setresuid", libc::SYS_setresuid, vec![0, 0, 0]),
        ("setresgid", libc::SYS_setresgid, vec![0, 0, 0]),
        ("setgroups none", libc::SYS_setgroups, vec![0, 0]),
    ];
    let groups = [0_u32];
    calls.push(("setgroups", libc::SYS_setgroups, vec![1, groups.as_ptr() as usize]));
    for (name, number, arguments) in calls {
        let mut all = [0; 3];
        all[..arguments.len()].copy_from_slice(&arguments);
        attempt.way(name, sys::in_child(|| call(number, all).map(|_| String::new())));
    }
    // These say what was before, and never fail.
    for (name, number) in [("setfsuid", libc::SYS_setfsuid), ("setfsgid", libc::SYS_setfsgid)] {
        let changed = sys::in_child(|| {
            call(number, [0])?;
            let now = call(number, [usize::MAX])?;
            if now == 0 { Ok("0".into()) } else { Err("unchanged".into()) }
        });
        attempt.way(name, changed);
    }
}

fn raise_capabilities(attempt: &mut Attempt<'_>) {
    // _LINUX_CAPABILITY_VERSION_3; all of them, effective, permitted and inheritable.
    let header = [0x2008_0522_u32, 0];
    let header = header.as_ptr() as usize;
    for (name, data) in [
        ("all", [u32::MAX; 6]),
        ("inheritable", [0, 0, u32::MAX, 0, 0, u32::MAX]),
        ("one", [0, 1 << 21, 0, 0, 0, 0]),
    ] {
        attempt.call(name, libc::SYS_capset, [header, data.as_ptr() as usize]);
    }
    let prctl = |option: i32, a: usize, b: usize| call(libc::SYS_prctl, [option as usize, a, b, 0, 0]);
    let said = |tried: Result<i64, Refusal>| tried.map(|result| result.to_string());
    attempt.way("ambient", said(prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as usize, 21)));
    attempt.way("new privileges", said(prctl(libc::PR_SET_NO_NEW_PRIVS, 0, 0)));
    attempt.way("secure bits", said(prctl(libc::PR_SET_SECUREBITS, 0, 0)));
    attempt.way("drop", said(prctl(libc::PR_CAPBSET_DROP, 21, 0)));
    attempt.way("memory map", said(prctl(libc::PR_SET_MM, libc::PR_SET_MM_BRK as usize, 0x1000)));
    attempt.way("no filter", said(prctl(libc::PR_SET_SECCOMP, 0, 0)));
    let path = Path::new("/tmp/capable");
    let _ = fs::copy("/proc/self/exe", path);
    // VFS_CAP_REVISION_2 with CAP_SYS_ADMIN, effective.
    let value = [0x0200_0001_u32, 1 << 21, 0, 0, 0];
    for name in [c"security.capability", c"trusted.overlay.opaque"] {
        attempt.call(
            format!("file {}", name.to_string_lossy()),
            libc::SYS_setxattr,
            [at(c"/tmp/capable"), name.as_ptr() as usize, value.as_ptr() as usize, 20, 0],
        );
    }
    let _ = fs::remove_file(path);
}

/// Runs a program until it ends or half a second has passed, and tells its users as the kernel has them.
fn users_of(path: &str) -> Tried {
    let (program, null) = (CString::new(path).map_err(|_| "NUL")?, at(c"/dev/null"));
    let child = sys::fork()?;
    if child == 0 {
        for fd in 0..3 {
            let _ = call(libc::SYS_close, [fd]);
        }
        for _ in 0..3 {
            let _ = call(libc::SYS_openat, [libc::AT_FDCWD as usize, null, libc::O_RDWR as usize, 0]);
        }
        let arguments = [program.as_ptr() as usize, 0];
        let variables = [0_usize];
        let _ = call(
            libc::SYS_execve,
            [program.as_ptr() as usize, arguments.as_ptr() as usize, variables.as_ptr() as usize],
        );
        sys::leave(127);
    }
    // A child that has ended keeps its users until it is waited for.
    let mut status_of = [0_u8; 128];
    let flags = (libc::WEXITED | libc::WNOWAIT | libc::WNOHANG) as usize;
    for _ in 0..50 {
        let _ = call(
            libc::SYS_waitid,
            [libc::P_PID as usize, child as usize, status_of.as_mut_ptr() as usize, flags, 0],
        );
        if status_of.iter().any(|byte| *byte != 0) {
            break;
        }
        pause();
    }
    let (users, groups) = (status(child, "Uid"), status(child, "Gid"));
    let _ = call(libc::SYS_kill, [child as usize, libc::SIGKILL as usize]);
    if sys::wait(child)? == "exit 127" {
        return Err("not run".into());
    }
    let (own, own_group) = (status(sys::pid(), "Uid"), status(sys::pid(), "Gid"));
    if users == own && groups == own_group {
        Err("unchanged".into())
    } else {
        Ok(format!("{users}, {groups}"))
    }
}

fn pause() {
    let moment = [0_i64, 10_000_000];
    let _ = call(libc::SYS_nanosleep, [moment.as_ptr() as usize, 0]);
}

/// Every file of the machine's programs that would change who runs it, run.
fn setuid_files(attempt: &mut Attempt<'_>) {
    let mut folders: Vec<_> = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib", "/usr/libexec"]
        .map(Path::new)
        .map(Path::to_path_buf)
        .into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() && folders.len() < 10_000 {
                folders.push(entry.path());
            } else if data.is_file() && data.mode() & 0o6000 != 0 && data.mode() & 0o001 != 0 {
                found.push(entry.path());
            }
        }
    }
    for path in found.into_iter().take(20) {
        let path = path.display().to_string();
        let tried = users_of(&path);
        attempt.way(path, tried);
    }
}

fn make_a_setuid_file(attempt: &mut Attempt<'_>) {
    let path = "/tmp/setuid";
    let _ = fs::copy("/usr/bin/env", path);
    attempt.call("give to root", libc::SYS_chown, [at(c"/tmp/setuid"), 0, 0]);
    attempt.call("give to root's group", libc::SYS_chown, [at(c"/tmp/setuid"), usize::MAX, 0]);
    for mode in [0o4755, 0o2755, 0o6755] {
        let set = fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Refusal::from);
        attempt.way(format!("{mode:o}"), set.and_then(|()| users_of(path)));
    }
    let _ = fs::remove_file(path);
}

fn personality(attempt: &mut Attempt<'_>) {
    // READ_IMPLIES_EXEC, ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT; another system's.
    for wanted in [0x0040_0000, 0x0004_0000, 0x0044_0000, 0x0010_0000, 0x0020_0000, 0x0001, 0x0008] {
        let changed = sys::in_child(|| call(libc::SYS_personality, [wanted]).map(|_| String::new()));
        attempt.way(format!("{wanted:#x}"), changed);
    }
}

fn terminal(attempt: &mut Attempt<'_>) {
    let letter = b"\n";
    for fd in 0..3 {
        for (name, request) in
            [("push", libc::TIOCSTI), ("console", libc::TIOCCONS), ("linux", libc::TIOCLINUX)]
        {
            attempt.call(
                format!("{name} {fd}"),
                libc::SYS_ioctl,
                [fd, request as usize, letter.as_ptr() as usize],
            );
            // The kernel looks at the lower half of the request only.
            let upper = request as usize | 1 << 32;
            attempt.call(
                format!("{name} {fd}, upper half"),
                libc::SYS_ioctl,
                [fd, upper, letter.as_ptr() as usize],
            );
        }
    }
    for path in
        ["/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/ttyS0", "/dev/ptmx", "/dev/pts/ptmx"]
    {
        attempt.way(path, fs::File::open(path).map(|_| String::new()).map_err(Refusal::from));
    }
    attempt.call("hang up", libc::SYS_vhangup, []);
}

fn scheduling(attempt: &mut Attempt<'_>) {
    let priority = [1_i32];
    for (name, policy) in [("fifo", libc::SCHED_FIFO), ("round robin", libc::SCHED_RR)] {
        attempt.call(name, libc::SYS_sched_setscheduler, [0, policy as usize, priority.as_ptr() as usize]);
    }
    // struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period.
    let deadline = [48_u64 | 6 << 32, 0, 0, 1_000_000, 10_000_000, 10_000_000];
    attempt.call("deadline", libc::SYS_sched_setattr, [0, deadline.as_ptr() as usize, 0]);
    for nice in [-1_isize, -20] {
        attempt.call(format!("nice {nice}"), libc::SYS_setpriority, [0, 0, nice as usize]);
    }
    // IOPRIO_CLASS_RT
    attempt.call("disk", libc::SYS_ioprio_set, [1, 0, 1 << 13]);
}

fn lock_memory(attempt: &mut Attempt<'_>) {
    // More than anybody without rights may lock by default.
    let memory = vec![1_u8; 32 << 20];
    attempt.call("lock", libc::SYS_mlock, [memory.as_ptr() as usize, memory.len()]);
    attempt.call("lock on fault", libc::SYS_mlock2, [memory.as_ptr() as usize, memory.len(), 1]);
    let _ = call(libc::SYS_munlock, [memory.as_ptr() as usize, memory.len()]);
    let flags = (libc::MCL_CURRENT | libc::MCL_FUTURE) as usize;
    attempt.way("lock all", sys::in_child(|| call(libc::SYS_mlockall, [flags]).map(|_| String::new())));
    // A huge page from the machine's pool.
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB) as usize;
    attempt.call("huge page", libc::SYS_mmap, [0, 2 << 20, 3, flags, usize::MAX, 0]);
    let huge = (libc::SHM_HUGETLB | libc::IPC_CREAT | 0o600) as usize;
    attempt.call("huge segment", libc::SYS_shmget, [libc::IPC_PRIVATE as usize, 2 << 20, huge]);
}

fn raise_limits(attempt: &mut Attempt<'_>) {
    for (name, limit) in
        [("files", libc::RLIMIT_NOFILE), ("cores", libc::RLIMIT_CORE), ("locked", libc::RLIMIT_MEMLOCK)]
    {
        let mut now = [0_u64; 2];
        let _ = call(libc::SYS_prlimit64, [0, limit as usize, 0, now.as_mut_ptr() as usize]);
        if now[1] == u64::MAX {
            attempt.way(name, Ok("without a limit".into()));
            continue;
        }
        let more = [now[0], now[1] + 1];
        attempt.call(name, libc::SYS_prlimit64, [0, limit as usize, more.as_ptr() as usize, 0]);
    }
}
