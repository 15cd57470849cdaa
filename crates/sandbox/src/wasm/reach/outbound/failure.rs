//! What went wrong, in the words of `wasi:http`.

use std::{error::Error as _, io};

use sonagi_model::limits;
use tokio_rustls::rustls;
use wasmtime_wasi_http::Error;

pub(super) fn connecting(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Error::ConnectionTerminated,
        _ => Error::DestinationUnavailable,
    }
}

pub(super) fn securing(error: &io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some((*alert).into()),
            alert_message: Some(format!("{alert:?}")),
        },
        // Others of rustls' errors are defects of the other side's protocol.
        Some(_) => Error::TlsProtocolError,
        None if error.kind() == io::ErrorKind::UnexpectedEof => Error::ConnectionTerminated,
        None => connecting(error),
    }
}

/// Of a request on a connection, until the answer's head is there.
pub(super) fn exchanging(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(u32::try_from(limits::OUTBOUND_HEAD_SIZE).ok());
    }
    if let Some(own) = error.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        return of_body(own);
    }
    if error.is_parse() || error.is_user() {
        return Error::HttpProtocolError;
    }
    if error.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    ended(error)
}

/// Of an answer's body.
pub(super) fn receiving(error: &hyper::Error) -> Error {
    if error.is_incomplete_message() || has_io(error, io::ErrorKind::UnexpectedEof) {
        return Error::HttpResponseIncomplete;
    }
    if error.is_parse()
        || has_io(error, io::ErrorKind::InvalidData)
        || has_io(error, io::ErrorKind::InvalidInput)
    {
        return Error::HttpProtocolError;
    }
    ended(error)
}

fn ended(error: &hyper::Error) -> Error {
    if error.is_timeout() { Error::HttpResponseTimeout } else { Error::ConnectionTerminated }
}

fn has_io(error: &hyper::Error, kind: io::ErrorKind) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == kind)
}

/// What the guest's own body of a request failed with, which cannot be cloned.
fn of_body(error: &Error) -> Error {
    match error {
        Error::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        // The enum is not ours and may grow.
        other => Error::InternalError(Some(other.to_string())),
    }
}
