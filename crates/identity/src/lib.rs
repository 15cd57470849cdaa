//! Who may do what: principals, credentials, signatures.
//!
//! ```text
//!   SignedRequest ──► Identity::authenticate ──► Principal ──► Identity::may(Access)
//!                        │            │                            │
//!                      keys       sessions                      policy ◄── Grants (what a function's manifest grants)
//!                        └── sigv4 ──┘                             ▲
//!            (a file's static keys; a function's derived ones)     └── the resource's own
//! ```
//!
//! Start reading at [`Identity`]. Always true here: nothing is stored (a function's session is verified from its
//! token alone), secrets are compared in constant time, and no error text holds a secret.

mod access;
mod error;
mod identity;
mod keys;
pub mod policy;
mod principal;
mod sessions;
pub mod sigv4;

pub use access::{Access, Denial, Grants};
pub use error::{Error, Skew};
pub use identity::{Authenticated, Config, Identity, Mode};
pub use keys::{CredentialsFile, CredentialsFileError, Keys};
pub use principal::Principal;
pub use sessions::{FunctionSession, SessionCredentials};

pub type Result<T, E = Error> = std::result::Result<T, E>;
