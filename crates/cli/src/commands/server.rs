use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;
use sonagi_sandbox::process::RuntimePolicy;
use sonagi_server::Running;

use super::signals::Stop;
use crate::{
    args::{Place, Server},
    folders,
    output::{self, Shape},
};

pub(crate) async fn run(server: Server, shape: Shape) -> Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let policy = if server.nearest_runtimes { RuntimePolicy::Nearest } else { RuntimePolicy::Exact };
    let data = server.place.data.clone().unwrap_or_else(folders::data);
    let running = start(&server.place, data.clone(), policy).await?;
    match shape {
        Shape::Json => output::json(&ready(&running))?,
        Shape::Human => {
            println!("sonagi is ready (data in {})", data.display());
            println!("  platform  http://{}", running.platform_address());
            println!("  apps      http://{}", running.gateway_address());
        }
    }
    stop.told().await;
    drain(running, &mut stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Starts the platform in this process.
pub(crate) async fn start(place: &Place, data: std::path::PathBuf, policy: RuntimePolicy) -> Result<Running> {
    let launcher = std::env::current_exe().context("find this program's own file")?;
    let config = sonagi_server::Config {
        data,
        listen: place.listen,
        gateway: place.gateway,
        credentials: place.credentials.clone(),
        account: place.account.clone(),
        region: place.region.clone(),
        concurrency: place.concurrency,
        runtimes: policy,
        isolation: place.isolation.into(),
        ready_memory: place.ready_memory.unwrap_or_else(sonagi_server::ready_memory_mib),
        microvm: place.microvms.options(),
        microvms: place.driver.into(),
        networks: place.networks.clone(),
        program: launcher,
        path: folders::search_path(),
        cache: folders::cache(),
    };
    Ok(Box::pin(sonagi_server::start_real(config)).await?)
}

/// What a machine needs to know once the platform answers.
pub(crate) fn ready(running: &Running) -> serde_json::Value {
    json!({
        "event": "ready",
        "platform": running.platform_address().to_string(),
        "gateway": running.gateway_address().to_string(),
    })
}

/// Lets what runs end, unless somebody is told to stop a second time.
pub(crate) async fn drain(running: Running, stop: &mut Stop) {
    tokio::select! {
        () = running.drain() => {}
        () = stop.told() => {}
    }
}
