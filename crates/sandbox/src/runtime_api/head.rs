//! The head of a request to the Runtime API, the Extensions API or the Telemetry API: which of the few requests it is,
//! and what of its headers matters.

use sonagi_model::RequestId;

/// Header lines that one request may have.
const HEADERS: usize = 64;
const VERSION: &str = "/2018-06-01/runtime/";
const EXTENSIONS_VERSION: &str = "/2020-01-01/extension/";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) route: Route,
    pub(crate) length: Length,
    pub(crate) persistence: Persistence,
    pub(crate) expectation: Expectation,
    pub(crate) mode: ResponseMode,
    pub(crate) content_type: Option<String>,
    /// `Lambda-Runtime-Function-Error-Type`
    pub(crate) error_type: Option<String>,
    /// What only extensions send.
    pub(crate) extension: Option<Box<ExtensionHeaders>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExtensionHeaders {
    /// `Lambda-Extension-Name`
    pub(crate) name: Option<String>,
    /// `Lambda-Extension-Identifier`
    pub(crate) identifier: Option<String>,
    /// `Lambda-Extension-Function-Error-Type`
    pub(crate) error_type: Option<String>,
    /// `Lambda-Extension-Accept-Feature`
    pub(crate) features: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET …/invocation/next`
    Next,
    /// `POST …/invocation/{id}/response`; no id when it is none of ours.
    Response(Option<RequestId>),
    /// `POST …/invocation/{id}/error`
    Error(Option<RequestId>),
    /// `POST …/init/error`
    InitError,
    /// `GET …/restore/next`
    Restore,
    /// `POST …/restore/error`
    RestoreError,
    /// `GET …/assignment`, which is our own clients' alone: whose function is this?
    Assignment,
    Extension(ExtensionRoute),
    Unknown,
}

/// Of an extension's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtensionRoute {
    /// `POST …/register`
    Register,
    /// `GET …/event/next`
    Next,
    /// `POST …/init/error`
    InitError,
    /// `POST …/exit/error`
    ExitError,
    /// `PUT /2022-07-01/telemetry`
    Telemetry,
    /// `PUT /2020-08-15/logs`
    Logs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Sized(u64),
    Chunked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    KeepAlive,
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    None,
    /// The body comes once we have said that it may.
    Continue,
}

/// `Lambda-Runtime-Function-Response-Mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Buffered,
    Streaming,
    Invalid,
}

/// Not HTTP/1.1, or not in a way that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Head {
    /// Parses a head that ends with an empty line.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(text) {
            Ok(httparse::Status::Complete(length)) if length == text.len() => {}
            Ok(httparse::Status::Complete(_) | httparse::Status::Partial) | Err(_) => return Err(Malformed),
        }
        let (Some(method), Some(path), Some(version)) = (request.method, request.path, request.version)
        else {
            return Err(Malformed);
        };
        let mut head = Self {
            route: route(method, path),
            length: Length::Sized(0),
            persistence: if version == 1 { Persistence::KeepAlive } else { Persistence::Close },
            expectation: Expectation::None,
            mode: ResponseMode::Buffered,
            content_type: None,
            error_type: None,
            extension: None,
        };
        let mut size = None;
        for header in request.headers.iter() {
            head.header(header.name, header.value, &mut size)?;
        }
        match (head.length, size) {
            // Two answers to where the body ends are one too many (RFC 9112, 6.3).
            (Length::Chunked, Some(_)) => Err(Malformed),
            (Length::Chunked, None) | (Length::Sized(_), None) => Ok(head),
            (Length::Sized(_), Some(size)) => {
                head.length = Length::Sized(size);
                Ok(head)
            }
        }
    }

    fn header(&mut self, name: &str, value: &[u8], size: &mut Option<u64>) -> Result<(), Malformed> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("content-length") {
            let value = number(value)?;
            if size.replace(value).is_some_and(|before| before != value) {
                return Err(Malformed);
            }
        } else if is("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") || self.length == Length::Chunked {
                return Err(Malformed);
            }
            self.length = Length::Chunked;
        } else if is("connection") {
            if value.eq_ignore_ascii_case(b"close") {
                self.persistence = Persistence::Close;
            } else if value.eq_ignore_ascii_case(b"keep-alive") {
                self.persistence = Persistence::KeepAlive;
            }
        } else if is("expect") && value.eq_ignore_ascii_case(b"100-continue") {
            self.expectation = Expectation::Continue;
        } else if is("content-type") {
            self.content_type = Some(text(value));
        } else if is("lambda-runtime-function-error-type") {
            self.error_type = Some(text(value));
        } else if is("lambda-runtime-function-response-mode") {
            self.mode = if value == b"streaming" { ResponseMode::Streaming } else { ResponseMode::Invalid };
        } else if name
            .get(..EXTENSION_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(EXTENSION_PREFIX))
        {
            self.extension_header(name, value);
        }
        Ok(())
    }

    fn extension_header(&mut self, name: &str, value: &[u8]) {
        let headers = self.extension.get_or_insert_default();
        let of = match name[EXTENSION_PREFIX.len()..].to_ascii_lowercase().as_str() {
            "name" => &mut headers.name,
            "identifier" => &mut headers.identifier,
            "function-error-type" => &mut headers.error_type,
            "accept-feature" => &mut headers.features,
            _ => return,
        };
        *of = Some(text(value));
    }
}

const EXTENSION_PREFIX: &str = "lambda-extension-";

fn route(method: &str, path: &str) -> Route {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let Some(path) = path.strip_prefix(VERSION) else { return extension_route(method, path) };
    match (method, path) {
        ("GET", "invocation/next") => Route::Next,
        ("GET", "assignment") => Route::Assignment,
        ("POST", "init/error") => Route::InitError,
        ("GET", "restore/next") => Route::Restore,
        ("POST", "restore/error") => Route::RestoreError,
        ("POST", other) => match other.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
            Some((id, "response")) => Route::Response(id.parse().ok()),
            Some((id, "error")) => Route::Error(id.parse().ok()),
            Some(_) | None => Route::Unknown,
        },
        (_, _) => Route::Unknown,
    }
}

fn extension_route(method: &str, path: &str) -> Route {
    // Some clients end the path of the Telemetry API with a slash, as its documentation does.
    let path = path.strip_suffix('/').unwrap_or(path);
    // A path begins with a slash, so that none is taken for what follows the version.
    let route = match (method, path.strip_prefix(EXTENSIONS_VERSION).unwrap_or(path)) {
        ("POST", "register") => ExtensionRoute::Register,
        ("GET", "event/next") => ExtensionRoute::Next,
        ("POST", "init/error") => ExtensionRoute::InitError,
        ("POST", "exit/error") => ExtensionRoute::ExitError,
        ("PUT", "/2022-07-01/telemetry") => ExtensionRoute::Telemetry,
        ("PUT", "/2020-08-15/logs") => ExtensionRoute::Logs,
        (_, _) => return Route::Unknown,
    };
    Route::Extension(route)
}

fn number(value: &[u8]) -> Result<u64, Malformed> {
    // `parse` alone would also take a sign.
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()).ok_or(Malformed)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

    fn parse(text: &str) -> Result<Head, Malformed> {
        Head::parse(text.as_bytes())
    }

    #[test]
    fn the_requests_are_told_apart() {
        let route = |line: &str| parse(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap().route;
        let id: RequestId = ID.parse().unwrap();
        assert_eq!(route("GET /2018-06-01/runtime/invocation/next"), Route::Next);
        assert_eq!(route("GET /2018-06-01/runtime/invocation/next?x=1"), Route::Next);
        assert_eq!(
            route(&format!("POST /2018-06-01/runtime/invocation/{ID}/response")),
            Route::Response(Some(id))
        );
        assert_eq!(route(&format!("POST /2018-06-01/runtime/invocation/{ID}/error")), Route::Error(Some(id)));
        assert_eq!(route("POST /2018-06-01/runtime/invocation/what/error"), Route::Error(None));
        assert_eq!(route("POST /2018-06-01/runtime/init/error"), Route::InitError);
        assert_eq!(route("GET /2018-06-01/runtime/restore/next"), Route::Restore);
        assert_eq!(route("POST /2018-06-01/runtime/restore/error"), Route::RestoreError);
        assert_eq!(route("GET /2018-06-01/runtime/assignment"), Route::Assignment);
        assert_eq!(route("POST /2018-06-01/runtime/invocation/next"), Route::Unknown);
        for (line, expected) in [
            ("POST /2020-01-01/extension/register", Some(ExtensionRoute::Register)),
            ("GET /2020-01-01/extension/event/next", Some(ExtensionRoute::Next)),
            ("POST /2020-01-01/extension/init/error", Some(ExtensionRoute::InitError)),
            ("POST /2020-01-01/extension/exit/error", Some(ExtensionRoute::ExitError)),
            ("PUT /2022-07-01/telemetry", Some(ExtensionRoute::Telemetry)),
            ("PUT /2022-07-01/telemetry/", Some(ExtensionRoute::Telemetry)),
            ("PUT /2020-08-15/logs", Some(ExtensionRoute::Logs)),
            ("POST /2022-07-01/telemetry", None),
            ("POST /2020-01-01/extension/event/next", None),
            ("POST /register", None),
        ] {
            assert_eq!(route(line), expected.map_or(Route::Unknown, Route::Extension), "{line}");
        }
    }

    #[test]
    fn an_extension_says_who_it_is() {
        let head = parse(
            "POST /2020-01-01/extension/register HTTP/1.1\r\nlambda-extension-NAME: watcher\r\n\
             Lambda-Extension-Accept-Feature: accountId\r\nLambda-Extension-Other: x\r\n\r\n",
        );
        let headers = head.unwrap().extension.unwrap();
        assert_eq!(
            *headers,
            ExtensionHeaders {
                name: Some("watcher".into()),
                features: Some("accountId".into()),
                ..ExtensionHeaders::default()
            }
        );
        let usual = parse("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(usual.extension, None);
    }

    #[test]
    fn a_body_has_one_length() {
        let with =
            |headers: &str| parse(&format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n")).map(|head| head.length);
        assert_eq!(with("Content-Length: 12"), Ok(Length::Sized(12)));
        assert_eq!(with("content-length: 12\r\nContent-Length: 12"), Ok(Length::Sized(12)));
        assert_eq!(with("Transfer-Encoding: Chunked"), Ok(Length::Chunked));
        for wrong in [
            "Content-Length: 12\r\nContent-Length: 13",
            "Content-Length: +12",
            "Content-Length: ",
            "Content-Length: 99999999999999999999",
            "Content-Length: 12\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ] {
            assert_eq!(with(wrong), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_connection_is_kept_unless_told_otherwise() {
        let with = |version: &str, headers: &str| {
            parse(&format!("GET / HTTP/{version}\r\n{headers}\r\n")).unwrap().persistence
        };
        assert_eq!(with("1.1", ""), Persistence::KeepAlive);
        assert_eq!(with("1.1", "Connection: close\r\n"), Persistence::Close);
        assert_eq!(with("1.0", ""), Persistence::Close);
        assert_eq!(with("1.0", "Connection: keep-alive\r\n"), Persistence::KeepAlive);
    }

    proptest::proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(garbage: Vec<u8>) {
            let _ = Head::parse(&garbage);
        }
    }
}
