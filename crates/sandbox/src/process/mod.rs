//! Environments that are processes of this machine.
//!
//! ```text
//! ProcessDriver::start ──► a spawner's thread ──► <sonagi> __launch ──exec──► python3, node, bootstrap
//!          │                                                                       │
//!          ▼                                                                       ▼
//!     Environment ◄────────── its own loopback listener ◄────────────── the Lambda Runtime API
//!          │
//!          └── drop ──► a janitor's thread: kill all, reap, remove the group and the folder
//! ```
//!
//! Start reading at [`ProcessDriver`], then `environment` and `invocation`. Always true here:
//! - one environment is one process tree in one control group (or below one reaper, where there are no groups), and
//!   it is gone, reaped and its folder removed, soon after its [`Environment`](crate::Environment) is dropped;
//! - the process sees only the variables that Lambda documents and the function's own, never the server's;
//! - a runtime can hurt nobody but itself: whatever it sends is bounded, and every wait for it has a deadline.
//!
//! Not here yet, and to come with the isolation issue: namespaces and system call filters. Until then a function
//! shares the machine's network and files with everything that runs as the same user: what it writes to `/tmp`
//! literally is in the machine's `/tmp` (its `TMPDIR` is its own), the size of its temporary folder is not limited,
//! and its Runtime API can be reached by every process of this machine. Its share of the processors is not limited
//! either: Lambda gives 1,769 MB one core, but on one's own machine an idle core helps nobody.

mod bootstrap;
mod clients;
mod driver;
mod environment;
mod folders;
mod group;
mod interpreters;
mod invocation;
mod isolation;
mod launcher;
mod machine;
mod mounts;
mod output;
#[expect(clippy::module_inception, reason = "a process is what it is")]
mod process;
mod remains;
mod sdk;
mod spawner;
mod start;
mod survey;
pub(crate) mod tree;
mod variables;
mod watch;
mod workers;

pub use driver::{Config, Prepared, ProcessDriver};
pub use interpreters::{Interpreter, Interpreters, RuntimePolicy};
pub use isolation::{Door, Endpoint, Isolation};
pub use machine::GroupUse;
pub use survey::{Found, Limiting, find, limiting};
