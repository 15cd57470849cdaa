//! The runtime's process, and all that it leaves to reap.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    ended, fail,
    output::Output,
    protocol::{End, Failure, Orders, Step},
    sys,
};

/// The signal that the kernel kills with when memory is used up.
const KILLED: i32 = 9;

pub(crate) struct Runtime {
    process: u32,
    output: Output,
}

impl Runtime {
    pub(crate) fn start(orders: &Orders, output: Output) -> Result<Self, Failure> {
        let program = Path::new(OsStr::from_bytes(&orders.program));
        let named = |step: Step, path: &Path| {
            let subject = path.display().to_string();
            move |error: std::io::Error| fail(step, &error, &subject)
        };
        let entrance =
            output.entrance().ok_or(Failure { step: Step::Exec, errno: 0, subject: String::new() })?;
        let also = entrance.try_clone().map_err(named(Step::Exec, program))?;
        let folder = Path::new(OsStr::from_bytes(&orders.folder));
        fs::metadata(folder).map_err(named(Step::Files, folder))?;
        let split = |variable: &[u8]| {
            let at = variable.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (&variable[..at], &variable[at + 1..]);
            Some((OsStr::from_bytes(name).to_owned(), OsStr::from_bytes(value).to_owned()))
        };
        let child = Command::new(program)
            .args(orders.arguments.iter().map(|argument| OsStr::from_bytes(argument)))
            .env_clear()
            .envs(orders.variables.iter().filter_map(|variable| split(variable)))
            .current_dir(folder)
            .uid(orders.user)
            .gid(orders.group)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(entrance)
            .stderr(also)
            .spawn()
            .map_err(named(Step::Exec, program))?;
        Ok(Self { process: child.id(), output })
    }

    /// Reaps whatever ends, until it is the runtime.
    pub(crate) fn wait(self) -> End {
        loop {
            match sys::reap() {
                Ok((child, status)) if child == self.process => {
                    self.output.flush();
                    let end = ended(status);
                    return if end == End::Signal(KILLED) && out_of_memory() {
                        End::OutOfMemory
                    } else {
                        end
                    };
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return End::Signal(KILLED),
            }
        }
    }
}

/// Whether the kernel has killed anything to get memory.
fn out_of_memory() -> bool {
    let counters = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    counters.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
}

/// Bytes of memory that all processes of `user` used at the most, each for itself.
pub(crate) fn memory(user: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.uid() == user))
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
        .filter_map(|status| {
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        })
        .sum::<u64>()
        << 10
}
