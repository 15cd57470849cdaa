//! Calls that change the machine, or that open much of the kernel to whoever may make them.

use crate::{
    attempt::{Attempt, Named},
    sys::{self, at, call},
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("load_modules", load_modules),
    ("replace_the_kernel", replace_the_kernel),
    ("restart_the_machine", restart_the_machine),
    ("swap", swap),
    ("io_uring", io_uring),
    ("bpf", bpf),
    ("handle_page_faults", handle_page_faults),
    ("performance_events", performance_events),
    ("keys", keys),
    ("quota_and_accounting", quota_and_accounting),
    ("ports_of_the_processor", ports_of_the_processor),
    ("set_names", set_names),
    ("set_clocks", set_clocks),
    ("watch_the_file_systems", watch_the_file_systems),
    ("rare_calls", rare_calls),
    ("calls_of_other_processors", calls_of_other_processors),
];

fn load_modules(attempt: &mut Attempt<'_>) {
    let image = [0_u8; 64];
    attempt.call("from memory", libc::SYS_init_module, [image.as_ptr() as usize, image.len(), at(c"")]);
    attempt.call("from a file", libc::SYS_finit_module, [0, at(c""), 0]);
    attempt.call("remove", libc::SYS_delete_module, [at(c"nothing_like_it"), libc::O_NONBLOCK as usize]);
}

fn replace_the_kernel(attempt: &mut Attempt<'_>) {
    attempt.call("kexec_load", libc::SYS_kexec_load, [0, 0, 0, 0]);
    attempt.call("kexec_file_load", libc::SYS_kexec_file_load, [0, 0, 0, 0, 0]);
}

fn restart_the_machine(attempt: &mut Attempt<'_>) {
    // That Ctrl-Alt-Del shall do nothing: as privileged as a restart, and harmless.
    let magic = [0xfee1_dead, 0x2812_1969];
    attempt.call("disable the keys", libc::SYS_reboot, [magic[0], magic[1], 0, 0]);
    // In a process namespace of its own this would end the namespace, and nothing else.
    attempt.call("restart", libc::SYS_reboot, [magic[0], magic[1], 0x0123_4567, 0]);
}

fn swap(attempt: &mut Attempt<'_>) {
    attempt.call("on", libc::SYS_swapon, [at(c"/tmp/nothing"), 0]);
    attempt.call("off", libc::SYS_swapoff, [at(c"/tmp/nothing")]);
}

fn io_uring(attempt: &mut Attempt<'_>) {
    let parameters = [0_u8; 120];
    attempt.call("set up", libc::SYS_io_uring_setup, [4, parameters.as_ptr() as usize]);
    attempt.call("enter", libc::SYS_io_uring_enter, [0, 1, 0, 0, 0, 0]);
    attempt.call("register", libc::SYS_io_uring_register, [0, 0, 0, 0]);
}

fn bpf(attempt: &mut Attempt<'_>) {
    // An array of one entry; a program for sockets that returns 0; the first program of the machine.
    let map = [2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    attempt.call("map", libc::SYS_bpf, [0, map.as_ptr() as usize, 64]);
    let code = [0xb7_u64, 0x95];
    let license = c"GPL".as_ptr() as u64;
    let program = [1_u64 | 2 << 32, code.as_ptr() as u64, license, 0, 0, 0, 0, 0];
    attempt.call("program", libc::SYS_bpf, [5, program.as_ptr() as usize, 64]);
    let next = [0_u64; 8];
    attempt.call("first program", libc::SYS_bpf, [11, next.as_ptr() as usize, 64]);
}

fn handle_page_faults(attempt: &mut Attempt<'_>) {
    attempt.call("userfaultfd", libc::SYS_userfaultfd, [0]);
    // UFFD_USER_MODE_ONLY is open to everybody unless it is filtered.
    attempt.call("user mode", libc::SYS_userfaultfd, [1]);
}

fn performance_events(attempt: &mut Attempt<'_>) {
    // struct perf_event_attr: type and size, config; PERF_TYPE_SOFTWARE, the task clock; exclude_kernel.
    let mut wanted = [0_u64; 16];
    wanted[0] = 1 | 128 << 32;
    wanted[1] = 1;
    wanted[5] = 1 << 5 | 1 << 6;
    let pointer = wanted.as_ptr() as usize;
    attempt.call("own", libc::SYS_perf_event_open, [pointer, 0, usize::MAX, usize::MAX, 0]);
    attempt.call("the processor's", libc::SYS_perf_event_open, [pointer, usize::MAX, 0, usize::MAX, 0]);
}

fn keys(attempt: &mut Attempt<'_>) {
    // KEYCTL_GET_KEYRING_ID of the user's keyring; KEYCTL_JOIN_SESSION_KEYRING.
    attempt.call("find", libc::SYS_keyctl, [0, -4_isize as usize, 1, 0, 0]);
    attempt.call("session", libc::SYS_keyctl, [1, 0, 0, 0, 0]);
    attempt.call("add", libc::SYS_add_key, [at(c"user"), at(c"probe"), at(c"probe"), 5, -4_isize as usize]);
    attempt.call("request", libc::SYS_request_key, [at(c"user"), at(c"probe"), 0, 0]);
}

fn quota_and_accounting(attempt: &mut Attempt<'_>) {
    let mut room = [0_u64; 16];
    let room = room.as_mut_ptr() as usize;
    // Q_SYNC and Q_GETFMT of users.
    attempt.call("quota", libc::SYS_quotactl, [0x8000_0100, 0, 0, room]);
    attempt.call("quota format", libc::SYS_quotactl, [0x8000_0400, at(c"/dev/vda"), 0, room]);
    attempt.call("quota by descriptor", libc::SYS_quotactl_fd, [0, 0x8000_0400, 0, room]);
    attempt.call("accounting", libc::SYS_acct, [at(c"/tmp/accounts")]);
    attempt.call("no accounting", libc::SYS_acct, [0]);
}

#[cfg(target_arch = "x86_64")]
fn ports_of_the_processor(attempt: &mut Attempt<'_>) {
    attempt.call("iopl", libc::SYS_iopl, [3]);
    attempt.call("ioperm", libc::SYS_ioperm, [0x80, 1, 1]);
    let table = [0_u32; 4];
    attempt.call("modify_ldt", libc::SYS_modify_ldt, [1, table.as_ptr() as usize, 16]);
}

#[cfg(not(target_arch = "x86_64"))]
fn ports_of_the_processor(attempt: &mut Attempt<'_>) {
    attempt.way("none", Err("EPERM".into()));
}

fn set_names(attempt: &mut Attempt<'_>) {
    attempt.call("host", libc::SYS_sethostname, [at(c"probe"), 5]);
    attempt.call("domain", libc::SYS_setdomainname, [at(c"probe"), 5]);
}

fn set_clocks(attempt: &mut Attempt<'_>) {
    let mut now = [0_i64; 2];
    let pointer = now.as_mut_ptr() as usize;
    let _ = call(libc::SYS_clock_gettime, [0, pointer]);
    // What it is anyway.
    attempt.call("clock", libc::SYS_clock_settime, [0, pointer]);
    let day = [now[0], now[1] / 1_000];
    attempt.call("day", libc::SYS_settimeofday, [day.as_ptr() as usize, 0]);
    // struct timex: modes ADJ_TICK, and the tick that it has by default.
    let mut adjustment = [0_i64; 26];
    adjustment[0] = 0x4000;
    adjustment[11] = 10_000;
    attempt.call("adjust", libc::SYS_adjtimex, [adjustment.as_mut_ptr() as usize]);
    attempt.call("adjust clock", libc::SYS_clock_adjtime, [0, adjustment.as_mut_ptr() as usize]);
    // CLOCK_REALTIME_ALARM wakes the machine.
    let mut timer = 0_i32;
    attempt.call("alarm", libc::SYS_timer_create, [8, 0, (&raw mut timer) as usize]);
}

fn watch_the_file_systems(attempt: &mut Attempt<'_>) {
    attempt.call("fanotify", libc::SYS_fanotify_init, [0, 0]);
    attempt.call("fanotify reports", libc::SYS_fanotify_init, [0x200, 0]);
    attempt.call("list mounts", 458, [0, 0, 0, 0]);
    attempt.call("describe mounts", 457, [0, 0, 0, 0]);
}

fn rare_calls(attempt: &mut Attempt<'_>) {
    #[cfg(target_arch = "x86_64")]
    for (name, number) in [
        ("uselib", libc::SYS_uselib),
        ("ustat", libc::SYS_ustat),
        ("sysfs", libc::SYS_sysfs),
        ("_sysctl", libc::SYS__sysctl),
        ("create_module", 174),
        ("query_module", 178),
        ("nfsservctl", libc::SYS_nfsservctl),
    ] {
        attempt.call(name, number, [0, 0, 0]);
    }
    let set = [0_u64; 16];
    let pointer = set.as_ptr() as usize;
    attempt.call("lookup_dcookie", libc::SYS_lookup_dcookie, [0, 0, 0]);
    attempt.call("memfd_secret", libc::SYS_memfd_secret, [0]);
    attempt.call("process_madvise", libc::SYS_process_madvise, [0, pointer, 0, 0, 0]);
    attempt.call("process_mrelease", libc::SYS_process_mrelease, [0, 0]);
    attempt.call("lsm_set_self_attr", 460, [100, pointer, 0, 0]);
    attempt.call("set_mempolicy", libc::SYS_set_mempolicy, [1, pointer, 64]);
    attempt.call("mbind", libc::SYS_mbind, [0, 4096, 1, pointer, 64, 0]);
    for number in [600, 10_000, 0x0fff_ffff] {
        attempt.call(format!("number {number}"), number, []);
    }
}

/// The kernel has other tables of calls, with other numbers: none of them must lead around the filter.
#[cfg(target_arch = "x86_64")]
fn calls_of_other_processors(attempt: &mut Attempt<'_>) {
    // getpid, getuid, mount, unshare, socket
    for (name, number, first) in [
        ("getpid", 20, 0),
        ("getuid", 24, 0),
        ("mount", 21, 0),
        ("unshare", 310, 0x1000_0000),
        ("socketcall", 102, 1),
    ] {
        attempt.way(format!("32 bits: {name}"), sys::in_child(|| sys::call_32(number, first)));
    }
    let x32 = 0x4000_0000;
    for (name, number) in [
        ("getpid", libc::SYS_getpid),
        ("mount", libc::SYS_mount),
        ("unshare", libc::SYS_unshare),
        ("ptrace", 521),
        ("execve", 520),
    ] {
        attempt.way(
            format!("x32: {name}"),
            sys::in_child(|| call(x32 | number, [0; 3]).map(|got| got.to_string())),
        );
    }
    // The upper half of the number's register is not looked at.
    let number = libc::SYS_ptrace | 1 << 40;
    attempt.way("upper half", sys::in_child(|| call(number, [0; 4]).map(|got| got.to_string())));
}

#[cfg(not(target_arch = "x86_64"))]
fn calls_of_other_processors(attempt: &mut Attempt<'_>) {
    attempt.way("none", sys::in_child(|| Err("ENOSYS".into())));
}
