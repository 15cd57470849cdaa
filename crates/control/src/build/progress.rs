//! What a build tells while it runs.

use std::time::Duration;

/// Hears how a build goes on. Calls may come from several functions' builds in turn; none may block for long.
pub trait Progress: Send + Sync {
    fn started(&self, step: &Step<'_>);
    /// A line that the step's tool wrote.
    fn line(&self, step: &Step<'_>, line: &str);
    fn finished(&self, step: &Step<'_>, took: Duration);
    /// Something the user should know, such as that another interpreter than the asked one is used.
    fn note(&self, function: &str, note: &str);
}

/// One thing that a build does for one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    pub function: &'a str,
    /// As in `pip install`.
    pub what: &'a str,
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _step: &Step<'_>) {}
    fn line(&self, _step: &Step<'_>, _line: &str) {}
    fn finished(&self, _step: &Step<'_>, _took: Duration) {}
    fn note(&self, _function: &str, _note: &str) {}
}
