//! An app, written by a test.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// A folder with a manifest and sources.
#[derive(Debug)]
pub struct App {
    folder: tempfile::TempDir,
}

impl App {
    /// With `manifest` as its `sonagi.toml`.
    pub fn new(manifest: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap() }.file("sonagi.toml", manifest)
    }

    /// With `template` as its `template.yaml`.
    pub fn sam(template: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap() }.file("template.yaml", template)
    }

    /// One Python function `f` in the app `name`, at every path.
    pub fn python(name: &str, source: &str) -> Self {
        let manifest =
            format!("app = \"{name}\"\n[function.f]\nruntime = \"python3.11\"\nroutes = [\"$default\"]\n");
        Self::new(&manifest).file("f/app.py", source)
    }

    /// One Node function `f` in the app `name`, at every path.
    pub fn node(name: &str, source: &str) -> Self {
        let manifest =
            format!("app = \"{name}\"\n[function.f]\nruntime = \"nodejs20.x\"\nroutes = [\"$default\"]\n");
        Self::new(&manifest).file("f/index.mjs", source)
    }

    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    #[must_use]
    pub fn executable(self, path: &str, text: &str) -> Self {
        let path = self.write(path, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Writes a file of an app that is there already.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
