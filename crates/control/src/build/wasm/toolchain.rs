//! What this machine has of the tools that make components, found as the builds themselves find it.

use std::path::PathBuf;

use super::{Language, c, go, python, rust};
use crate::build::{Tools, node, tool};

/// A program that is there.
pub(super) struct Found {
    pub(super) program: PathBuf,
    pub(super) version: String,
}

/// A program that is not there, or is of no use.
pub(super) struct Lacking {
    pub(super) tool: String,
    pub(super) help: String,
}

pub(super) type Search = std::result::Result<Found, Lacking>;

impl Lacking {
    pub(super) fn new(tool: impl Into<String>, help: impl Into<String>) -> Self {
        Self { tool: tool.into(), help: help.into() }
    }
}

/// What builds the WebAssembly functions of one language, as far as it does not come from the function's own folder.
#[derive(Debug)]
pub struct Toolchain {
    /// `Python`.
    pub language: String,
    /// What is there, else what is missing and how to install it.
    pub found: std::result::Result<String, String>,
}

/// One for each language, in the order of the templates.
pub(in crate::build) async fn toolchains(tools: &Tools) -> Vec<Toolchain> {
    let clang = c::find(tools).await.map(|it| Found { program: it.program, version: it.version });
    [
        (Language::JavaScript, javascript(tools).await),
        (Language::Python, python::find(tools, []).await),
        (Language::Rust, rust::find(tools).await),
        (Language::Go, go::find(tools).await),
        (Language::C, clang),
    ]
    .into_iter()
    .map(|(language, search)| Toolchain {
        language: language.to_string(),
        found: match search {
            Ok(Found { program, version }) => {
                Ok(format!("{} ({})", program.display(), version.lines().next().unwrap_or_default()))
            }
            Err(Lacking { tool, help }) => Err(format!("{tool} is not on this machine: {help}")),
        },
    })
    .collect()
}

/// npm installs componentize-js for each function, as its `package.json` asks; the template has one.
async fn javascript(tools: &Tools) -> Search {
    let Some(program) = node::npm(&tools.path) else { return Err(Lacking::new("npm", node::NO_NPM)) };
    let version = tool::ask(&program, &["--version"], tools).await.unwrap_or_default();
    let version = format!("npm {version}");
    Ok(Found { program, version: format!("{version}, which installs componentize-js for each function") })
}
