//! Environments that are processes of this machine.
//!
//! ```text
//! ProcessDriver::start ──► a spawner's thread ──► launcher ──clone, exec──► python3, node, bootstrap
//!          │                                                                       │
//!          ▼                                                                       ▼
//!     Environment ◄──── a listener in the environment's own network ◄──── the Lambda Runtime API
//!          │
//!          └── drop ──► a janitor's thread: kill all, reap, remove the group
//! ```
//!
//! Start reading at [`ProcessDriver`], then `environment` and `invocation`. Always true here:
//! - one environment is one process tree in one sandbox and one control group, and it is gone and reaped soon after its
//!   [`Environment`](crate::Environment) is dropped;
//! - a function sees its package, its interpreter, the system's programs and its own `/tmp`, and reaches the Runtime API
//!   and the platform's AWS endpoint, and nothing else of this machine;
//! - the process sees only the variables that Lambda documents and the function's own, never the server's;
//! - a runtime can hurt nobody but itself: whatever it sends is bounded, and every wait for it has a deadline.
//!
//! [`Isolation`] says how much of that there must be. Without a sandbox ([`Isolation::None`]) an environment is a
//! process like any other, kept together by its control group, or by one reaper where there are no groups.

mod bootstrap;
mod bytecode;
mod clients;
mod crew;
mod dial;
mod disks;
mod driver;
mod environment;
mod expected;
mod external;
mod folders;
mod group;
mod hints;
mod interpreters;
mod invocation;
mod isolation;
mod launcher;
mod life;
mod machine;
mod mounts;
mod network;
mod output;
#[expect(clippy::module_inception, reason = "a process is what it is")]
mod process;
mod ready;
mod remains;
mod reports;
mod sdk;
mod shutdown;
mod snapshot;
mod spawner;
mod start;
mod survey;
mod templates;
pub(crate) mod tree;
mod variables;
mod watch;
mod workers;

pub(crate) use bootstrap::{find as find_bootstrap, not_started, places as bootstrap_places};
pub use disks::try_disk;
pub use driver::{Config, Prepared, ProcessDriver};
pub(crate) use environment::{Awaits, ProcessEnvironment, State};
pub(crate) use external::find as find_extensions;
pub(crate) use folders::Folders;
pub(crate) use hints::Hints;
pub use interpreters::{Interpreter, Interpreters, RuntimePolicy};
pub use isolation::{Door, Endpoint, Isolation};
pub(crate) use isolation::{OPT, Opened, RUNTIME_DIR, TASK_ROOT, Users};
pub(crate) use life::Life;
pub use machine::GroupUse;
pub(crate) use network::{Grant, Whose, in_a_new_namespace};
pub use network::{Networks, NoNetwork, Wire, internet, named};
pub(crate) use output::Output;
pub(crate) use sdk::Sdks;
pub(crate) use snapshot::tell as tell_afresh;
pub(crate) use start::{RUNTIME_API, RUNTIME_API_PORT, first_request, initialise, not_connected};
pub use survey::{Found, Limiting, find, limiting, try_isolation};
pub(crate) use variables::{Surroundings, variables};
