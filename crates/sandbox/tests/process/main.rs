//! The process driver with real Python, Node and custom runtimes.

mod invocations;
mod support;
