//! `cargo xtask test`: what must pass before anything lands.

use std::process::Command;

use anyhow::Result;

use crate::{shell, tools};

pub(crate) fn everything() -> Result<()> {
    let tools = tools::ensure()?;
    eprintln!("==> formatting");
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(fuzz().args(["fmt", "--check"]))?;
    eprintln!("==> lints");
    shell::run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    shell::run(fuzz().args(["clippy", "--release", "--locked", "--", "-D", "warnings"]))?;
    eprintln!("==> tests");
    build()?;
    shell::run(tester(&tools).args(["--workspace", "--locked"]))?;
    eprintln!("==> everything passed");
    Ok(())
}

pub(crate) fn some(filter: &str) -> Result<()> {
    let tools = tools::ensure()?;
    build()?;
    shell::run(tester(&tools).args(["--workspace", "--locked", filter]))
}

/// The tests start the real program, so it is built before them.
fn build() -> Result<()> {
    shell::run(cargo().args(["build", "--locked", "--package", "sonagi-cli"]))
}

/// nextest runs each test in a process of its own, in parallel; cargo's own runner does where it is missing.
fn tester(tools: &tools::Tools) -> Command {
    let mut command = cargo();
    if shell::has("cargo-nextest", "--version") {
        command.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        command.args(["test", "--no-fail-fast"]);
    }
    command
        .env("SONAGI_TEST_PYTHON", &tools.python)
        .env("SONAGI_TEST_PYTHON_BEFORE_JSON", &tools.python_before_json)
        .env("SONAGI_TEST_NODE_MODULES", &tools.node_modules)
        .env("SONAGI_TEST_MACHINE", &tools.machine);
    command
}

/// The fuzz targets are a workspace of their own. They are not linked here, and so need neither libFuzzer nor a compiler of C++.
fn fuzz() -> Command {
    let mut command = cargo();
    command.current_dir(shell::root().join("fuzz")).env("CUSTOM_LIBFUZZER_PATH", "none/libfuzzer.a");
    command
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(shell::root());
    command
}
