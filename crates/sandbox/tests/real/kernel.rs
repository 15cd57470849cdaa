//! Debian's kernel for machines that are emulated, with its modules; taken out of its package and installed nowhere.
#![expect(clippy::disallowed_methods, reason = "tests read their environment")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What `cargo xtask test` has installed: a folder with `vhost-device-vsock`, and Debian's kernel in `kernel`.
pub(crate) fn tools() -> PathBuf {
    let named = std::env::var_os("SONAGI_TEST_MACHINE");
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/machine");
    let folder = named.map_or(usual, PathBuf::from);
    assert!(
        folder.join("vhost-device-vsock").is_file() && folder.join("kernel/boot").is_dir(),
        "{} lacks a kernel or vhost-device-vsock: `cargo xtask test` installs both, and QEMU",
        folder.display()
    );
    folder
}

pub(crate) fn kernel() -> PathBuf {
    let entries = fs::read_dir(tools().join("kernel/boot")).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().path());
    names.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("vmlinuz-")).unwrap()
}

/// The file names and contents of modules that are named as they lie in the kernel's folder, without their ending.
pub(crate) fn modules(names: &[&str]) -> Vec<(String, Vec<u8>)> {
    let versions = tools().join("kernel/lib/modules");
    let version = fs::read_dir(versions).unwrap().next().unwrap().unwrap().path();
    let file = |module: &&str| {
        let name = format!("{}.ko", Path::new(module).file_name().unwrap().to_str().unwrap());
        (name, fs::read(version.join("kernel").join(format!("{module}.ko"))).unwrap())
    };
    names.iter().map(file).collect()
}
