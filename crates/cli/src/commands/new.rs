use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sonagi_model::AppName;

use crate::{
    args::{New, Template},
    output::{self, Shape},
};

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

pub(crate) fn run(new: &New, shape: Shape) -> Result<ExitCode> {
    let name = new.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let app = AppName::new(name).context("the folder's name becomes the app's")?;
    let files = match new.template {
        Template::Python => PYTHON,
        Template::Node => NODE,
        Template::Provided => PROVIDED,
        Template::Sam => SAM,
    };
    if new.path.exists() {
        bail!("{} is there already: name a new folder", new.path.display());
    }
    for file in files {
        write(&new.path, file, &app)
            .with_context(|| format!("write {}", new.path.join(file.path).display()))?;
    }
    let ignore = File { path: ".gitignore", text: ".sonagi/\nnode_modules/\n__pycache__/\n", mode: 0o644 };
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
