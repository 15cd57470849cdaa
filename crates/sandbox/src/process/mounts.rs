//! Where this machine's control groups are, and which of them the server may make groups in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The groups that ours can be made in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mounts {
    /// Version 1: the server's group for memory, and for processes.
    pub(super) v1: Option<(PathBuf, PathBuf)>,
    /// And for processor time.
    pub(super) v1_cpu: Option<PathBuf>,
    /// Version 2.
    pub(super) v2: Option<PathBuf>,
}

impl Mounts {
    pub(super) fn read() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let memory = own_group(&mounts, &own, "cgroup", "memory");
        let pids = own_group(&mounts, &own, "cgroup", "pids");
        let v1 = memory.zip(pids);
        let v1_cpu = own_group(&mounts, &own, "cgroup", "cpu");
        // Not looked at where the controllers are version 1's: this process would be moved for nothing.
        let unified = if v1.is_none() { own_group(&mounts, &own, "cgroup2", "") } else { None };
        Ok(Self { v1, v1_cpu, v2: unified.and_then(|own| taken_over(&own).or_else(|| delegated(&own))) })
    }
}

/// Whether processor time can be shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processors {
    Limited,
    /// A user's control groups often come without it.
    Unlimited,
}

/// Has the groups below `group` limited, with version 2.
pub(super) fn hand_out(group: &Path) -> io::Result<Processors> {
    let control = group.join("cgroup.subtree_control");
    let cpu = fs::write(&control, "+cpu");
    fs::write(&control, "+memory +pids")?;
    Ok(if cpu.is_ok() { Processors::Limited } else { Processors::Unlimited })
}

/// The folder of the group that this process is in, in the hierarchy that `controller` belongs to.
fn own_group(mounts: &str, own: &str, kind: &str, controller: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        names.split(',').any(|name| name == controller).then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut what = what.split(' ');
        let fits = what.next()? == kind
            && (controller.is_empty() || what.nth(1)?.split(',').any(|option| option == controller));
        // A container may see its own group as the hierarchy's root.
        let inside = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        fits.then(|| if inside.as_os_str().is_empty() { point.into() } else { Path::new(point).join(inside) })
    })
}

/// The server's own group, if systemd gave it to the server to divide (`Delegate=yes`, which it notes in an attribute).
///
/// A group that hands something out must hold no process itself, so the server moves into one below it.
fn taken_over(own: &Path) -> Option<PathBuf> {
    let given = ["trusted.delegate", "user.delegate"].into_iter().any(|name| {
        let mut value = [0; 8];
        rustix::fs::getxattr(own, name, &mut value).is_ok_and(|size| value[..size] == *b"1")
    });
    if !given {
        return None;
    }
    let server = own.join("sonagi-server");
    let divide = || {
        match fs::create_dir(&server) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::write(server.join("cgroup.procs"), "0")?;
        hand_out(own)
    };
    match divide() {
        Ok(Processors::Limited | Processors::Unlimited) => Some(own.to_path_buf()),
        Err(error) => {
            tracing::debug!(%error, group = %own.display(), "the service's own control group cannot be divided");
            None
        }
    }
}

/// The nearest group upwards that hands out memory and processes and lets us make groups in it.
///
/// A group that hands something out must hold no process itself (unless it is the root), so the server's own group
/// is rarely the one; a user's systemd keeps one above it that the user may write to.
fn delegated(own: &Path) -> Option<PathBuf> {
    own.ancestors()
        .take_while(|group| group.join("cgroup.procs").exists())
        .find(|group| {
            let handed_out = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
            let has = |name| handed_out.split_ascii_whitespace().any(|controller| controller == name);
            has("memory") && has("pids") && writable(&group.join("cgroup.procs"))
        })
        .map(Path::to_path_buf)
}

fn writable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
34 30 0:30 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
38 30 0:34 /box /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 30 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const OWN: &str = "\
8:pids:/box
4:memory:/a/b
1:cpu,cpuacct:/
0::/user.slice
";

    #[test]
    fn the_own_group_is_found_in_each_hierarchy() {
        let find = |kind, controller| own_group(MOUNTS, OWN, kind, controller);
        assert_eq!(find("cgroup", "memory"), Some("/sys/fs/cgroup/memory/a/b".into()));
        assert_eq!(find("cgroup", "pids"), Some("/sys/fs/cgroup/pids".into()));
        assert_eq!(find("cgroup2", ""), Some("/sys/fs/cgroup/unified/user.slice".into()));
        assert_eq!(find("cgroup", "freezer"), None);
    }

    #[test]
    fn a_service_divides_the_group_that_it_was_given() {
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join("cgroup.subtree_control"), "").unwrap();
        assert_eq!(taken_over(own.path()), None);
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(own.path(), "trusted.delegate", b"1", flags).is_err() {
            // Only root may, and only on some file systems.
            return;
        }
        assert_eq!(taken_over(own.path()), Some(own.path().to_path_buf()));
        let written = |file: &str| fs::read_to_string(own.path().join(file)).unwrap();
        assert_eq!(written("sonagi-server/cgroup.procs"), "0");
        assert_eq!(written("cgroup.subtree_control"), "+memory +pids");
    }

    #[test]
    fn a_group_is_taken_where_memory_and_processes_are_handed_out() {
        let top = tempfile::tempdir().unwrap();
        let user = top.path().join("user.slice/user@1000.service");
        let own = user.join("app.slice/terminal.scope");
        fs::create_dir_all(&own).unwrap();
        for (group, controllers) in
            [(&own, ""), (&user.join("app.slice"), "pids"), (&user, "cpu memory pids")]
        {
            fs::write(group.join("cgroup.procs"), "").unwrap();
            fs::write(group.join("cgroup.subtree_control"), controllers).unwrap();
        }
        assert_eq!(delegated(&own), Some(user.clone()));
        fs::write(user.join("cgroup.subtree_control"), "cpu").unwrap();
        assert_eq!(delegated(&own), None);
    }
}
