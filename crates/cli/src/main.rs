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

use std::{num::NonZero, process::ExitCode};

use args::Command;
use clap::Parser as _;

fn main() -> ExitCode {
    // The launcher runs before anything else: it is started once for each environment, and must not allocate
    // threads, read configuration or print.
    if std::env::args_os().nth(1).is_some_and(|word| word == sonagi_sandbox::launcher::WORD) {
        sonagi_sandbox::launcher::main();
    }
    // So is the compiler of components: its child limits itself before it reads anything.
    if std::env::args_os().nth(1).is_some_and(|word| word == sonagi_sandbox::wasm::compile::WORD) {
        return sonagi_sandbox::wasm::compile::main();
    }
    let arguments = args::Arguments::parse();
    let shape = arguments.shape();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers(&arguments.command))
        .enable_all()
        .build()
    {
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

/// Every processor serves: WebAssembly functions run in these threads. Functions that are processes of their own are
/// served as many a second with half of the threads, and on two processors a lone request a tenth sooner, since threads
/// that wake each other share no core then; `--threads` is for who has only such functions.
fn workers(command: &Command) -> usize {
    let asked = match command {
        Command::Server(server) => server.place.threads,
        Command::Dev(dev) => dev.place.threads,
        Command::New(_)
        | Command::Deploy(_)
        | Command::Rollback(_)
        | Command::Releases(_)
        | Command::Invoke(_)
        | Command::Logs(_)
        | Command::Functions(_)
        | Command::Doctor(_)
        | Command::Microvm(_)
        | Command::Completions { .. } => None,
    };
    let usual = || std::thread::available_parallelism().map_or(1, NonZero::get);
    asked.map_or_else(usual, usize::from)
}
