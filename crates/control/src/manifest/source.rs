//! Where a function's code lies, and whether its handler is in it.

use std::path::{Component, Path, PathBuf};

use sonagi_model::{function::Runtime, limits};

use super::{BuildKind, DeclaredFunction, FunctionDraft};
use crate::wasm;

/// Why a source will not do, and what would.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

fn wrong<T>(message: String, help: impl Into<Option<String>>) -> Result<T, Wrong> {
    Err(Wrong { message, help: help.into() })
}

/// The absolute path of `text` in `root`, which must not be left, by `..` or by a link.
pub(super) fn resolve(root: &Path, text: &str) -> Result<PathBuf, Wrong> {
    if text.contains('\0') {
        return wrong("a path cannot hold a zero byte".into(), None);
    }
    let given = Path::new(text);
    if given.is_relative() {
        let mut depth = 0_i32;
        for part in given.components() {
            match part {
                Component::ParentDir => depth -= 1,
                Component::Normal(_) => depth += 1,
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
            if depth < 0 {
                return wrong(
                    format!("{text:?} leaves the folder that the manifest is in"),
                    "move the manifest up, or the code down".to_owned(),
                );
            }
        }
    }
    let found = match root.join(given).canonicalize() {
        Ok(found) => found,
        Err(_) => {
            return wrong(
                format!("there is no {text:?} in {}", root.display()),
                neighbours(root, |entry| entry.is_dir()).map(|names| format!("there is {names}")),
            );
        }
    };
    if !found.starts_with(root) {
        return wrong(
            format!("{text:?} leaves the folder that the manifest is in"),
            "move the manifest up, or the code down".to_owned(),
        );
    }
    Ok(found)
}

/// Whether the handler's file is there; what a build brings along cannot be known yet and is checked after it.
pub(super) fn check_handler(declared: &DeclaredFunction) -> Result<(), Wrong> {
    let DeclaredFunction { function: FunctionDraft { runtime, handler, layers, .. }, source, build, .. } =
        declared;
    let runtime = *runtime;
    if handler.len() > limits::HANDLER_SIZE {
        return wrong(format!("the handler is longer than {} bytes", limits::HANDLER_SIZE), None);
    }
    if let Runtime::Python { .. } | Runtime::Nodejs { .. } = runtime
        && !has_function(runtime, handler)
    {
        return wrong(
            format!("the handler {handler:?} names no function"),
            "write `file.function`, such as `app.handler`".to_owned(),
        );
    }
    if runtime == Runtime::Wasm
        && let Err(message) = wasm::handler(handler)
    {
        return wrong(message, None);
    }
    if runtime == Runtime::Wasm && *build != BuildKind::Zip && handler != wasm::USUAL_HANDLER {
        let message =
            format!("the handler {handler:?} is for a zip, and what is built is {:?}", wasm::USUAL_HANDLER);
        return wrong(message, "leave `handler` out".to_owned());
    }
    let later = match build {
        BuildKind::Copy | BuildKind::Inline { .. } => false,
        BuildKind::Python => source.join("requirements.txt").exists(),
        BuildKind::Node => source.join("package.json").exists(),
        BuildKind::Esbuild(_) | BuildKind::Makefile { .. } | BuildKind::Zip | BuildKind::Wasm(_) => {
            return Ok(());
        }
    };
    if let BuildKind::Inline { file, .. } = build {
        if let Runtime::Provided(_) | Runtime::Wasm = runtime {
            // They have no inline code, which is said already.
            return Ok(());
        }
        let candidates = candidates(runtime, handler);
        return match candidates.iter().any(|candidate| candidate == file) {
            true => Ok(()),
            false => wrong(
                format!("the handler {handler:?} is not in inline code"),
                "inline code is the module `index`: write `index.` and the function's name".to_owned(),
            ),
        };
    }
    // It may be in a layer.
    if !layers.is_empty() || present(runtime, handler, source) || later && !is_local(handler, source) {
        return Ok(());
    }
    let wanted = candidates(runtime, handler);
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let first = wanted.first().map_or("", String::as_str);
    wrong(
        format!("the handler {handler:?} wants the file `{first}`, which is not in `{name}`"),
        neighbours(source, |entry| belongs(runtime, entry)).map(|names| format!("there is {names}")),
    )
}

/// Whether a file is a WebAssembly component by its name, as binary or as text.
pub(super) fn is_component(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "wasm" || end == "wat")
}

/// Whether a file that the handler may mean is in `folder`.
pub(crate) fn present(runtime: Runtime, handler: &str, folder: &Path) -> bool {
    candidates(runtime, handler).iter().any(|file| folder.join(file).is_file())
}

/// The files that a handler's name can mean, the likeliest first.
pub(crate) fn candidates(runtime: Runtime, handler: &str) -> Vec<String> {
    match runtime {
        Runtime::Python { .. } => {
            let module = handler.rsplit_once('.').map_or(handler, |(module, _)| module).replace('.', "/");
            vec![format!("{module}.py"), format!("{module}/__init__.py"), format!("{module}.pyc")]
        }
        Runtime::Nodejs { .. } => {
            // The function starts at the first dot of the last segment.
            let (folder, file) = match handler.rsplit_once('/') {
                Some((folder, file)) => (format!("{folder}/"), file),
                None => (String::new(), handler),
            };
            let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
            ["js", "mjs", "cjs"].map(|end| format!("{folder}{stem}.{end}")).into()
        }
        Runtime::Provided(_) => vec!["bootstrap".into()],
        Runtime::Wasm => vec![handler.into()],
    }
}

fn has_function(runtime: Runtime, handler: &str) -> bool {
    let file = match runtime {
        Runtime::Nodejs { .. } => handler.rsplit('/').next().unwrap_or_default(),
        Runtime::Python { .. } | Runtime::Provided(_) | Runtime::Wasm => handler,
    };
    file.rsplit_once('.').is_some_and(|(file, function)| !file.is_empty() && !function.is_empty())
}

/// Whether the handler's first part is a file or folder of the source, so that no dependency can bring it.
fn is_local(handler: &str, source: &Path) -> bool {
    let first = handler.split(['/', '.']).next().unwrap_or_default();
    !first.is_empty() && source.join(first).is_dir()
}

fn belongs(runtime: Runtime, entry: &Path) -> bool {
    let end = entry.extension().unwrap_or_default().to_string_lossy().into_owned();
    match runtime {
        Runtime::Python { .. } => end == "py",
        Runtime::Nodejs { .. } => ["js", "mjs", "cjs", "ts"].contains(&end.as_str()),
        Runtime::Provided(_) => entry.is_file(),
        Runtime::Wasm => ["wasm", "wat"].contains(&end.as_str()),
    }
}

/// Up to five names that would have been possible.
pub(crate) fn neighbours(folder: &Path, fits: impl Fn(&Path) -> bool) -> Option<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .take(1_000)
        .filter(|entry| fits(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names.truncate(5);
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
