//! Keeps browsers from being used against an open platform.
//!
//! A platform without credentials trusts whoever reaches its loopback socket, and a page on the web reaches it through
//! the browser of whoever reads the page: by a cross-site request, or by a name that is first the page's server and
//! then 127.0.0.1 (DNS rebinding). Both show in headers that a page cannot set: `Host`, `Origin`, `Sec-Fetch-Site`.

use std::net::IpAddr;

use http::{HeaderMap, Method, request::Parts as Head};
use sonagi_identity::Mode;

use super::error::ApiError;
use crate::{aws::admit::host, platform::Parts};

/// Refuses what a foreign page may have sent. With credentials configured the signature does that.
pub(crate) fn guard(parts: &Parts, head: &Head) -> Result<(), ApiError> {
    match parts.identity.mode() {
        Mode::Required => Ok(()),
        Mode::Open => check(head, &parts.config.names),
    }
}

fn check(head: &Head, names: &[String]) -> Result<(), ApiError> {
    let host = host(head);
    if !is_ours(host, names) {
        return Err(ApiError::forbidden(format!(
            "this platform has no credentials configured, so it answers to loopback names alone, not to {host:?}: \
             use http://127.0.0.1 or http://localhost"
        )));
    }
    if head.headers.get_all(http::header::ORIGIN).iter().any(|origin| {
        origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_none_or(|origin| origin != host)
    }) {
        return Err(ApiError::forbidden(
            "this platform has no credentials configured, so it refuses requests that pages of other origins make",
        ));
    }
    if is_foreign_fetch(&head.method, &head.headers) {
        return Err(ApiError::forbidden(
            "this platform has no credentials configured, so it refuses requests that pages of other sites make",
        ));
    }
    Ok(())
}

/// `localhost`, a name below it, a loopback address, or a name that we were given; with or without a port.
fn is_ours(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || is_port(port) => name,
            Some(_) | None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || names.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Following a link is no harm: its answer is shown to the person, not to the page that had the link.
fn is_foreign_fetch(method: &Method, headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).map(|value| value.as_bytes());
    match value("sec-fetch-site") {
        None | Some(b"none" | b"same-origin") => false,
        Some(_) => !(method == Method::GET && value("sec-fetch-mode") == Some(b"navigate")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/2015-03-31/functions");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0, &["build.example".into()]).is_ok()
    }

    #[test]
    fn only_loopback_names_and_our_own_reach_an_open_platform() {
        for host in [
            "localhost",
            "LOCALHOST:4566",
            "localhost.:1",
            "x.localhost:4566",
            "127.0.0.1",
            "127.9.9.9:4566",
            "[::1]:4566",
            "[::1]",
            "build.example:4566",
        ] {
            assert!(passes("POST", &[("host", host)]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:4566",
            "localhost.evil.example",
            "10.0.0.1:4566",
            "0.0.0.0:4566",
            "[::1",
            "[::1]x",
            "127.0.0.1.evil.example",
            "localhost:80@evil",
            "notlocalhost",
            "[fe80::1]:1",
        ] {
            assert!(!passes("POST", &[("host", host)]), "{host}");
        }
        assert!(!passes("POST", &[]));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let host = ("host", "localhost:4566");
        assert!(passes("POST", &[host, ("origin", "http://localhost:4566")]));
        for origin in ["null", "http://evil.example", "http://localhost:3000", "https://localhost:4566", ""] {
            assert!(!passes("POST", &[host, ("origin", origin)]), "{origin}");
        }
        assert!(passes("GET", &[host, ("sec-fetch-site", "none")]));
        assert!(passes("GET", &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!passes("GET", &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!passes("POST", &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!passes("GET", &[host, ("sec-fetch-site", "same-site")]));
    }
}
