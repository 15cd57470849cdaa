//! C, by clang: with bindings that are made for the world, to a core module, and a component of that.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sonagi_model::limits;

use super::{
    Source, bindings, component,
    toolchain::Lacking,
    world::{self, Init},
};
use crate::build::{
    Result, Tools, archive,
    tool::{self, Run},
};

const TARGET: &str = "--target=wasm32-wasi";
const HELP: &str =
    "install the packages clang, lld, wasi-libc and libclang-rt-dev-wasm32, or the WASI SDK in /opt/wasi-sdk";
/// Where the WASI SDK is by its own documentation; its clang has the libraries beside it.
const SDK: &str = "/opt/wasi-sdk/bin/clang";
/// The libraries of Debian's wasi-libc, and their root.
const LIBC: (&str, &str) = ("/usr/lib/wasm32-wasi/libc.a", "/usr");
/// Debian's names for the versions of clang.
const NEWEST: u32 = 24;
const OLDEST: u32 = 14;

/// A clang that makes WebAssembly.
pub(super) struct Compiler {
    pub(super) program: PathBuf,
    pub(super) version: String,
    sysroot: Option<&'static str>,
}

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let job = source.job;
    source.only_p2("clang")?;
    let entries = source.entries().await?;
    let compiler = find(job.tools).await.map_err(|lacking| source.lacks(lacking))?;
    let key = source.key("c", &entries, &[&compiler.version, &compiler.program.to_string_lossy()])?;
    if let Some(kept) = source.kept(&key).await {
        return kept;
    }
    let shop = job.workshop()?;
    let (work, made) = (shop.path().join("source"), shop.path().join("bindings"));
    job.make(&work)?;
    job.make(&made)?;
    archive::copy(job.function, &entries, &work)?;
    let world = world::prepare(source, &work, &shop.path().join("world"), None, Init::Absent)?;
    let bindings = bindings::write(source, &world, &made)?;
    let core = shop.path().join("core.wasm");
    let mut include = OsString::from("-I");
    include.push(&made);
    let mut arguments: Vec<OsString> =
        vec![TARGET.into(), "-mexec-model=reactor".into(), "-O2".into(), include];
    arguments.extend(compiler.sysroot.map(|root| format!("--sysroot={root}").into()));
    let ours = entries.keys().filter(|name| name.ends_with(".c"));
    arguments.extend(ours.map(OsString::from));
    arguments.extend(bindings.into_iter().map(OsString::from));
    arguments.extend(["-o".into(), core.clone().into()]);
    let run = Run {
        function: job.function,
        what: "clang",
        program: &compiler.program,
        arguments,
        folder: &work,
        variables: Vec::new(),
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    let built = shop.path().join(super::COMPONENT);
    component::of_core(source, core, component::Metadata::InModule, built.clone()).await?;
    source.keep(&key, &shop, built).await
}

/// The WASI SDK, or the newest clang of the search path that has what WebAssembly needs.
pub(super) async fn find(tools: &Tools) -> std::result::Result<Compiler, Lacking> {
    let numbered = (OLDEST..=NEWEST).rev().map(|version| format!("clang-{version}"));
    let names = std::iter::once("clang".to_owned()).chain(numbered);
    let debian =
        names.flat_map(|name| tool::find_all(&tools.path, &name)).map(|program| (program, Some(LIBC.1)));
    for (program, sysroot) in std::iter::once((PathBuf::from(SDK), None)).chain(debian) {
        if !program.is_file() || sysroot.is_some() && !Path::new(LIBC.0).is_file() {
            continue;
        }
        // Not every clang on the path has a run-time library for WebAssembly beside it.
        let library = tool::ask(&program, &[TARGET, "-print-libgcc-file-name"], tools).await;
        if library.is_some_and(|library| Path::new(&library).is_file())
            && let Some(version) = tool::ask(&program, &["--version"], tools).await
        {
            return Ok(Compiler { program, version, sysroot });
        }
    }
    Err(Lacking::new("clang for WebAssembly", HELP))
}
