//! HTTP as it is, for functions that speak it: the request that one is given.
//!
//! What an event would tell beside it stands in headers; see [`told`](super::told). The answer's way back is
//! [`answer::pass`](super::answer::pass).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{
    Line,
    call::Call,
    front::Refusal,
    request::{Keep, SourceIp, forward, keep_end_to_end},
    told,
};

/// Headers that every request gets, and a few more: one growth of their map instead of two.
const ADDED: usize = 8;

/// Makes the request of a function; refused is one whose host could stand in no URI.
pub(super) fn request(call: Call<'_>) -> Result<Request<Bytes>, Refusal> {
    let Call { line, mut headers, body, ids, route_path, values, told, caller, .. } = call;
    let uri = uri(line, &headers, route_path).ok_or(Refusal::Malformed)?;
    keep_end_to_end(&mut headers, |name| if told::is_ours(name) { Keep::No } else { Keep::Yes });
    let more = told.map_or(0, |(told, _)| told.count(values));
    // There is a limit that only a manifest with tens of thousands of stage variables comes near.
    headers.try_reserve(ADDED + more).ok();
    say_host(&mut headers, &uri);
    say_length(&mut headers, body.len());
    if let Some(source_ip) = SourceIp::of(line.peer).to_header() {
        told::tell_request(&mut headers, ids, &source_ip);
        forward(&mut headers, line.peer, source_ip, &ids.trace);
    }
    if let Some(caller) = caller {
        told::tell_caller(&mut headers, caller);
    }
    if let Some((told, route)) = told {
        told.tell(route, values, &mut headers);
    }
    let mut request = Request::new(body);
    *request.method_mut() = line.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The path is what the routes were asked, the query what the client sent, neither decoded.
fn uri(line: &Line, headers: &HeaderMap, route_path: &str) -> Option<Uri> {
    let authority = match (line.uri.authority(), line.authority(headers)) {
        (Some(authority), named) if authority.as_str().len() == named.len() => authority.clone(),
        // HTTP/1.0 need not say whom it asks; what it connected to is our name then.
        (_, "") => Authority::from_maybe_shared(line.peer.local.to_string()).ok()?,
        (_, named) if named.contains('@') => return None,
        (_, named) => Authority::try_from(named).ok()?,
    };
    let path_and_query = match (line.uri.path_and_query(), line.uri.query()) {
        (Some(whole), _) if route_path.len() == line.path().len() => whole.clone(),
        (_, Some(query)) => PathAndQuery::from_maybe_shared(format!("{route_path}?{query}")).ok()?,
        (_, None) => PathAndQuery::try_from(route_path).ok()?,
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

/// A `Host` header says what the URI says, or nothing.
fn say_host(headers: &mut HeaderMap, uri: &Uri) {
    let authority = uri.authority().map_or("", Authority::as_str);
    if headers.get(header::HOST).is_some_and(|host| host != authority)
        && let Ok(host) = HeaderValue::from_str(authority)
    {
        headers.insert(header::HOST, host);
    }
}

/// The body is whole, so its length is known, however the client framed it.
fn say_length(headers: &mut HeaderMap, length: usize) {
    let said = headers
        .get(header::CONTENT_LENGTH)
        .map(|said| said.to_str().ok().and_then(|said| said.parse().ok()) == Some(length));
    if said == Some(false) || (said.is_none() && length > 0) {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}
