//! From a manifest's text to what it declares.
//!
//! ```text
//! sonagi.toml ───► toml ──┐                     ┌──► native ──┐
//!                         ├──► tree (spanned) ──┤             ├──► Manifest, or every Problem
//! template.yaml ─► yaml ──┘                     └──► sam ─────┘
//! ```
//!
//! Start reading at [`load`]. Always true here:
//! - every value knows where it stands in the text, so every problem names its line and column;
//! - all problems are found in one reading;
//! - nothing is dropped silently: what would change behaviour and is not supported is a problem, and what has no
//!   effect on one machine is a [`Note`].

mod checks;
mod declared;
mod driver;
mod fields;
mod layers;
mod load;
mod names;
mod native;
mod network;
mod permissions;
mod problem;
mod resources;
mod routes;
mod sam;
mod source;
pub(crate) mod toml;
mod tree;
mod wasm;
mod yaml;

pub use declared::{BuildKind, Context, DeclaredFunction, Esbuild, FunctionDraft, Manifest, Note, WasmBuild};
pub(crate) use fields::Fields;
pub use layers::{DeclaredLayer, LayerBuild};
pub use load::load;
pub(crate) use load::read_text;
pub(crate) use problem::Report;
pub use problem::{ManifestError, Problem};
pub(crate) use source::{candidates, neighbours};
pub(crate) use tree::{Data, Node};
