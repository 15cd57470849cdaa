//! Layers in one folder: what a function sees at `/opt`.
//!
//! A single layer is its own unpacked package. Several are unpacked together, each over those before it, into a folder
//! that is named by all their digests and is made and kept as a package's is.

use std::{collections::BTreeMap, path::PathBuf};

use sonagi_model::{Digest, function::Package};

use super::{
    Packages, blocking, cache,
    contents::{Contents, Entry},
    path,
};
use crate::Result;

impl Packages {
    /// The folder with the files of `layers`, one over the other, and what names it; none if there are no layers. It
    /// stays as [`unpacked`](Self::unpacked) folders do.
    pub async fn merged(&self, layers: &[Package]) -> Result<Option<(Digest, PathBuf)>> {
        let Some(digest) = digest(layers) else { return Ok(None) };
        if let [layer] = layers {
            return Ok(Some((digest, self.unpacked(layer).await?)));
        }
        let fill = |place: cache::Place| async {
            let _turn = self.turn().await?;
            let mut zips = Vec::with_capacity(layers.len());
            for layer in layers {
                zips.push(self.get(layer).await?);
            }
            blocking(move || place.fill(&zips.iter().map(|zip| &**zip).collect::<Vec<_>>())).await
        };
        Ok(Some((digest, self.inner.cache.folder(digest, fill).await?.path)))
    }
}

/// Names what these layers are together.
pub(crate) fn digest(layers: &[Package]) -> Option<Digest> {
    match layers {
        [] => None,
        [layer] => Some(layer.digest),
        [..] => {
            let all: String = layers.iter().map(|layer| format!("layer {}\n", layer.digest)).collect();
            Some(Digest::of(all.as_bytes()))
        }
    }
}

/// What is seen of several packages that lie one over the other: by path, with the number of the package that has it.
pub(super) fn overlay(packages: &mut [Contents<'_>]) -> Result<BTreeMap<String, (usize, Entry)>> {
    let mut seen: BTreeMap<String, (usize, Entry)> = BTreeMap::new();
    for (number, package) in packages.iter_mut().enumerate() {
        for (path, entry) in std::mem::take(&mut package.entries) {
            // Whatever was a file where there is a folder now.
            for (end, _) in path.match_indices('/') {
                let parent = &path[..end];
                if seen.get(parent).is_some_and(|(_, below)| !matches!(below, Entry::Folder)) {
                    seen.remove(parent);
                }
            }
            match (&entry, seen.get(&path)) {
                (Entry::Folder, Some((_, Entry::Folder))) => continue,
                (Entry::Folder, _) => {}
                // And the other way round.
                (Entry::File { .. } | Entry::Link { .. }, _) => {
                    let inside = format!("{path}/");
                    let gone: Vec<String> = seen
                        .range(inside.clone()..)
                        .map(|(path, _)| path.clone())
                        .take_while(|path| path.starts_with(&inside))
                        .collect();
                    for path in gone {
                        seen.remove(&path);
                    }
                }
            }
            seen.insert(path, (number, entry));
        }
    }
    // A link that stays in its own package may be led out by another's.
    let links: BTreeMap<String, String> = seen
        .iter()
        .filter_map(|(path, (_, entry))| match entry {
            Entry::Link { target } => Some((path.clone(), target.clone())),
            Entry::Folder | Entry::File { .. } => None,
        })
        .collect();
    links.keys().try_for_each(|link| path::check_link(&links, link))?;
    Ok(seen)
}
