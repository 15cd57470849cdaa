//! Whether this machine can run microVMs, and what it lacks.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use sonagi_model::{Clock, Entropy};

use super::{
    Firecracker, Monitor,
    driver::Room,
    image, initial,
    inside::{Inside, description_of},
    jailer::{Groups, Jailer},
    probe,
};

/// What an operator names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// An uncompressed Linux kernel.
    pub kernel: Option<PathBuf>,
    pub root: Option<PathBuf>,
    /// `firecracker`, if it is not the one on the search path.
    pub monitor: Option<PathBuf>,
    /// `jailer`, likewise.
    pub jailer: Option<PathBuf>,
}

/// All that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    pub kernel: PathBuf,
    pub root: PathBuf,
    pub monitor: PathBuf,
    pub jailer: PathBuf,
    /// What `firecracker --version` says first.
    pub version: String,
}

/// Looks at everything that a microVM takes. Blocks for a moment; where KVM is slow, for a second or two.
///
/// # Errors
/// The first thing that is missing, and what to do.
pub fn survey(options: &Options, search_path: &str, clock: &dyn Clock) -> Result<Means, String> {
    survey_with(options, search_path, Path::new(probe::DEVICE), clock)
}

/// The same for another device than `/dev/kvm`.
fn survey_with(
    options: &Options,
    search_path: &str,
    device: &Path,
    clock: &dyn Clock,
) -> Result<Means, String> {
    if let Some(refusal) = probe::refusal(device, clock) {
        return Err(refusal);
    }
    let monitor = program("firecracker", "--microvm-vmm", options.monitor.as_deref(), search_path)?;
    let jailer = program("jailer", "--microvm-jailer", options.jailer.as_deref(), search_path)?;
    let version = version(&monitor)?;
    if !rustix::process::geteuid().is_root() {
        return Err("Firecracker's jailer needs root: run the server as root".into());
    }
    if !image::can_be_made(search_path) {
        return Err("this machine has no mkfs.ext4: install it (Debian: e2fsprogs)".into());
    }
    initial::archive(&[]).map_err(|error| error.to_string())?;
    let kernel =
        file(options.kernel.as_deref(), "a kernel", "--microvm-kernel", "an uncompressed Linux kernel")?;
    let help = "a root file system, which `sonagi microvm rootfs` builds";
    let root = file(options.root.as_deref(), "a root file system", "--microvm-rootfs", help)?;
    Inside::read(&root).map_err(|error| {
        format!(
            "{}, which says what is inside of the root file system, cannot be read: {error}; `sonagi microvm rootfs` \
             writes both",
            description_of(&root).display()
        )
    })?;
    Ok(Means { kernel, root, monitor, jailer, version })
}

fn program(name: &str, flag: &str, named: Option<&Path>, search_path: &str) -> Result<PathBuf, String> {
    let there = |path: PathBuf| std::fs::canonicalize(path).ok().filter(|path| path.is_file());
    match named {
        Some(path) => there(path.into()).ok_or_else(|| format!("{} ({flag}) is no program", path.display())),
        None => std::env::split_paths(search_path).find_map(|folder| there(folder.join(name))).ok_or_else(|| {
            format!(
                "there is no {name} on the search path: install Firecracker 1.7 or newer (its releases have both \
                 programs), or name it with {flag}"
            )
        }),
    }
}

fn version(monitor: &Path) -> Result<String, String> {
    let wrong = |why: String| format!("{} is no Firecracker: {why}", monitor.display());
    let output = Command::new(monitor).arg("--version").env_clear().stdin(Stdio::null()).output();
    let output = output.map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() && first.starts_with("Firecracker ") {
        Ok(first)
    } else {
        Err(wrong(format!("it says {first:?} when it is asked for its version")))
    }
}

fn file(named: Option<&Path>, what: &str, flag: &str, help: &str) -> Result<PathBuf, String> {
    let path = named.ok_or_else(|| format!("{what} is not named: give {help}, with {flag} FILE"))?;
    match std::fs::canonicalize(path) {
        Ok(path) if path.is_file() => Ok(path),
        Ok(_) => Err(format!("{} ({flag}) is no file: give {help}", path.display())),
        Err(error) => Err(format!("{} ({flag}): {error}: give {help}", path.display())),
    }
}

impl Means {
    /// Firecracker with these means; its machines are in a folder below `work_dir`.
    ///
    /// # Errors
    /// What it lacks, in words.
    pub fn firecracker(
        &self,
        work_dir: &Path,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> io::Result<(Arc<dyn Monitor>, Room)> {
        let room = Room::open(work_dir, entropy)?;
        let jailer = Jailer {
            program: self.jailer.clone(),
            monitor: self.monitor.clone(),
            base: room.path().to_path_buf(),
            groups: Groups::of_this_machine(),
        };
        let random = u64::from_ne_bytes(entropy.bytes());
        let monitor =
            Firecracker::new(jailer, self.version.clone(), random, clock).map_err(io::Error::other)?;
        Ok((Arc::new(monitor), room))
    }
}
