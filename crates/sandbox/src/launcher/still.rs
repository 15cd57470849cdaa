//! Whether an initialised runtime can be copied: only if a copy of its memory is a copy of all that it is.
//!
//! A fork has one thread, and shares with its parent what is open and what is mapped to be shared. So a runtime is refused
//! that has more threads or processes, that shares memory, or that has something open which two would get in each
//! other's way with. Files that are only read are opened anew in each copy, and connections are shut down, by the runtime
//! client.

use std::{fs, path::Path};

use rustix::process::Pid;

/// Or else why not, for the function's log.
pub(super) fn check(runtime: Pid) -> Result<(), String> {
    let own = format!("/proc/{}", runtime.as_raw_nonzero());
    let own = Path::new(&own);
    let threads = entries(&own.join("task"))?.len();
    if threads != 1 {
        return Err(format!("{threads} threads run after its initialisation"));
    }
    let first = rustix::process::getpid();
    let others = entries(Path::new("/proc"))?.into_iter().filter_map(|name| name.parse::<i32>().ok());
    let known = [first, runtime].map(|pid| pid.as_raw_nonzero().get());
    if let Some(other) = others.into_iter().find(|pid| !known.contains(pid)) {
        return Err(format!("its initialisation has started a process ({}) that still runs", name(other)));
    }
    let maps = fs::read_to_string(own.join("maps")).map_err(unreadable)?;
    if let Some(shared) = maps.lines().find_map(shared) {
        return Err(format!("it shares memory ({shared})"));
    }
    // A runtime may have its log open more than once.
    let log = ["1", "2"].map(|number| fs::read_link(own.join("fd").join(number)).ok());
    for number in entries(&own.join("fd"))? {
        let target = fs::read_link(own.join("fd").join(&number)).map_err(unreadable)?;
        let info = fs::read_to_string(own.join("fdinfo").join(&number)).map_err(unreadable)?;
        if log.iter().flatten().any(|log| *log == target) {
            continue;
        }
        open(&number, &target.to_string_lossy(), &info)?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<String>, String> {
    let read = fs::read_dir(folder).map_err(unreadable)?;
    Ok(read.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn unreadable(error: std::io::Error) -> String {
    format!("it cannot be looked into ({error})")
}

fn name(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().into()
}

/// A line of `/proc/<pid>/maps`: the name of what may be written to and is shared.
fn shared(line: &str) -> Option<String> {
    let mut parts = line.split_ascii_whitespace();
    let (_, rights) = (parts.next()?, parts.next()?);
    let name = parts.nth(3).unwrap_or("without a name");
    (rights.ends_with('s') && rights.contains('w')).then(|| name.to_owned())
}

/// Whether an open file is of no harm.
fn open(number: &str, target: &str, info: &str) -> Result<(), String> {
    const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
    // Nothing, and the gate.
    if matches!(number, "0" | "3") || DEVICES.contains(&target) || target.starts_with("socket:") {
        return Ok(());
    }
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("0").trim();
    let flags = i32::from_str_radix(flags, 8).unwrap_or(libc::O_RDWR);
    // A folder is read by a position as well, but nobody keeps one open for that.
    if target.starts_with('/') && flags & libc::O_ACCMODE == libc::O_RDONLY && !target.starts_with("/tmp/") {
        return Ok(());
    }
    Err(format!("it has {target} open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_shared_and_written_to_is_found() {
        let of = |line: &str| shared(line);
        assert_eq!(of("7f0-7f1 rw-p 00000000 00:00 0"), None);
        assert_eq!(of("7f0-7f1 r--s 00000000 fe:00 11 /usr/lib/x.cache"), None);
        assert_eq!(of("7f0-7f1 rw-s 00000000 00:01 12 /dev/zero (deleted)").as_deref(), Some("/dev/zero"));
        assert_eq!(of("7f0-7f1 rw-s 00000000 00:01 12").as_deref(), Some("without a name"));
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn what_two_would_share_may_not_be_open() {
        let of = |number, target, flags: &str| {
            open(number, target, &format!("pos:\t0\nflags:\t{flags}\n")).is_ok()
        };
        assert!(of("4", "/var/task/data.bin", "0100000"));
        assert!(of("5", "socket:[123]", "02"));
        assert!(of("6", "/dev/urandom", "02000000"));
        assert!(!of("4", "/var/task/data.bin", "0100002"));
        assert!(!of("4", "/tmp/scratch", "0100000"));
        assert!(!of("4", "anon_inode:[eventpoll]", "02"));
        assert!(!of("4", "pipe:[1]", "00"));
        assert!(!of("4", "/memfd:x (deleted)", "02"));
    }
}
