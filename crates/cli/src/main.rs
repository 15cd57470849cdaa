//! The sonagi program: one binary that is the laptop emulator, the test environment and the server.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program")]

mod args;
mod client;
mod commands;
mod folders;
mod output;
mod progress;
mod report;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // The launcher runs before anything else: it is started once for each environment, and must not allocate
    // threads, read configuration or print.
    if std::env::args_os().nth(1).is_some_and(|word| word == sonagi_sandbox::launcher::WORD) {
        sonagi_sandbox::launcher::main();
    }
    let arguments = args::Arguments::parse();
    let shape = arguments.shape();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return report::failure(&anyhow::Error::new(error).context("start the async runtime"), shape);
        }
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(error) => report::failure(&error, shape),
    }
}
