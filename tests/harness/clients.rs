//! The official clients, as real programs.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use tokio::process::Command;

use crate::root;

/// A Python with boto3 and the AWS CLI; `cargo xtask tools` installs it.
pub fn python() -> PathBuf {
    let python = std::env::var_os("SONAGI_TEST_PYTHON")
        .map(PathBuf::from)
        .unwrap_or_else(|| root().join("target/clients/python/bin/python"));
    assert!(python.exists(), "{} is missing: run `cargo xtask tools`", python.display());
    python
}

/// A Python with a boto3 that speaks SQS's query protocol; `cargo xtask tools` installs it.
pub fn python_before_json() -> PathBuf {
    let python = std::env::var_os("SONAGI_TEST_PYTHON_BEFORE_JSON")
        .map(PathBuf::from)
        .unwrap_or_else(|| root().join("target/clients/python-before-json/bin/python"));
    assert!(python.exists(), "{} is missing: run `cargo xtask tools`", python.display());
    python
}

/// Where the JavaScript SDK is; `cargo xtask tools` installs it.
pub fn node_modules() -> PathBuf {
    let modules = std::env::var_os("SONAGI_TEST_NODE_MODULES")
        .map(PathBuf::from)
        .unwrap_or_else(|| root().join("target/clients/node/node_modules"));
    assert!(modules.exists(), "{} is missing: run `cargo xtask tools`", modules.display());
    modules
}

/// A client program and what it printed.
#[derive(Debug)]
pub struct Script {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Script {
    /// Runs a Python script of `tests/clients` against a platform.
    pub async fn python(name: &str, platform: SocketAddr, arguments: &[&str]) -> Self {
        Self::python_as(platform, ("test", "test"), name, arguments).await
    }

    /// The same with these keys.
    pub async fn python_as(platform: SocketAddr, keys: (&str, &str), name: &str, arguments: &[&str]) -> Self {
        Self::script(python(), platform, keys, name, arguments).await
    }

    /// The same with a boto3 from before SQS spoke JSON.
    pub async fn python_before_json(name: &str, platform: SocketAddr, arguments: &[&str]) -> Self {
        Self::script(python_before_json(), platform, ("test", "test"), name, arguments).await
    }

    async fn script(
        python: PathBuf,
        platform: SocketAddr,
        keys: (&str, &str),
        name: &str,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(python);
        // The scripts share a module, and Python would leave its compiled form in the checkout.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
            .arg(root().join("tests/clients").join(name))
            .arg(format!("http://{platform}"))
            .args(arguments);
        Self::run(command, keys).await
    }

    /// Runs a JavaScript module of `tests/clients` against a platform.
    pub async fn node(name: &str, platform: SocketAddr, arguments: &[&str]) -> Self {
        let folder = node_modules();
        let mut command = Command::new("node");
        // A module finds its packages beside itself, so it is run from where they are.
        let copy = folder.parent().unwrap().join(name);
        std::fs::copy(root().join("tests/clients").join(name), &copy).unwrap();
        command.arg(copy).arg(format!("http://{platform}")).args(arguments);
        Self::run(command, ("test", "test")).await
    }

    /// Runs the AWS CLI against a platform.
    pub async fn aws(platform: SocketAddr, arguments: &[&str]) -> Self {
        Self::aws_as(platform, ("test", "test"), arguments).await
    }

    /// The same with these keys.
    pub async fn aws_as(platform: SocketAddr, keys: (&str, &str), arguments: &[&str]) -> Self {
        let mut command = Command::new(python());
        let endpoint = format!("http://{platform}");
        command.args(["-m", "awscli", "--endpoint-url", &endpoint, "--output", "json"]).args(arguments);
        Self::run(command, keys).await
    }

    async fn run(mut command: Command, (id, secret): (&str, &str)) -> Self {
        let output = command
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        Self {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails the test, with all that was printed, if the program failed.
    pub fn passed(self) -> Self {
        assert!(self.success, "the client failed\n{}\n{}", self.stdout, self.stderr);
        self
    }
}
