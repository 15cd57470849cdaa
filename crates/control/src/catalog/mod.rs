//! What is live, for everyone who asks.
//!
//! Start reading at [`Live`]: an immutable snapshot behind one atomic pointer.

mod live;
mod target;

pub use live::{Live, LiveApp, LiveFunction, LiveUrl};
pub use target::{Alias, Statement, Target, Version};
