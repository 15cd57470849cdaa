//! (in progress)

/// Whether an interpreter of another version than the function asks for will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimePolicy {
    /// The nearest version that this machine has, with a note: for development.
    Nearest,
    /// The exact version or none: for servers.
    Exact,
}
