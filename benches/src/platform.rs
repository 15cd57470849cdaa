//! Programs under measurement: the platform and the yardstick, each in a process of its own.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A process that is killed with this.
pub(crate) struct Process {
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, built beside this one.
pub(crate) fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("sonagi");
    if !program.exists() {
        bail!("{} is missing: build it in the same profile", program.display());
    }
    Ok(program)
}

/// The bare hyper server.
pub(crate) fn yardstick() -> Result<(Process, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    let (process, line) = start(command.arg("yardstick"))?;
    Ok((process, line.trim().parse()?))
}

/// `sonagi server` with `app` deployed to it. Gives the gateway.
pub(crate) fn sonagi(app: &std::path::Path, data: &std::path::Path) -> Result<(Process, SocketAddr)> {
    let mut command = Command::new(program()?);
    command.args(["server", "--nearest-runtimes", "--json", "--listen", "127.0.0.1:0"]);
    let (process, line) = start(command.args(["--gateway", "127.0.0.1:0", "--data"]).arg(data))?;
    let ready: Value = serde_json::from_str(&line)?;
    let address = |key: &str| ready[key].as_str().map(str::to_owned).context("an address");
    let endpoint = format!("http://{}", address("platform")?);
    let mut deploy = Command::new(program()?);
    let deployed = deploy.args(["deploy", "--json", "--endpoint", &endpoint]).arg(app).output()?;
    if !deployed.status.success() {
        bail!("the app could not be deployed: {}", String::from_utf8_lossy(&deployed.stdout));
    }
    Ok((process, address("gateway")?.parse()?))
}

/// Starts a program and reads the first line that it prints; the rest is thrown away.
fn start(command: &mut Command) -> Result<(Process, String)> {
    use std::io::{BufRead as _, BufReader, Read as _};
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start a program")?;
    let output = child.stdout.take().context("its output")?;
    let process = Process { child };
    let mut reader = BufReader::new(output);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.is_empty() {
        bail!("the program ended before it was ready");
    }
    std::thread::spawn(move || {
        let mut rest = [0; 1 << 16];
        while reader.read(&mut rest).is_ok_and(|read| read > 0) {}
    });
    Ok((process, line))
}
