//! The platform under test.
//!
//! Start reading at [`World`]: the whole platform in the test's own process, on a temporary folder and ephemeral
//! ports, with a clock that the test moves. [`Program`] is the real program in a process of its own, for promises
//! about signals, crashes and the command line. A test fails on a WARN or ERROR line that it did not expect.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read their environment and run real programs in real time"
)]
#![expect(clippy::print_stderr, reason = "a test shows what it sees")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

mod app;
mod clients;
mod http;
mod program;
mod watch;
mod world;

pub use app::App;
pub use clients::{Script, node_modules, python, python_before_json};
pub use http::{Answer, get, request, send, try_send};
pub use program::{Program, Ready};
pub use world::{World, WorldBuilder};

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The program, built beside the tests.
pub fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.ancestors().nth(2).unwrap().join("sonagi");
    assert!(program.exists(), "{} is missing: build it with `cargo build -p sonagi-cli`", program.display());
    program
}
