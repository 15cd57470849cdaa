//! How long each part of a request may take.

use std::time::Duration;

use sonagi_model::limits;
use wasmtime_wasi_http::RequestOptions;

/// What the guest asks for, within our limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waits {
    /// To find the server, to connect and to agree on keys, together.
    pub(super) connect: Duration,
    /// From there to the head of the answer.
    pub(super) first_byte: Duration,
    /// Between two parts of the answer's body.
    pub(super) between_bytes: Duration,
}

impl Waits {
    pub(super) fn of(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let within =
            |asked: Option<Duration>, usual: Duration, most: Duration| asked.unwrap_or(usual).min(most);
        Self {
            connect: within(
                options.connect_timeout,
                limits::OUTBOUND_CONNECT_TIMEOUT_DEFAULT,
                limits::OUTBOUND_CONNECT_TIMEOUT_MAX,
            ),
            first_byte: within(
                options.first_byte_timeout,
                limits::OUTBOUND_FIRST_BYTE_TIMEOUT_DEFAULT,
                limits::OUTBOUND_FIRST_BYTE_TIMEOUT_MAX,
            ),
            between_bytes: within(
                options.between_bytes_timeout,
                limits::OUTBOUND_BETWEEN_BYTES_TIMEOUT_DEFAULT,
                limits::OUTBOUND_BETWEEN_BYTES_TIMEOUT_MAX,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_waits_as_long_as_it_asks_up_to_the_limits() {
        let usual = Waits::of(None);
        assert_eq!(usual.connect, limits::OUTBOUND_CONNECT_TIMEOUT_DEFAULT);
        assert_eq!(usual.first_byte, limits::OUTBOUND_FIRST_BYTE_TIMEOUT_DEFAULT);
        assert_eq!(usual.between_bytes, limits::OUTBOUND_BETWEEN_BYTES_TIMEOUT_DEFAULT);
        let all = |wait| RequestOptions {
            connect_timeout: Some(wait),
            first_byte_timeout: Some(wait),
            between_bytes_timeout: Some(wait),
        };
        let short = Duration::from_millis(3);
        assert_eq!(
            Waits::of(Some(all(short))),
            Waits { connect: short, first_byte: short, between_bytes: short }
        );
        let longest = Waits::of(Some(all(Duration::MAX)));
        assert_eq!(longest.connect, limits::OUTBOUND_CONNECT_TIMEOUT_MAX);
        assert_eq!(longest.first_byte, limits::OUTBOUND_FIRST_BYTE_TIMEOUT_MAX);
        assert_eq!(longest.between_bytes, limits::OUTBOUND_BETWEEN_BYTES_TIMEOUT_MAX);
    }
}
