//! Keeps the processors awake: a virtual machine may take longer to wake one than a whole request takes, which would be
//! measured instead. What runs at the lowest policy that there is gives way to everybody at once.

use std::{
    os::unix::process::parent_id,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::platform::Process;

/// What `sonagi-bench` is told to become such a process.
pub(crate) const WORD: &str = "awake";

/// One for each processor, until this is dropped. None, where there is no `chrt`.
pub(crate) fn keep() -> Result<Vec<Process>> {
    let program = std::env::current_exe()?;
    let mut all = Vec::new();
    for _ in 0..std::thread::available_parallelism()?.get() {
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(&program).arg(WORD).stdin(Stdio::null());
        match command.spawn() {
            Ok(child) => all.push(Process::from(child)),
            Err(error) => eprintln!("    the processors may fall asleep: chrt: {error}"),
        }
    }
    Ok(all)
}

/// Until whoever started this is gone.
pub(crate) fn spin() {
    let parent = parent_id();
    while parent_id() == parent {
        for _ in 0..100_000 {
            std::hint::spin_loop();
        }
    }
}
