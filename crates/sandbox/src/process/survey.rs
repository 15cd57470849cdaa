//! What this machine offers the process driver, for who asks before anything is started.

use std::{path::PathBuf, sync::Arc};

use sonagi_model::{Clock, function::Runtime};

use super::{
    group::Groups,
    interpreters::{Interpreters, RuntimePolicy},
};

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
    /// Resource limits of each process, and a parent that stays to kill the rest.
    ResourceLimits,
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

/// Tries whether this process may make control groups; leaves nothing behind.
pub fn limiting() -> Limiting {
    match Groups::open(&format!("survey-{}", std::process::id())) {
        Some(_) => Limiting::ControlGroups,
        None => Limiting::ResourceLimits,
    }
}
