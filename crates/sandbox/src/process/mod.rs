//! Environments that are processes of this machine.

mod driver;
mod interpreters;

pub use driver::{Config, Prepared, ProcessDriver};
pub use interpreters::RuntimePolicy;
