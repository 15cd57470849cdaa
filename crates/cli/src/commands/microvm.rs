//! `sonagi microvm`: what microVMs take that this machine can make.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sonagi_model::function::Runtime;
use sonagi_sandbox::{
    microvm::{self, Installed, Language},
    process::{Interpreters, RuntimePolicy},
};
use sonagi_server::RealClock;

use crate::{
    args::{Microvm, Rootfs},
    folders,
    output::{self, Shape},
    progress::Progress,
};

pub(crate) async fn run(command: Microvm, shape: Shape) -> Result<ExitCode> {
    match command {
        Microvm::Rootfs(rootfs) => build(rootfs, shape).await,
    }
}

async fn build(rootfs: Rootfs, shape: Shape) -> Result<ExitCode> {
    let search_path = folders::search_path();
    let installed = interpreters(&rootfs.runtimes, &search_path).await?;
    let progress = Progress::new(shape);
    let out = rootfs.out.clone();
    let (said, built) = tokio::task::spawn_blocking(move || {
        let built = microvm::build_root(&out, installed, &search_path, &|words| progress.step(words));
        progress.done();
        (out, built)
    })
    .await
    .context("build a root file system")?;
    let built = built.with_context(|| format!("build the root file system {}", said.display()))?;
    match shape {
        Shape::Json => output::json(&json!({
            "event": "built", "file": rootfs.out, "bytes": built.size, "interpreters": built.inside.interpreters,
        }))?,
        Shape::Human => {
            println!("{} ({} MiB)", rootfs.out.display(), built.size >> 20);
            for installed in &built.inside.interpreters {
                println!("  {}", installed.program.display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The interpreters that were asked for; all that this machine has, if none was.
async fn interpreters(wanted: &[Runtime], search_path: &str) -> Result<Vec<Installed>> {
    let folders = std::env::split_paths(search_path).collect();
    let found = Interpreters::new(folders, RuntimePolicy::Exact, Arc::new(RealClock::new()));
    let looked_for = if wanted.is_empty() { Runtime::ALL.as_slice() } else { wanted };
    let mut installed = Vec::new();
    for &runtime in looked_for {
        let language = match runtime {
            Runtime::Python { .. } => Language::Python,
            Runtime::Nodejs { .. } => Language::Node,
            Runtime::Provided(_) => continue,
            Runtime::Wasm if wanted.is_empty() => continue,
            Runtime::Wasm => bail!("a WebAssembly component is not run in a microVM: leave {runtime} out"),
        };
        match found.find(runtime).await {
            Ok(Some(it)) => installed.push(Installed { language, version: it.version, program: it.program }),
            Ok(None) => {}
            Err(_) if wanted.is_empty() => {}
            Err(missing) => bail!(missing),
        }
    }
    Ok(installed)
}
