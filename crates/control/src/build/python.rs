//! Python packages, by pip, with the interpreter that will run them.

use std::{
    collections::HashMap,
    ffi::OsString,
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{FunctionName, limits};
use tokio::sync::Mutex;

use super::{
    Error, Interpreter, Result, Tools,
    archive::{self, Content, Entries, Modules},
    cache,
    job::{Job, blocking},
    tool::{self, Run},
};

/// An interpreter that has pip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installer {
    program: PathBuf,
    /// What tells one build of an interpreter from another.
    identity: String,
}

/// Who installs for which interpreter: asked once.
#[derive(Debug, Clone, Default)]
pub(super) struct Installers(Arc<Mutex<HashMap<PathBuf, Option<Installer>>>>);

impl Installers {
    /// The interpreter that runs the function, or, if that one has no pip (as Debian's may), another of its version:
    /// what is compiled for one fits the other.
    async fn of(&self, runs: &Interpreter, tools: &Tools) -> Option<Installer> {
        let mut known = self.0.lock().await;
        if let Some(known) = known.get(&runs.program) {
            return known.clone();
        }
        let mut found = None;
        let names = [format!("python3.{}", runs.version), "python3".into()];
        let others = names.iter().flat_map(|name| tool::find_all(&tools.path, name));
        for program in iter::once(runs.program.clone()).chain(others) {
            // A version manager's stand-in may be there and know of no such version: only asking tells.
            let script = "import sys, sysconfig, pip; \
                print(sys.version_info[1]); print(sys.executable); print(sys.version, sysconfig.get_platform())";
            let Some(answer) = tool::ask(&program, &["-c", script], tools).await else { continue };
            let mut lines = answer.lines();
            let (Some(version), Some(real)) = (lines.next(), lines.next()) else { continue };
            if version.parse() == Ok(runs.version) {
                let identity = lines.collect::<Vec<_>>().join(" ");
                found = Some(Installer { program: real.into(), identity });
                break;
            }
        }
        known.insert(runs.program.clone(), found.clone());
        found
    }
}

/// The zip of what the function depends on; `None` when that is nothing.
pub(super) async fn dependencies(
    job: &Job<'_>,
    installers: &Installers,
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
    let lacking = |tool: String, help: String| Error::NoTool { function: function.clone(), tool, help };
    let Some(interpreter) = job.tools.interpreters.find(job.runtime).await else {
        return Err(lacking("Python".into(), "install the packages python3 and python3-pip".into()));
    };
    let Some(installer) = installers.of(&interpreter, job.tools).await else {
        let (version, program) = (interpreter.version, interpreter.program.display());
        let help = format!("{program}, which runs this function, has none; install the package python3-pip");
        return Err(lacking(format!("pip for Python 3.{version}"), help));
    };
    // A requirement that is a file of the app's changes with that file.
    let local = refers_to_files(&requirements);
    let source = if local { archive::digest(function, entries)?.to_string() } else { String::new() };
    let extras: Vec<&str> = job.extras.iter().map(String::as_str).collect();
    let key = cache::key(&[
        b"python 1",
        installer.identity.as_bytes(),
        requirements.as_bytes(),
        extras.join("\n").as_bytes(),
        source.as_bytes(),
    ]);
    if let Some(entry) = job.cache.get("pip", &key) {
        return read_zip(function, &entry).await.map(Some);
    }

    if interpreter.version != u32::from(minor) {
        let note = format!(
            "python3.{minor} is not on this machine: the packages are installed for python3.{}, the nearest there is",
            interpreter.version
        );
        job.progress.note(function.as_str(), &note);
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
        program: &installer.program,
        arguments,
        folder: &work,
        variables: vec![("PIP_REQUIRE_VIRTUALENV", "0".into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    compile(job, &installer, &target).await;

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
async fn compile(job: &Job<'_>, installer: &Installer, target: &Path) {
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
        program: &installer.program,
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

pub(super) fn is_empty(requirements: &str) -> bool {
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
