//! The real Firecracker, for a machine that can run it: with `SONAGI_TEST_FIRECRACKER` all functions of these tests run in
//! it, and none under QEMU. It names a folder with `firecracker`, `jailer` and the guest's kernel `vmlinux`.

use std::path::{Path, PathBuf};

use sonagi_sandbox::microvm::Means;

/// Without a look at how fast KVM is: whoever names the folder knows.
pub(crate) fn means(root: &Path) -> Option<Means> {
    let folder = PathBuf::from(std::env::var_os("SONAGI_TEST_FIRECRACKER")?);
    let there = |name: &str| std::fs::canonicalize(folder.join(name)).unwrap();
    let monitor = there("firecracker");
    let said = std::process::Command::new(&monitor).arg("--version").output().unwrap();
    let version = String::from_utf8(said.stdout).unwrap().lines().next().unwrap().to_owned();
    Some(Means { kernel: there("vmlinux"), root: root.into(), monitor, jailer: there("jailer"), version })
}
