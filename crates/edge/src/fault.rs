//! The one place where kinds of failure become HTTP statuses.

use http::StatusCode;
use sonagi_model::FaultKind;

/// The status that a failure of `kind` has on every door; the wire formats add their own codes and bodies.
pub const fn status(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Invalid => StatusCode::BAD_REQUEST,
        FaultKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::NotFound => StatusCode::NOT_FOUND,
        FaultKind::Exists | FaultKind::Conflict => StatusCode::CONFLICT,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        FaultKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        FaultKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        FaultKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
