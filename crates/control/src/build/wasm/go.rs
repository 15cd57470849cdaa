//! Go: the Go compiler makes a core module that is a library, and a component is made of that. A project that has the
//! Bytecode Alliance's packages for Go is built by their tool, which knows their worlds.

use std::ffi::OsString;

use bytes::Bytes;
use sonagi_model::limits;

use super::{
    Source, component,
    toolchain::{Found, Lacking, Search},
    world::{self, Init},
};
use crate::build::{
    Result, Tools,
    archive::{self, Content, Entries},
    tool::{self, Run},
};

/// The first minor version of Go 1 with `go:wasmexport` and libraries for WASI.
const MINOR: u32 = 24;

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let job = source.job;
    let entries = source.entries().await?;
    let Found { program: go, version } = find(job.tools).await.map_err(|lacking| source.lacks(lacking))?;
    let componentize = match uses_sdk(source, &entries)? {
        false => None,
        true => match tool::find_all(&job.tools.path, "componentize-go").into_iter().next() {
            Some(tool) => Some(tool),
            None => {
                let help = "go.mod asks for go.bytecodealliance.org, whose packages it builds: \
                    go install github.com/bytecodealliance/componentize-go@latest";
                return Err(source.lacking("componentize-go", help));
            }
        },
    };
    if componentize.is_none() {
        source.only_p2("go")?;
    }
    let tool = componentize.as_ref().map(|tool| tool.to_string_lossy()).unwrap_or_default();
    let key = source.key("go", &entries, &[&version, &tool])?;
    if let Some(kept) = source.kept(&key).await {
        return kept;
    }
    let shop = job.workshop()?;
    let work = shop.path().join("source");
    job.make(&work)?;
    archive::copy(job.function, &entries, &work)?;
    let built = shop.path().join(super::COMPONENT);
    if let Some(tool) = componentize {
        let arguments: Vec<OsString> = vec!["build".into(), "--output".into(), built.clone().into()];
        run(source, "componentize-go build", &tool, arguments, &work, Vec::new()).await?;
    } else {
        let core = shop.path().join("core.wasm");
        let arguments: Vec<OsString> = vec![
            "build".into(),
            "-trimpath".into(),
            "-buildmode=c-shared".into(),
            "-o".into(),
            core.clone().into(),
            ".".into(),
        ];
        let variables = vec![("GOOS", "wasip1".into()), ("GOARCH", "wasm".into())];
        run(source, "go build", &go, arguments, &work, variables).await?;
        let world = world::prepare(source, &work, &shop.path().join("world"), None, Init::Absent)?;
        component::of_core(source, core, component::Metadata::Of(world), built.clone()).await?;
    }
    source.keep(&key, &shop, built).await
}

async fn run(
    source: &Source<'_, '_>,
    what: &str,
    program: &std::path::Path,
    arguments: Vec<OsString>,
    folder: &std::path::Path,
    variables: Vec<(&'static str, OsString)>,
) -> Result<()> {
    let job = source.job;
    let limit = limits::BUILD_TIMEOUT;
    let run = Run { function: job.function, what, program, arguments, folder, variables, limit };
    run.run(job.tools, job.progress).await.map(drop)
}

/// The Go of the search path, with its version; an error when it is too old.
pub(super) async fn find(tools: &Tools) -> Search {
    for go in tool::find_all(&tools.path, "go") {
        let Some(version) = tool::ask(&go, &["version"], tools).await else { continue };
        return match minor(&version) {
            Some(minor) if minor < MINOR => Err(Lacking::new(
                format!("Go 1.{MINOR}"),
                format!("{version} is too old to make WebAssembly libraries: install Go 1.{MINOR} or newer"),
            )),
            Some(_) | None => Ok(Found { program: go, version }),
        };
    }
    Err(Lacking::new("go", format!("install Go 1.{MINOR} or newer")))
}

/// Of `go version go1.27.3 linux/amd64`.
fn minor(version: &str) -> Option<u32> {
    version
        .split_whitespace()
        .nth(2)?
        .strip_prefix("go1.")?
        .split(|it: char| !it.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn uses_sdk(source: &Source<'_, '_>, entries: &Entries) -> Result<bool> {
    let Some(Content::File { path, .. }) = entries.get("go.mod") else {
        return Err(source.wrong("there is no go.mod: `go mod init` makes one".into()));
    };
    let text = std::fs::read_to_string(path).map_err(|cause| source.job.failed("read", path, cause))?;
    Ok(["go.bytecodealliance.org/", "github.com/bytecodealliance/componentize-go"]
        .iter()
        .any(|it| text.contains(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_go_is_read() {
        assert_eq!(minor("go version go1.27.3 linux/amd64"), Some(27));
        assert_eq!(minor("go version go1.19 linux/amd64"), Some(19));
        assert_eq!(minor("go version go1.25rc1 linux/amd64"), Some(25));
        assert_eq!(minor("go version devel go1.28-abc"), None);
        assert_eq!(minor("something else"), None);
    }
}
