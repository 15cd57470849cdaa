//! From the kernel's first process to the root that the runtime sees.

use std::{
    fs,
    io::{self, Write as _},
    net::Ipv4Addr,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use crate::{
    fail,
    protocol::{self, Failure, Orders, Step},
    sys::{self, Resource},
};

/// How often a device that the kernel may still find is looked for, and the pause between two looks in milliseconds.
const LOOKS: u32 = 1_000;
const PAUSE: i32 = 10;

/// Where the root file system is mounted before it is the root.
const ROOT: &str = "/root";

/// What the machine's own parts need. What fails here shows when it is missed.
pub(crate) fn first() {
    sys::no_mask();
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        let _ = fs::create_dir_all(place);
        let _ = sys::attach(Path::new(kind), Path::new(place), kind, 0, "");
    }
    for module in fs::read_to_string("/modules/order").unwrap_or_default().lines() {
        let path = Path::new("/modules").join(module);
        if let Err(error) = fs::File::open(&path).and_then(|file| sys::load_module(&file)) {
            console(&format!("sonagi-init: {}: {error}\n", path.display()));
        }
    }
}

/// A line for whoever looks at the machine's console.
pub(crate) fn console(line: &str) {
    if let Ok(mut console) = fs::OpenOptions::new().write(true).open("/dev/console") {
        let _ = console.write_all(line.as_bytes());
    }
}

/// Mounts the drives and makes the first of them the root, with what every process expects there.
pub(crate) fn files(orders: &Orders) -> Result<(), Failure> {
    let root = Path::new(ROOT);
    let of = |step: Step, subject: &Path| {
        let subject = subject.display().to_string();
        move |error: io::Error| fail(step, &error, &subject)
    };
    fs::create_dir_all(root).map_err(of(Step::Files, root))?;
    for drive in &orders.drives {
        let device = Path::new("/dev").join(&drive.device);
        let place = below(root, &drive.at);
        wait_for(&device).map_err(of(Step::Drives, &device))?;
        mount_drive(&device, &place).map_err(of(Step::Drives, &place))?;
    }
    if !orders.client.is_empty() {
        let place = below(root, "/var/runtime");
        let from = Path::new(&orders.client);
        sys::attach(from, &place, "", sys::BIND, "").map_err(of(Step::Files, &place))?;
    }
    if let Some(network) = orders.network {
        let place = below(root, "/etc/resolv.conf");
        resolvers(network.resolver, &place).map_err(of(Step::Files, &place))?;
    }
    let own = [
        ("/proc", "proc", sys::NO_SETUID | sys::NO_DEVICES | sys::NO_EXEC, "hidepid=2".to_owned()),
        ("/dev", "tmpfs", sys::NO_SETUID | sys::NO_EXEC, "size=64k,mode=755".to_owned()),
    ];
    for (at, kind, flags, data) in own {
        let place = below(root, at);
        sys::attach(Path::new(kind), &place, kind, flags, &data).map_err(of(Step::Files, &place))?;
    }
    let scratch = Path::new("/dev").join(&orders.scratch);
    let place = below(root, "/tmp");
    wait_for(&scratch).map_err(of(Step::Drives, &scratch))?;
    let flags = sys::NO_SETUID | sys::NO_DEVICES | sys::NO_ACCESS_TIMES;
    sys::attach(&scratch, &place, "ext4", flags, "")
        .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(0o1777)))
        .map_err(of(Step::Drives, &place))?;
    devices(&below(root, "/dev")).map_err(of(Step::Files, Path::new("/dev")))?;
    std::env::set_current_dir(root)
        .and_then(|()| sys::attach(Path::new("."), Path::new("/"), "", sys::MOVE, ""))
        .and_then(|()| sys::change_root(Path::new(".")))
        .and_then(|()| std::env::set_current_dir("/"))
        .map_err(of(Step::Files, Path::new("/")))
}

/// The file lies in the initial RAM disk, since the root is read-only.
fn resolvers(resolver: Ipv4Addr, place: &Path) -> io::Result<()> {
    let file = Path::new("/resolv.conf");
    fs::write(file, format!("nameserver {resolver}\noptions timeout:5 attempts:2\n"))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))?;
    sys::attach(file, place, "", sys::BIND, "")
}

/// The machine's way to others, if it has one.
pub(crate) fn network(orders: &Orders) -> Result<(), Failure> {
    let Some(network) = orders.network else { return Ok(()) };
    let set_up = || {
        found_soon(|| sys::give_address(protocol::INTERFACE, network.own, network.prefix))?;
        // Absent where the kernel has no IPv6, of which there is none here.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", protocol::INTERFACE), "1");
        sys::interface_up(protocol::INTERFACE)?;
        sys::route_by(network.gateway)
    };
    set_up().map_err(|error| fail(Step::Network, &error, protocol::INTERFACE))
}

/// Does it again for as long as there is no such device, which the kernel may still find.
fn found_soon(attempt: impl Fn() -> io::Result<()>) -> io::Result<()> {
    const NO_DEVICE: i32 = 19;
    for _ in 0..LOOKS {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(NO_DEVICE) => sys::pause(PAUSE),
            other => return other,
        }
    }
    attempt()
}

fn below(root: &Path, at: &str) -> std::path::PathBuf {
    root.join(at.trim_start_matches('/'))
}

fn wait_for(device: &Path) -> io::Result<()> {
    for _ in 0..LOOKS {
        if device.exists() {
            return Ok(());
        }
        sys::pause(PAUSE);
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Drives are file systems of these kinds; the kernel may know fewer.
fn mount_drive(device: &Path, place: &Path) -> io::Result<()> {
    let flags = sys::READ_ONLY | sys::NO_SETUID | sys::NO_DEVICES;
    let mut failed = io::Error::from(io::ErrorKind::Unsupported);
    for kind in ["ext4", "squashfs", "erofs"] {
        match sys::attach(device, place, kind, flags, "") {
            Ok(()) => return Ok(()),
            // Not a file system of this kind, or a kind that this kernel does not know.
            Err(error) if matches!(error.raw_os_error(), Some(22 | 19)) => failed = error,
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

fn devices(folder: &Path) -> io::Result<()> {
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
        sys::device(&folder.join(name), 1, minor)?;
    }
    for (name, to) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(to, folder.join(name))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

/// What binds the runtime and all that it starts. The number of processes does not bind this program, which is root.
pub(crate) fn limits(orders: &Orders) -> Result<(), Failure> {
    let limits =
        [(Resource::Core, 0), (Resource::Files, orders.files), (Resource::Processes, orders.processes)];
    for (resource, most) in limits {
        sys::limit(resource, most).map_err(|error| fail(Step::Limits, &error, ""))?;
    }
    sys::no_more_privileges().map_err(|error| fail(Step::Limits, &error, "capabilities"))
}
