use std::{io, process::ExitCode};

use anyhow::Result;
use clap::CommandFactory as _;

use crate::args::Arguments;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<ExitCode> {
    clap_complete::generate(shell, &mut Arguments::command(), "sonagi", &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}
