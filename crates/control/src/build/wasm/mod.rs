//! From source in any language to one WebAssembly component, which is all that the package of such a function holds.
//!
//! ```text
//!            ┌ ready        x.wasm, x.wat ──────────────────────────────┐
//! language ──┤ javascript   npm ─► (esbuild) ─► componentize-js ────────┤
//!            │ python       (pip) ─► componentize-py ───────────────────┤─► function.wasm
//!            │ rust         cargo build --target wasm32-wasip2 ─────────┤
//!            │ go, c        go build, clang ─► core module ─► component ┤
//!            └ makefile     make build-<name> ──────────────────────────┘
//! ```
//!
//! Start reading at [`build`]. Always true here:
//! - the language's own tool does the work, and one that is missing is named together with how to install it;
//! - a function needs to bring no WIT: [`world`] has what a function here may use. One that does is built against its
//!   own;
//! - whether the result may run here is not judged here, but when it is compiled at deployment.

mod bindings;
mod c;
mod component;
mod go;
mod javascript;
mod language;
mod output;
mod python;
mod ready;
mod rust;
mod toolchain;
mod world;

pub use toolchain::Toolchain;
pub(super) use toolchain::toolchains;

use std::path::Path;

use bytes::Bytes;
use sonagi_model::function::{WasiVersion, Wasm};

use super::{Error, Result, builder, job::Job};
use crate::manifest::WasmBuild;
use language::Language;

/// The name of the component in a package.
pub(super) const COMPONENT: &str = "function.wasm";

/// What one build works on.
struct Source<'a, 'b> {
    job: &'a Job<'b>,
    /// A folder; for [`Language::Ready`] it may be a file.
    path: &'a Path,
    wasm: &'a Wasm,
}

/// The package of a component that is made of `path`.
pub(super) async fn build(job: &Job<'_>, path: &Path, kind: WasmBuild, wasm: &Wasm) -> Result<Bytes> {
    let language = match kind {
        WasmBuild::Inferred => Language::of(job.function, path)?,
        WasmBuild::Ready => Language::Ready,
        WasmBuild::JavaScript => Language::JavaScript,
        WasmBuild::Python => Language::Python,
        WasmBuild::Rust => Language::Rust,
        WasmBuild::Go => Language::Go,
        WasmBuild::C => Language::C,
    };
    let source = Source { job, path, wasm };
    if language != Language::Ready && !path.is_dir() {
        return Err(source.wrong(format!("{} is no folder with {language} code", path.display())));
    }
    match language {
        Language::Ready => ready::build(&source).await,
        Language::JavaScript => javascript::build(&source).await,
        Language::Python => python::build(&source).await,
        Language::Rust => rust::build(&source).await,
        Language::Go => go::build(&source).await,
        Language::C => c::build(&source).await,
        Language::Makefile => {
            let target = job.function.as_str();
            let entries = source.entries().await?;
            let zip = builder::make(job, &entries, target).await?;
            output::only_component(job, zip).await
        }
    }
}

/// The package of the one component that a Makefile left.
pub(super) async fn of_makefile(job: &Job<'_>, zip: Bytes) -> Result<Bytes> {
    output::only_component(job, zip).await
}

impl Source<'_, '_> {
    fn wrong(&self, message: String) -> Error {
        Error::Source { function: self.job.function.clone(), message }
    }

    fn lacking(&self, tool: &str, help: impl Into<String>) -> Error {
        Error::NoTool { function: self.job.function.clone(), tool: tool.into(), help: help.into() }
    }

    fn lacks(&self, lacking: toolchain::Lacking) -> Error {
        self.lacking(&lacking.tool, lacking.help)
    }

    /// Languages whose tools know one version only say so before anything is run.
    fn only_p2(&self, tool: &str) -> Result<()> {
        if self.wasm.wasi == WasiVersion::P2 || self.path.join("wit").is_dir() {
            return Ok(());
        }
        Err(self.wrong(format!(
            "{tool} is given the world of wasi:http 0.2, and the function asks for 0.3: bring the WIT of your world in a \
             folder `wit`, or the finished component"
        )))
    }
}
