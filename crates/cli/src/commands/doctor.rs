//! `sonagi doctor`: what this machine has, what it lacks, and how to mend it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
};

use anyhow::Result;
use serde::Serialize;
use sonagi_control::build::Toolchain;
use sonagi_model::{
    function::Runtime,
    limits::{READY_MEMORY_PART, READY_NODE_MEMORY, READY_PYTHON_MEMORY},
    network::NamedNetwork,
};
use sonagi_sandbox::{
    launcher, microvm,
    process::{self, Found, Limiting},
};
use sonagi_server::RealClock;

use super::build;
use crate::{
    args::Doctor,
    folders,
    output::{self, Shape},
};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    /// What is there, or what to do.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// Works, with something missing.
    Limited,
    /// Sonagi does not work so.
    Bad,
}

pub(crate) async fn run(doctor: &Doctor, shape: Shape) -> Result<ExitCode> {
    let data = doctor.data.clone().unwrap_or_else(folders::data);
    let path = folders::search_path();
    let mut findings = vec![
        files(),
        isolation(),
        processes(),
        disks(&data),
        network(),
        memory(),
        waiting(),
        microvms(doctor, &path),
    ];
    findings.extend(networks(doctor.networks.as_deref()));
    findings.extend(runtimes(&path).await);
    findings.extend(tools(&path));
    findings.extend(components().await);
    findings.push(folder(&data));
    findings.extend(ports());
    let worst_is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    match shape {
        Shape::Json => findings.iter().try_for_each(output::json)?,
        Shape::Human => {
            let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or_default();
            for Finding { what, state, text } in &findings {
                let sign = match state {
                    State::Good => "ok",
                    State::Limited => "--",
                    State::Bad => "!!",
                };
                println!("{sign}  {what:width$}  {text}");
            }
        }
    }
    Ok(if worst_is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn good(what: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { what: what.into(), state: State::Good, text: text.into() }
}

fn limited(what: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { what: what.into(), state: State::Limited, text: text.into() }
}

fn bad(what: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { what: what.into(), state: State::Bad, text: text.into() }
}

/// Open files that a busy server wants: one for each connection, and some for each environment.
const FILES_WANTED: u64 = 16_384;

fn files() -> Finding {
    let allowed = sonagi_server::raise_file_limit();
    if allowed >= FILES_WANTED {
        good("open files", format!("{allowed} allowed"))
    } else {
        limited(
            "open files",
            format!("only {allowed} allowed: raise the hard limit (ulimit -Hn) to {FILES_WANTED}"),
        )
    }
}

/// Makes a sandbox, to see.
fn isolation() -> Finding {
    let what = "isolation";
    let (program, place) = match (std::env::current_exe(), tempfile::tempdir()) {
        (Ok(program), Ok(place)) => (program, place),
        (Err(error), _) | (_, Err(error)) => return bad(what, format!("cannot be tried: {error}")),
    };
    match process::try_isolation(program, vec![launcher::WORD.into()], place.path()) {
        Ok(()) if rustix::process::geteuid().is_root() => {
            good(what, "functions run in sandboxes, each with users of its own")
        }
        Ok(()) => good(
            what,
            "functions run in sandboxes, and as your own user in them; run the server as root to give each users of \
             its own",
        ),
        Err(help) => bad(what, help),
    }
}

/// Makes a `/tmp` where a server with this data folder would, to see.
fn disks(data: &Path) -> Finding {
    let what = "/tmp";
    let parent = data.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let tried = std::env::current_exe().and_then(|program| {
        let folder = tempfile::tempdir_in(parent)?;
        let place = folder.path().join("place");
        std::fs::create_dir(&place)?;
        Ok(process::try_disk(program, vec![launcher::WORD.into()], &place))
    });
    let memory =
        |why: &str| limited(what, format!("functions have it in memory, and it counts as theirs: {why}"));
    match tried {
        Ok(Ok(())) => good(what, "functions have it on disk"),
        Ok(Err(help)) => memory(&help),
        Err(error) => memory(&format!("it cannot be tried in {}: {error}", parent.display())),
    }
}

fn processes() -> Finding {
    match process::limiting() {
        Limiting::ControlGroups => good("limits", "control groups limit and end environments"),
        Limiting::ResourceLimits(help) => bad("limits", help),
    }
}

/// What environments may have together.
fn memory() -> Finding {
    let memory = sonagi_server::memory_mib();
    let text = format!(
        "{memory} MiB for environments by the memory that their functions are configured with, and for what SnapStart \
         keeps to copy them from, which is given up first"
    );
    good("memory", text)
}

/// What interpreters may take of the machine that wait for a function to run.
fn waiting() -> Finding {
    let memory = sonagi_server::ready_memory_mib();
    let text = format!(
        "{memory} MiB (one part in {READY_MEMORY_PART} of this machine's memory) for up to {} Pythons or {} Nodes that \
         wait for a function to start",
        memory / READY_PYTHON_MEMORY,
        memory / READY_NODE_MEMORY
    );
    good("waiting", text)
}

/// What `network = "internet"` takes.
fn network() -> Finding {
    let what = "network";
    match process::internet() {
        Ok(by) => good(what, format!("functions can be given the internet, by {by}")),
        Err(help) => limited(what, format!("functions reach nothing outside: {help}")),
    }
}

/// What `driver = "microvm"` takes.
fn microvms(doctor: &Doctor, path: &str) -> Finding {
    let what = "microvm";
    let options = doctor.microvms.options().unwrap_or_default();
    match microvm::survey(&options, path, &RealClock::new()) {
        Ok(means) => good(what, format!("functions can run in microVMs ({})", means.version)),
        Err(help) => limited(what, format!("functions that ask for a microVM are refused: {help}")),
    }
}

/// What the networks of a file take.
fn networks(file: Option<&Path>) -> Vec<Finding> {
    let Some(file) = file else { return Vec::new() };
    let declared = match sonagi_control::networks::read(file) {
        Ok(declared) => declared,
        Err(error) => return vec![bad("networks", error.to_string())],
    };
    let finding = |network: &NamedNetwork| {
        let what = format!("network {}", network.name);
        match process::named(network) {
            Ok(by) => good(what, format!("functions can be given it, by {by}")),
            Err(help) => bad(what, help),
        }
    };
    declared.0.iter().map(finding).collect()
}

async fn runtimes(path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for runtime in Runtime::ALL {
        let what = format!("runtime {runtime}");
        if runtime == Runtime::Wasm {
            findings.push(good(what, "in Sonagi itself: components are compiled when they are deployed"));
            continue;
        }
        let folders = std::env::split_paths(path).collect();
        findings.push(match process::find(runtime, folders, Arc::new(RealClock::new())).await {
            Found::Exact(Some(program)) => good(what, program.display().to_string()),
            Found::Exact(None) => good(what, "the package's own bootstrap"),
            Found::Nearest(note) => limited(what, note),
            Found::Missing(help) => limited(what, help),
        });
    }
    findings
}

/// What builds packages.
fn tools(path: &str) -> Vec<Finding> {
    [
        (
            "python3",
            ["-m", "pip"].as_slice(),
            "pip",
            "install pip for functions with a requirements.txt (Debian: python3-pip)",
        ),
        ("npm", [].as_slice(), "npm", "install npm for functions with a package.json (Debian: npm)"),
        (
            "make",
            [].as_slice(),
            "make",
            "install make for functions that are built by a Makefile (Debian: make)",
        ),
    ]
    .into_iter()
    .map(|(program, arguments, what, help)| match version(program, arguments, path) {
        Some(text) => good(what, text),
        None => limited(what, help),
    })
    .collect()
}

/// What builds WebAssembly functions, found as a build finds it.
async fn components() -> Vec<Finding> {
    let toolchains = build::tools().for_components().await;
    let finding = |Toolchain { language, found }: Toolchain| {
        let what = format!("wasm in {language}");
        match found {
            Ok(text) => good(what, text),
            Err(text) => limited(
                what,
                format!("{text} (not needed unless a WebAssembly function is built from {language})"),
            ),
        }
    };
    toolchains.into_iter().map(finding).collect()
}

fn version(program: &str, arguments: &[&str], path: &str) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .arg("--version")
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

fn folder(data: &Path) -> Finding {
    let what = "data folder";
    let there: Option<PathBuf> = data.ancestors().find(|path| path.exists()).map(Path::to_path_buf);
    let Some(there) = there else { return bad(what, format!("{} cannot be made", data.display())) };
    match rustix::fs::access(&there, rustix::fs::Access::WRITE_OK) {
        Ok(()) => good(what, data.display().to_string()),
        Err(error) => {
            bad(what, format!("{} cannot be written ({error}): name another with --data", there.display()))
        }
    }
}

fn ports() -> Vec<Finding> {
    [("platform port", "127.0.0.1:4566", "--listen"), ("apps port", "127.0.0.1:8080", "--gateway")]
        .into_iter()
        .map(|(what, address, flag)| match TcpListener::bind(address) {
            Ok(_) => good(what, format!("{address} is free")),
            Err(error) => limited(what, format!("{address}: {error}; name another with {flag}")),
        })
        .collect()
}
