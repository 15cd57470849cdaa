//! Python, by componentize-py: CPython with the function's modules in it, imported once and kept.

use std::{ffi::OsString, path::Path, path::PathBuf};

use bytes::Bytes;
use sonagi_model::limits;

use super::{
    Source,
    toolchain::{Found, Lacking, Search},
    world::{self, Init},
};
use crate::build::{
    Result, Tools,
    archive::{self, Content, Entries},
    tool::{self, Run},
};

const HELP: &str =
    "pip install componentize-py (in a virtual environment `.venv` of the function's folder, or on the PATH)";
/// Where the module is looked for, in this order.
const USUAL: [&str; 4] = ["app.py", "main.py", "handler.py", "index.py"];
/// The Python inside the components of componentize-py 0.2x: which wheels fit.
const VERSION: &str = "3.14";
/// Both are called `store`, and only a name of its own is the same whether the other is there or not.
const NAMES: [&str; 2] = ["wasi:config/store@0.2.0-rc.1=config", "wasi:keyvalue/store@0.2.0-draft=keyvalue"];

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let job = source.job;
    source.only_p2("componentize-py")?;
    let entries = source.entries().await?;
    let module = module(source, &entries)?;
    let own = [".venv", "venv"].map(|folder| source.path.join(folder).join("bin/componentize-py"));
    let Found { program: componentize, version } =
        find(job.tools, own).await.map_err(|lacking| source.lacks(lacking))?;
    let key = source.key("python", &entries, &[&module, &version])?;
    if let Some(kept) = source.kept(&key).await {
        return kept;
    }
    let shop = job.workshop()?;
    let (work, out) = (shop.path().join("source"), shop.path().join("out"));
    job.make(&work)?;
    job.make(&out)?;
    archive::copy(job.function, &entries, &work)?;
    // Without one the packages of whoever runs the build would come along.
    let environment = shop.path().join("venv");
    job.make(&environment.join("lib/site-packages"))?;
    let packages = shop.path().join("packages");
    let installed = install(source, &entries, &work, &packages).await?;
    let world = world::prepare(source, &work, &shop.path().join("world"), None, Init::Absent)?;
    let component = out.join(super::COMPONENT);
    let mut arguments: Vec<OsString> = vec!["--wit-path".into(), world.folder.into()];
    if let Some(name) = world.name {
        arguments.extend(["--world".into(), name.into()]);
        let granted = if source.wasm.keyvalue.is_empty() { 1 } else { 2 };
        for name in &NAMES[..granted] {
            arguments.extend(["--import-interface-name".into(), name.into()]);
        }
    }
    arguments.extend(["componentize".into(), module.into(), "--python-path".into(), ".".into()]);
    if installed {
        arguments.extend(["--python-path".into(), packages.into()]);
    }
    arguments.extend(["--output".into(), component.clone().into()]);
    let run = Run {
        function: job.function,
        what: "componentize-py",
        program: &componentize,
        arguments,
        folder: &work,
        // Its own backtrace would push Python's message out of the tail.
        variables: vec![("VIRTUAL_ENV", environment.into()), ("RUST_BACKTRACE", "0".into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    source.keep(&key, &shop, component).await
}

/// componentize-py of the function's own environment, or of the search path, and its version. A version manager's
/// stand-in may be there and know of none: only asking tells.
pub(super) async fn find(tools: &Tools, own: impl IntoIterator<Item = PathBuf>) -> Search {
    let others = tool::find_all(&tools.path, "componentize-py");
    for program in own.into_iter().filter(|file| file.is_file()).chain(others) {
        if let Some(version) = tool::ask(&program, &["--version"], tools).await {
            return Ok(Found { program, version });
        }
    }
    Err(Lacking::new("componentize-py", HELP))
}

fn module(source: &Source<'_, '_>, entries: &Entries) -> Result<String> {
    let usual = USUAL.iter().find(|name| entries.contains_key(**name)).map(|name| (*name).to_owned());
    let mut modules = entries.keys().filter(|name| !name.contains('/') && name.ends_with(".py"));
    let file = match (usual, modules.next(), modules.next()) {
        (Some(usual), _, _) => usual,
        (None, Some(one), None) => one.clone(),
        (None, Some(_), Some(_)) => {
            return Err(source.wrong("more than one module could be the function's: call it app.py".into()));
        }
        (None, None, _) => return Err(source.wrong("there is no Python module, such as app.py".into())),
    };
    let module = file.trim_end_matches(".py").to_owned();
    // The bindings are modules of these names.
    if ["function", "wit_world"].contains(&module.as_str()) {
        return Err(source.wrong(format!("a module {file} hides the bindings: call it app.py")));
    }
    Ok(module)
}

/// Installs what requirements.txt asks for. Only packages of Python alone run in WebAssembly, so no others are taken.
async fn install(source: &Source<'_, '_>, entries: &Entries, work: &Path, to: &Path) -> Result<bool> {
    let job = source.job;
    let Some(Content::File { path, .. }) = entries.get("requirements.txt") else { return Ok(false) };
    let text = std::fs::read_to_string(path).map_err(|cause| job.failed("read", path, cause))?;
    if crate::build::python::is_empty(&text) {
        return Ok(false);
    }
    let mut found = None;
    for program in ["python3", "python"].iter().flat_map(|name| tool::find_all(&job.tools.path, name)) {
        if tool::ask(&program, &["-m", "pip", "--version"], job.tools).await.is_some() {
            found = Some(program);
            break;
        }
    }
    let Some(program) = found else {
        return Err(source.lacking("pip", "install the packages python3 and python3-pip"));
    };
    let mut arguments: Vec<OsString> = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        .iter()
        .chain(&["--no-compile", "--no-warn-script-location", "--root-user-action=ignore"])
        .chain(&["--only-binary=:all:", "--implementation", "py", "--abi", "none", "--platform", "any"])
        .chain(&["--python-version", VERSION, "-r", "requirements.txt", "--target"])
        .map(OsString::from)
        .collect();
    arguments.push(to.into());
    let run = Run {
        function: job.function,
        what: "pip install",
        program: &program,
        arguments,
        folder: work,
        variables: vec![("PIP_REQUIRE_VIRTUALENV", "0".into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    Ok(true)
}
