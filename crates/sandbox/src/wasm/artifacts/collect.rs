//! What goes when there is too much.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Cache, Source,
    folder::{Folder, Key},
};

impl Cache {
    /// As [`Artifacts::collect`](super::Artifacts::collect), down to `limit` bytes.
    pub(super) fn collect(&self, live: &[Source], limit: u64) {
        for version in self.folder.other_versions() {
            tracing::info!(folder = %version.display(), "dropping what another version compiled");
            remove(&version, |path| fs::remove_dir_all(path));
        }
        let entries: HashSet<String> = live.iter().map(Folder::entry_name).collect();
        let used: HashSet<Key> = live
            .iter()
            .filter_map(|source| {
                let component = self.component(&Folder::entry_name(source)).ok()??;
                Some(Key { component, wasi: source.wasi, start: source.start })
            })
            .collect();
        let there = self.evict(&used, limit);
        self.tidy_index(&entries, &there);
        let text = self.usage.retain(|key| there.contains(key));
        if let Err(error) = self.folder.put(&self.folder.used(), text.as_bytes()) {
            tracing::warn!(%error, "when compiled components were used cannot be written down");
        }
    }

    /// Drops code that is not in use, least recently used first, and returns what is left.
    fn evict(&self, used: &HashSet<Key>, limit: u64) -> HashSet<Key> {
        let mut codes: Vec<(Key, u64)> = Vec::new();
        for path in files(&self.folder.codes()) {
            match path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()) {
                Some(key) => codes.push((key, fs::symlink_metadata(&path).map_or(0, |data| data.len()))),
                None => super::vault::discard(&path, &"its name is not one of ours"),
            }
        }
        codes.sort_by_key(|(key, _)| (used.contains(key), self.usage.last(key)));
        let mut total: u64 = codes.iter().map(|(_, size)| size).sum();
        let mut left = HashSet::new();
        for (key, size) in codes {
            if total > limit && !used.contains(&key) {
                let path = self.folder.code(&key);
                self.vault.forget(&path);
                if remove(&path, |path| fs::remove_file(path)) {
                    total -= size;
                    continue;
                }
            }
            left.insert(key);
        }
        left
    }

    /// Drops entries of what is not live any more and whose code is gone.
    fn tidy_index(&self, live: &HashSet<String>, there: &HashSet<Key>) {
        let components: HashSet<_> = there.iter().map(|key| key.component).collect();
        for path in files(&self.folder.index()) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if live.contains(name) {
                continue;
            }
            match self.component(name) {
                Ok(Some(component)) if !components.contains(&component) => {
                    remove(&path, |path| fs::remove_file(path));
                    self.index().remove(name);
                }
                // In use, not ours and gone already, or not readable now.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> bool {
    match how(path) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a compiled component cannot be dropped");
            false
        }
    }
}
