//! Where things go if nobody says.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/sonagi`, else `~/.cache/sonagi`: what can be made again.
pub(crate) fn cache() -> PathBuf {
    base("XDG_CACHE_HOME", ".cache")
}

/// `$XDG_DATA_HOME/sonagi`, else `~/.local/share/sonagi`: a server's data folder.
pub(crate) fn data() -> PathBuf {
    base("XDG_DATA_HOME", ".local/share")
}

/// The search path for interpreters and build tools.
#[expect(clippy::disallowed_methods, reason = "the program's edge: read once and handed down")]
pub(crate) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into())
}

#[expect(clippy::disallowed_methods, reason = "the program's edge: read once and handed down")]
fn base(variable: &str, below_home: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(std::env::temp_dir);
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| home().join(below_home))
        .join("sonagi")
}
