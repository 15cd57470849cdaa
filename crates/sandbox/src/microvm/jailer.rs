//! Firecracker's jailer: how it is started, and where it puts what (`docs/jailer.md` of Firecracker).

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use sonagi_model::{Timestamp, limits};

use super::monitor::Shape;

/// The group of all servers' machines. Below it each server has one, in which the jailer makes one for each machine.
const PARENT_GROUP: &str = "sonagi-microvm";
const ALL_GROUPS: &str = "/sys/fs/cgroup";
/// What is as young as this may be about to be entered.
const YOUNG: Duration = Duration::from_secs(60);
/// Microseconds over which processor time is counted: as for processes.
const PERIOD: u64 = 20_000;

/// Which control groups this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    Version1,
    Version2,
}

impl Groups {
    /// Those that are mounted at the usual place.
    pub fn of_this_machine() -> Self {
        if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { Self::Version2 } else { Self::Version1 }
    }
}

/// How machines are jailed.
#[derive(Debug, Clone)]
pub struct Jailer {
    pub program: PathBuf,
    /// Firecracker itself.
    pub monitor: PathBuf,
    /// The folder below which jails are.
    pub base: PathBuf,
    pub groups: Groups,
}

/// The names that things have in a jail.
pub(super) const API_SOCKET: &str = "api";
pub(super) const VSOCK: &str = "v";

impl Jailer {
    /// The jail of the machine `id`: what is `/` to its monitor.
    pub fn root(&self, id: &str) -> PathBuf {
        self.folder(id).join("root")
    }

    /// All that is on the disk for the machine `id`.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.base.join(self.monitor.file_name().unwrap_or_default()).join(id)
    }

    /// The jailer's arguments for a machine `id` whose monitor runs as `user` in the network namespace `network`.
    pub fn arguments(&self, id: &str, user: u32, network: &Path, shape: &Shape) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        option("--id", id.into());
        option("--exec-file", self.monitor.clone().into());
        option("--uid", user.to_string().into());
        option("--gid", user.to_string().into());
        option("--chroot-base-dir", self.base.clone().into());
        option("--netns", network.into());
        let (version, groups) = match self.groups {
            Groups::Version1 => ("1", version1(shape)),
            Groups::Version2 => ("2", version2(shape)),
        };
        option("--cgroup-version", version.into());
        option("--parent-cgroup", self.parent_group().into());
        // Processor time is not limited yet: see `limit_processors`.
        for group in groups {
            option("--cgroup", group.into());
        }
        option("--resource-limit", format!("no-file={}", limits::MICROVM_MONITOR_FILES).into());
        option("--", "--api-sock".into());
        // What else it says would push out what its machine's kernel said last.
        arguments.extend([format!("/{API_SOCKET}").into(), "--level".into(), "Error".into()]);
        arguments
    }

    /// Limits the processor time of the machine `id`, which the jailer has left without a limit.
    pub(super) fn limit_processors(&self, id: &str, shape: &Shape) -> io::Result<()> {
        let (file, line) = match self.groups {
            Groups::Version1 => ("cpu.cfs_quota_us", quota(shape).to_string()),
            Groups::Version2 => ("cpu.max", format!("{} {PERIOD}", quota(shape))),
        };
        let files = self.groups_of(id).into_iter().map(|group| group.join(file));
        // The kernel's own files: nothing waits for a device.
        files.filter(|file| file.is_file()).try_for_each(|file| fs::write(file, &line))
    }

    /// The control groups that the jailer has made for the machine `id`, which nobody but us removes.
    pub(super) fn groups_of(&self, id: &str) -> Vec<PathBuf> {
        self.groups.all(&self.parent_group().join(id))
    }

    /// Other servers number their machines as this one does.
    fn parent_group(&self) -> PathBuf {
        Path::new(PARENT_GROUP).join(self.base.file_name().unwrap_or_default())
    }

    /// Removes what servers that were killed have left, where their machines have ended too.
    pub(super) fn sweep_groups(&self, now: Timestamp) {
        // A younger one may belong to a jailer that has yet to enter it.
        let old = |group: &PathBuf| {
            let made = fs::metadata(group).and_then(|metadata| metadata.modified()).ok();
            let since = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
            since.is_some_and(|made| made.as_millis() + YOUNG.as_millis() < u128::from(now.millis()))
        };
        for server in self.groups.all(Path::new(PARENT_GROUP)).iter().flat_map(|group| folders_in(group)) {
            let left: Vec<_> = folders_in(&server).into_iter().chain([server]).filter(old).collect();
            left.into_iter().for_each(remove_if_empty);
        }
    }

    /// Removes this server's own, when it has no machines any more: those too that a server left which ended at once.
    pub(super) fn remove_groups(&self) {
        for server in self.groups.all(&self.parent_group()) {
            folders_in(&server).into_iter().chain([server]).for_each(remove_if_empty);
        }
    }
}

impl Groups {
    /// The groups of this name: one for each controller where each has its own.
    fn all(self, name: &Path) -> Vec<PathBuf> {
        let all = Path::new(ALL_GROUPS);
        let roots = match self {
            Self::Version2 => vec![all.to_path_buf()],
            Self::Version1 => folders_in(all),
        };
        roots.into_iter().map(|root| root.join(name)).filter(|group| group.is_dir()).collect()
    }
}

/// Those that are no links to others.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let own = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    own.map(|entry| entry.path()).collect()
}

fn remove_if_empty(group: PathBuf) {
    // The kernel keeps those in which there is a process or another group.
    let _ = fs::remove_dir(group);
}

/// Bytes: the guest's memory, and what the monitor needs itself.
fn memory(shape: &Shape) -> u64 {
    u64::from(shape.memory + limits::MICROVM_MONITOR_MEMORY) << 20
}

/// Microseconds in each period.
fn quota(shape: &Shape) -> u64 {
    (u64::from(shape.processor_share) * PERIOD / 1_000).max(1_000)
}

fn version1(shape: &Shape) -> Vec<String> {
    vec![
        format!("memory.limit_in_bytes={}", memory(shape)),
        format!("cpu.cfs_period_us={PERIOD}"),
        "cpu.cfs_quota_us=-1".into(),
        format!("pids.max={}", limits::MICROVM_MONITOR_THREADS),
    ]
}

fn version2(shape: &Shape) -> Vec<String> {
    vec![
        format!("memory.max={}", memory(shape)),
        format!("cpu.max=max {PERIOD}"),
        format!("pids.max={}", limits::MICROVM_MONITOR_THREADS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_jailed_and_limited_as_the_jailers_documentation_says() {
        let jailer = Jailer {
            program: "/usr/bin/jailer".into(),
            monitor: "/usr/bin/firecracker".into(),
            base: "/srv/m".into(),
            groups: Groups::Version2,
        };
        assert_eq!(jailer.root("7"), Path::new("/srv/m/firecracker/7/root"));
        let shape = Shape {
            processors: 1,
            processor_share: 72,
            memory: 224,
            kernel: PathBuf::new(),
            initial: PathBuf::new(),
            drives: Vec::new(),
            scratch: PathBuf::new(),
        };
        let arguments = jailer.arguments("7", 123, Path::new("/proc/1/fd/9"), &shape);
        let line: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            line.join(" "),
            "--id 7 --exec-file /usr/bin/firecracker --uid 123 --gid 123 --chroot-base-dir /srv/m --netns \
             /proc/1/fd/9 --cgroup-version 2 --parent-cgroup sonagi-microvm/m --cgroup memory.max=301989888 --cgroup \
             cpu.max=max 20000 --cgroup pids.max=64 --resource-limit no-file=1024 -- --api-sock /api --level Error"
        );
        let jailer = Jailer { groups: Groups::Version1, ..jailer };
        let arguments = jailer.arguments("7", 123, Path::new("/proc/1/fd/9"), &shape);
        assert!(arguments.contains(&"cpu.cfs_quota_us=-1".into()), "{arguments:?}");
        assert_eq!(quota(&shape), 1_440);
    }
}
