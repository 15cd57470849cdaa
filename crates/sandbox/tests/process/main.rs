//! The process driver with real Python, Node and custom runtimes.

mod endings;
mod hostile;
mod invocations;
mod support;
