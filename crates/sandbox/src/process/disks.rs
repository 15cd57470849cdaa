//! Whether environments have their `/tmp` on disk, for who asks before anything is started.

use std::{io, path::Path, path::PathBuf};

use sonagi_model::limits;

use super::{
    isolation::Users,
    launcher::{Launcher, LauncherProgram},
    survey,
};
use crate::launcher::{Failure, Sandbox, disks};

/// Has one made, and lets it go again. `place` is an empty folder below the one that a server keeps its environments'
/// files in.
///
/// # Errors
/// Why `/tmp` is memory on this machine, and what to do about it.
pub fn try_disk(launcher: PathBuf, launcher_args: Vec<String>, place: &Path) -> Result<(), String> {
    let Some(users) = Users::of(0) else { return Err(NOT_ROOT.into()) };
    let place = Some(place.to_path_buf());
    let launcher = Launcher::start(LauncherProgram { program: launcher, arguments: launcher_args, place });
    let temporary = u64::from(limits::EPHEMERAL_STORAGE_MIN) << 20;
    let sandbox = Sandbox { users: Some(users.next()), temporary, ..Sandbox::default() };
    let asked = launcher.and_then(|launcher| {
        let lease = launcher.order_disk(sandbox)?;
        disks::claim(&lease)?;
        // The launcher stays until it was answered.
        Ok(disks::receive(&lease))
    });
    match asked {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failure)) => Err(lacking(&failure)),
        Err(error) => Err(survey::unexpected(error)),
    }
}

const NOT_ROOT: &str = "only a server that runs as root can mount one for each environment";

/// What is wrong, and what to do.
pub(super) fn lacking(failure: &Failure) -> String {
    let error = io::Error::from_raw_os_error(failure.errno);
    match (failure.subject.as_str(), failure.errno) {
        ("mkfs.ext4", libc::ENOENT) => "this machine has no mkfs.ext4: install it (Debian: e2fsprogs)".into(),
        ("memory", _) => "the server's data folder is in memory itself: give it one on a disk".into(),
        ("room", libc::ENOSPC) => {
            let spare = limits::DISK_ROOM >> 20;
            format!("where the server's data is there is less room than /tmp and {spare} MB: make some")
        }
        ("loop", _) => format!(
            "no loop device can be had ({error}): a container needs `--privileged`, or the devices and CAP_SYS_ADMIN; \
             a systemd unit must not set PrivateDevices, and with DevicePolicy needs `DeviceAllow=/dev/loop-control rw` and \
             `DeviceAllow=block-loop rw`"
        ),
        ("mount", libc::ENODEV) => "the kernel has no ext4".into(),
        ("wait", _) => {
            let wait = limits::DISK_WAIT.as_secs();
            format!("none was ready within {wait} seconds: this machine has too much to do")
        }
        (subject, _) => format!("{subject}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::Step;

    #[test]
    fn what_is_lacking_is_named_with_what_to_do() {
        let of =
            |subject: &str, errno| lacking(&Failure { step: Step::Disk, errno, subject: subject.into() });
        assert!(of("mkfs.ext4", libc::ENOENT).contains("e2fsprogs"));
        assert!(of("room", libc::ENOSPC).contains("1024 MB"));
        assert!(of("loop", libc::ENOENT).contains("DeviceAllow=/dev/loop-control"));
        assert!(of("mount", libc::EPERM).contains("mount: Operation not permitted"));
    }
}
