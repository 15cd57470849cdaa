//! JavaScript, by componentize-js: StarlingMonkey with the function's module in it, started once and kept.

use std::{
    ffi::OsString,
    io::Read as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde_json::Value;
use sonagi_model::{function::WasmStart, limits};

use super::{
    Source,
    world::{self, Init},
};
use crate::build::{
    Result,
    archive::{self, Content, Entries},
    job::blocking,
    node,
    tool::{self, Run},
};

const HELP: &str =
    "add it to the function's package.json: npm install --save-dev @bytecodealliance/componentize-js";
/// Where a module that package.json does not name is looked for, in this order.
const USUAL: [&str; 8] =
    ["index.js", "app.js", "handler.js", "main.js", "index.mjs", "app.mjs", "handler.mjs", "main.mjs"];
/// The engine inside the package `@bytecodealliance/componentize-js`.
const ENGINE: &str = "node_modules/@bytecodealliance/componentize-js/lib/starlingmonkey_embedding.wasm";
/// The version of WASI that the engine of componentize-js 0.19.4 to 0.23 speaks.
const ENGINE_WASI: &str = "0.2.10";

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let job = source.job;
    source.only_p2("componentize-js")?;
    let entries = source.entries().await?;
    let entry = entry(source, &entries)?;
    let installed = node::for_build(job, &entries).await?;
    let program = |name: &str| {
        let own = installed.as_ref().map(|(_, folder)| folder.join("node_modules/.bin").join(name));
        own.filter(|file| file.exists()).or_else(|| tool::find_all(&job.tools.path, name).into_iter().next())
    };
    let Some(componentize) = program("componentize-js") else {
        return Err(source.lacking("componentize-js", HELP));
    };
    let esbuild = program("esbuild");
    let must_bundle = entry.ends_with(".ts") || has_dependencies(source, &entries)?;
    if must_bundle && esbuild.is_none() {
        return Err(source.lacking(
            "esbuild",
            "it makes one module of TypeScript and of npm packages: npm install --save-dev esbuild",
        ));
    }
    let version = match &installed {
        Some((_, folder)) => {
            let engine = folder.join(ENGINE);
            blocking(move || Ok(wasi_of(&engine))).await?
        }
        None => None,
    };
    let version = version.as_deref().unwrap_or(ENGINE_WASI);
    let dependencies = installed.as_ref().map_or_else(String::new, |(key, _)| key.to_string());
    // The engine keeps the request that it answers, so a request cannot be its initialisation.
    let init = match source.wasm.start {
        WasmStart::Fresh => Init::Absent,
        WasmStart::Snapshot => Init::Exported,
    };
    let exports = match init {
        Init::Absent => "",
        Init::Exported => "init",
    };
    let tools = [dependencies.as_str(), &entry, version, &componentize.to_string_lossy(), exports];
    let key = source.key("js", &entries, &tools)?;
    if let Some(kept) = source.kept(&key).await {
        return kept;
    }

    let shop = job.workshop()?;
    let (work, out) = (shop.path().join("source"), shop.path().join("out"));
    job.make(&work)?;
    job.make(&out)?;
    archive::copy(job.function, &entries, &work)?;
    if let Some(modules) = installed.as_ref().map(|(_, folder)| folder.join("node_modules"))
        && modules.is_dir()
    {
        let link = work.join("node_modules");
        std::os::unix::fs::symlink(&modules, &link).map_err(|cause| job.failed("link", &link, cause))?;
    }
    let module = match &esbuild {
        Some(esbuild) => bundle(source, esbuild, &entry, &work).await?,
        None => entry,
    };
    let world = world::prepare(source, &work, &shop.path().join("world"), Some(version), init)?;
    let component = out.join(super::COMPONENT);
    let mut arguments: Vec<OsString> = vec![module.into(), "--wit".into(), world.folder.into()];
    if let Some(name) = world.name {
        arguments.extend(["--world-name".into(), name.into()]);
    }
    arguments.extend(["--out".into(), component.clone().into()]);
    let run = Run {
        function: job.function,
        what: "componentize-js",
        program: &componentize,
        arguments,
        folder: &work,
        variables: Vec::new(),
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    source.keep(&key, &shop, component).await
}

/// One module of the entry and all that it imports but the host's interfaces.
async fn bundle(source: &Source<'_, '_>, esbuild: &Path, entry: &str, work: &Path) -> Result<String> {
    const MODULE: &str = "sonagi-bundle.mjs";
    let options = ["--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main"];
    let outfile = format!("--outfile={MODULE}");
    let more = ["--external:wasi:*", "--log-level=warning", &outfile];
    let arguments = std::iter::once(entry).chain(options).chain(more);
    let run = Run {
        function: source.job.function,
        what: "esbuild",
        program: esbuild,
        arguments: arguments.map(OsString::from).collect(),
        folder: work,
        variables: Vec::new(),
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(source.job.tools, source.job.progress).await?;
    Ok(MODULE.into())
}

fn package(source: &Source<'_, '_>, entries: &Entries) -> Result<Value> {
    let Some(Content::File { path, .. }) = entries.get("package.json") else { return Ok(Value::Null) };
    let text = std::fs::read(path).map_err(|cause| source.job.failed("read", path, cause))?;
    serde_json::from_slice(&text).map_err(|cause| source.wrong(format!("package.json is not JSON: {cause}")))
}

fn has_dependencies(source: &Source<'_, '_>, entries: &Entries) -> Result<bool> {
    let package = package(source, entries)?;
    Ok(package.get("dependencies").and_then(Value::as_object).is_some_and(|map| !map.is_empty()))
}

/// The module that answers: `main` of package.json, a usual name, or the only module of the folder.
fn entry(source: &Source<'_, '_>, entries: &Entries) -> Result<String> {
    if let Some(main) = package(source, entries)?.get("main").and_then(Value::as_str) {
        let main = main.trim_start_matches("./");
        return match entries.contains_key(main) {
            true => Ok(main.to_owned()),
            false => {
                Err(source
                    .wrong(format!("package.json says `\"main\": {main:?}`, and there is no such file")))
            }
        };
    }
    if let Some(usual) = USUAL.iter().find(|name| entries.contains_key(**name)) {
        return Ok((*usual).to_owned());
    }
    let is_module =
        |name: &&String| !name.contains('/') && [".js", ".mjs", ".ts"].iter().any(|end| name.ends_with(end));
    let mut modules = entries.keys().filter(is_module);
    match (modules.next(), modules.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(source
            .wrong("more than one module could be the function's: name it in package.json, as in `\"main\": \"app.js\"`".into())),
        (None, _) => Err(source.wrong("there is no JavaScript module, such as app.js".into())),
    }
}

/// The version of `wasi:http` that an engine asks for: a world of any other makes no component with it.
fn wasi_of(engine: &PathBuf) -> Option<String> {
    const MARK: &[u8] = b"wasi:http/types@";
    let mut bytes = Vec::new();
    let file = std::fs::File::open(engine).ok()?;
    file.take(limits::PACKAGE_UNPACKED_SIZE).read_to_end(&mut bytes).ok()?;
    let at = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let version: Vec<u8> = bytes[at..]
        .iter()
        .copied()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .take(12)
        .collect();
    String::from_utf8(version).ok().filter(|version| version.starts_with("0.2."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_says_which_wasi_it_speaks() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("engine.wasm");
        std::fs::write(&file, b"\0asm...\x15wasi:http/types@0.2.3\x10[method]").expect("write");
        assert_eq!(wasi_of(&file).as_deref(), Some("0.2.3"));
        std::fs::write(&file, b"nothing of the kind").expect("write");
        assert_eq!(wasi_of(&file), None);
        assert_eq!(wasi_of(&folder.path().join("absent")), None);
    }
}
