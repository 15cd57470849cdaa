//! From a request's head and body to its principal.

use bytes::Bytes;
use http::request::Parts as Head;
use sonagi_identity::{
    Principal,
    sigv4::{self, PayloadPromise, SignedRequest},
};
use sonagi_model::limits;

use crate::{
    platform::Parts,
    serve::{Body, BodyError},
};

/// Why a request was not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    Identity(sonagi_identity::Error),
    Body(BodyError),
}

/// Checks the signature, if there must be one, and reads the body, of at most `limit` bytes. A stranger's body is not
/// read.
pub(crate) async fn admit(
    parts: &Parts,
    head: &Head,
    body: Body,
    limit: usize,
    services: &[&str],
) -> Result<(Principal, Bytes), Refusal> {
    screen(parts, head)?;
    let body = body.read(limit).await.map_err(Refusal::Body)?;
    let principal = authenticate(parts, head, sigv4::Body::Whole(&body), services)?;
    Ok((principal, body))
}

/// Refuses a stranger before anything is kept for him.
pub(crate) fn screen(parts: &Parts, head: &Head) -> Result<(), Refusal> {
    with_signed_request(head, |request| parts.identity.screen(request)).map_err(Refusal::Identity)
}

/// Checks the signature, if there must be one.
pub(crate) fn authenticate(
    parts: &Parts,
    head: &Head,
    body: sigv4::Body<'_>,
    services: &[&str],
) -> Result<Principal, Refusal> {
    let now = parts.clock.now();
    let authenticated = with_signed_request(head, |request| {
        let request = SignedRequest { body, ..*request };
        parts.identity.authenticate(&request, services, now)
    })
    .inspect_err(|error| {
        if let sonagi_identity::Error::Mismatch { canonical_request } = error {
            tracing::debug!(canonical_request, "a signature does not match");
        }
    })
    .map_err(Refusal::Identity)?;
    match authenticated.payload {
        PayloadPromise::Checked | PayloadPromise::Unsigned | PayloadPromise::Digest(_) => {}
        // S3 alone takes bodies in signed chunks.
        PayloadPromise::Chunked { .. } | PayloadPromise::UnsignedChunked => {
            return Err(Refusal::Identity(sonagi_identity::Error::Incomplete(
                "this service does not take a body in chunks: send it whole, with its digest or UNSIGNED-PAYLOAD"
                    .into(),
            )));
        }
    }
    Ok(authenticated.principal)
}

/// The request as signatures see it. HTTP/2 has the host in `:authority`.
pub(crate) fn with_signed_request<T>(head: &Head, then: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
    let mut headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    if !head.headers.contains_key(http::header::HOST)
        && let Some(authority) = head.uri.authority()
    {
        headers.push(("host", authority.as_str().as_bytes()));
    }
    then(&SignedRequest {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: sigv4::Body::Later,
    })
}

/// The address that the client used, to build links that work for it.
pub(crate) fn host(head: &Head) -> &str {
    head.headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| head.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or_default()
}

/// The trace that a request is part of: what comes of it goes on with that (AWS X-Ray Developer Guide, "Tracing header").
pub(crate) fn trace(head: &Head) -> Option<String> {
    let header = head.headers.get("x-amzn-trace-id")?.to_str().ok()?;
    (header.len() <= limits::TRACE_SIZE).then(|| header.to_owned())
}
