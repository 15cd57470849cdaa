//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use sonagi_model::{
    AccountId, AppName, Region, ReleaseNumber,
    limits::{ACCOUNT_CONCURRENCY, ACCOUNT_CONCURRENCY_MAX, UNRESERVED_CONCURRENCY_MIN},
};
use sonagi_sandbox::{Whose, microvm, process};

use crate::output::Shape;

/// A serverless cloud in one program: functions, an API gateway and the services that they need.
#[derive(Debug, Parser)]
#[command(name = "sonagi", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:
  sonagi new hello                 a first function, in Python
  sonagi dev hello                 run it here, reload when a file changes
  sonagi dev template.yaml         the same for an AWS SAM app
  sonagi server --data /srv/sonagi a server that keeps what is deployed
  sonagi deploy hello              a new release on the server, at once or not at all
  sonagi logs -f                   what the functions write")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write JSON, one value a line, for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Log more of what sonagi itself does (-v: debug, -vv: trace)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Arguments {
    pub(crate) fn shape(&self) -> Shape {
        if self.json { Shape::Json } else { Shape::Human }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new app from a template
    New(New),
    /// Run an app on this machine and reload it when a file changes
    Dev(Dev),
    /// Run the platform
    Server(Server),
    /// Build an app and activate it on a server as a new release
    Deploy(Deploy),
    /// Activate the release that was live before, or another
    Rollback(Rollback),
    /// List an app's releases
    Releases(Releases),
    /// Run a function and print its answer
    Invoke(Invoke),
    /// Print what functions wrote
    Logs(Logs),
    /// List what can be invoked
    Functions(Functions),
    /// Say what this machine has, what it lacks, and how to mend it
    Doctor(Doctor),
    /// Prepare this machine for microVMs
    #[command(subcommand)]
    Microvm(Microvm),
    /// Print a completion script for a shell
    #[command(after_help = "Example:
  sonagi completions bash > ~/.local/share/bash-completion/completions/sonagi")]
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi new hello
  sonagi new shop/cart --template node")]
pub(crate) struct New {
    /// The folder to make; its last part is the app's name
    pub(crate) path: PathBuf,
    #[arg(long, short, value_enum, default_value_t = Template::Python)]
    pub(crate) template: Template,
}

#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum Template {
    /// A Python function behind an HTTP API
    Python,
    /// A Node function behind an HTTP API
    Node,
    /// A custom runtime: a bootstrap that speaks the Lambda Runtime API
    Provided,
    /// An AWS SAM template with a Python function
    Sam,
    /// A WebAssembly function in JavaScript
    WasmJs,
    /// A WebAssembly function in Python
    WasmPython,
    /// A WebAssembly function in Rust
    WasmRust,
    /// A WebAssembly function in Go
    WasmGo,
    /// A WebAssembly function in C
    WasmC,
    /// A WebAssembly function as component text, which needs no toolchain
    WasmText,
}

/// Where the platform lives and answers.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The data folder; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The platform's address: AWS protocols and sonagi's own API; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub(crate) listen: SocketAddr,
    /// The apps' address; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) gateway: SocketAddr,
    /// Access keys in the format of AWS's credentials file; requests must then be signed
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// The account id in ARNs
    #[arg(long, value_name = "ID", default_value = "000000000000")]
    pub(crate) account: AccountId,
    /// The region in ARNs and signatures
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    pub(crate) region: Region,
    /// Invocations that run at once, all functions together; Lambda's quota is 1,000
    #[arg(long, value_name = "COUNT", default_value_t = ACCOUNT_CONCURRENCY,
          value_parser = clap::value_parser!(u32).range(i64::from(UNRESERVED_CONCURRENCY_MIN)..=i64::from(ACCOUNT_CONCURRENCY_MAX)))]
    pub(crate) concurrency: u32,
    /// Threads that serve, and that WebAssembly functions run on; as many as processors if not given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How functions that are processes are kept from this machine and from each other
    #[arg(long, value_name = "HOW", default_value_t, value_enum)]
    pub(crate) isolation: Isolation,
    /// Memory that interpreters may take which wait for a function to start; 0: none wait; a 32nd of the machine's if not
    /// given
    #[arg(long, value_name = "MIB")]
    pub(crate) ready_memory: Option<u64>,
    /// Networks that functions can have by name, as TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) networks: Option<PathBuf>,
    /// What functions that are processes run in, unless they say otherwise
    #[arg(long, value_name = "DRIVER", default_value_t, value_enum)]
    pub(crate) driver: Driver,
    #[command(flatten)]
    pub(crate) microvms: Microvms,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Driver {
    /// Processes in sandboxes, but for functions that ask for a microVM
    #[default]
    Process,
    /// A microVM for each environment; the server does not start where there can be none
    Microvm,
}

impl From<Driver> for Whose {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Process => Self::WhoAsks,
            Driver::Microvm => Self::All,
        }
    }
}

/// What microVMs are made of.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "MicroVMs")]
pub(crate) struct Microvms {
    /// An uncompressed Linux kernel for microVMs
    #[arg(long = "microvm-kernel", value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The root file system of microVMs, as `sonagi microvm rootfs` builds it
    #[arg(long = "microvm-rootfs", value_name = "FILE")]
    rootfs: Option<PathBuf>,
    /// Firecracker, if it is not the one on the search path
    #[arg(long = "microvm-vmm", value_name = "PROGRAM")]
    vmm: Option<PathBuf>,
    /// Firecracker's jailer, if it is not the one on the search path
    #[arg(long = "microvm-jailer", value_name = "PROGRAM")]
    jailer: Option<PathBuf>,
}

impl Microvms {
    /// What was named; none, if nothing was.
    pub(crate) fn options(&self) -> Option<microvm::Options> {
        let options = microvm::Options {
            kernel: self.kernel.clone(),
            root: self.rootfs.clone(),
            monitor: self.vmm.clone(),
            jailer: self.jailer.clone(),
        };
        (options != microvm::Options::default()).then_some(options)
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Isolation {
    /// A sandbox, and control groups that limit it
    #[default]
    Full,
    /// A sandbox, limited less exactly where this machine has no control groups to give
    NoGroups,
    /// None: functions see this machine's files and network as any program does
    None,
}

impl From<Isolation> for process::Isolation {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::Full => Self::Full,
            Isolation::NoGroups => Self::WithoutGroups,
            Isolation::None => Self::None,
        }
    }
}

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A sonagi.toml, a SAM template, or the folder that holds one
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// A SAM template's parameter; may be given more than once
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) parameters: Vec<(String, String)>,
    /// The app's name, where the manifest has none
    #[arg(long, value_name = "APP")]
    pub(crate) name: Option<AppName>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi dev examples/petshop
  sonagi dev template.yaml --parameter Stage=test
  sonagi dev --listen 127.0.0.1:0 --gateway 127.0.0.1:0 --json")]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi server
  sonagi server --data /srv/sonagi --listen 10.0.0.5:4566 --credentials /etc/sonagi/credentials")]
pub(crate) struct Server {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where the exact version of an interpreter is missing, take the nearest
    #[arg(long)]
    pub(crate) nearest_runtimes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Microvm {
    /// Build a root file system for microVMs out of this machine's interpreters
    #[command(after_help = "Example:
  sonagi microvm rootfs --out /srv/sonagi/rootfs.ext4")]
    Rootfs(Rootfs),
}

#[derive(Debug, Args)]
pub(crate) struct Rootfs {
    /// The file to write; FILE.json beside it says what is inside
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Only the interpreters of these runtimes, such as python3.13; all that this machine has, if none is named
    #[arg(long = "runtime", value_name = "RUNTIME")]
    pub(crate) runtimes: Vec<sonagi_model::function::Runtime>,
}

/// Which server to talk to.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The server's address
    #[arg(long, value_name = "URL", env = "SONAGI_ENDPOINT", default_value = "http://127.0.0.1:4566")]
    pub(crate) endpoint: String,
    /// The key to sign with, if the server wants credentials
    #[arg(long, value_name = "ID", env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub(crate) access_key_id: Option<String>,
    #[arg(long, value_name = "SECRET", env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, hide = true)]
    pub(crate) secret_access_key: Option<String>,
    #[arg(long, value_name = "NAME", env = "AWS_REGION", default_value = "us-east-1", hide = true)]
    pub(crate) region: Region,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi deploy
  sonagi deploy template.yaml --parameter Stage=prod --endpoint http://10.0.0.5:4566")]
pub(crate) struct Deploy {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi rollback petshop
  sonagi rollback petshop --to release_7")]
pub(crate) struct Rollback {
    pub(crate) app: AppName,
    /// The release to activate; the one that was live before if not given
    #[arg(long, value_name = "RELEASE")]
    pub(crate) to: Option<ReleaseNumber>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Releases {
    /// All apps if not given
    pub(crate) app: Option<AppName>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi invoke petshop-search
  sonagi invoke search --payload '{\"kind\": \"cat\"}'
  sonagi invoke search --payload @event.json --tail
  generate-event | sonagi invoke search --payload -")]
pub(crate) struct Invoke {
    /// A Lambda name, or a function's own name where only one app has it; with :QUALIFIER for a version or alias
    pub(crate) function: String,
    /// The event: JSON, @FILE, or - for the standard input
    #[arg(long, short, default_value = "{}")]
    pub(crate) payload: String,
    /// Print the end of the invocation's log too
    #[arg(long)]
    pub(crate) tail: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sonagi logs
  sonagi logs -f --app petshop
  sonagi logs --function petshop-search --since 10m")]
pub(crate) struct Logs {
    /// Go on with what is written from now on
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only this app's functions
    #[arg(long)]
    pub(crate) app: Option<AppName>,
    /// Only this function, by its Lambda name
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Only what is younger: 30s, 10m, 2h, 1d
    #[arg(long, value_parser = duration)]
    pub(crate) since: Option<std::time::Duration>,
    /// At most so many of the newest lines
    #[arg(long, default_value_t = 1_000)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Functions {
    /// Only this app's
    pub(crate) app: Option<AppName>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The data folder to look at
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) microvms: Microvms,
    /// The file of networks to look at
    #[arg(long, value_name = "FILE")]
    pub(crate) networks: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        Some(_) | None => Err("a parameter is NAME=VALUE".into()),
    }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "a time is a number with s, m, h or d, such as 10m".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(duration("10m").unwrap().as_secs(), 600);
        for wrong in ["", "m", "10", "1.5h", "-1s", "99999999999999999999d", "9999999999999999d", "1µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
