//! Control groups: what an environment may use, what it has used, and how all of it is killed.
//!
//! ```text
//! <the server's own group>/sonagi/<server>/<environment>
//! ```
//!
//! With version 2 of control groups the parent is the nearest group upwards that may be written to and hands out
//! memory and processes. A server holds a lock on its folder; folders without one are of servers that died, and a
//! new server removes them and kills what is left in them.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::FlockOperation,
    process::{Pid, PidfdFlags, Signal},
};
use sonagi_model::limits;

use super::mounts::{self, Processors};
use crate::launcher::Join;

/// The groups of one server. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Groups {
    kind: Kind,
    /// `sonagi/<server>` in each hierarchy: memory, processes, and processor time if it is to be had. With version 2
    /// there is one for all.
    roots: Vec<PathBuf>,
    processors: Processors,
    _locks: Vec<File>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Memory and pids in hierarchies of their own.
    V1,
    /// One hierarchy for all.
    V2,
}

/// What a processor's worth of time is called by version 1, and by version 2.
const SHARES: u64 = 1_024;
const WEIGHT: u64 = 100;
/// What version 2 takes at the most.
const MOST_WEIGHT: u64 = 10_000;

impl Groups {
    /// The groups of `server`; none if this machine gives us none to make.
    pub(super) fn open(server: &str) -> Option<Self> {
        let mounts = mounts::Mounts::read().ok()?;
        let (kind, parents) = match (mounts.v1, mounts.v2) {
            (Some((memory, pids)), _) => (Kind::V1, vec![memory, pids]),
            (None, Some(parent)) => (Kind::V2, vec![parent]),
            (None, None) => return None,
        };
        let mut groups =
            Self { kind, roots: Vec::new(), processors: Processors::Unlimited, _locks: Vec::new() };
        if let (Kind::V1, Some(parent)) = (kind, mounts.v1_cpu) {
            // Last in the list; whether it can be had is of less weight than the others.
            groups.processors = match groups.take(&parent, server) {
                Ok(()) => Processors::Limited,
                Err(error) => {
                    tracing::debug!(%error, parent = %parent.display(), "processor time cannot be shared out");
                    groups.roots.drain(..).for_each(|root| drop(fs::remove_dir(root)));
                    groups._locks.clear();
                    Processors::Unlimited
                }
            };
        }
        for parent in parents.into_iter().rev() {
            if let Err(error) = groups.take(&parent, server) {
                tracing::debug!(%error, parent = %parent.display(), "control groups cannot be used");
                return None;
            }
        }
        // Taken last to first.
        groups.roots.reverse();
        Some(groups)
    }

    fn take(&mut self, parent: &Path, server: &str) -> io::Result<()> {
        let all = parent.join("sonagi");
        match fs::create_dir(&all) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        collect(&all);
        let root = all.join(server);
        fs::create_dir(&root)?;
        self.roots.push(root.clone());
        let lock = File::open(&root)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        self._locks.push(lock);
        if self.kind == Kind::V2 {
            mounts::hand_out(&all)?;
            // It has no more than the one above.
            self.processors = mounts::hand_out(&root)?;
        }
        // All environments together are worth as much as every processor, beside the server's own threads.
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        for folder in [&all, &root] {
            let _ = match self.kind {
                Kind::V1 => fs::write(folder.join("cpu.shares"), (processors * SHARES).to_string()),
                Kind::V2 => {
                    fs::write(folder.join("cpu.weight"), (processors * WEIGHT).min(MOST_WEIGHT).to_string())
                }
            };
        }
        Ok(())
    }

    /// A group for one environment that may use `memory` bytes.
    pub(super) fn create(&self, name: &str, memory: u64) -> io::Result<Group> {
        let mut group =
            Group { kind: self.kind, folders: Vec::new(), processors: self.processors, peak: None };
        let made = self.fill(&mut group, name, memory);
        if let Err(error) = made {
            group.remove();
            return Err(error);
        }
        Ok(group)
    }

    fn fill(&self, group: &mut Group, name: &str, memory: u64) -> io::Result<()> {
        for root in &self.roots {
            let folder = root.join(name);
            fs::create_dir(&folder)?;
            group.folders.push(folder);
        }
        group.share_processors(memory)?;
        let memory = memory.to_string();
        group.set_processes(limits::ENVIRONMENT_PROCESSES)?;
        let folder = group.memory();
        match self.kind {
            Kind::V1 => {
                fs::write(folder.join("memory.limit_in_bytes"), &memory)?;
                // Memory and swap together; absent where the kernel does not account for swap.
                optional(fs::write(folder.join("memory.memsw.limit_in_bytes"), &memory))?;
                group.peak = Some(File::open(folder.join("memory.max_usage_in_bytes"))?);
            }
            Kind::V2 => {
                fs::write(folder.join("memory.max"), &memory)?;
                optional(fs::write(folder.join("memory.swap.max"), "0"))?;
                // Since Linux 5.19; before, the present use must do.
                group.peak = Some(
                    File::open(folder.join("memory.peak"))
                        .or_else(|_| File::open(folder.join("memory.current")))?,
                );
            }
        }
        Ok(())
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for root in &self.roots {
            let _ = fs::remove_dir(root);
            // Goes only if no other server has a group in it.
            if let Some(all) = root.parent() {
                let _ = fs::remove_dir(all);
            }
        }
    }
}

fn optional(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes the groups of servers that are gone, and kills what is in them.
fn collect(all: &Path) {
    for server in folders(all) {
        let Ok(lock) = File::open(&server) else { continue };
        // A server holds its lock from just after it made the folder. The moment in between is covered by the
        // folder's being empty: an empty folder that vanishes makes that server's start fail, and nothing else.
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        for environment in folders(&server) {
            kill_in(&environment);
            remove(&environment);
        }
        let _ = fs::remove_dir(&server);
    }
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// The group of one environment. It is not removed by being dropped: what is in it must be killed first.
#[derive(Debug)]
pub(super) struct Group {
    kind: Kind,
    folders: Vec<PathBuf>,
    processors: Processors,
    peak: Option<File>,
}

impl Group {
    fn memory(&self) -> &Path {
        self.folders.first().map_or(Path::new(""), PathBuf::as_path)
    }

    fn processes(&self) -> &Path {
        let at = match self.kind {
            Kind::V1 => 1,
            Kind::V2 => 0,
        };
        self.folders.get(at).map_or(Path::new(""), PathBuf::as_path)
    }

    /// Where processor time is shared out, if it is.
    fn cpu(&self) -> Option<&Path> {
        match self.processors {
            Processors::Limited => self.folders.last().map(PathBuf::as_path),
            Processors::Unlimited => None,
        }
    }

    /// The file that limits processor time, and the line that limits it to what `memory` bytes come with; none where
    /// nothing limits it.
    pub(super) fn processor_limit(&self, memory: u64) -> Option<(PathBuf, String)> {
        let folder = self.cpu()?;
        let period = limits::PROCESSOR_PERIOD.as_micros() as u64;
        let quota = (memory >> 20) * period / limits::MEMORY_OF_A_PROCESSOR;
        Some(match self.kind {
            // The period was set when the group was made.
            Kind::V1 => (folder.join("cpu.cfs_quota_us"), quota.to_string()),
            Kind::V2 => (folder.join("cpu.max"), format!("{quota} {period}")),
        })
    }

    fn set_processes(&self, most: u32) -> io::Result<()> {
        fs::write(self.processes().join("pids.max"), most.to_string())
    }

    /// How a process comes into it through its doors.
    pub(super) fn join(&self) -> Join {
        match self.kind {
            Kind::V1 => Join::Write,
            Kind::V2 => Join::Born,
        }
    }

    /// Open files for a launcher: with version 1 each is written to, with version 2 a process is born in the folder.
    pub(super) fn doors(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |folder: &PathBuf| match self.kind {
            Kind::V1 => File::options().write(true).open(folder.join("tasks")),
            Kind::V2 => File::open(folder),
        };
        self.folders.iter().map(|folder| open(folder).map(OwnedFd::from)).collect()
    }

    /// Open files to which a process that runs already writes "0" to come into it.
    pub(super) fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let name = match self.kind {
            Kind::V1 => "tasks",
            Kind::V2 => "cgroup.procs",
        };
        let open = |folder: &PathBuf| File::options().write(true).open(folder.join(name));
        self.folders.iter().map(|folder| open(folder).map(OwnedFd::from)).collect()
    }

    /// A file that tells the bytes used at the most so far.
    pub(super) fn take_peak(&mut self) -> Option<File> {
        self.peak.take()
    }

    /// Bytes that are used now.
    pub(super) fn used(&self) -> Option<u64> {
        let file = match self.kind {
            Kind::V1 => "memory.usage_in_bytes",
            Kind::V2 => "memory.current",
        };
        fs::read_to_string(self.memory().join(file)).ok()?.trim().parse().ok()
    }

    /// Whether the kernel killed a process of it because it had no memory left.
    pub(super) fn out_of_memory(&self) -> bool {
        let file = match self.kind {
            Kind::V1 => "memory.oom_control",
            Kind::V2 => "memory.events",
        };
        let text = fs::read_to_string(self.memory().join(file)).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }

    /// A share of the processors beside other environments, in proportion to `memory` bytes.
    fn share_processors(&self, memory: u64) -> io::Result<()> {
        let Some(folder) = self.cpu() else { return Ok(()) };
        let share = |whole: u64| (whole * (memory >> 20) / limits::MEMORY_OF_A_PROCESSOR).max(2).to_string();
        match self.kind {
            Kind::V1 => {
                fs::write(folder.join("cpu.shares"), share(SHARES))?;
                let period = limits::PROCESSOR_PERIOD.as_micros().to_string();
                fs::write(folder.join("cpu.cfs_period_us"), period)
            }
            Kind::V2 => fs::write(folder.join("cpu.weight"), share(WEIGHT)),
        }
    }

    /// Gives it `memory` bytes, which is less than it was made with, and what comes with them.
    pub(super) fn shrink(&self, memory: u64) -> io::Result<()> {
        self.share_processors(memory)?;
        let (folder, memory) = (self.memory(), memory.to_string());
        match self.kind {
            Kind::V1 => {
                fs::write(folder.join("memory.limit_in_bytes"), &memory)?;
                optional(fs::write(folder.join("memory.memsw.limit_in_bytes"), &memory))
            }
            Kind::V2 => fs::write(folder.join("memory.max"), &memory),
        }
    }

    /// Takes the limit of processor time away, which would hold up a thousand processes that are to end.
    pub(super) fn lift_processor_limit(&self) {
        if let Some(folder) = self.cpu() {
            let _ = match self.kind {
                Kind::V1 => fs::write(folder.join("cpu.cfs_quota_us"), "-1"),
                Kind::V2 => fs::write(folder.join("cpu.max"), "max"),
            };
        }
    }

    /// Kills all that is in it, and returns when it has ended.
    pub(super) fn kill(&self) {
        kill_in(self.processes());
    }

    pub(super) fn remove(&self) {
        for folder in &self.folders {
            remove(folder);
        }
    }
}

fn kill_in(folder: &Path) {
    // Nothing in it can fork any more, so that no round of killing misses a newborn.
    let _ = fs::write(folder.join("pids.max"), "0");
    // Version 2 since Linux 5.14: one write kills all.
    let _ = fs::write(folder.join("cgroup.kill"), "1");
    let mut killed: Vec<i32> = Vec::new();
    loop {
        let pids = members(folder);
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            let Some(pid) = Pid::from_raw(pid) else { continue };
            let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
            let _ = rustix::process::pidfd_send_signal(&handle, Signal::KILL);
            if !ends(&handle) {
                // Not killed twice: a process that SIGKILL cannot end waits for a device, and so would we.
                if killed.contains(&pid.as_raw_nonzero().get()) {
                    tracing::warn!(
                        pid = pid.as_raw_nonzero().get(),
                        "a process of an environment cannot be killed"
                    );
                    return;
                }
                killed.push(pid.as_raw_nonzero().get());
            }
        }
    }
}

fn members(folder: &Path) -> Vec<i32> {
    let mut text = String::new();
    let read = File::open(folder.join("cgroup.procs")).and_then(|mut file| file.read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Whether the process ends within [`limits::KILL_TIMEOUT`].
fn ends(process: &impl AsFd) -> bool {
    let timeout = Timespec { tv_sec: limits::KILL_TIMEOUT.as_secs() as i64, tv_nsec: 0 };
    matches!(rustix::event::poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)), Ok(1..))
}

/// A group can be busy for a moment after its last process has ended, and the kernel tells nobody when it is not.
fn remove(folder: &Path) {
    const TRIES: u32 = 200;
    for _ in 0..TRIES {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                let pause = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                let _ = rustix::event::poll(&mut [], Some(&pause));
            }
            Ok(()) | Err(_) => return,
        }
    }
    tracing::warn!(folder = %folder.display(), "a control group stays behind: something is still in it");
}
