//! Node packages, by npm, and TypeScript, by the project's own esbuild.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use sonagi_model::limits;

use super::{
    Error, Result,
    archive::{self, Content, Entries, Modules},
    cache,
    job::{Job, blocking},
    python::read_zip,
    tool::{self, Run},
};
use crate::manifest::Esbuild;

/// Files that say what npm installs, and how.
const LOCKS: [&str; 2] = ["package-lock.json", "npm-shrinkwrap.json"];

/// Packages that builds run.
const BUILDERS: [&str; 2] = ["esbuild", "@bytecodealliance/componentize-js"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// What the function needs while it runs.
    Production,
    /// What its build needs as well.
    Build,
}

/// What to do where there is no npm.
pub(super) const NO_NPM: &str = "install the packages nodejs and npm";

pub(super) fn npm(path: &OsStr) -> Option<PathBuf> {
    tool::find_all(path, "npm").into_iter().next()
}

/// The zip of the function's `node_modules`; `None` when it depends on nothing.
pub(super) async fn dependencies(job: &Job<'_>, entries: &Entries) -> Result<Option<Vec<u8>>> {
    let Some((key, entry)) = install(job, entries, Wanted::Production).await? else { return Ok(None) };
    let zipped = cache::key(&[b"node zip 1", key.as_bytes()]);
    if let Some(entry) = job.cache.get("npmzip", &zipped) {
        return read_zip(job.function, &entry).await.map(Some);
    }
    let shop = job.workshop()?;
    let made = shop.path().join("entry");
    job.make(&made)?;
    let (function, folder) = (job.function.clone(), made.clone());
    let zip = blocking(move || {
        let all = archive::list_all(&function, &entry, Modules::Taken)?;
        // npm's own notes and links to programs are of no use to a running function.
        let kept = |name: &str| {
            name.starts_with("node_modules/")
                && !name.starts_with("node_modules/.bin/")
                && name != "node_modules/.package-lock.json"
        };
        let entries: Entries = all.into_iter().filter(|(name, _)| kept(name)).collect();
        let zip = archive::pack(&function, &entries, None)?;
        let path = folder.join("packages.zip");
        std::fs::write(&path, &zip).map_err(|cause| Error::Io {
            function: function.clone(),
            verb: "write",
            path,
            cause,
        })?;
        Ok(zip)
    })
    .await?;
    job.keep("npmzip", &zipped, &made)?;
    Ok(Some(zip.into()))
}

/// A folder with the `node_modules` that a function is built with; `None` when it has no `package.json`.
pub(super) async fn for_build(
    job: &Job<'_>,
    entries: &Entries,
) -> Result<Option<(sonagi_model::Digest, PathBuf)>> {
    match entries.contains_key("package.json") {
        true => install(job, entries, Wanted::Build).await,
        false => Ok(None),
    }
}

/// A folder with `package.json` and the `node_modules` that it asks for.
async fn install(
    job: &Job<'_>,
    entries: &Entries,
    wanted: Wanted,
) -> Result<Option<(sonagi_model::Digest, PathBuf)>> {
    let function = job.function;
    let package = match entries.get("package.json") {
        Some(Content::File { path, .. }) => {
            let text = std::fs::read(path).map_err(|cause| job.failed("read", path, cause))?;
            serde_json::from_slice::<Map<String, Value>>(&text).map_err(|cause| Error::Source {
                function: function.clone(),
                message: format!("package.json is not a JSON object: {cause}"),
            })?
        }
        Some(Content::Link { .. } | Content::Text(_)) | None => Map::new(),
    };
    let lock = LOCKS.iter().find(|name| entries.contains_key(**name));
    let has = |key: &str| package.get(key).and_then(Value::as_object).is_some_and(|map| !map.is_empty());
    let needed = has("dependencies") || has("optionalDependencies");
    if !needed && job.extras.is_empty() && wanted == Wanted::Production {
        return Ok(None);
    }
    let mut package = package;
    // Without a lock only what is used need be installed: the production packages, and what builds.
    if lock.is_none()
        && let Some(Value::Object(mut tools)) = package.remove("devDependencies")
        && wanted == Wanted::Build
    {
        tools.retain(|name, _| BUILDERS.contains(&name.as_str()));
        if !tools.is_empty() {
            package.insert("devDependencies".into(), Value::Object(tools));
        }
    }
    let node = job.tools.interpreters.find(job.runtime).await.map(|found| found.program);
    let path = search_path(node.as_deref(), &job.tools.path);
    let Some(npm) = npm(&path) else {
        return Err(Error::NoTool { function: function.clone(), tool: "npm".into(), help: NO_NPM.into() });
    };
    let version = match &node {
        Some(node) => tool::ask(node, &["--version"], job.tools).await.unwrap_or_default(),
        None => String::new(),
    };
    let text = serde_json::to_string_pretty(&package).unwrap_or_default();
    // Packages that are folders of the app's change with those.
    let local = text.contains("\"file:") || text.contains("\"link:") || package.contains_key("workspaces");
    let mut files = Entries::new();
    for (name, content) in entries {
        let config = [".npmrc"].contains(&name.as_str()) || lock.is_some_and(|lock| lock == name);
        if config || local && !name.starts_with("node_modules/") {
            files.insert(name.clone(), content.clone());
        }
    }
    files.insert("package.json".into(), Content::Text(text));
    let extras: Vec<&str> = job.extras.iter().map(String::as_str).collect();
    let key = cache::key(&[
        b"node 1",
        version.as_bytes(),
        format!("{wanted:?}").as_bytes(),
        extras.join("\n").as_bytes(),
        archive::digest(function, &files)?.as_bytes(),
    ]);
    if let Some(entry) = job.cache.get("npm", &key) {
        return Ok(Some((key, entry)));
    }
    let shop = job.workshop()?;
    let made = shop.path().join("entry");
    job.make(&made)?;
    archive::copy(function, &files, &made)?;
    let quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    let verb = if lock.is_some() { "ci" } else { "install" };
    let what = if lock.is_some() { "npm ci" } else { "npm install" };
    let mut arguments: Vec<OsString> = vec![verb.into()];
    if wanted == Wanted::Production {
        arguments.push("--omit=dev".into());
    }
    if lock.is_none() {
        arguments.push("--no-package-lock".into());
    }
    arguments.extend(quiet.iter().map(OsString::from));
    run_npm(job, &npm, &path, what, arguments, &made).await?;
    if !job.extras.is_empty() {
        let mut arguments: Vec<OsString> =
            vec!["install".into(), "--no-save".into(), "--no-package-lock".into()];
        arguments.extend(quiet.iter().map(OsString::from));
        arguments.extend(job.extras.iter().map(OsString::from));
        run_npm(job, &npm, &path, "npm install (layers)", arguments, &made).await?;
    }
    let entry = job.keep("npm", &key, &made)?;
    Ok(Some((key, entry)))
}

/// The search path on which `node` is the one that will run the function: npm and the packages' own scripts run it by
/// this name, and what they compile or fetch fits its version.
fn search_path(node: Option<&Path>, path: &OsStr) -> OsString {
    let own = node.and_then(Path::parent).map(Path::to_path_buf);
    let folders = own.into_iter().chain(std::env::split_paths(path));
    // It cannot fail but for a folder with a separator in its name, which is then not on the search path anyway.
    std::env::join_paths(folders).unwrap_or_else(|_| path.into())
}

async fn run_npm(
    job: &Job<'_>,
    npm: &Path,
    path: &OsStr,
    what: &str,
    arguments: Vec<OsString>,
    folder: &Path,
) -> Result<()> {
    let run = Run {
        function: job.function,
        what,
        program: npm,
        arguments,
        folder,
        variables: vec![
            ("PATH", path.into()),
            ("npm_config_update_notifier", "false".into()),
            ("CI", "1".into()),
        ],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await.map(drop)
}

/// The zip of what esbuild makes of the entry points.
pub(super) async fn esbuild(job: &Job<'_>, entries: &Entries, options: &Esbuild) -> Result<Vec<u8>> {
    let function = job.function;
    let installed = install(job, entries, Wanted::Build).await?;
    let modules = installed.as_ref().map(|(_, entry)| entry.join("node_modules"));
    let own = modules.iter().map(|modules| modules.join(".bin/esbuild")).find(|file| file.exists());
    let Some(program) = own.or_else(|| tool::find_all(&job.tools.path, "esbuild").into_iter().next()) else {
        return Err(Error::NoTool {
            function: function.clone(),
            tool: "esbuild".into(),
            help: "add it to `devDependencies` in package.json: npm install --save-dev esbuild".into(),
        });
    };
    let arguments = arguments(options);
    let dependencies = installed.as_ref().map_or_else(String::new, |(key, _)| key.to_string());
    let key = cache::key(&[
        b"esbuild 1",
        archive::digest(function, entries)?.as_bytes(),
        dependencies.as_bytes(),
        program.to_string_lossy().as_bytes(),
        arguments.join("\n").as_bytes(),
    ]);
    if let Some(entry) = job.cache.get("esbuild", &key) {
        return read_zip(function, &entry).await;
    }
    let shop = job.workshop()?;
    let (work, out, made) = (shop.path().join("source"), shop.path().join("out"), shop.path().join("entry"));
    for folder in [&work, &out, &made] {
        job.make(folder)?;
    }
    archive::copy(function, entries, &work)?;
    if let Some(modules) = modules.filter(|modules| modules.is_dir()) {
        let link = work.join("node_modules");
        std::os::unix::fs::symlink(&modules, &link).map_err(|cause| job.failed("link", &link, cause))?;
    }
    let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let mut outdir = OsString::from("--outdir=");
    outdir.push(&out);
    all.push(outdir);
    let run = Run {
        function,
        what: "esbuild",
        program: &program,
        arguments: all,
        folder: &work,
        variables: Vec::new(),
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    let (name, folder) = (function.clone(), made.clone());
    let zip = blocking(move || {
        let entries = archive::list_all(&name, &out, Modules::Taken)?;
        let zip = archive::pack(&name, &entries, None)?;
        let path = folder.join("packages.zip");
        std::fs::write(&path, &zip).map_err(|cause| Error::Io {
            function: name.clone(),
            verb: "write",
            path,
            cause,
        })?;
        Ok(zip)
    })
    .await?;
    job.keep("esbuild", &key, &made)?;
    Ok(zip.into())
}

/// With the defaults of SAM's `BuildProperties`.
fn arguments(options: &Esbuild) -> Vec<String> {
    let mut arguments = options.entry_points.clone();
    arguments.extend(["--bundle".into(), "--platform=node".into(), "--log-level=warning".into()]);
    arguments.push(format!("--format={}", options.format.as_deref().unwrap_or("cjs")));
    arguments.push(format!("--target={}", options.target.as_deref().unwrap_or("es2020")));
    if options.minify.unwrap_or(true) {
        arguments.push("--minify".into());
    }
    if options.sourcemap == Some(true) {
        arguments.push("--sourcemap".into());
    }
    if let Some(content) = options.sources_content {
        arguments.push(format!("--sources-content={content}"));
    }
    if options.keep_names == Some(true) {
        arguments.push("--keep-names".into());
    }
    if !options.main_fields.is_empty() {
        arguments.push(format!("--main-fields={}", options.main_fields.join(",")));
    }
    let lists = [
        ("external", &options.external),
        ("loader", &options.loader),
        ("out-extension", &options.out_extension),
        ("banner", &options.banner),
        ("footer", &options.footer),
        ("define", &options.define),
    ];
    for (name, values) in lists {
        arguments.extend(values.iter().map(|value| format!("--{name}:{value}")));
    }
    arguments
}
