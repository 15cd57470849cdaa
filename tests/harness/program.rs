//! The real program, in a process of its own.

use std::{
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{program, world};

/// A running `sonagi` that prints JSON.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What it said when it was ready.
#[derive(Debug, Clone)]
pub struct Ready {
    pub platform: SocketAddr,
    pub gateway: SocketAddr,
    pub line: Value,
}

impl Program {
    /// `sonagi server` on a data folder, with ephemeral ports.
    pub async fn server(data: &Path) -> (Self, Ready) {
        let data = data.to_str().unwrap();
        Self::ready(&["server", "--data", data, "--nearest-runtimes"]).await
    }

    /// The same, told more.
    pub async fn server_with(data: &Path, more: &[&str]) -> (Self, Ready) {
        let all = ["server", "--data", data.to_str().unwrap(), "--nearest-runtimes"];
        Self::ready(&[&all[..], more].concat()).await
    }

    /// The same on a file system of `size` at `data`, which goes with the server.
    pub async fn server_on_small_disk(data: &Path, size: &str) -> (Self, Ready) {
        let script = format!(
            "mount -t tmpfs -o size={size} small '{0}' && exec '{1}' server --data '{0}/data' --nearest-runtimes \
             --listen 127.0.0.1:0 --gateway 127.0.0.1:0 --json",
            data.display(),
            program().display()
        );
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        Self::spawn(command).until_ready().await
    }

    /// `sonagi dev` on an app, with ephemeral ports.
    pub async fn dev(app: &Path, data: &Path) -> (Self, Ready) {
        Self::ready(&["dev", app.to_str().unwrap(), "--data", data.to_str().unwrap()]).await
    }

    /// `sonagi dev` as an ordinary user, with everything below the folder `home` theirs.
    pub async fn dev_as_ordinary_user(app: &Path, home: &Path, isolation: &str) -> (Self, Ready) {
        const USER: u32 = 1_500;
        // The program may lie where an ordinary user does not come.
        let own = home.join("sonagi");
        if !own.exists() {
            std::fs::copy(program(), &own).unwrap();
        }
        let mut command = Command::new(&own);
        if rustix::process::geteuid().is_root() {
            give(home, USER);
            command = Command::new("setpriv");
            command
                .args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"])
                .arg(&own);
        }
        command.arg("dev").arg(app).arg("--data").arg(home.join("data"));
        command.args(["--isolation", isolation, "--json"]);
        command.args(["--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0"]);
        command.env("HOME", home);
        let mut program = Self::spawn(command);
        // Building the app is told of first.
        let line = program.line_where(|line| line["event"] == "ready").await;
        program.became_ready(line)
    }

    async fn ready(arguments: &[&str]) -> (Self, Ready) {
        let doors = ["--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--json"];
        Self::start(&[arguments, &doors].concat()).until_ready().await
    }

    async fn until_ready(mut self) -> (Self, Ready) {
        let line = match self.line().await {
            Some(line) => line,
            None => {
                let status = self.child.wait().await.unwrap();
                panic!("the program ended before it was ready ({status}): {}", self.errors().await);
            }
        };
        self.became_ready(line)
    }

    fn became_ready(self, line: Value) -> (Self, Ready) {
        let address =
            |key: &str| line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}")).parse().unwrap();
        let ready = Ready { platform: address("platform"), gateway: address("gateway"), line };
        (self, ready)
    }

    /// Any command.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = surround(&mut command).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next JSON line; none at the end.
    pub async fn line(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The first line for which `wanted` holds.
    pub async fn line_where(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line().await.expect("the program ended");
            if wanted(&line) {
                return line;
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and how it ended.
    pub async fn terminate(mut self) -> ExitStatus {
        self.stop().await
    }

    /// The same, with what it wrote kept.
    pub async fn stop(&mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_raw(self.id() as i32).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().await.unwrap()
    }

    /// What it wrote to the standard error, once it has ended.
    pub async fn errors(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        text
    }

    /// Runs a command to its end.
    pub async fn run(arguments: &[&str]) -> crate::Script {
        let mut command = Command::new(program());
        let output = surround(command.args(arguments)).output().await.unwrap();
        crate::Script {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Gives a folder and all in it to a user.
fn give(folder: &Path, user: u32) {
    std::os::unix::fs::chown(folder, Some(user), Some(user)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => give(&entry.path(), user),
            false => std::os::unix::fs::chown(entry.path(), Some(user), Some(user)).unwrap(),
        }
    }
}

fn surround(command: &mut Command) -> &mut Command {
    command
        .env("XDG_CACHE_HOME", world::cache())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
}
