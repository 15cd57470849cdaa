use std::{net::SocketAddr, path::PathBuf};

use sonagi_model::{AccountId, Region};
use sonagi_sandbox::{
    Whose, microvm,
    process::{Isolation, RuntimePolicy},
};

/// All that a server is told. Nothing below reads an environment variable or a file of settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// The platform's door: AWS protocols, our own API.
    pub listen: SocketAddr,
    /// The apps' door.
    pub gateway: SocketAddr,
    /// Access keys in the format of AWS's shared credentials file; without it every caller is trusted.
    pub credentials: Option<PathBuf>,
    pub account: AccountId,
    pub region: Region,
    /// Invocations that run at once, all functions together.
    pub concurrency: u32,
    /// What to do where the machine lacks the exact version of an interpreter.
    pub runtimes: RuntimePolicy,
    /// How functions that are processes are kept from this machine and from each other.
    pub isolation: Isolation,
    /// MiB of memory that interpreters may take which wait for a function to run; 0: none wait.
    pub ready_memory: u64,
    /// What microVMs are made of; none: this server has no microVMs.
    pub microvm: Option<microvm::Options>,
    /// Which functions run in microVMs.
    pub microvms: Whose,
    /// The file in which networks for functions are declared.
    pub networks: Option<PathBuf>,
    /// This program, which is started again as the launcher of environments and as the compiler of components.
    pub program: PathBuf,
    /// Where interpreters are looked for: the value of `PATH`.
    pub path: String,
    /// What outlives a data folder and can be made again: SDK layers, built dependencies.
    pub cache: PathBuf,
}
