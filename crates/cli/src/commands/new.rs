use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sonagi_model::AppName;

use crate::{
    args::{New, Template},
    output::{self, Shape},
};

/// What tools leave in an app's folders.
const IGNORED: &str = ".sonagi/\n.venv/\nnode_modules/\n__pycache__/\ntarget/\n";

/// A file of a template.
struct File {
    path: &'static str,
    text: &'static str,
    mode: u32,
}

const fn file(path: &'static str, text: &'static str) -> File {
    File { path, text, mode: 0o644 }
}

const PYTHON: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/python/sonagi.toml")),
    file("hello/app.py", include_str!("../../templates/python/app.py")),
];
const NODE: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/node/sonagi.toml")),
    file("hello/index.mjs", include_str!("../../templates/node/index.mjs")),
];
const PROVIDED: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/provided/sonagi.toml")),
    File { path: "hello/bootstrap", text: include_str!("../../templates/provided/bootstrap"), mode: 0o755 },
];
const SAM: &[File] = &[
    file("template.yaml", include_str!("../../templates/sam/template.yaml")),
    file("hello/app.py", include_str!("../../templates/sam/hello/app.py")),
];

const WASM_JS: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-js/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-js/README.md")),
    file("hello/app.js", include_str!("../../templates/wasm-js/app.js")),
    file("hello/package.json", include_str!("../../templates/wasm-js/package.json")),
];
const WASM_PYTHON: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-python/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-python/README.md")),
    file("hello/app.py", include_str!("../../templates/wasm-python/app.py")),
];
const WASM_RUST: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-rust/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-rust/README.md")),
    file("hello/Cargo.toml", include_str!("../../templates/wasm-rust/Cargo.toml")),
    file("hello/src/main.rs", include_str!("../../templates/wasm-rust/src/main.rs")),
    file("hello/src/config.rs", include_str!("../../templates/wasm-rust/src/config.rs")),
];
const WASM_GO: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-go/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-go/README.md")),
    file("hello/go.mod", include_str!("../../templates/wasm-go/go.mod")),
    file("hello/main.go", include_str!("../../templates/wasm-go/main.go")),
    file("hello/wasi.go", include_str!("../../templates/wasm-go/wasi.go")),
];
const WASM_C: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-c/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-c/README.md")),
    file("hello/app.c", include_str!("../../templates/wasm-c/app.c")),
];
const WASM_TEXT: &[File] = &[
    file("sonagi.toml", include_str!("../../templates/wasm-text/sonagi.toml")),
    file("README.md", include_str!("../../templates/wasm-text/README.md")),
    file("hello/function.wat", include_str!("../../templates/wasm-text/function.wat")),
];

pub(crate) fn run(new: &New, shape: Shape) -> Result<ExitCode> {
    let name = new.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let app = AppName::new(name).context("the folder's name becomes the app's")?;
    let files = match new.template {
        Template::Python => PYTHON,
        Template::Node => NODE,
        Template::Provided => PROVIDED,
        Template::Sam => SAM,
        Template::WasmJs => WASM_JS,
        Template::WasmPython => WASM_PYTHON,
        Template::WasmRust => WASM_RUST,
        Template::WasmGo => WASM_GO,
        Template::WasmC => WASM_C,
        Template::WasmText => WASM_TEXT,
    };
    if new.path.exists() {
        bail!("{} is there already: name a new folder", new.path.display());
    }
    for file in files {
        write(&new.path, file, &app)
            .with_context(|| format!("write {}", new.path.join(file.path).display()))?;
    }
    let ignore = File { path: ".gitignore", text: IGNORED, mode: 0o644 };
    write(&new.path, &ignore, &app).context("write .gitignore")?;
    match shape {
        Shape::Json => output::json(&json!({ "app": app, "path": new.path }))?,
        Shape::Human => {
            println!("Made {}. Run it with:", new.path.display());
            println!("  sonagi dev {}", new.path.display());
            println!("  curl http://127.0.0.1:8080/hello");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(root: &Path, file: &File, app: &AppName) -> Result<()> {
    let path = root.join(file.path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, file.text.replace("{app}", app.as_str()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    Ok(())
}
