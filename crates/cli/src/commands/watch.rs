//! Noticing that a source file changed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use sonagi_model::Clock as _;
use sonagi_server::RealClock;
use tokio::sync::mpsc;

/// An editor writes a file in several steps; they count as one change if they come within this time.
const SETTLE: Duration = Duration::from_millis(60);

/// Changes that are known but not looked at yet; more of them say nothing new.
const BACKLOG: usize = 64;

/// Folders whose changes are never the user's: build tools write them.
const IGNORED: [&str; 6] = [".sonagi", ".git", "node_modules", "__pycache__", ".aws-sam", "target"];

pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    watched: Vec<PathBuf>,
    changes: mpsc::Receiver<PathBuf>,
    /// A change that has come, while things are not quiet yet.
    pending: Option<PathBuf>,
    clock: RealClock,
}

impl Watch {
    pub(crate) fn new() -> Result<Self> {
        let (sender, changes) = mpsc::channel(BACKLOG);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            // Reading a file is no change, though some kernels report it.
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                // A full backlog is a change that is known already.
                let _ = sender.try_send(path);
            }
        })
        .context("watch files: is the limit on inotify watches reached? See fs.inotify.max_user_watches")?;
        Ok(Self { watcher, watched: Vec::new(), changes, pending: None, clock: RealClock::new() })
    }

    /// Watches `paths` and nothing else.
    pub(crate) fn only(&mut self, paths: &[PathBuf]) -> Result<()> {
        // A file is watched through its folder: editors replace files, and a watch would stay with the old one.
        let mut wanted: Vec<PathBuf> = paths
            .iter()
            .map(
                |path| {
                    if path.is_file() { path.parent().unwrap_or(path).to_path_buf() } else { path.clone() }
                },
            )
            .collect();
        wanted.sort();
        wanted.dedup();
        if wanted == self.watched {
            return Ok(());
        }
        for path in self.watched.drain(..) {
            // It may be gone, which is why it is no longer wanted.
            let _ = self.watcher.unwatch(&path);
        }
        for path in &wanted {
            let mode =
                if paths.contains(path) { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            self.watcher.watch(path, mode).with_context(|| format!("watch {}", path.display()))?;
        }
        self.watched = wanted;
        Ok(())
    }

    /// The next change of a file in `files` or below one of them, once things are quiet again. Safe to drop.
    pub(crate) async fn changed(&mut self, files: &[PathBuf]) -> Option<PathBuf> {
        while self.pending.is_none() {
            let path = self.changes.recv().await?;
            self.pending = counts(&path, files).then_some(path);
        }
        loop {
            let quiet = self.clock.sleep(SETTLE);
            tokio::select! {
                more = self.changes.recv() => { more?; }
                () = quiet => return self.pending.take(),
            }
        }
    }
}

fn counts(path: &Path, files: &[PathBuf]) -> bool {
    files.iter().any(|file| {
        path.strip_prefix(file).is_ok_and(|rest| {
            rest.components().all(|part| !IGNORED.iter().any(|ignored| part.as_os_str() == *ignored))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_is_no_change() {
        let files = ["/app/sonagi.toml".into(), "/app/search".into()];
        for (path, expected) in [
            ("/app/sonagi.toml", true),
            ("/app/search/app.py", true),
            ("/app/search/lib/deep.py", true),
            ("/app/search/__pycache__/app.pyc", false),
            ("/app/.sonagi/data/LOCK", false),
            ("/app/README.md", false),
        ] {
            assert_eq!(counts(Path::new(path), &files), expected, "{path}");
        }
    }
}
