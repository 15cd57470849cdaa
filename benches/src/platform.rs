//! Programs under measurement: the platform and the yardstick, each in a process of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A process that is killed with this.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl From<Child> for Process {
    fn from(child: Child) -> Self {
        Self { child }
    }
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
    let (process, line) = start(command.arg("yardstick"), Speaks::Output)?;
    Ok((process, line.trim().parse()?))
}

/// `sonagi server`.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) gateway: SocketAddr,
    pub(crate) platform: String,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Result<Self> {
        Self::start_with(data, &[])
    }

    /// With further options.
    pub(crate) fn start_with(data: &Path, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(program()?);
        command.args(["server", "--nearest-runtimes", "--json", "--listen", "127.0.0.1:0"]);
        command.args(["--gateway", "127.0.0.1:0", "--data"]).arg(data).args(options);
        // It tells of each function that fails.
        command.stderr(fs::File::create(data.with_extension("log"))?);
        let (process, line) = start(&mut command, Speaks::Output)?;
        let ready: Value = serde_json::from_str(&line)?;
        let address = |key: &str| ready[key].as_str().map(str::to_owned).context("an address");
        Ok(Self { process, gateway: address("gateway")?.parse()?, platform: address("platform")? })
    }

    /// Builds the app in this folder and activates it.
    pub(crate) fn deploy(&self, app: &Path) -> Result<()> {
        deploy(&self.platform, app)
    }
}

/// Builds the app in this folder and activates it at the platform that answers there.
pub(crate) fn deploy(platform: &str, app: &Path) -> Result<()> {
    let endpoint = format!("http://{platform}");
    let mut deploy = Command::new(program()?);
    let deployed = deploy.args(["deploy", "--json", "--endpoint", &endpoint]).arg(app).output()?;
    if !deployed.status.success() {
        bail!("it could not be deployed: {}", String::from_utf8_lossy(&deployed.stdout).trim());
    }
    Ok(())
}

/// Where a program says that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Output,
    Errors,
}

/// Starts a program and reads the first line that it prints; the rest is thrown away.
pub(crate) fn start(command: &mut Command, speaks: Speaks) -> Result<(Process, String)> {
    command.stdin(Stdio::null());
    match speaks {
        Speaks::Output => command.stdout(Stdio::piped()),
        Speaks::Errors => command.stdout(Stdio::null()).stderr(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("start {:?}", command.get_program()))?;
    let said: Option<Box<dyn Read + Send>> = match speaks {
        Speaks::Output => child.stdout.take().map(|output| Box::new(output) as _),
        Speaks::Errors => child.stderr.take().map(|errors| Box::new(errors) as _),
    };
    let process = Process { child };
    let mut reader = BufReader::new(said.context("what it says")?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.is_empty() {
        bail!("{:?} ended before it was ready", command.get_program());
    }
    std::thread::spawn(move || {
        let mut rest = [0; 1 << 16];
        while reader.read(&mut rest).is_ok_and(|read| read > 0) {}
    });
    Ok((process, line))
}
