//! From a request's host to what it is meant for.

/// What a host name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Site<'h> {
    /// `<app>.localhost`
    App { app: &'h str },
    /// `<api name>.<app>.localhost`
    AppApi { app: &'h str, api: &'h str },
    /// `<api-id>.execute-api.<region>.<anything>`
    Api { id: &'h str },
    /// `<url-id>.lambda-url.<region>.<anything>`
    Url { id: &'h str },
    /// Anything else: the only app that has APIs.
    Any,
}

/// Whether a `Host` header may say it: a server refuses all else (RFC 9112 §3.2, RFC 3986 §3.2.2).
pub(super) fn is_host(text: &[u8]) -> bool {
    text.trim_ascii().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte))
}

/// The host of `authority` without its port; an IPv6 address keeps its brackets.
pub(super) fn name(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(at) if authority[at + 1..].bytes().all(|b| b.is_ascii_digit()) => &authority[..at],
        Some(_) | None => authority,
    }
}

/// Reads `host`, which is lower-case and has no port. `domains` are those whose children are apps.
pub(super) fn site<'h>(host: &'h str, domains: &[String]) -> Site<'h> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Some((id, rest)) = host.split_once('.') {
        match rest.split('.').next() {
            Some("execute-api") => return Site::Api { id },
            Some("lambda-url") => return Site::Url { id },
            Some(_) | None => {}
        }
    }
    for domain in domains {
        let Some(labels) = host.strip_suffix(domain.as_str()).and_then(|rest| rest.strip_suffix('.')) else {
            continue;
        };
        return match labels.split_once('.') {
            None => Site::App { app: labels },
            Some((api, app)) => Site::AppApi { app, api },
        };
    }
    Site::Any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_what_it_is_meant_for() {
        let domains = ["localhost".to_owned(), "apps.example.com".to_owned()];
        for (host, expected) in [
            ("petshop.localhost", Site::App { app: "petshop" }),
            ("petshop.localhost.", Site::App { app: "petshop" }),
            ("admin.petshop.localhost", Site::AppApi { app: "petshop", api: "admin" }),
            ("petshop.apps.example.com", Site::App { app: "petshop" }),
            ("a1b2.execute-api.us-east-1.localhost", Site::Api { id: "a1b2" }),
            ("a1b2.execute-api.us-east-1.amazonaws.com", Site::Api { id: "a1b2" }),
            ("f00.lambda-url.us-east-1.on.aws", Site::Url { id: "f00" }),
            ("localhost", Site::Any),
            ("127.0.0.1", Site::Any),
            ("[::1]", Site::Any),
            ("evillocalhost", Site::Any),
            ("", Site::Any),
        ] {
            assert_eq!(site(host, &domains), expected, "{host}");
        }
    }

    #[test]
    fn a_host_has_no_user_no_path_and_no_space() {
        for host in ["petshop.localhost:8080", "[::1]:8080", "a_b.localhost", "", " localhost "] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in ["me@localhost", "localhost/x", "a b", "a\\b", "a?b", "a#b", "\u{e4}"] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn a_port_is_not_part_of_a_host() {
        assert_eq!(name("petshop.localhost:8080"), "petshop.localhost");
        assert_eq!(name("petshop.localhost"), "petshop.localhost");
        assert_eq!(name("[::1]:8080"), "[::1]");
        assert_eq!(name("[::1]"), "[::1]");
    }
}
