//! Processes: to see them, to read them, to trace them, to end them.

use std::{collections::BTreeSet, fs, io::Read};

use crate::{
    attempt::{Attempt, Named, Refusal, Tried},
    privileges,
    sys::{self, call},
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("see_processes", see_processes),
    ("read_processes", read_processes),
    ("reach_into_processes", reach_into_processes),
    ("trace", trace),
    ("kill_init", kill_init),
    ("kill_everyone", kill_everyone),
    ("kill_the_hosts_processes", kill_the_hosts_processes),
];

/// Open files of this process, without the one that lists them.
pub(crate) fn descriptors() -> Vec<i32> {
    let listed: Vec<i32> =
        fs::read_dir("/proc/self/fd").map(|entries| numbers(entries).collect()).unwrap_or_default();
    listed.into_iter().filter(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).is_ok()).collect()
}

fn numbers(entries: fs::ReadDir) -> impl Iterator<Item = i32> {
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn seen() -> BTreeSet<i32> {
    fs::read_dir("/proc").map(|entries| numbers(entries).collect()).unwrap_or_default()
}

/// All processes that are not this one: those that are seen, the first, and those of the host that the event names.
pub(crate) fn others(attempt: &Attempt<'_>) -> BTreeSet<i32> {
    let mut pids = seen();
    pids.insert(1);
    pids.extend(attempt.numbers("pids").into_iter().map(|pid| pid as i32));
    pids.remove(&sys::pid());
    pids
}

/// There are the first process and this one.
fn see_processes(attempt: &mut Attempt<'_>) {
    let known = [1, sys::pid()];
    for pid in seen().into_iter().filter(|pid| !known.contains(pid)) {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        attempt.way(format!("/proc/{pid}"), Ok(line));
    }
    // Those that /proc would hide.
    let named = attempt.numbers("pids").into_iter().map(|pid| pid as i32);
    for pid in (1..=40_000).chain(named).filter(|pid| !known.contains(pid)) {
        match call(libc::SYS_kill, [pid as usize, 0]) {
            Err(Refusal(error)) if error == "ESRCH" => {}
            other => attempt.way(format!("kill {pid}"), Ok(format!("{other:?}"))),
        }
    }
}

fn read_processes(attempt: &mut Attempt<'_>) {
    let some = |path: String| -> Tried {
        let mut text = [0; 64];
        let size = fs::File::open(path)?.read(&mut text)?;
        if size == 0 { Err("empty".into()) } else { Ok(String::from_utf8_lossy(&text[..size]).into_owned()) }
    };
    for pid in others(attempt) {
        let own = |name: &str| format!("/proc/{pid}/{name}");
        for name in ["environ", "maps", "smaps", "auxv", "stack", "syscall", "pagemap", "mountinfo"] {
            // The first process's mounts are this one's.
            if !(pid == 1 && name == "mountinfo") {
                attempt.way(own(name), some(own(name)));
            }
        }
        for name in ["exe", "cwd", "root", "ns/pid", "ns/mnt", "ns/net"] {
            let link = fs::read_link(own(name));
            attempt.way(own(name), link.map(|link| link.display().to_string()).map_err(Refusal::from));
        }
        for name in ["fd", "map_files", "root", "cwd"] {
            let entries = fs::read_dir(own(name)).map_err(Refusal::from);
            attempt.way(format!("{}/", own(name)), entries.map(|entries| format!("{}", entries.count())));
        }
        for (how, write) in [("read", false), ("write", true)] {
            let opened = fs::OpenOptions::new().read(true).write(write).open(own("mem"));
            attempt.way(
                format!("{} {how}", own("mem")),
                opened.map(|file| format!("{file:?}")).map_err(Refusal::from),
            );
        }
    }
}

fn reach_into_processes(attempt: &mut Attempt<'_>) {
    let mut buffer = [0_u8; 16];
    let pieces = [buffer.as_mut_ptr() as usize, buffer.len()];
    let local = pieces.as_ptr() as usize;
    for pid in others(attempt) {
        let process = pid as usize;
        attempt.call(format!("{pid} read"), libc::SYS_process_vm_readv, [process, local, 1, local, 1, 0]);
        attempt.call(format!("{pid} write"), libc::SYS_process_vm_writev, [process, local, 1, local, 1, 0]);
        attempt.call(format!("{pid} compare"), libc::SYS_kcmp, [process, sys::pid() as usize, 0, 0, 0]);
        attempt.call(format!("{pid} pages"), libc::SYS_move_pages, [process, 0, 0, 0, 0, 0]);
        attempt.call(format!("{pid} nodes"), libc::SYS_migrate_pages, [process, 8, local, local]);
        let handle = call(libc::SYS_pidfd_open, [process, 0]);
        let taken = handle.and_then(|handle| call(libc::SYS_pidfd_getfd, [handle as usize, 0, 0]));
        attempt.way(format!("{pid} descriptor"), taken.map(|fd| fd.to_string()));
        let mut limit = [0_u64; 2];
        let limit = limit.as_mut_ptr() as usize;
        let limited = call(libc::SYS_prlimit64, [process, libc::RLIMIT_NOFILE as usize, limit, 0]);
        // Where there is one user only, the first process is this one's equal: it hurts its own sandbox.
        let equal = pid == 1 && privileges::status(1, "Uid") == privileges::status(sys::pid(), "Uid");
        let said = limited.and_then(|_| if equal { Err("own".into()) } else { Ok(String::new()) });
        attempt.way(format!("{pid} limit"), said);
    }
}

const SEIZE: usize = 0x4206;

fn trace(attempt: &mut Attempt<'_>) {
    attempt.way(
        "traceme",
        sys::in_child(|| {
            call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0]).map(|_| String::new())
        }),
    );
    for pid in others(attempt) {
        attempt.call(
            format!("attach {pid}"),
            libc::SYS_ptrace,
            [libc::PTRACE_ATTACH as usize, pid as usize, 0, 0],
        );
        attempt.call(format!("seize {pid}"), libc::SYS_ptrace, [SEIZE, pid as usize, 0, 0]);
    }
    // A parent may trace its child where nobody forbids it.
    if let Ok(child) = sys::fork() {
        if child == 0 {
            let _ = call(libc::SYS_pause, []);
            sys::leave(0);
        }
        attempt.call("seize a child", libc::SYS_ptrace, [SEIZE, child as usize, 0, 0]);
        let _ = call(libc::SYS_kill, [child as usize, libc::SIGKILL as usize]);
        let _ = sys::wait(child);
    }
}

/// Without effect, if the first process is there and runs.
fn still_there(sent: Result<i64, Refusal>) -> Tried {
    sent?;
    let stat = fs::read_to_string("/proc/1/stat")?;
    match stat.rsplit(')').next().unwrap_or_default().split_whitespace().next() {
        Some("R" | "S" | "D") => Err("unchanged".into()),
        state => Ok(format!("it is in state {state:?}")),
    }
}

fn kill_init(attempt: &mut Attempt<'_>) {
    if sys::pid() == 1 {
        return;
    }
    let signals = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGABRT,
        libc::SIGUSR1,
        libc::SIGCHLD,
    ];
    for signal in signals {
        let number = signal as usize;
        attempt.way(format!("kill {signal}"), still_there(call(libc::SYS_kill, [1, number])));
        attempt.way(format!("thread {signal}"), still_there(call(libc::SYS_tgkill, [1, 1, number])));
        let handle = call(libc::SYS_pidfd_open, [1, 0]);
        let sent =
            handle.and_then(|handle| call(libc::SYS_pidfd_send_signal, [handle as usize, number, 0, 0]));
        attempt.way(format!("handle {signal}"), still_there(sent));
    }
}

fn kill_everyone(attempt: &mut Attempt<'_>) {
    for signal in [libc::SIGSTOP, libc::SIGKILL] {
        let sent = call(libc::SYS_kill, [usize::MAX, signal as usize]);
        // What it may hit is its own; that the neighbours live on, the neighbours show.
        attempt.way(format!("all {signal}"), sent.and(Err("unchanged".into())));
    }
}

fn kill_the_hosts_processes(attempt: &mut Attempt<'_>) {
    for pid in attempt.numbers("pids") {
        if pid as i32 == sys::pid() {
            continue;
        }
        attempt.call(format!("kill {pid}"), libc::SYS_kill, [pid as usize, libc::SIGKILL as usize]);
        attempt.call(
            format!("stop group {pid}"),
            libc::SYS_kill,
            [(pid as usize).wrapping_neg(), libc::SIGSTOP as usize],
        );
        attempt.call(format!("handle {pid}"), libc::SYS_pidfd_open, [pid as usize, 0]);
    }
}
