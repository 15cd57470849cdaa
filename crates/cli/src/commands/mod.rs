//! One file a command; [`run`] leads to each.

mod build;
mod completions;
mod deploy;
mod dev;
mod doctor;
mod functions;
mod invoke;
mod logs;
mod microvm;
mod new;
mod releases;
mod rollback;
mod server;
mod signals;
mod urls;
mod watch;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    args::{Arguments, Command},
    telemetry::{self, Role},
};

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let shape = arguments.shape();
    let role = match &arguments.command {
        Command::Server(_) => Role::Server,
        Command::New(_)
        | Command::Dev(_)
        | Command::Deploy(_)
        | Command::Rollback(_)
        | Command::Releases(_)
        | Command::Invoke(_)
        | Command::Logs(_)
        | Command::Functions(_)
        | Command::Doctor(_)
        | Command::Microvm(_)
        | Command::Completions { .. } => Role::Tool,
    };
    telemetry::start(role, arguments.verbose, shape);
    match arguments.command {
        Command::New(new) => new::run(&new, shape),
        Command::Dev(dev) => Box::pin(dev::run(dev, shape)).await,
        Command::Server(server) => Box::pin(server::run(server, shape)).await,
        Command::Deploy(deploy) => Box::pin(deploy::run(deploy, shape)).await,
        Command::Rollback(rollback) => rollback::run(&rollback, shape).await,
        Command::Releases(releases) => releases::run(&releases, shape).await,
        Command::Invoke(invoke) => invoke::run(&invoke, shape).await,
        Command::Logs(logs) => logs::run(&logs, shape).await,
        Command::Functions(functions) => functions::run(&functions, shape).await,
        Command::Doctor(doctor) => doctor::run(&doctor, shape).await,
        Command::Microvm(command) => microvm::run(command, shape).await,
        Command::Completions { shell } => completions::run(shell),
    }
}
