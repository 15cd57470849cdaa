//! Which file, and which reader for it.

use std::{collections::BTreeMap, path::Path};

use super::{Context, Manifest, ManifestError};

/// Reads a manifest: a file, or a folder that holds one.
pub fn load(
    path: &Path,
    _parameters: &BTreeMap<String, String>,
    _context: &Context,
) -> Result<Manifest, ManifestError> {
    Err(ManifestError::whole(path.into(), "not read yet".into(), None))
}
