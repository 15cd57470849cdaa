//! Firecracker's jailer: how it is started, and where it puts what (`docs/jailer.md` of Firecracker).

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use sonagi_model::limits;

use super::monitor::Shape;

/// The group below which the jailer makes one for each machine.
const PARENT_GROUP: &str = "sonagi-microvm";
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
        option("--parent-cgroup", PARENT_GROUP.into());
        for group in groups {
            option("--cgroup", group.into());
        }
        option("--resource-limit", format!("no-file={}", limits::MICROVM_MONITOR_FILES).into());
        option("--", "--api-sock".into());
        arguments.push(format!("/{API_SOCKET}").into());
        arguments
    }

    /// The control groups that the jailer has made for the machine `id`, which nobody but us removes.
    pub fn groups_of(&self, id: &str) -> Vec<PathBuf> {
        let all = Path::new("/sys/fs/cgroup");
        let below = |controller: &Path| controller.join(PARENT_GROUP).join(id);
        match self.groups {
            Groups::Version2 => [below(all)].into_iter().filter(|group| group.is_dir()).collect(),
            Groups::Version1 => {
                let controllers = std::fs::read_dir(all).into_iter().flatten().flatten();
                // Some are links to others.
                let own = controllers.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                own.map(|entry| below(&entry.path())).filter(|group| group.is_dir()).collect()
            }
        }
    }
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
        format!("cpu.cfs_quota_us={}", quota(shape)),
        format!("pids.max={}", limits::MICROVM_MONITOR_THREADS),
    ]
}

fn version2(shape: &Shape) -> Vec<String> {
    vec![
        format!("memory.max={}", memory(shape)),
        format!("cpu.max={} {PERIOD}", quota(shape)),
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
             /proc/1/fd/9 --cgroup-version 2 --parent-cgroup sonagi-microvm --cgroup memory.max=301989888 --cgroup \
             cpu.max=1440 20000 --cgroup pids.max=64 --resource-limit no-file=1024 -- --api-sock /api"
        );
        let jailer = Jailer { groups: Groups::Version1, ..jailer };
        let arguments = jailer.arguments("7", 123, Path::new("/proc/1/fd/9"), &shape);
        assert!(arguments.contains(&"cpu.cfs_quota_us=1440".into()), "{arguments:?}");
    }
}
