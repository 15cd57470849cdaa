//! AWS Signature Version 4, both ways (IAM User Guide, "AWS Signature Version 4 for API requests").
//!
//! ```text
//!   request ──► claim (header or presigned query) ──► canonical request ──► string to sign ──► compare
//! ```
//!
//! Start reading at [`Claim::verify`]. Always true here: the path and the query come in as they were on the wire,
//! still percent-encoded; the comparison takes constant time; nothing allocates in proportion to anything but the
//! request.

mod canonical;
mod claim;
mod sign;
mod time;
mod verify;

use sonagi_model::Digest;

pub use claim::{Claim, claim};
pub use sign::{Scope, presign, sign};
pub use time::basic_time;
pub use verify::{ChunkSeed, PayloadPromise, Trailer};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as the wire had it.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    /// Still percent-encoded, from the first `/` to before the `?`.
    pub path: &'a str,
    /// Still percent-encoded, without the `?`.
    pub query: &'a str,
    /// Names in lower case, in the order of the wire. HTTP/2's `:authority` comes as `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: Body<'a>,
}

/// What is known of the body when the signature is checked.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    Whole(&'a [u8]),
    /// It comes later: the signature must carry its digest, and who reads it checks [`PayloadPromise`].
    Later,
    /// It comes later and must have this digest, which the path names: who reads it checks that.
    Named(Digest),
}

impl<'a> SignedRequest<'a> {
    /// The first header of this name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.iter().find(|(key, _)| *key == name)?.1;
        std::str::from_utf8(value).ok().map(str::trim)
    }
}
