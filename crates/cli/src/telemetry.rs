//! The operator's log: what sonagi itself does, on the standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::output::Shape;

/// Who the program runs for, which decides how much it says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A person waits in front of it.
    Tool,
    /// It runs by itself; its log is all that an operator has.
    Server,
}

pub(crate) fn start(role: Role, verbose: u8, shape: Shape) {
    let ours = match (role, verbose) {
        (Role::Tool, 0) => "warn",
        (Role::Server, 0) => "info",
        (_, 1) => "debug",
        (_, _) => "trace",
    };
    let filter = EnvFilter::try_from_env("SONAGI_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,sonagi={ours}")));
    let ansi = io::stderr().is_terminal();
    let registry = tracing_subscriber::registry().with(filter);
    match shape {
        Shape::Human => registry.with(fmt::layer().with_writer(io::stderr).with_ansi(ansi)).init(),
        Shape::Json => registry.with(fmt::layer().json().with_writer(io::stderr)).init(),
    }
}
