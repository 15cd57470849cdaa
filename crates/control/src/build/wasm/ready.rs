//! A component that is there, as binary or as text.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use sonagi_model::limits;

use super::{Source, output};
use crate::build::{Error, Result, job::blocking};

pub(super) async fn build(source: &Source<'_, '_>) -> Result<Bytes> {
    let file = find(source)?;
    let job = source.job;
    let size = file.metadata().map_err(|cause| job.failed("look at", &file, cause))?.len();
    let limit = limits::PACKAGE_UNPACKED_SIZE;
    if size > limit {
        return Err(Error::Unpacked { function: job.function.clone(), size, limit });
    }
    let function = job.function.clone();
    if file.extension().is_some_and(|end| end == "wasm") {
        return blocking(move || output::pack(&function, &file)).await;
    }
    let shop = job.workshop()?;
    let path = shop.path().join(super::COMPONENT);
    blocking(move || {
        let io = |verb, path: &Path, cause| Error::Io {
            function: function.clone(),
            verb,
            path: path.into(),
            cause,
        };
        let text = std::fs::read_to_string(&file).map_err(|cause| io("read", &file, cause))?;
        let binary = wat::parse_str(&text).map_err(|mut cause| {
            cause.set_path(file.file_name().map(Path::new).unwrap_or(&file));
            Error::Source { function: function.clone(), message: cause.to_string() }
        })?;
        std::fs::write(&path, binary).map_err(|cause| io("write", &path, cause))?;
        let packed = output::pack(&function, &path);
        drop(shop);
        packed
    })
    .await
}

/// The file itself, or the only component of the folder. Of a text and a binary with the same name the text is meant:
/// the binary was made of it.
fn find(source: &Source<'_, '_>) -> Result<PathBuf> {
    if source.path.is_file() {
        return Ok(source.path.into());
    }
    let read = |cause| source.job.failed("read the folder", source.path, cause);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(source.path).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|end| end == "wasm" || end == "wat") {
            found.push(path);
        }
    }
    let texts: Vec<PathBuf> =
        found.iter().filter(|path| path.extension().is_some_and(|end| end == "wat")).cloned().collect();
    found.retain(|path| !texts.contains(&path.with_extension("wat")) || texts.contains(path));
    found.sort();
    let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(source.wrong(format!("there is no *.wasm and no *.wat in {}", source.path.display()))),
        [_, _, ..] => Err(source.wrong(format!(
            "{} holds more than one component ({}): name one of them, as in `code = {:?}`",
            source.path.display(),
            names.join(", "),
            names.first().unwrap_or(&"x.wasm")
        ))),
    }
}
