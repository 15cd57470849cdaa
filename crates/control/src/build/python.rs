//! Python packages, by pip, with the interpreter that will run them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{FunctionName, limits};
use tokio::sync::Mutex;

use super::{
    Error, Result, Tools,
    archive::{self, Content, Entries, Modules},
    cache,
    job::{Job, blocking},
    tool::{self, Run},
};

/// Minor versions of Python 3 that are looked for, the newest first.
const MINORS: std::ops::RangeInclusive<u8> = 8..=15;

/// An interpreter that has pip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    program: PathBuf,
    minor: u8,
    /// What tells one build of an interpreter from another.
    identity: String,
}

/// What was found on this machine: asked once.
#[derive(Debug, Clone, Default)]
pub(super) struct Found(Arc<Mutex<std::collections::HashMap<u8, Option<Interpreter>>>>);

impl Found {
    /// The interpreter of this minor version, or the nearest that there is.
    async fn nearest(&self, minor: u8, tools: &Tools) -> Option<Interpreter> {
        let mut order: Vec<u8> = MINORS.collect();
        // Of two that are equally near, the newer.
        order.sort_by_key(|&other| (other.abs_diff(minor), u8::MAX - other));
        for candidate in order {
            if let Some(found) = self.exact(candidate, tools).await {
                return Some(found);
            }
        }
        None
    }

    async fn exact(&self, minor: u8, tools: &Tools) -> Option<Interpreter> {
        let mut known = self.0.lock().await;
        if let Some(known) = known.get(&minor) {
            return known.clone();
        }
        let mut found = None;
        let names = [format!("python3.{minor}"), "python3".into()];
        for program in names.iter().flat_map(|name| tool::find_all(&tools.path, name)) {
            // A version manager's stand-in may be there and know of no such version: only asking tells.
            let script = "import sys, sysconfig, pip; \
                print(sys.version_info[1]); print(sys.executable); print(sys.version, sysconfig.get_platform())";
            let Some(answer) = tool::ask(&program, &["-c", script], tools).await else { continue };
            let mut lines = answer.lines();
            let (Some(version), Some(real)) = (lines.next(), lines.next()) else { continue };
            if version.parse() == Ok(minor) {
                let identity = lines.collect::<Vec<_>>().join(" ");
                found = Some(Interpreter { program: real.into(), minor, identity });
                break;
            }
        }
        known.insert(minor, found.clone());
        found
    }
}

/// The zip of what the function depends on; `None` when that is nothing.
pub(super) async fn dependencies(
    job: &Job<'_>,
    found: &Found,
    minor: u8,
    entries: &Entries,
) -> Result<Option<Vec<u8>>> {
    let requirements = match entries.get("requirements.txt") {
        Some(Content::File { path, .. }) => {
            let (function, path) = (job.function.clone(), path.clone());
            blocking(move || {
                std::fs::read_to_string(&path).map_err(|cause| Error::Io {
                    function,
                    verb: "read",
                    path,
                    cause,
                })
            })
            .await?
        }
        Some(Content::Link { .. } | Content::Text(_)) | None => String::new(),
    };
    if is_empty(&requirements) && job.extras.is_empty() {
        return Ok(None);
    }
    let function = job.function;
    let Some(interpreter) = found.nearest(minor, job.tools).await else {
        return Err(Error::NoTool {
            function: function.clone(),
            tool: "Python with pip".into(),
            help: "install the packages python3 and python3-pip".into(),
        });
    };
    if interpreter.minor != minor {
        let note = format!(
            "python3.{minor} is not on this machine: the packages are installed for python3.{}, the nearest there is",
            interpreter.minor
        );
        job.progress.note(function.as_str(), &note);
    }
    // A requirement that is a file of the app's changes with that file.
    let local = refers_to_files(&requirements);
    let source = if local { archive::digest(function, entries)?.to_string() } else { String::new() };
    let extras: Vec<&str> = job.extras.iter().map(String::as_str).collect();
    let key = cache::key(&[
        b"python 1",
        interpreter.identity.as_bytes(),
        requirements.as_bytes(),
        extras.join("\n").as_bytes(),
        source.as_bytes(),
    ]);
    if let Some(entry) = job.cache.get("pip", &key) {
        return read_zip(function, &entry).await.map(Some);
    }

    let shop = job.workshop()?;
    let work = shop.path().join("source");
    let target = shop.path().join("packages");
    let made = shop.path().join("entry");
    for folder in [&work, &target, &made] {
        job.make(folder)?;
    }
    let wanted = match local {
        true => entries.clone(),
        false => Entries::from([("requirements.txt".to_owned(), Content::Text(requirements.clone()))]),
    };
    archive::copy(function, &wanted, &work)?;
    let mut arguments: Vec<OsString> = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        .iter()
        .chain(&["--no-compile", "--no-warn-script-location", "--root-user-action=ignore", "--target"])
        .map(OsString::from)
        .collect();
    arguments.push(target.clone().into());
    if !is_empty(&requirements) {
        arguments.extend(["-r".into(), "requirements.txt".into()]);
    }
    arguments.extend(job.extras.iter().map(OsString::from));
    let run = Run {
        function,
        what: "pip install",
        program: &interpreter.program,
        arguments,
        folder: &work,
        variables: vec![("PIP_REQUIRE_VIRTUALENV", "0".into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    compile(job, &interpreter, &target).await;

    let (name, folder) = (function.clone(), made.clone());
    let zip = blocking(move || {
        let entries = installed(&name, &target)?;
        let zip = archive::pack(&name, &entries, None)?;
        let path = folder.join("packages.zip");
        std::fs::write(&path, &zip).map_err(|cause| Error::Io {
            function: name.clone(),
            verb: "write",
            path,
            cause,
        })?;
        Ok(zip)
    })
    .await?;
    job.keep("pip", &key, &made)?;
    Ok(Some(zip.into()))
}

/// Byte code that is valid whatever the files' times are, so that a read-only package starts fast. Failing is no harm:
/// some packages hold files that are not for this version.
async fn compile(job: &Job<'_>, interpreter: &Interpreter, target: &Path) {
    let arguments = [
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-p",
        "/var/task",
        "-s",
    ];
    let mut arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    arguments.extend([target.into(), target.into()]);
    let run = Run {
        function: job.function,
        what: "compile packages",
        program: &interpreter.program,
        arguments,
        folder: target,
        variables: Vec::new(),
        limit: limits::BUILD_TIMEOUT,
    };
    let _ = run.run(job.tools, job.progress).await;
}

/// What pip left, byte code included (which a function's own folder has none of).
fn installed(function: &FunctionName, target: &Path) -> Result<Entries> {
    archive::list_all(function, target, Modules::Taken)
}

pub(super) async fn read_zip(function: &FunctionName, entry: &Path) -> Result<Vec<u8>> {
    let path = entry.join("packages.zip");
    let function = function.clone();
    blocking(move || std::fs::read(&path).map_err(|cause| Error::Io { function, verb: "read", path, cause }))
        .await
}

fn lines(requirements: &str) -> impl Iterator<Item = &str> {
    requirements
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn is_empty(requirements: &str) -> bool {
    lines(requirements).next().is_none()
}

fn refers_to_files(requirements: &str) -> bool {
    lines(requirements).any(|line| {
        let option = line.starts_with('-') && !line.starts_with("--index") && !line.starts_with("--extra");
        option || line.starts_with(['.', '/']) || line.contains("file:") || line.ends_with(".whl")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_tell_whether_they_need_files() {
        assert!(is_empty("# nothing\n\n"));
        assert!(!refers_to_files("requests==2 # pinned\n--extra-index-url https://x\n"));
        assert!(refers_to_files("-r base.txt"));
        assert!(refers_to_files("./mine"));
        assert!(refers_to_files("mine @ file:///x"));
    }
}
