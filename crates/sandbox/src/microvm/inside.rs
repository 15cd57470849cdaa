//! What a root file system has inside, as the file beside it says.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sonagi_model::function::Runtime;

/// `FILE.json`, beside the root file system `FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    pub interpreters: Vec<Installed>,
}

/// An interpreter in a root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    pub language: Language,
    /// The minor version of Python, the major one of Node.
    pub version: u32,
    /// Within the root file system.
    pub program: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Python,
    Node,
}

/// The file that says what is inside of `root`.
pub fn description_of(root: &Path) -> PathBuf {
    let mut path = root.as_os_str().to_owned();
    path.push(".json");
    path.into()
}

impl Inside {
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(description_of(root))?;
        serde_json::from_str(&text).map_err(io::Error::from)
    }

    /// The interpreter for `runtime`; none for a runtime that brings its own.
    ///
    /// # Errors
    /// What to do about its not being there.
    pub(super) fn interpreter(&self, runtime: Runtime) -> Result<Option<&Installed>, String> {
        let (language, version) = match runtime {
            Runtime::Python { minor } => (Language::Python, u32::from(minor)),
            Runtime::Nodejs { major } => (Language::Node, u32::from(major)),
            Runtime::Provided(_) => return Ok(None),
            Runtime::Wasm => return Err("a WebAssembly component is not run in a microVM".into()),
        };
        let found = self.interpreters.iter().find(|it| it.language == language && it.version == version);
        found.map(Some).ok_or_else(|| {
            format!(
                "{runtime} is not in the root file system of microVMs: install it on the machine that builds it, and \
                 build it again with `sonagi microvm rootfs`"
            )
        })
    }
}
