//! Wires the parts into a running platform. The only place that names a concrete backend, the real clock or a
//! mode.
//!
//! ```text
//!   Config ──► start() ──► Running { control, frontend, logs, both doors }
//!                 │
//!                 ├─ DataFolder   locked against a second server, with a format version
//!                 ├─ backend      SQLite, files, in process
//!                 └─ sandbox      the process driver
//! ```
//!
//! Start reading at [`start`].

mod ahead;
mod clock;
mod components;
mod config;
mod data_folder;
mod entropy;
mod error;
mod feed;
mod interpreters;
mod machine;
mod machines;
mod reach;
mod running;
mod wiring;

pub use clock::RealClock;
pub use config::Config;
pub use data_folder::DataFolder;
pub use entropy::OsEntropy;
pub use error::Error;
pub use interpreters::LocalInterpreters;
pub use machine::{memory_mib, raise_file_limit, ready_memory_mib};
pub use running::{Running, start, start_real};
pub use sonagi_data::logs::{Followed, Follower};

pub type Result<T, E = Error> = std::result::Result<T, E>;
