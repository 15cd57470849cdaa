//! Compiles the init of virtual machines: one static program, which the library has as bytes.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script everything through its environment"
)]

use std::{env, path::PathBuf, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=init");
    println!("cargo::rerun-if-changed=build.rs");
    let wanted = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"));
    let out = PathBuf::from(wanted("OUT_DIR")).join("init");
    // Not cargo: its flags, profile and target folder are the library's. Static, since nothing else is in the initial RAM
    // disk; the C library for that comes with the one that every Rust program is linked with (Debian: libc6-dev).
    let compiled = Command::new(wanted("RUSTC"))
        .arg("--target")
        .arg(wanted("TARGET"))
        .args(["--edition", "2024", "--crate-name", "init", "--crate-type", "bin", "--cap-lints", "allow"])
        .args(["-C", "target-feature=+crt-static", "-C", "panic=abort", "-C", "opt-level=s"])
        .args(["-C", "lto=fat", "-C", "strip=symbols", "-C", "codegen-units=1"])
        .arg("init/main.rs")
        .arg("-o")
        .arg(&out)
        .output();
    let failed = match compiled {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    // All else works without it; the microVM driver says what is missing.
    println!(
        "cargo::warning=the init of virtual machines was not compiled (a static C library is needed): {failed}"
    );
    if let Err(error) = std::fs::write(&out, []) {
        panic!("write {}: {error}", out.display());
    }
}
