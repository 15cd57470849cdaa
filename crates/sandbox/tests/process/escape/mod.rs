//! What a function must not be able to do, tried: by a Python function and by a native one (`../probe`).
//!
//! ```text
//!   host      a secret file, a data folder, a port, sockets, shared memory, processes     ◄─┐
//!   neighbour another environment of the same driver, with a port, a socket and a file    ◄─┼─ attempts ── probe
//!   kernel    mounts, namespaces, modules, other processors' calls …                       ◄─┘
//! ```
//!
//! Start reading at `attempts` (what must be refused, and how), then `bombs` (what must not hurt the neighbour).

mod attempts;
mod bombs;
mod expected;
mod host;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use serde_json::Value;
use sonagi_model::Clock;
use sonagi_sandbox::process::{Config, GroupUse, Isolation, ProcessDriver, RuntimePolicy};

use crate::support::{Bench, Collected, Function, KernelEntropy, PROVIDED, PYTHON, RealClock, Running};

/// What the attempts are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Native,
}

/// The folder of the Python probe.
const PYTHON_PROBE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/probe/python");

fn probe(bench: &Bench, language: Language, memory: u32) -> Function {
    let runtime = match language {
        Language::Python => PYTHON,
        Language::Native => PROVIDED,
    };
    let mut function = bench.function(runtime, "");
    function.spec.memory = memory;
    let code = &function.spec.code;
    match language {
        Language::Python => {
            for entry in fs::read_dir(PYTHON_PROBE).unwrap().flatten().filter(|entry| entry.path().is_file())
            {
                fs::copy(entry.path(), code.join(entry.file_name())).unwrap();
            }
        }
        Language::Native => {
            fs::copy(env!("CARGO_BIN_EXE_sonagi-probe"), code.join("bootstrap")).unwrap();
        }
    }
    readable(code);
    function
}

/// Sandboxes on a machine that has no control groups to give.
fn without_groups() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let clock = Arc::new(RealClock::new());
    let driver = ProcessDriver::new(Config {
        ready_memory: 0,
        launcher: env!("CARGO_BIN_EXE_sonagi-launch").into(),
        launcher_args: Vec::new(),
        work_dir: folder.path().join("work"),
        runtimes: RuntimePolicy::Exact,
        interpreters: vec!["/usr/bin".into()],
        layers: None,
        isolation: Isolation::WithoutGroups,
        groups: GroupUse::Never,
        networks: Default::default(),
        endpoint: None,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy: Arc::new(KernelEntropy),
    })
    .unwrap();
    Bench { driver, clock, folder }
}

/// A package is readable by everybody, as on Lambda.
fn readable(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What a probe answers to an event; its error, if it fails.
async fn ask(running: &mut Running, event: &Value) -> Result<Value, String> {
    let done = running.invoke(event.to_string()).await;
    match &done.answer {
        Collected::Success(body) => Ok(serde_json::from_str(body).unwrap()),
        other => Err(format!("{other:?}")),
    }
}
