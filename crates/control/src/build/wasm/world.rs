//! The WIT that a function is built against: its own folder `wit`, or the world of all that a function here may use.

use std::path::{Path, PathBuf};

use super::Source;
use crate::build::Result;

/// Valid as it is, for the newest WASI 0.2.
pub(super) const TEXT: &str = include_str!("wit/function.wit");
/// The WASI version in [`TEXT`].
const VERSION: &str = "@0.2.12";

/// A world, as the tools are told it.
pub(super) struct World {
    /// What `--world` gets; none when the folder is the function's own, and has a world only its author can name.
    pub(super) name: Option<&'static str>,
    pub(super) folder: PathBuf,
}

/// Whether a component exports `init`, which is called for its snapshot in place of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Init {
    Exported,
    Absent,
}

/// The text of the world that a function gets which brings none, for a tool that knows `version` of WASI.
fn text(source: &Source<'_, '_>, version: Option<&str>, init: Init) -> String {
    let granted = !source.wasm.keyvalue.is_empty();
    let mut text = String::with_capacity(TEXT.len());
    let wanted = |line: &&str| {
        (granted || !line.ends_with("// keyvalue")) && (init == Init::Exported || !line.ends_with("// init"))
    };
    for line in TEXT.lines().filter(wanted) {
        match version {
            Some(version) => text.push_str(&line.replace(VERSION, &format!("@{version}"))),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The world to build against. `work` is the copy of the function's folder that the tool works in; `beside` is a folder
/// for what the function does not bring.
pub(super) fn prepare(
    source: &Source<'_, '_>,
    work: &Path,
    beside: &Path,
    version: Option<&str>,
    init: Init,
) -> Result<World> {
    let own = work.join("wit");
    if own.is_dir() {
        return Ok(World { name: None, folder: own });
    }
    source.job.make(beside)?;
    let path = beside.join("function.wit");
    let text = text(source, version, init);
    std::fs::write(&path, text).map_err(|cause| source.job.failed("write", &path, cause))?;
    Ok(World { name: Some("function"), folder: beside.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_of_the_standard_is_changed() {
        assert!(TEXT.contains("import wasi:http/types@0.2.12;"));
        let other = TEXT.replace(VERSION, "@0.2.10");
        assert!(other.contains("export wasi:http/incoming-handler@0.2.10;"));
        assert!(other.contains("package wasi:config@0.2.0-rc.1 {"));
        assert!(!other.contains("0.2.12"));
    }

    #[test]
    fn the_world_is_valid() {
        let mut resolve = wit_parser::Resolve::default();
        let package = resolve.push_str("function.wit", TEXT).expect("valid WIT");
        let world = resolve.select_world(&[package], Some("function")).expect("the world");
        assert_eq!(resolve.worlds[world].exports.len(), 2);
    }
}
