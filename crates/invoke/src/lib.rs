//! From "run this function" to "here is its answer".
//!
//! ```text
//! Frontend ──► admission::Gate ──► Placement ──► pool::Pool ──► pool::Worker ──► sandbox::Environment
//!   checks      may it run now?     on which      a warm          START, the run,
//!   the size                        machine?      environment     END, REPORT,
//!                                                 or a new one    metering
//! ```
//!
//! Start reading at [`Frontend::invoke`]. Always true here:
//! - an environment serves one function for its whole life, and one invocation at a time;
//! - an invocation that was admitted runs to its end, whether or not its caller waits for it;
//! - every wait ends: by a deadline, or because the caller goes away;
//! - a function that is not running costs nothing here but its totals;
//! - nothing here parses HTTP or names a concrete driver.

mod activity;
mod admission;
mod config;
mod deployments;
mod error;
mod frontend;
mod metering;
mod placement;
mod pool;
mod report;
mod request;
mod stream;
mod trace;

pub use config::Config;
pub use deployments::{Copied, Deployments, Reached, Snapshot};
pub use error::{Error, Result, ThrottleReason};
pub use frontend::{CredentialProvider, Frontend, LogProvider};
pub use metering::{FunctionTotals, Metered, Record, RecordStream, Totals};
pub use pool::{
    EnvironmentInfo, EnvironmentState, ProvisionFailure, ProvisionState, SnapshotFailure, SnapshotState,
};
pub use request::{Invoked, LateTail, Request, Tail};
pub use stream::collect;
