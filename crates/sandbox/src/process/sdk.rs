//! The SDK layer that goes with an interpreter.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_guest::{Client, Family};
use tokio::sync::{OnceCell, mpsc};

use super::interpreters::Interpreter;
use crate::layers::{self, Layers};

/// The layers that this driver has seen to: each once, whether it came out or not.
#[derive(Debug)]
pub(crate) struct Sdks {
    layers: Option<Layers>,
    search_path: Vec<PathBuf>,
    seen: Mutex<HashMap<Key, Arc<OnceCell<Sdk>>>>,
}

type Key = (Family, u32);

/// The layer's folder, or a word about why there is none.
pub(crate) type Sdk = Result<PathBuf, String>;

impl Sdks {
    pub(crate) fn new(layers: Option<Layers>, search_path: Vec<PathBuf>) -> Self {
        Self { layers, search_path, seen: Mutex::default() }
    }

    /// The SDK layer for `interpreter`, installed if need be, which takes as long as the registry does; none if this
    /// driver has no layers.
    pub(crate) async fn folder(
        &self,
        client: &Client,
        interpreter: &Interpreter,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Option<Sdk> {
        let layers = self.layers.as_ref()?;
        let cell = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(seen.entry((client.family, interpreter.version)).or_default())
        };
        let folder = cell.get_or_init(|| async {
            let (tool, version) = match client.family {
                Family::Python => (interpreter.program.clone(), interpreter.version),
                Family::Node => (self.npm(&interpreter.program), interpreter.version),
            };
            let folder = ensure(layers.clone(), client.family, tool, version, progress).await;
            if let Err(why) = &folder {
                tracing::warn!(why, "functions run without the AWS SDK");
            }
            folder
        });
        Some(folder.await.clone())
    }

    /// The npm that came with this Node, or any.
    fn npm(&self, node: &Path) -> PathBuf {
        let beside = node.parent().into_iter().map(Path::to_path_buf);
        let mut found = beside.chain(self.search_path.iter().cloned()).map(|folder| folder.join("npm"));
        found.find(|npm| npm.is_file()).unwrap_or_else(|| "npm".into())
    }
}

async fn ensure(
    layers: Layers,
    family: Family,
    tool: PathBuf,
    version: u32,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Sdk {
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let work = tokio::task::spawn_blocking(move || {
        let family = match family {
            Family::Python => {
                layers::Family::Python { interpreter: &tool, minor: u8::try_from(version).unwrap_or(u8::MAX) }
            }
            Family::Node => layers::Family::Node { npm: &tool },
        };
        layers.ensure(family, &|words: &str| {
            // Whoever waited may have gone; the installation goes on.
            let _ = say.send(words.to_owned());
        })
    });
    while let Some(words) = said.recv().await {
        progress(&words);
    }
    match work.await {
        Ok(folder) => folder.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
