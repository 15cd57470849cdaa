//! What is done for functions that are live before their first request: in the background, a little at a time, and
//! never to the cost of a deployment. Whatever fails here fails again at the first request, which says so.
//!
//! ```text
//! what is live ──► the code and the layers are unpacked ──► Python's modules are compiled
//!        │    └──► provisioned environments are started (invoke does)
//!        └───────► an interpreter waits for each kind of start
//! ```

use std::{collections::HashSet, error::Error, path::PathBuf, sync::Arc};

use futures::StreamExt as _;
use sonagi_control::{Control, Target};
use sonagi_invoke::Frontend;
use sonagi_model::{
    Clock, Digest,
    function::{Function, Package, Runtime},
    limits::{LOOK_AHEAD_PAUSE, PACKAGES_AHEAD_AT_ONCE},
};
use sonagi_sandbox::process::ProcessDriver;

/// Runs for as long as it is polled: once now, for what a restart finds, and again with each change.
pub(crate) async fn look_ahead(
    process: Arc<ProcessDriver>,
    control: Control,
    frontend: Frontend,
    clock: Arc<dyn Clock>,
) {
    let mut news = control.news();
    let mut done = HashSet::new();
    let mut expected = HashSet::new();
    loop {
        frontend.follow();
        let live = control.live();
        let targets: Vec<Arc<Target>> =
            live.functions().flat_map(|function| function.served().into_iter().cloned()).collect();
        drop(live);
        let awaited = async {
            for target in &targets {
                if expected.insert(target.environment) {
                    expect(&process, target).await;
                    // There may be thousands.
                    tokio::task::yield_now().await;
                }
            }
        };
        let mut new = Vec::new();
        for target in &targets {
            if done.insert(kind_of(&target.function)) {
                new.push(unpack(Arc::clone(&process), control.clone(), target.function.clone()));
            }
        }
        let unpacked =
            futures::stream::iter(new).for_each_concurrent(PACKAGES_AHEAD_AT_ONCE, |unpack| unpack);
        tokio::join!(awaited, unpacked);
        // What is live no more may come back, and would be expected anew.
        let present: HashSet<Digest> = targets.iter().map(|target| target.environment).collect();
        expected.retain(|environment| present.contains(environment));
        let present: HashSet<_> = targets.iter().map(|target| kind_of(&target.function)).collect();
        done.retain(|kind| present.contains(kind));
        news.next().await;
        // One look for a row of changes: each is at all that is live.
        clock.sleep(LOOK_AHEAD_PAUSE).await;
    }
}

/// Functions of one package, of the same layers and runtime need the same.
fn kind_of(function: &Function) -> (Digest, Vec<Package>, Runtime) {
    (function.package.digest, function.layer_packages(), function.runtime)
}

async fn expect(process: &ProcessDriver, target: &Target) {
    let function = &target.function;
    if function.runtime == Runtime::Wasm {
        return;
    }
    if let Err(failure) = process.expect(&target.app, function).await {
        tracing::debug!(function = %function.lambda_name, %failure, "nothing waits for a function");
    }
}

async fn unpack(process: Arc<ProcessDriver>, control: Control, function: Function) {
    let name = &function.lambda_name;
    let packages = control.packages();
    for files in [vec![function.package], function.layer_packages()] {
        if let Err(error) = packages.merged(&files).await {
            tracing::debug!(function = %name, error = &error as &dyn Error, "a package is not unpacked ahead");
            return;
        }
        let Some(version) = process.bytecode_version(function.runtime).await else { continue };
        let (compiler, runtime) = (Arc::clone(&process), function.runtime);
        let compile = |code: PathBuf, into: PathBuf| async move {
            compiler.bytecode(runtime, &code, &into).await.map(drop)
        };
        if let Err(error) = packages.add_bytecode(&files, version, compile).await {
            tracing::debug!(function = %name, error = &error as &dyn Error, "modules are not compiled ahead");
        }
    }
}
