//! How environments are kept from the machine and from each other, and what a machine lacks for it.

use std::{
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::task::AbortHandle;

use crate::launcher::{Failure, Mount, Step};

/// Where a function finds its package.
pub(crate) const TASK_ROOT: &str = "/var/task";
/// Where it finds its layers.
pub(crate) const OPT: &str = "/opt";
/// Where the runtime client is.
pub(crate) const RUNTIME_DIR: &str = "/var/runtime";
/// Below which the layer with the AWS SDK is.
pub(super) const SDK_DIR: &str = "/var/lang";

/// How much of it there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// A sandbox and control groups: where the machine has not both to give, nothing is started.
    #[default]
    Full,
    /// A sandbox; where there are no control groups, resource limits and a look now and then take their place.
    WithoutGroups,
    /// Processes of the machine like any others: they see its files and its network.
    None,
}

impl Isolation {
    pub(super) fn sandboxed(self) -> bool {
        match self {
            Self::Full | Self::WithoutGroups => true,
            Self::None => false,
        }
    }
}

/// What answers the AWS SDKs inside a sandbox, whose network has nothing else.
#[derive(Clone)]
pub struct Endpoint {
    /// Of the sandbox's loopback interface.
    pub port: u16,
    pub door: Arc<dyn Door>,
}

/// Serves what connects to a listener.
pub trait Door: Send + Sync {
    /// Begins to; until the handle is used to stop it.
    fn serve(&self, listener: tokio::net::TcpListener) -> AbortHandle;
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn open(&self, listener: TcpListener) -> io::Result<Opened> {
        listener.set_nonblocking(true)?;
        Ok(Opened(self.door.serve(tokio::net::TcpListener::from_std(listener)?)))
    }
}

/// An environment's endpoint; closed when dropped.
pub(crate) struct Opened(pub(crate) AbortHandle);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Users of the machine that nobody else has: two for each environment, so that no environment's processes may signal
/// or look into another's even if they could see them.
///
/// The numbers are above those that systemd sets aside for containers ("Users, Groups, UIDs and GIDs on systemd
/// Systems": 524288 to 1879048191) and below 2^31, which some file systems take for negative.
#[derive(Debug)]
pub(crate) struct Users {
    first: u32,
    next: AtomicU32,
}

const USERS_FIRST: u32 = 0x7000_0000;
/// Of one server.
const USERS: u32 = 1 << 16;
const SERVERS: u32 = 0xffe;

impl Users {
    /// Those of the server that drew the number `random`; none if this process may not give users away.
    pub(crate) fn of(random: u64) -> Option<Self> {
        let server = (random % u64::from(SERVERS)) as u32;
        let first = USERS_FIRST + server * USERS;
        // Root of a container or of a user namespace has only some users.
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        (rustix::process::geteuid().is_root() && maps(&map, first, USERS))
            .then(|| Self { first, next: AtomicU32::new(0) })
    }

    /// The first of the next two.
    pub(crate) fn next(&self) -> u32 {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % (USERS / 2);
        self.first + number * 2
    }
}

/// Whether a user namespace (`/proc/<pid>/uid_map`) has all of `count` users from `first` on.
fn maps(map: &str, first: u32, count: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(inside)), Some(Ok(_)), Some(Ok(size))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        inside <= u64::from(first) && u64::from(first) + u64::from(count) <= inside + size
    })
}

/// What of an interpreter at `program` a sandbox must see, as it lies on this machine: nothing if it belongs to the
/// system, whose programs are seen anyway.
pub(super) fn interpreter(program: &Path) -> Vec<Mount> {
    const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
    let same = |path: PathBuf| Mount { from: path.clone(), to: path };
    if SYSTEM.iter().any(|system| program.starts_with(system)) {
        return Vec::new();
    }
    // Its parts refer to each other across the whole store, which holds nothing but programs.
    if program.starts_with("/nix/store") {
        return vec![same("/nix/store".into())];
    }
    let prefix = program.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent);
    let library = |name: &str| prefix.map(|prefix| prefix.join(name)).filter(|folder| folder.is_dir());
    // Never the prefix itself: that may be somebody's home.
    let mut mounts: Vec<Mount> = ["lib", "lib64"].into_iter().filter_map(library).map(same).collect();
    mounts.push(same(match (program.parent(), mounts.is_empty()) {
        (Some(folder), false) => folder.into(),
        (_, _) => program.into(),
    }));
    mounts
}

/// What this machine lacks, and what to do about it.
pub(super) fn lacking(failure: &Failure) -> String {
    format!(
        "functions cannot be isolated from this machine: {}; or start the server with `--isolation none` to run them \
         without a sandbox",
        mend(failure, &|file| std::fs::read_to_string(file).ok())
    )
}

/// What is wrong, and the exact way to mend it, with the machine's settings as `read` gives them.
fn mend(failure: &Failure, read: &dyn Fn(&str) -> Option<String>) -> String {
    let setting = |file: &str| read(file).map(|text| text.trim().to_owned());
    let error = io::Error::from_raw_os_error(failure.errno);
    let refused = matches!(failure.errno, libc::EPERM | libc::EACCES);
    match failure.step {
        Step::Mount if hides_proc(failure) => "parts of its /proc are hidden, as in a container, which must be run \
             with `--security-opt systempaths=unconfined`"
            .into(),
        Step::Namespaces | Step::Root | Step::Mount | Step::Privileges
            if refused
                && setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") =>
        {
            "AppArmor keeps user namespaces to programs that have a profile: install the one in \
             packaging/apparmor-sonagi, whose first lines say how"
                .into()
        }
        Step::Namespaces
            if refused && setting("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") =>
        {
            "user namespaces are switched off for ordinary users: sysctl kernel.unprivileged_userns_clone=1".into()
        }
        Step::Namespaces
            if failure.errno == libc::ENOSPC
                || setting("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") =>
        {
            "there are no user namespaces left to make: sysctl user.max_user_namespaces=100000".into()
        }
        Step::Namespaces if failure.errno == libc::EINVAL => {
            "the kernel has no user namespaces: it must be built with CONFIG_USER_NS".into()
        }
        Step::Namespaces if refused => "this user may not make user namespaces, as in a container that allows none: \
             run the container with `--security-opt seccomp=unconfined` (Docker, Podman), or sonagi outside of it"
            .into(),
        step => {
            let step = format!("{step:?}").to_lowercase();
            format!("step {step} failed: {} {error}", failure.subject)
        }
    }
}

/// Whether the kernel refused a `/proc` of the sandbox's own, since the machine's is hidden in part.
pub(super) fn hides_proc(failure: &Failure) -> bool {
    failure.subject == "/proc" && failure.errno == libc::EPERM
}

/// Why nothing may be started.
pub(super) const NO_GROUPS: &str = "functions cannot be limited exactly: this machine gives sonagi no control groups. \
     Run it as a systemd service with `Delegate=yes` (packaging/sonagi.service), or by `systemd-run --user --scope -p \
     Delegate=yes sonagi …`; or start the server with `--isolation no-groups` to limit them less exactly";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_of_the_systems_needs_no_mount() {
        assert_eq!(interpreter(Path::new("/usr/bin/python3.11")), []);
    }

    #[test]
    fn an_interpreter_in_a_home_shows_nothing_else_of_it() {
        let home = tempfile::tempdir().unwrap();
        for folder in ["bin", "lib/python3.12", "secrets"] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        let program = home.path().join("bin/python3.12");
        let seen: Vec<PathBuf> = interpreter(&program).into_iter().map(|mount| mount.to).collect();
        assert_eq!(seen, [home.path().join("lib"), home.path().join("bin")]);
        // A program alone is all that is seen.
        let seen: Vec<PathBuf> =
            interpreter(&home.path().join("node")).into_iter().map(|mount| mount.to).collect();
        assert_eq!(seen, [home.path().join("node")]);
    }

    #[test]
    fn what_is_lacking_is_named_with_the_way_to_mend_it() {
        let failure = |step, errno| Failure { step, errno, subject: "of the launcher".into() };
        let on = |name: &'static str, value: &'static str| {
            move |file: &str| file.ends_with(name).then(|| format!("{value}\n"))
        };
        let apparmor = on("apparmor_restrict_unprivileged_userns", "1");
        assert!(mend(&failure(Step::Root, libc::EACCES), &apparmor).contains("packaging/apparmor-sonagi"));
        let debian = on("unprivileged_userns_clone", "0");
        assert!(
            mend(&failure(Step::Namespaces, libc::EPERM), &debian).contains("unprivileged_userns_clone=1")
        );
        let none = on("max_user_namespaces", "0");
        assert!(mend(&failure(Step::Namespaces, libc::EPERM), &none).contains("max_user_namespaces=100000"));
        assert!(mend(&failure(Step::Namespaces, libc::EPERM), &|_| None).contains("container"));
        assert!(
            mend(&failure(Step::Mount, libc::ENOMEM), &|_| None).contains("mount failed: of the launcher")
        );
    }

    #[test]
    fn users_are_given_away_only_where_there_are_any() {
        assert!(maps("         0          0 4294967295\n", USERS_FIRST, USERS));
        assert!(!maps(
            "         0       1000          1\n         1     100000      65536\n",
            USERS_FIRST,
            USERS
        ));
        assert!(!maps("nonsense", USERS_FIRST, USERS));
    }

    #[test]
    fn no_two_servers_or_environments_have_the_same_users() {
        let of = |server| Users { first: USERS_FIRST + server * USERS, next: AtomicU32::new(0) };
        let (one, other) = (of(0), of(1));
        let all: Vec<u32> = (0..USERS / 2).map(|_| one.next()).collect();
        assert!(all.windows(2).all(|pair| pair[1] == pair[0] + 2));
        assert!(all.iter().all(|&user| user + 1 < other.next()));
        assert!(of(SERVERS).next() < i32::MAX.unsigned_abs());
    }
}
