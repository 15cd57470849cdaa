//! Files: the host's, the platform's, other environments', the kernel's; and what must not be written.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{PermissionsExt, symlink},
    },
    path::Path,
};

use crate::{
    attempt::{Attempt, Named, Refusal, Tried},
    processes,
    sys::{at, call},
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("read_a_file_of_the_host", |attempt| read_every_way(attempt, "secret")),
    ("read_the_data_folder", |attempt| read_every_way(attempt, "data")),
    ("read_the_neighbours_files", |attempt| read_every_way(attempt, "neighbours_file")),
    ("read_private_files", read_private_files),
    ("list_folders", list_folders),
    ("read_the_kernel", read_the_kernel),
    ("write_kernel_settings", write_kernel_settings),
    ("write_read_only_files", write_read_only_files),
    ("lower_the_oom_score", lower_the_oom_score),
    ("overwrite_programs", overwrite_programs),
    ("open_by_handle", open_by_handle),
    ("use_descriptors", use_descriptors),
    ("make_devices", make_devices),
    ("find_control_groups", find_control_groups),
    ("learn_the_hosts_paths", learn_the_hosts_paths),
];

/// Done if anything is read.
fn read(path: impl AsRef<Path>) -> Tried {
    let mut text = [0; 64];
    let size = File::open(path)?.read(&mut text)?;
    if size == 0 { Err("empty".into()) } else { Ok(String::from_utf8_lossy(&text[..size]).into_owned()) }
}

const UP: &str = "/../../../../../../../..";

fn read_every_way(attempt: &mut Attempt<'_>, what: &str) {
    let path = attempt.text(what);
    attempt.way("absolute", read(path));
    for start in ["/proc/self/root", "/proc/self/cwd", "/var/task", "/tmp", "/proc/self/task/../../.."] {
        attempt.way(start, read(format!("{start}{UP}{path}")));
    }
    for pid in processes::others(attempt) {
        for link in ["root", "cwd"] {
            attempt.way(format!("/proc/{pid}/{link}"), read(format!("/proc/{pid}/{link}{UP}{path}")));
        }
    }
    let link = format!("/tmp/link-{}", what);
    let linked = symlink(path, &link).map_err(Refusal::from).and_then(|()| read(&link));
    let _ = fs::remove_file(&link);
    attempt.way("link", linked);
    // Through everything that is open: a folder of the host's would lead out.
    for fd in processes::descriptors() {
        attempt.way(format!("descriptor {fd}"), read(format!("/proc/self/fd/{fd}{UP}{path}")));
    }
}

fn read_private_files(attempt: &mut Attempt<'_>) {
    let paths = [
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/sudoers",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssl/private",
        "/root/.bashrc",
        "/root/.ssh/authorized_keys",
        "/var/log/dpkg.log",
        "/var/lib/dpkg/status",
        "/run/docker.sock",
    ];
    for path in paths {
        attempt.way(path, read(path));
    }
}

fn list_folders(attempt: &mut Attempt<'_>) {
    let mut paths = vec![
        "/root",
        "/home",
        "/boot",
        "/media",
        "/mnt",
        "/run",
        "/srv",
        "/sys",
        "/sys/fs/cgroup",
        "/sys/kernel/debug",
        "/dev/shm",
        "/dev/pts",
        "/dev/mapper",
        "/dev/mqueue",
        "/var/lib",
        "/var/log",
        "/var/run",
        "/var/tmp",
        "/work",
        "/proc/1/fd",
        "/proc/1/cwd",
        "/proc/1/root",
        "/proc/1/map_files",
        "/proc/tty/driver",
    ];
    paths.extend(attempt.texts("folders"));
    for path in paths {
        let listed = fs::read_dir(path).map_err(Refusal::from).and_then(|entries| {
            let names: Vec<_> =
                entries.flatten().map(|entry| entry.file_name().display().to_string()).collect();
            if names.is_empty() { Err("empty".into()) } else { Ok(names.join(" ")) }
        });
        attempt.way(path, listed);
    }
}

fn read_the_kernel(attempt: &mut Attempt<'_>) {
    let paths = [
        "/proc/kcore",
        "/proc/kmsg",
        "/dev/kmsg",
        "/dev/mem",
        "/dev/kmem",
        "/dev/port",
        "/dev/vda",
        "/dev/sda",
        "/dev/nvme0n1",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
        "/dev/userfaultfd",
        "/proc/kpagecount",
        "/proc/kpageflags",
        "/proc/slabinfo",
        "/proc/vmallocinfo",
        "/proc/timer_list",
        "/proc/sched_debug",
        "/sys/kernel/notes",
        "/sys/firmware/dmi/tables/DMI",
        "/sys/kernel/security/lsm",
    ];
    for path in paths {
        attempt.way(path, read(path));
    }
    for path in ["/proc/kallsyms", "/proc/modules", "/proc/iomem"] {
        attempt.way(path, addresses(path));
    }
    let mut text = vec![0_u8; 4096];
    attempt.call("syslog read", libc::SYS_syslog, [3, text.as_mut_ptr() as usize, text.len()]);
    attempt.call("syslog size", libc::SYS_syslog, [10, 0, 0]);
}

/// Done if an address in the file is not hidden behind zeros.
fn addresses(path: &str) -> Tried {
    let text = fs::read_to_string(path)?;
    let words = text.split(|c: char| c.is_whitespace() || c == '-').map(|word| word.trim_start_matches("0x"));
    let mut shown = words.filter(|word| {
        word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b != b'0')
    });
    shown.next().map(str::to_owned).ok_or("hidden".into())
}

/// Done if it can be opened to be written: nothing is.
fn open_to_write(path: impl AsRef<Path>) -> Tried {
    Ok(format!("{:?}", OpenOptions::new().write(true).open(path)?))
}

fn write_kernel_settings(attempt: &mut Attempt<'_>) {
    let paths = [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/panic",
        "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/randomize_va_space",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/kernel/usermodehelper/bset",
        "/proc/sys/fs/suid_dumpable",
        "/proc/sys/fs/file-max",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/vm/mmap_min_addr",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        "/proc/sys/net/ipv4/ping_group_range",
        "/proc/sys/user/max_user_namespaces",
        "/proc/irq/default_smp_affinity",
        "/proc/mtrr",
        "/proc/1/oom_score_adj",
        "/proc/self/uid_map",
        "/proc/self/gid_map",
        "/proc/self/setgroups",
        "/proc/1/uid_map",
        "/proc/1/coredump_filter",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/memory/release_agent",
        "/proc/self/attr/current",
    ];
    for path in paths {
        let tried = match path {
            // Root's own may open these; what counts is that nothing can be written.
            "/proc/self/uid_map" | "/proc/self/gid_map" => write(path, b"0 0 1\n"),
            "/proc/self/setgroups" => write(path, b"allow"),
            "/proc/self/attr/current" => write(path, b"unconfined"),
            "/proc/sys/kernel/ns_last_pid" => write(path, b"1"),
            // A process may set its own.
            _ if path.starts_with("/proc/1/") && crate::sys::pid() == 1 => Err("own".into()),
            _ => open_to_write(path),
        };
        attempt.way(path, tried);
    }
}

fn write(path: impl AsRef<Path>, text: &[u8]) -> Tried {
    OpenOptions::new().write(true).open(path)?.write_all(text)?;
    Ok("written".into())
}

fn write_read_only_files(attempt: &mut Attempt<'_>) {
    let folders = [
        "/",
        "/bin",
        "/dev",
        "/etc",
        "/lib",
        "/opt",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/var",
        "/var/runtime",
        "/var/task",
    ];
    for folder in folders {
        let path = Path::new(folder).join("probe");
        attempt.way(path.display(), File::create_new(&path).map(|_| String::new()).map_err(Refusal::from));
        attempt.way(
            format!("mkdir {}", path.display()),
            fs::create_dir(&path).map(|()| String::new()).map_err(Refusal::from),
        );
    }
    let own = std::env::args().next().unwrap_or_default();
    let done = |tried: std::io::Result<()>| tried.map(|()| String::new()).map_err(Refusal::from);
    for path in ["/etc/passwd", "/etc/hosts", "/usr/bin/env", "/var/task/bootstrap", own.as_str()] {
        attempt.way(format!("write {path}"), open_to_write(path));
        attempt.way(format!("truncate {path}"), done(File::options().append(true).open(path).map(|_| ())));
        attempt.way(
            format!("chmod {path}"),
            done(fs::set_permissions(path, fs::Permissions::from_mode(0o4777))),
        );
        attempt.way(format!("unlink {path}"), done(fs::remove_file(path)));
        attempt.way(format!("rename {path}"), done(fs::rename(path, "/tmp/taken")));
        attempt.way(format!("link {path}"), done(fs::hard_link(path, "/tmp/linked")));
    }
    attempt.way("rename /var/task", done(fs::rename("/var/task", "/var/moved")));
    attempt.way("chmod /dev/null", done(fs::set_permissions("/dev/null", fs::Permissions::from_mode(0o0))));
}

fn lower_the_oom_score(attempt: &mut Attempt<'_>) {
    let path = "/proc/self/oom_score_adj";
    let now = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i32>().ok()).unwrap_or(0);
    for wanted in [now - 1, -1000] {
        attempt.way(wanted, write(path, wanted.to_string().as_bytes()));
    }
}

fn overwrite_programs(attempt: &mut Attempt<'_>) {
    for path in [
        "/proc/1/exe",
        "/proc/self/exe",
        "/proc/thread-self/exe",
        "/usr/bin/env",
        "/lib64/ld-linux-x86-64.so.2",
    ] {
        attempt.way(path, open_to_write(path));
        // Opened for reading, and again for writing through the descriptor.
        let again = File::open(path).map_err(Refusal::from);
        let again = again.and_then(|file| open_to_write(format!("/proc/self/fd/{}", file.as_raw_fd())));
        attempt.way(format!("{path} again"), again);
    }
}

#[repr(C)]
struct Handle {
    size: u32,
    kind: i32,
    bytes: [u8; 128],
}

fn open_by_handle(attempt: &mut Attempt<'_>) {
    for (name, path) in [("/", c"/"), ("/usr", c"/usr"), ("/var/task", c"/var/task"), ("/tmp", c"/tmp")] {
        let mut handle = Handle { size: 128, kind: 0, bytes: [0; 128] };
        let mut mount = 0_i32;
        let pointers = [(&raw mut handle) as usize, (&raw mut mount) as usize];
        let made = call(
            libc::SYS_name_to_handle_at,
            [libc::AT_FDCWD as usize, at(path), pointers[0], pointers[1], 0],
        );
        attempt.way(format!("name {name}"), made.map(|_| String::new()));
        // The root folder of most file systems, without asking for its handle.
        let mut root = Handle { size: 8, kind: 1, bytes: [0; 128] };
        root.bytes[0] = 2;
        let Ok(folder) = File::open(name) else { continue };
        attempt.call(
            format!("open {name}"),
            libc::SYS_open_by_handle_at,
            [folder.as_raw_fd() as usize, (&raw mut root) as usize, libc::O_RDONLY as usize],
        );
    }
}

/// Everything that is open must be ours: the null device, the log's pipe, connections of our own.
fn use_descriptors(attempt: &mut Attempt<'_>) {
    for fd in processes::descriptors() {
        let path = format!("/proc/self/fd/{fd}");
        let Ok(link) = fs::read_link(&path) else { continue };
        let link = link.display().to_string();
        let known = match fd {
            0 => link == "/dev/null",
            1 | 2 => link.starts_with("pipe:"),
            // The connection to the Runtime API.
            _ => link.starts_with("socket:") && is_internet(fd),
        };
        let said = match known {
            true => Err("known".into()),
            // Nobody is at its other end, so that nothing comes through.
            false if link.starts_with("pipe:") && hung_up(fd) => Err("dead-pipe".into()),
            false => Ok(link.clone()),
        };
        attempt.way(format!("{fd} {link}"), said);
        if !known && fs::read_dir(&path).is_ok() {
            attempt.way(format!("{fd} list"), Ok("a folder".into()));
        }
    }
    // What /proc does not show is not open either.
    for fd in 0..4096_usize {
        let open = call(libc::SYS_fcntl, [fd, libc::F_GETFD as usize, 0]).is_ok();
        if open && !processes::descriptors().contains(&(fd as i32)) {
            attempt.way(format!("hidden {fd}"), Ok("open".into()));
        }
    }
}

fn hung_up(fd: i32) -> bool {
    let mut file = libc::pollfd { fd, events: 0, revents: 0 };
    let now = [0_i64; 2];
    let asked = call(libc::SYS_ppoll, [(&raw mut file) as usize, 1, now.as_ptr() as usize, 0, 0]);
    asked.is_ok() && file.revents & libc::POLLHUP != 0
}

fn is_internet(fd: i32) -> bool {
    let mut address = [0_u8; 128];
    let mut size = 128_u32;
    let named =
        call(libc::SYS_getpeername, [fd as usize, address.as_mut_ptr() as usize, (&raw mut size) as usize]);
    named.is_ok() && i32::from(u16::from_ne_bytes([address[0], address[1]])) == libc::AF_INET
}

fn make_devices(attempt: &mut Attempt<'_>) {
    let devices = [
        ("block 8:0", libc::S_IFBLK, (8, 0)),
        ("block 254:0", libc::S_IFBLK, (254, 0)),
        ("memory", libc::S_IFCHR, (1, 1)),
        ("null", libc::S_IFCHR, (1, 3)),
        ("terminal", libc::S_IFCHR, (5, 0)),
    ];
    for (name, kind, (major, minor)) in devices {
        let device = libc::makedev(major, minor) as usize;
        let mode = (kind | 0o666) as usize;
        attempt.call(name, libc::SYS_mknodat, [libc::AT_FDCWD as usize, at(c"/tmp/device"), mode, device]);
        let _ = fs::remove_file("/tmp/device");
    }
}

/// No control group can be written to, and the names of its own are hidden.
fn find_control_groups(attempt: &mut Attempt<'_>) {
    for pid in ["self", "1"] {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        for line in text.lines() {
            let path = line.rsplit(':').next().unwrap_or_default();
            attempt.way(
                format!("{pid} {line}"),
                if path == "/" { Err("hidden".into()) } else { Ok(path.into()) },
            );
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in mounts.lines().filter(|line| line.contains(" - cgroup")) {
        let place = line.split(' ').nth(4).unwrap_or_default();
        attempt.way(place, open_to_write(format!("{place}/cgroup.procs")));
    }
}

/// What the platform calls things on the host is nobody's business. (The mounts tell where a package lies: whatever is
/// mounted by its folder tells that.)
fn learn_the_hosts_paths(attempt: &mut Attempt<'_>) {
    for name in
        ["1/maps", "1/environ", "1/cgroup", "self/maps", "self/environ", "self/cmdline", "self/cgroup"]
    {
        let path = format!("/proc/{name}");
        let text = fs::read(&path).map(|text| String::from_utf8_lossy(&text).into_owned());
        let told = text.map_err(Refusal::from).and_then(|text| {
            let words = attempt.texts("hidden");
            let found = text.lines().find(|line| words.iter().any(|word| line.contains(word)));
            found.map(str::to_owned).ok_or("hidden".into())
        });
        attempt.way(path, told);
    }
}
