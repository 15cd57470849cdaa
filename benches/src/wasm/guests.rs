//! Components of real languages: the templates of `sonagi new`, built by `sonagi deploy` with the languages' own tools.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{options, platform};

pub(super) const LANGUAGES: [&str; 5] = ["rust", "go", "c", "js", "python"];
/// What is asked of them: templates answer here, and a guest that was brought along answers everything.
pub(super) const PATH: &str = "/hello";
/// Beside the components: where they come from, and why one is not there.
const NOTES: &str = "notes.md";

/// A component and the language that it was written in.
pub(super) struct Guest {
    pub(super) name: &'static str,
    pub(super) component: Vec<u8>,
    pub(super) file: PathBuf,
}

/// Builds all that can be built here into `target/tools/guests`; a language without its tool is taken from `brought`.
pub(crate) fn gather(brought: Option<&Path>) -> Result<()> {
    let folder = options::tools()?.join("guests");
    fs::create_dir_all(&folder)?;
    let mut notes = String::new();
    for language in LANGUAGES {
        let file = folder.join(format!("{language}.wasm"));
        let found = match built(language) {
            Ok(component) => Ok((component, "the template of `sonagi new`")),
            Err(error) => {
                eprintln!("    {language} is not built here: {error:#}");
                let brought =
                    brought.and_then(|brought| fs::read(brought.join(format!("{language}.wasm"))).ok());
                brought.map(|component| (component, "built elsewhere")).ok_or(error)
            }
        };
        let note = match found {
            Ok((component, origin)) => {
                let size = component.len() as f64 / 1e6;
                fs::write(&file, component)?;
                format!("{language}: {size:.1} MB, {origin}")
            }
            Err(error) => {
                if file.exists() {
                    fs::remove_file(&file)?;
                }
                let why = format!("{error:#}");
                format!("{language}: left out, {}", told(&why))
            }
        };
        eprintln!("    {note}");
        notes.push_str(&format!("- {note}\n"));
    }
    fs::write(folder.join(NOTES), &notes)?;
    println!("{notes}");
    Ok(())
}

/// All that [`gather`] brought together, and what is to be said of them.
pub(super) fn all() -> Result<(Vec<Guest>, String)> {
    let folder = options::tools()?.join("guests");
    let notes = fs::read_to_string(folder.join(NOTES)).context("gather the guests first: wasm-guests")?;
    let mut guests = Vec::new();
    for name in LANGUAGES {
        let file = folder.join(format!("{name}.wasm"));
        if let Ok(component) = fs::read(&file) {
            guests.push(Guest { name, component, file });
        }
    }
    Ok((guests, notes))
}

/// The component that the language's template becomes.
fn built(language: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let app = folder.path().join(format!("bench-{language}"));
    let mut new = Command::new(platform::program()?);
    let made = new.arg("new").arg(&app).args(["--template", &format!("wasm-{language}")]).output()?;
    if !made.status.success() {
        bail!("no template: {}", String::from_utf8_lossy(&made.stderr));
    }
    let data = folder.path().join("data");
    let server = platform::Server::start(&data)?;
    server.deploy(&app)?;
    // The server keeps the package unpacked, by its digest.
    for package in fs::read_dir(data.join("code"))? {
        if let Ok(component) = fs::read(package?.path().join("function.wasm")) {
            return Ok(component);
        }
    }
    bail!("its component was not found in the server's folder")
}

/// The line of a refusal that says what to do.
fn told(why: &str) -> &str {
    let mut lines = why.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next().unwrap_or_default();
    lines.find(|line| line.contains("install") || line.contains("rustup")).unwrap_or(first)
}
