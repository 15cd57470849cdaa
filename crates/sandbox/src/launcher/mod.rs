//! What an environment's process is before it becomes the runtime.

/// Becomes an environment's process; never returns. The cli calls it first of all when its first argument is
/// `__launch`.
pub fn main() -> ! {
    std::process::exit(125)
}
