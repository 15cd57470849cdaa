//! What this machine offers the process driver, for who asks before anything is started.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{Clock, function::Runtime, limits};

use super::{
    group::Groups,
    interpreters::{Interpreters, RuntimePolicy},
    isolation::{self, Users},
    launcher::{Launcher, LauncherProgram},
    machine::Means,
    spawner::{self, NotSpawned, Plan},
    start,
};
use crate::launcher::{Extensions, Failure, Purpose, Reach, Sandbox, Step};

/// What would run the functions of one runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The exact version; none for `provided`, which brings its own.
    Exact(Option<PathBuf>),
    /// Another version: what [`RuntimePolicy::Nearest`] takes, in words.
    Nearest(String),
    /// Nothing: what to do about it.
    Missing(String),
}

/// How environments are limited and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limiting {
    /// Control groups, which count and kill exactly.
    ControlGroups,
    /// There are none: what to do about it.
    ResourceLimits(&'static str),
}

/// Looks for what runs `runtime`, in `folders` (`PATH`, taken apart).
pub async fn find(runtime: Runtime, folders: Vec<PathBuf>, clock: Arc<dyn Clock>) -> Found {
    let interpreters = Interpreters::new(folders, RuntimePolicy::Nearest, clock);
    match interpreters.find(runtime).await {
        Ok(None) => Found::Exact(None),
        Ok(Some(found)) => match Interpreters::note(runtime, &found) {
            None => Found::Exact(Some(found.program)),
            Some(note) => Found::Nearest(note),
        },
        Err(help) => Found::Missing(help),
    }
}

/// Makes one sandbox, and ends it again.
///
/// # Errors
/// What this machine lacks, and what to do about it.
pub fn try_isolation(launcher: PathBuf, launcher_args: Vec<String>, place: &Path) -> Result<(), String> {
    let program =
        LauncherProgram { program: launcher, arguments: launcher_args, place: Some(place.to_path_buf()) };
    let launcher = Launcher::start(program).map_err(unexpected)?;
    let means = Means::new(launcher, None, None);
    let plan = trial(Users::of(0).map(|users| users.next()));
    judge(spawner::spawn(plan, &means).map(|spawned| {
        spawned.remains.clear();
    }))
}

/// A sandbox in which nothing can run.
pub(super) fn trial(users: Option<u32>) -> Plan {
    Plan {
        name: "trial".into(),
        folder: None,
        memory: u64::from(limits::MEMORY_MIN) << 20,
        task_root: "/".into(),
        program: "/".into(),
        arguments: Vec::new(),
        variables: Vec::new(),
        sandbox: Some(Sandbox {
            users,
            temporary: 1 << 20,
            ports: vec![start::RUNTIME_API_PORT],
            mounts: Vec::new(),
            reach: Reach::Loopback,
            purpose: Purpose::Known,
        }),
        grant: None,
        extensions: Extensions::default(),
    }
}

/// What came of it.
pub(super) fn judge(spawned: Result<(), NotSpawned>) -> Result<(), String> {
    match spawned {
        // A folder is no program; all before it went well.
        Err(NotSpawned::Launch(Failure { step: Step::Exec, .. })) => Ok(()),
        Err(NotSpawned::Launch(failure)) => Err(isolation::lacking(&failure)),
        Err(NotSpawned::Network(failure)) => Err(failure.to_string()),
        Err(NotSpawned::Io(error)) => Err(unexpected(error)),
        Ok(()) => Ok(()),
    }
}

pub(super) fn unexpected(error: std::io::Error) -> String {
    format!("the launcher of environments cannot be asked: {error}")
}

/// Tries whether this process may make control groups; leaves nothing behind.
pub fn limiting() -> Limiting {
    match Groups::open(&format!("survey-{}", std::process::id())) {
        Some(_) => Limiting::ControlGroups,
        None => Limiting::ResourceLimits(isolation::NO_GROUPS),
    }
}
