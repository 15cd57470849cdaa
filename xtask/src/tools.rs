//! What the tests need beside Rust: interpreters and an emulator from Debian's packages, and the official clients from
//! their registries, the latter into `target/clients` and nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::shell;

/// The official clients, pinned: a new release must not change what a test run means.
const PYTHON_CLIENTS: [&str; 2] = ["boto3==1.44.5", "awscli==1.46.2"];
/// The last boto3 that spoke SQS's query protocol.
const PYTHON_CLIENTS_BEFORE_JSON: [&str; 2] = ["boto3==1.28.79", "botocore==1.31.79"];
const NODE_CLIENTS: [&str; 1] = ["@aws-sdk/client-lambda@3.1162.0"];
/// An emulated machine's vsock, with Firecracker's way to the host; a program that is run and not linked.
const VSOCK: (&str, &str) = ("vhost-device-vsock", "0.3.0");
/// Debian's package of a kernel for virtual machines: it depends on the newest one.
const KERNEL: &str = "linux-image-cloud-amd64";
/// What the first program of an emulated machine is a script of.
const BUSYBOX: &str = "busybox-static";
/// Where Debian has what lends an emulated machine this one's files: in QEMU's packages, and since Debian 13 in its own.
const VIRTIOFSD: [&str; 2] = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"];

pub(crate) struct Tools {
    /// A Python with boto3 and the AWS CLI.
    pub(crate) python: PathBuf,
    /// A Python with a boto3 from before SQS spoke JSON.
    pub(crate) python_before_json: PathBuf,
    /// Holds the JavaScript SDK.
    pub(crate) node_modules: PathBuf,
    /// Holds a kernel and what emulated machines need beside QEMU.
    pub(crate) machine: PathBuf,
}

pub(crate) fn ensure() -> Result<Tools> {
    eprintln!("==> tools");
    debian_packages()?;
    let clients = shell::root().join("target/clients");
    fs::create_dir_all(&clients).context("make target/clients")?;
    Ok(Tools {
        python: python_clients(&clients.join("python"), &PYTHON_CLIENTS)?,
        python_before_json: python_clients(&clients.join("python-before-json"), &PYTHON_CLIENTS_BEFORE_JSON)?,
        node_modules: node_clients(&clients)?,
        machine: machine(&clients)?,
    })
}

fn debian_packages() -> Result<()> {
    let wanted: [(&str, &[&str], &str); 11] = [
        ("cc", &["gcc"], "--version"),
        ("python3", &["python3"], "--version"),
        ("node", &["nodejs"], "--version"),
        ("npm", &["npm"], "--version"),
        ("curl", &["curl"], "--version"),
        // A function's way to the internet, and the machines of its tests.
        ("nft", &["nftables"], "--version"),
        ("ip", &["iproute2"], "-Version"),
        // Virtual machines where there is no KVM, and their file systems.
        ("qemu-system-x86_64", &["qemu-system-x86"], "--version"),
        ("/usr/sbin/debugfs", &["e2fsprogs"], "-V"),
        // The same where the server is an ordinary user's.
        ("pasta", &["passt"], "--version"),
        ("slirp4netns", &["slirp4netns"], "--version"),
    ];
    let mut missing: Vec<&str> = Vec::new();
    for (program, packages, argument) in wanted {
        if !shell::has(program, argument) {
            missing.extend(packages);
        }
    }
    // Debian splits both out of its Python; another Python brings them along.
    if !missing.contains(&"python3") {
        if !module("ensurepip") {
            missing.push("python3-venv");
        }
        if !module("pip") {
            missing.push("python3-pip");
        }
    }
    let lent = VIRTIOFSD.iter().any(|program| Path::new(program).is_file());
    if missing.is_empty() && lent {
        return Ok(());
    }
    eprintln!("    missing, installed from Debian's packages: {}", missing.join(", "));
    if !shell::has("apt-get", "--version") {
        bail!("install these by hand, since this is no Debian: {}", missing.join(" "));
    }
    shell::run(&mut apt("update"))?;
    if !lent && Command::new("apt-cache").args(["show", "virtiofsd"]).output()?.status.success() {
        missing.push("virtiofsd");
    }
    shell::run(apt("install").arg("--yes").arg("--no-install-recommends").args(&missing))
        .with_context(|| format!("install by hand: sudo apt-get install {}", missing.join(" ")))
}

fn module(name: &str) -> bool {
    Command::new("python3").args(["-c", &format!("import {name}")]).output().is_ok_and(|o| o.status.success())
}

fn apt(verb: &str) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0");
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.arg("apt-get");
    }
    command.arg("--quiet").arg(verb).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn python_clients(folder: &Path, wanted: &[&str]) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    once(folder, &wanted.join("\n"), || {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(wanted))
    })?;
    Ok(python)
}

fn node_clients(clients: &Path) -> Result<PathBuf> {
    let folder = clients.join("node");
    once(&folder, &NODE_CLIENTS.join("\n"), || {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
        shell::run(
            Command::new("npm")
                .args(["install", "--silent", "--no-audit", "--no-fund"])
                .args(NODE_CLIENTS)
                .current_dir(&folder),
        )
    })?;
    Ok(folder.join("node_modules"))
}

/// A kernel and its modules, a static busybox and the vsock of machines.
fn machine(clients: &Path) -> Result<PathBuf> {
    let folder = clients.join("machine");
    let (name, version) = VSOCK;
    once(&folder, &format!("{name} {version}\n{KERNEL}"), || {
        fs::create_dir_all(&folder)?;
        shell::run(
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
                .args(["install", "--quiet", "--locked", "--version", version, name, "--root"])
                .arg(&folder),
        )?;
        fs::rename(folder.join("bin").join(name), folder.join(name))?;
        let output = Command::new("apt-cache").args(["depends", "--important", KERNEL]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let package = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Depends: "))
            .with_context(|| format!("{KERNEL} is in no list of packages: sudo apt-get update"))?;
        extract(package, &folder.join("kernel"))
    })?;
    let busybox = folder.join("busybox");
    once(&busybox, BUSYBOX, || extract(BUSYBOX, &busybox))?;
    Ok(folder)
}

/// Takes the files of Debian's `package` out of it, and installs nothing.
fn extract(package: &str, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    shell::run(Command::new("apt-get").args(["--quiet", "download", package]).current_dir(into))?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|end| end == "deb");
    let archive = fs::read_dir(into)?.flatten().map(|entry| entry.path()).find(is_package);
    let archive = archive.with_context(|| format!("{package} was not downloaded"))?;
    shell::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(into))?;
    fs::remove_file(archive).with_context(|| format!("remove the package {package}"))
}

/// Fills `folder` with `fill`, once for each `wanted`.
fn once(folder: &Path, wanted: &str, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    let marker = folder.join(".complete");
    if fs::read_to_string(&marker).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    eprintln!("    installing: {}", wanted.replace('\n', ", "));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fill()?;
    fs::write(marker, wanted).context("mark the clients as complete")
}
