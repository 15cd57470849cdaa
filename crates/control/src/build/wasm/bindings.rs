//! The C bindings of a world, made by wit-bindgen's generator.

use std::path::{Path, PathBuf};

use wit_bindgen_core::Files;

use super::{Source, component, world::World};
use crate::build::Result;

/// Writes `<world>.h`, `<world>.c` and the object that tells the module's world, and returns what has to be compiled.
pub(super) fn write(source: &Source<'_, '_>, world: &World, folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut resolve, id) = component::read_world(source, world)?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, id, &mut files)
        .map_err(|cause| source.wrong(format!("the world has no C bindings: {cause:#}")))?;
    let mut compiled = Vec::new();
    for (name, content) in files.iter() {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(|cause| source.job.failed("write", &path, cause))?;
        if name.ends_with(".c") || name.ends_with(".o") {
            compiled.push(path);
        }
    }
    Ok(compiled)
}
