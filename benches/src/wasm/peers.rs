//! Other servers that answer with WebAssembly, where `cargo xtask bench` could install them.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    options,
    platform::{self, Process, Speaks},
};

/// The script is the smallest that there is; unlike all others here it stays between requests.
const WORKERD: &str = r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .hello)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const hello :Workerd.Worker = (
  serviceWorkerScript = "addEventListener('fetch', event => event.respondWith(new Response('Hello from wasm\\n')))",
  compatibilityDate = "2025-01-01",
);
"#;

/// `wasmtime serve`, as it comes: a fresh instance for each request to a component of 0.2. None, if it is not there.
pub(super) fn wasmtime(component: &Path) -> Result<Option<(Process, SocketAddr)>> {
    let program = options::tools()?.join("wasmtime/bin/wasmtime");
    if !program.exists() {
        return Ok(None);
    }
    let mut command = Command::new(program);
    command.args(["serve", "--addr", "127.0.0.1:0", "-S", "cli,config,config-var=greeting=Hello"]);
    let (process, line) = platform::start(command.arg(component), Speaks::Errors)?;
    let address = line.trim().trim_end_matches('/').rsplit('/').next().context("an address")?;
    let address = address.parse().with_context(|| format!("wasmtime says {line:?}"))?;
    Ok(Some((process, address)))
}

/// workerd with a script that says hello. None, if it is not there.
pub(super) fn workerd(folder: &Path) -> Result<Option<(Process, SocketAddr)>> {
    let program = options::tools()?.join("workerd/node_modules/.bin/workerd");
    if !program.exists() {
        return Ok(None);
    }
    let config = folder.join("workerd.capnp");
    fs::write(&config, WORKERD)?;
    let mut command = Command::new(program);
    command.arg("serve").arg(&config).arg("--control-fd=1");
    let (process, line) = platform::start(&mut command, Speaks::Output)?;
    let said: Value = serde_json::from_str(&line).with_context(|| format!("workerd says {line:?}"))?;
    let port = said["port"].as_u64().context("workerd names no port")?;
    Ok(Some((process, SocketAddr::new([127, 0, 0, 1].into(), u16::try_from(port)?))))
}
