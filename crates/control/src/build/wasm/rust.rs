//! Rust, by cargo. The compiler's own linker makes the component, and what was compiled stays for the next build.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sonagi_model::limits;

use super::{
    Source,
    toolchain::{Found, Lacking, Search},
};
use crate::build::{
    Result, Tools, archive, cache,
    job::blocking,
    tool::{self, Run},
};

const TARGET: &str = "wasm32-wasip2";
/// cargo writes it when it is not there, and nothing is written into the user's folders.
const LOCK: &str = "Cargo.lock";
/// As deep as a package may lie below its workspace.
const PARENTS: usize = 8;

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let job = source.job;
    let cargo = match builds_std(source.path) {
        true => cargo(job.tools),
        false => find(job.tools).await.map(|found| found.program),
    };
    let cargo = cargo.map_err(|lacking| source.lacks(lacking))?;
    // With its lock a package is built where it is, so that it finds its workspace and its neighbours.
    let locked = source.path.ancestors().take(PARENTS).any(|folder| folder.join(LOCK).is_file());
    let shop = job.workshop()?;
    let folder = match locked {
        true => source.path.to_owned(),
        false => {
            let work = shop.path().join("source");
            job.make(&work)?;
            archive::copy(job.function, &source.entries().await?, &work)?;
            work
        }
    };
    let place = cache::key(&[b"rust 1", source.path.as_os_str().as_encoded_bytes()]);
    let target = job.cache.lasting("cargo", &place);
    job.make(&target)?;
    let mut arguments: Vec<OsString> = ["build", "--release", "--target", TARGET].map(OsString::from).into();
    if locked {
        arguments.push("--locked".into());
    }
    let run = Run {
        function: job.function,
        what: "cargo build",
        program: &cargo,
        arguments,
        folder: &folder,
        variables: vec![("CARGO_TARGET_DIR", target.clone().into()), ("CARGO_TERM_COLOR", "never".into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    let component = component(source, &target.join(TARGET).join("release"))?;
    let function = job.function.clone();
    blocking(move || super::output::pack(&function, &component)).await
}

/// Whether a project brings a standard library of its own making, as its cargo configuration says.
fn builds_std(folder: &Path) -> bool {
    [".cargo/config.toml", ".cargo/config"]
        .iter()
        .any(|name| std::fs::read_to_string(folder.join(name)).is_ok_and(|text| text.contains("build-std")))
}

fn first(tools: &Tools, name: &str) -> std::result::Result<PathBuf, Lacking> {
    let help = || format!("install Rust with rustup, and then: rustup target add {TARGET}");
    tool::find_all(&tools.path, name).into_iter().next().ok_or_else(|| Lacking::new(name, help()))
}

fn cargo(tools: &Tools) -> std::result::Result<PathBuf, Lacking> {
    first(tools, "cargo")
}

/// cargo, with a compiler that has a standard library for the target.
pub(super) async fn find(tools: &Tools) -> Search {
    let (program, rustc) = (cargo(tools)?, first(tools, "rustc")?);
    let Some(libraries) = tool::ask(&rustc, &["--print", "target-libdir", "--target", TARGET], tools).await
    else {
        let help = "this Rust does not know it: install Rust 1.82 or newer";
        return Err(Lacking::new(format!("Rust's target {TARGET}"), help));
    };
    match Path::new(&libraries).is_dir() {
        true => Ok(Found { program, version: TARGET.into() }),
        false => Err(Lacking::new(
            format!("Rust's standard library for {TARGET}"),
            format!("rustup target add {TARGET}"),
        )),
    }
}

/// What cargo made of this package: a library's component has `_` for `-` in its name, a program's has not.
fn component(source: &Source<'_, '_>, release: &Path) -> Result<PathBuf> {
    let manifest = source.path.join("Cargo.toml");
    let text =
        std::fs::read_to_string(&manifest).map_err(|cause| source.job.failed("read", &manifest, cause))?;
    let names = names(&text).map_err(|cause| source.wrong(format!("Cargo.toml: {cause}")))?;
    let found = names.iter().map(|name| release.join(format!("{name}.wasm"))).find(|file| file.is_file());
    found.ok_or_else(|| {
        source.wrong(format!(
            "cargo made no component: there is no {}.wasm. Give the package a program (src/main.rs), or a library with \
             `crate-type = [\"cdylib\"]`",
            names.first().map_or("<package>", String::as_str)
        ))
    })
}

fn names(manifest: &str) -> std::result::Result<Vec<String>, toml::de::Error> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let name = |table: Option<&toml::Value>| Some(table?.get("name")?.as_str()?.to_owned());
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    let bins = bins.into_iter().flatten().filter_map(|bin| name(Some(bin)));
    let library = name(manifest.get("lib"));
    let package = name(manifest.get("package"));
    let package_library = package.as_ref().map(|name| name.replace('-', "_"));
    Ok(bins.chain(library).chain(package).chain(package_library).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_tells_what_its_component_may_be_called() {
        let manifest = "[package]\nname = \"my-app\"\n[lib]\ncrate-type = [\"cdylib\"]\n";
        assert_eq!(names(manifest).expect("TOML"), ["my-app", "my_app"]);
        let manifest = "[package]\nname = \"a\"\n[[bin]]\nname = \"b\"\npath = \"b.rs\"\n";
        assert_eq!(names(manifest).expect("TOML"), ["b", "a", "a"]);
        assert!(names("[package").is_err());
    }
}
