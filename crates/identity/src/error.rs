use std::time::Duration;

use sonagi_model::{Fault, FaultKind, Timestamp};

use crate::{Denial, sigv4::basic_time};

/// Why a request is not let in. The texts are AWS's own where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("Missing Authentication Token")]
    Missing,
    /// The `Authorization` header or the presigned query lacks a part, or a part makes no sense.
    #[error("{0}")]
    Incomplete(String),
    /// A key id that nobody has, or a session token that we did not make.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// What we signed is kept for the operator's debug log; it holds no secret.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch { canonical_request: String },
    /// The signature's time is too far from ours.
    #[error("{}", skew_text(*.skew, *.signed, *.now, *.allowed))]
    Time { skew: Skew, signed: Timestamp, now: Timestamp, allowed: Duration },
    /// The credential's scope does not fit the request, or what must be signed is not.
    #[error("{0}")]
    Scope(String),
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadDigest,
    #[error(
        "User: {user} is not authorized to perform: {action} on resource: {resource} {}", .why.because(.action)
    )]
    Denied { user: String, action: String, resource: String, why: Denial },
}

/// Which way a signature's time is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    Past,
    Future,
}

fn skew_text(skew: Skew, signed: Timestamp, now: Timestamp, allowed: Duration) -> String {
    let minutes = allowed.as_secs() / 60;
    let allowed_micros = allowed.as_micros() as u64;
    let (signed, now_text) = (basic_time(signed), basic_time(now));
    match skew {
        Skew::Past => {
            let edge = basic_time(Timestamp(now.micros().saturating_sub(allowed_micros)));
            format!("Signature expired: {signed} is now earlier than {edge} ({now_text} - {minutes} min.)")
        }
        Skew::Future => {
            let edge = basic_time(Timestamp(now.micros().saturating_add(allowed_micros)));
            format!(
                "Signature not yet current: {signed} is still later than {edge} ({now_text} + {minutes} min.)"
            )
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Missing
            | Self::Incomplete(_)
            | Self::UnknownKey
            | Self::ExpiredToken
            | Self::Mismatch { .. }
            | Self::Time { .. }
            | Self::Scope(_)
            | Self::PayloadDigest => FaultKind::Unauthenticated,
            Self::Denied { .. } => FaultKind::Forbidden,
        }
    }
}
