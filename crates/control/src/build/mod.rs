//! From a function's source folder to its deployment package.
//!
//! Start reading at [`Builder::build`]. Always true here:
//! - the same source and the same dependencies give the same bytes;
//! - nothing is written into the user's folders;
//! - every tool that is run has a deadline, and is killed with all its children when that passes.

mod archive;
mod builder;
mod cache;
mod error;
mod interpreter;
mod job;
mod layers;
mod node;
mod progress;
mod python;
mod tool;
mod wasm;

pub use builder::{Builder, Built, Tools};
pub use error::{Error, Result};
pub use interpreter::{Interpreter, Interpreters};
pub use progress::{Progress, Silent, Step};
pub use wasm::Toolchain;
