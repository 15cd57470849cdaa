//! The program of a custom runtime: `bootstrap` at the package's root, or at the root of a layer ("Building a custom
//! runtime for AWS Lambda": "If the root of your deployment package doesn't contain a file named bootstrap, Lambda looks
//! for the file in the function's layers").

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{EnvironmentSpec, StartFailure, ending};

const INVALID: &str = "Runtime.InvalidEntrypoint";

/// A folder that may hold it, and as what that folder is seen by what runs it.
pub(crate) type Place = (PathBuf, PathBuf);

/// Where to look for it, the package first.
pub(crate) fn places(spec: &EnvironmentSpec, task_root: &Path, opt: &Path) -> Vec<Place> {
    let layers = spec.opt.as_ref().map(|layers| (layers.folder.clone(), opt.to_path_buf()));
    [(spec.code.clone(), task_root.to_path_buf())].into_iter().chain(layers).collect()
}

/// The `bootstrap` in the first place that has one, if this machine can run it, as it is seen by what runs it.
pub(crate) fn find(places: &[Place]) -> Result<PathBuf, StartFailure> {
    let found = places.iter().find_map(|(folder, seen_as)| {
        let file = folder.join("bootstrap");
        let data = fs::metadata(&file).ok().filter(fs::Metadata::is_file)?;
        Some((file, seen_as.join("bootstrap"), data.permissions().mode()))
    });
    let (file, path) = match found {
        Some((file, path, mode)) if mode & 0o111 != 0 => (file, path),
        // Lambda's text, and what to do.
        Some((_, path, _)) => {
            return Err(invalid(&format!(
                "fork/exec {}: permission denied: it is not executable, so `chmod +x bootstrap` before it is packed",
                path.display()
            )));
        }
        // The text of the Runtime Interface Emulator.
        None => {
            let names: Vec<String> =
                places.iter().map(|(_, seen_as)| seen_as.join("bootstrap").display().to_string()).collect();
            return Err(invalid(&format!("Couldn't find valid bootstrap(s): [{}]", names.join(" "))));
        }
    };
    match built_for(&file) {
        Some(built_for) if built_for != HOST => Err(StartFailure::Unsupported(format!(
            "{} is built for {built_for}, and this machine is {HOST}: build the function for {HOST}",
            path.display()
        ))),
        Some(_) | None => Ok(path),
    }
}

/// The system would not start it.
pub(crate) fn not_started(program: &Path, errno: i32) -> StartFailure {
    invalid(&start_error(program, errno))
}

/// As Lambda says it (which is how Go does).
pub(super) fn start_error(program: &Path, errno: i32) -> String {
    let why = match errno {
        libc::EACCES => "permission denied".to_owned(),
        libc::ENOENT => "no such file or directory".to_owned(),
        libc::ENOEXEC => "exec format error".to_owned(),
        other => std::io::Error::from_raw_os_error(other).to_string(),
    };
    format!("fork/exec {}: {why}", program.display())
}

fn invalid(message: &str) -> StartFailure {
    StartFailure::Init {
        failure: ending::init(INVALID, message),
        create: Duration::ZERO,
        init: Duration::ZERO,
    }
}

pub(super) const HOST: &str = std::env::consts::ARCH;

/// What a program or a library is built for; none if it is something else.
pub(super) fn built_for(file: &Path) -> Option<&'static str> {
    let mut head = [0_u8; 20];
    if !fs::metadata(file).is_ok_and(|data| data.is_file()) {
        return None;
    }
    let size = File::open(file).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    machine(&head[..size])
}

/// What an ELF file is built for; none if it is something else, such as a script.
fn machine(head: &[u8]) -> Option<&'static str> {
    let little = match (head.get(..4)? == b"\x7fELF", head.get(5)?) {
        (true, 1) => true,
        (true, 2) => false,
        (true | false, _) => return None,
    };
    let bytes = [*head.get(18)?, *head.get(19)?];
    let machine = if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    Some(match machine {
        62 => "x86_64",
        183 => "aarch64",
        3 => "x86",
        40 => "arm",
        243 => "riscv64",
        _ => "another processor",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_names_its_processor() {
        let own = fs::read("/proc/self/exe").unwrap();
        assert_eq!(machine(&own[..20]), Some(HOST));
        assert_eq!(machine(b"#!/bin/sh\necho hello world"), None);
        assert_eq!(machine(b"\x7fELF"), None);
        assert_eq!(machine(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0"), Some("aarch64"));
    }
}
