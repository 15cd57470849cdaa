//! The nouns of Sonagi, and nothing that does I/O.
//!
//! Start reading at [`release`]: an app is deployed as an immutable [`Release`](release::Release) that holds
//! [`Function`](function::Function)s and [`Api`](api::Api)s. [`limits`] names every limit with its unit.

pub mod api;
pub mod clock;
pub mod digest;
pub mod entropy;
pub mod fault;
pub mod function;
pub mod ids;
pub mod invocation;
pub mod layer;
pub mod limits;
pub mod logs;
pub mod name;
pub mod network;
pub mod policy;
pub mod release;
pub mod resource;

pub use clock::{Clock, Tick, Timestamp};
pub use digest::Digest;
pub use entropy::Entropy;
pub use fault::{Fault, FaultKind};
pub use ids::{AccountId, ApiId, Region, ReleaseNumber, RequestId, UrlId};
pub use name::{AliasName, AppName, FunctionName, LambdaName, LayerName, NameError, NetworkName};
