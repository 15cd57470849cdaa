//! Which Python or Node on this machine runs a function.
//!
//! What is on the search path may be a shim that finds the real interpreter anew each time and takes 25 ms for it
//! (pyenv, asdf, volta). So every candidate is asked once for its version and for the file that it really is, and
//! the answer is kept for as long as the candidate's file is the same.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_model::{Clock, clock, function::Runtime, limits};

/// Whether an interpreter of another version than the function asks for will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimePolicy {
    /// The nearest version that this machine has, with a note: for development.
    Nearest,
    /// The exact version or none: for servers.
    Exact,
}

/// An interpreter, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real program, not a version manager's stand-in for it.
    pub program: PathBuf,
    /// The minor version of Python, the major one of Node.
    pub version: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Language {
    Python,
    Node,
}

impl Language {
    /// What a file of it may be called; a version behind it says which it is.
    const fn stems(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3.", "python3", "python"],
            Self::Node => &["node", "nodejs"],
        }
    }

    /// Prints the real program and the version that counts, in two lines.
    const fn question(self) -> &'static [&'static str] {
        match self {
            // The base executable: a virtual environment's packages are not the function's.
            Self::Python => &[
                "-c",
                "import sys; print(getattr(sys, '_base_executable', None) or sys.executable); \
                 print(sys.version_info[1] if sys.version_info[0] == 3 else '')",
            ],
            Self::Node => {
                &["-e", "console.log(process.execPath + '\\n' + process.versions.node.split('.')[0])"]
            }
        }
    }

    fn named(self, version: u32) -> String {
        match self {
            Self::Python => format!("Python 3.{version}"),
            Self::Node => format!("Node.js {version}"),
        }
    }
}

/// A file's identity: another file, or a changed one, has another.
type Identity = (u64, u64, i64, u64);

/// Finds interpreters, always the same ones on the same machine.
#[derive(Debug)]
pub struct Interpreters {
    search_path: Vec<PathBuf>,
    policy: RuntimePolicy,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<(PathBuf, Identity), Option<Interpreter>>>,
    chosen: Mutex<HashMap<Runtime, (Interpreter, Identity)>>,
}

impl Interpreters {
    /// `search_path` is `PATH`, taken apart.
    pub fn new(search_path: Vec<PathBuf>, policy: RuntimePolicy, clock: Arc<dyn Clock>) -> Self {
        Self { search_path, policy, clock, known: Mutex::default(), chosen: Mutex::default() }
    }

    /// The interpreter for `runtime`; none for `provided`, which brings its own.
    ///
    /// # Errors
    /// What to do about there being none.
    pub async fn find(&self, runtime: Runtime) -> Result<Option<Interpreter>, String> {
        let (language, version) = match runtime {
            Runtime::Python { minor } => (Language::Python, u32::from(minor)),
            Runtime::Nodejs { major } => (Language::Node, u32::from(major)),
            Runtime::Provided(_) | Runtime::Wasm => return Ok(None),
        };
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).get(&runtime).cloned();
        if let Some((interpreter, identity)) = chosen
            && self::identity(&interpreter.program) == Some(identity)
        {
            return Ok(Some(interpreter));
        }
        let found =
            self.choose(language, version).await.ok_or_else(|| self.lacking(runtime, language, version))?;
        if let Some(identity) = identity(&found.program) {
            let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
            chosen.insert(runtime, (found.clone(), identity));
        }
        Ok(Some(found))
    }

    /// What the user should know about the choice.
    pub(super) fn note(runtime: Runtime, found: &Interpreter) -> Option<String> {
        let (language, version) = match runtime {
            Runtime::Python { minor } => (Language::Python, u32::from(minor)),
            Runtime::Nodejs { major } => (Language::Node, u32::from(major)),
            Runtime::Provided(_) | Runtime::Wasm => return None,
        };
        (found.version != version).then(|| {
            format!(
                "{runtime} functions run on {} ({}), the nearest that this machine has; install {} for the same \
                 behaviour as in production",
                language.named(found.version),
                found.program.display(),
                language.named(version)
            )
        })
    }

    fn lacking(&self, runtime: Runtime, language: Language, version: u32) -> String {
        let wanted = language.named(version);
        match self.policy {
            RuntimePolicy::Nearest => format!(
                "{runtime} needs {wanted}, and this machine has no version of it on its search path: install {wanted}"
            ),
            RuntimePolicy::Exact => format!(
                "{runtime} needs {wanted}, which this machine does not have on its search path: install {wanted}, or \
                 start the server with `--nearest-runtimes` to run such functions on the nearest version there is"
            ),
        }
    }

    async fn choose(&self, language: Language, version: u32) -> Option<Interpreter> {
        let candidates = candidates(&self.search_path, language);
        // The name says the version: asked first, and often the only one asked.
        let named = |candidate: &&Candidate| candidate.version == Some(version);
        for candidate in candidates.iter().filter(named) {
            if let Some(found) = self.ask(language, &candidate.path).await
                && found.version == version
            {
                return Some(found);
            }
        }
        let mut nearest: Option<Interpreter> = None;
        for candidate in candidates.iter().filter(|candidate| !named(candidate)) {
            if self.policy == RuntimePolicy::Exact && candidate.version.is_some() {
                continue;
            }
            let Some(found) = self.ask(language, &candidate.path).await else { continue };
            if found.version == version {
                return Some(found);
            }
            // Of two as far away, the newer: what a function needs is more often still there than already there.
            let distance = |it: &Interpreter| (it.version.abs_diff(version), it.version < version);
            if nearest.as_ref().is_none_or(|nearest| distance(&found) < distance(nearest)) {
                nearest = Some(found);
            }
        }
        nearest.filter(|_| self.policy == RuntimePolicy::Nearest)
    }

    async fn ask(&self, language: Language, candidate: &Path) -> Option<Interpreter> {
        let key = (candidate.to_path_buf(), identity(candidate)?);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let answer = self.run(language, candidate).await;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
        answer
    }

    async fn run(&self, language: Language, candidate: &Path) -> Option<Interpreter> {
        let output = tokio::process::Command::new(candidate)
            .args(language.question())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        let deadline = self.clock.tick() + limits::INTERPRETER_PROBE;
        let output = clock::within(&*self.clock, deadline, output).await?.ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut lines = text.lines();
        let (program, version) = (PathBuf::from(lines.next()?), lines.next()?.parse().ok()?);
        (output.status.success() && program.is_absolute()).then_some(Interpreter { program, version })
    }
}

fn identity(file: &Path) -> Option<Identity> {
    let data = fs::metadata(file).ok()?;
    data.is_file().then(|| (data.dev(), data.ino(), data.mtime_nsec() ^ data.mtime(), data.size()))
}

#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    /// What the name says.
    version: Option<u32>,
}

/// What may be an interpreter of `language`, in the order of the search path.
fn candidates(search_path: &[PathBuf], language: Language) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for folder in search_path.iter().flat_map(|folder| [vec![folder.clone()], siblings(folder)].concat()) {
        if !seen.insert(folder.clone()) {
            continue;
        }
        let names: BTreeSet<String> = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        for name in names {
            let version = language.stems().iter().find_map(|stem| {
                let rest = name.strip_prefix(stem)?;
                if rest.is_empty() { Some(None) } else { Some(Some(rest.parse::<u32>().ok()?)) }
            });
            if let Some(version) = version {
                found.push(Candidate { path: folder.join(&name), version });
            }
        }
    }
    found
}

/// Version managers put one version on the search path; the others lie next to it.
fn siblings(folder: &Path) -> Vec<PathBuf> {
    // ~/.pyenv/shims → ~/.pyenv/versions/*/bin; ~/.nvm/versions/node/v20.1.0/bin → ~/.nvm/versions/node/*/bin
    let versions = match folder.file_name().and_then(|name| name.to_str()) {
        Some("shims") => folder.with_file_name("versions"),
        Some("bin") => match folder.parent().and_then(Path::parent) {
            Some(versions) if versions.ends_with(".nvm/versions/node") => versions.to_path_buf(),
            Some(_) | None => return Vec::new(),
        },
        Some(_) | None => return Vec::new(),
    };
    let mut folders: Vec<PathBuf> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    // The newest first, roughly; what counts is that it is always the same order.
    folders.sort_unstable();
    folders.reverse();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_found_by_their_names() {
        let top = tempfile::tempdir().unwrap();
        let shims = top.path().join("shims");
        let versions = top.path().join("versions/3.12.1/bin");
        for folder in [&shims, &versions] {
            fs::create_dir_all(folder).unwrap();
        }
        for file in ["python3", "python3.11", "python3-config", "python3.11-config", "python", "node"] {
            fs::write(shims.join(file), "").unwrap();
        }
        fs::write(versions.join("python3.12"), "").unwrap();
        let found = candidates(std::slice::from_ref(&shims), Language::Python);
        let candidate = |path: PathBuf, version| Candidate { path, version };
        assert_eq!(
            found,
            [
                candidate(shims.join("python"), None),
                candidate(shims.join("python3"), None),
                candidate(shims.join("python3.11"), Some(11)),
                candidate(versions.join("python3.12"), Some(12)),
            ]
        );
    }
}
