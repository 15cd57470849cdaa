//! What an extension subscribes to, and how it wants to be told.

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};
use sonagi_model::limits;

/// Which of the two APIs it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Telemetry,
    Logs,
}

impl Api {
    const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
            Self::Logs => &["2020-08-15", "2021-03-18"],
        }
    }

    /// Records that the other one does not have.
    pub(super) fn has(self, kind: &str) -> bool {
        match self {
            Self::Telemetry => !matches!(kind, "platform.end" | "platform.logsSubscription"),
            Self::Logs => matches!(
                kind,
                "platform.start"
                    | "platform.end"
                    | "platform.report"
                    | "platform.runtimeDone"
                    | "platform.extension"
                    | "platform.logsSubscription"
                    | "platform.logsDropped"
            ),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Platform,
    Function,
    Extension,
}

impl Category {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Platform, "platform", "Platform"),
        (Self::Function, "function", "Function"),
        (Self::Extension, "extension", "Extension"),
    ];

    /// As a subscription names it.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(category, _, _)| *category == self).map_or("", |(_, name, _)| name)
    }

    /// As the function's log names it.
    pub(crate) fn title(self) -> &'static str {
        Self::ALL.iter().find(|(category, _, _)| *category == self).map_or("", |(_, _, title)| title)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) api: Api,
    pub(crate) types: Vec<Category>,
    /// Whether a line that is a JSON object is told as one: since the schema of 2022-12-13.
    pub(super) lines: LineForm,
    pub(super) destination: Destination,
    pub(super) buffering: Buffering,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineForm {
    Text,
    Object,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// A JSON array for each batch.
    Http { port: u16, authority: String, path: String },
    /// A JSON object on a line of its own for each event.
    Tcp { port: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffering {
    pub(super) items: usize,
    pub(super) bytes: usize,
    pub(super) timeout: Duration,
}

impl Subscription {
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn parse(api: Api, body: &[u8]) -> Result<Self, String> {
        let request: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| format!("the body is no JSON object: {error}"))?;
        let mut wrong = Vec::new();
        let version = version(api, request.get("schemaVersion"), &mut wrong);
        let types = types(request.get("types"), &mut wrong);
        let destination = destination(request.get("destination"), &mut wrong);
        let buffering = buffering(request.get("buffering"), &mut wrong);
        match (wrong.is_empty(), destination) {
            (true, Some(destination)) => {
                let lines = match (api, version.as_str()) {
                    (Api::Logs, _) | (Api::Telemetry, "2022-07-01") => LineForm::Text,
                    (Api::Telemetry, _) => LineForm::Object,
                };
                Ok(Self { api, types, lines, destination, buffering })
            }
            (_, _) => Err(wrong.join("; ")),
        }
    }

    pub(super) fn wants(&self, category: Category) -> bool {
        self.types.contains(&category)
    }
}

fn version(api: Api, value: Option<&Value>, wrong: &mut Vec<String>) -> String {
    let known = api.versions();
    match (value.map(Value::as_str), api) {
        (Some(Some(version)), _) if known.contains(&version) => version.to_owned(),
        (None, Api::Logs) => known[0].to_owned(),
        (Some(_) | None, _) => {
            wrong.push(format!("schemaVersion should be one of {}", known.join(", ")));
            String::new()
        }
    }
}

fn types(value: Option<&Value>, wrong: &mut Vec<String>) -> Vec<Category> {
    let mut types = Vec::new();
    for name in value.and_then(Value::as_array).into_iter().flatten() {
        match Category::ALL.iter().find(|(_, known, _)| name.as_str() == Some(known)) {
            Some((category, _, _)) if types.contains(category) => {}
            Some((category, _, _)) => types.push(*category),
            None => wrong.push(format!("types should be platform, function or extension, and not {name}")),
        }
    }
    if types.is_empty() {
        wrong.push("types should not be empty".into());
    }
    types
}

fn destination(value: Option<&Value>, wrong: &mut Vec<String>) -> Option<Destination> {
    let field = |name: &str| value.and_then(|value| value.get(name));
    let found = match field("protocol").and_then(Value::as_str) {
        Some("HTTP") => match field("URI").and_then(Value::as_str) {
            Some(uri) => http(uri),
            None => Err("URI is not provided"),
        },
        Some("TCP") => {
            match field("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()) {
                Some(port @ 1..) => Ok(Destination::Tcp { port }),
                Some(0) | None => Err("port should be from 1 to 65535"),
            }
        }
        Some(_) | None => Err("destination.protocol should be HTTP or TCP"),
    };
    found.map_err(|problem| wrong.push(problem.into())).ok()
}

fn http(uri: &str) -> Result<Destination, &'static str> {
    let uri: http::Uri = uri.parse().map_err(|_| "URI is invalid")?;
    if uri.scheme_str() != Some("http") {
        return Err("URI scheme should be http");
    }
    if !matches!(uri.host(), Some("sandbox.localdomain" | "sandbox")) {
        return Err("URI host should be sandbox.localdomain or sandbox");
    }
    let port = uri.port_u16().filter(|&port| port > 0).ok_or("URI port is not provided")?;
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Destination::Http { port, authority, path })
}

fn buffering(value: Option<&Value>, wrong: &mut Vec<String>) -> Buffering {
    let mut number =
        |name: &str, range: RangeInclusive<u64>, usual: u64| match value.and_then(|value| value.get(name)) {
            None => usual,
            Some(number) => number.as_u64().filter(|number| range.contains(number)).unwrap_or_else(|| {
                wrong.push(format!("buffering.{name} should be from {} to {}", range.start(), range.end()));
                usual
            }),
        };
    let items = number("maxItems", limits::TELEMETRY_ITEMS, *limits::TELEMETRY_ITEMS.start());
    let bytes = number("maxBytes", limits::TELEMETRY_BYTES, *limits::TELEMETRY_BYTES.start());
    let timeout = number("timeoutMs", limits::TELEMETRY_TIMEOUT, limits::TELEMETRY_TIMEOUT_DEFAULT);
    Buffering {
        items: usize::try_from(items).unwrap_or(usize::MAX),
        bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        timeout: Duration::from_millis(timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Subscription, String> {
        Subscription::parse(Api::Telemetry, body.as_bytes())
    }

    #[test]
    fn a_subscription_is_understood() {
        let subscription = parse(
            r#"{"schemaVersion":"2022-12-13","types":["platform","function"],
                "buffering":{"maxItems":2000,"maxBytes":262144,"timeoutMs":25},
                "destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/told"}}"#,
        );
        assert_eq!(
            subscription,
            Ok(Subscription {
                api: Api::Telemetry,
                types: vec![Category::Platform, Category::Function],
                lines: LineForm::Object,
                destination: Destination::Http {
                    port: 8080,
                    authority: "sandbox.localdomain:8080".into(),
                    path: "/told".into()
                },
                buffering: Buffering { items: 2_000, bytes: 262_144, timeout: Duration::from_millis(25) },
            })
        );
        let tcp = parse(
            r#"{"schemaVersion":"2022-07-01","types":["extension"],"destination":{"protocol":"TCP","port":9}}"#,
        )
        .unwrap();
        assert_eq!((tcp.destination, tcp.lines), (Destination::Tcp { port: 9 }, LineForm::Text));
        assert_eq!(tcp.buffering.timeout, Duration::from_secs(1));
        let logs = r#"{"types":["function"],"destination":{"protocol":"HTTP","URI":"http://sandbox:1"}}"#;
        assert!(Subscription::parse(Api::Logs, logs.as_bytes()).is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let wrong = |body: &str| parse(body).unwrap_err();
        assert_eq!(
            wrong(
                r#"{"schemaVersion":"2022-07-01","types":[],
                    "destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain/"}}"#
            ),
            "types should not be empty; URI port is not provided"
        );
        let with = |rest: &str| wrong(&format!(r#"{{"types":["platform"],{rest}}}"#));
        assert!(
            with(r#""schemaVersion":"2021-03-18""#).starts_with("schemaVersion should be one of 2022-07-01")
        );
        for (uri, problem) in [
            ("https://sandbox:1", "URI scheme should be http"),
            ("http://10.0.0.1:80", "URI host should be sandbox.localdomain or sandbox"),
            ("http://sandbox:0", "URI port is not provided"),
        ] {
            let destination =
                format!(r#""schemaVersion":"2022-07-01","destination":{{"protocol":"HTTP","URI":"{uri}"}}"#);
            assert_eq!(with(&destination), problem);
        }
        let sizes = r#""schemaVersion":"2022-07-01","destination":{"protocol":"TCP","port":1},
                       "buffering":{"maxItems":1,"maxBytes":1,"timeoutMs":24}"#;
        assert_eq!(
            with(sizes),
            "buffering.maxItems should be from 1000 to 10000; buffering.maxBytes should be from 262144 to 1048576; \
             buffering.timeoutMs should be from 25 to 30000"
        );
        assert!(wrong("[]").starts_with("the body is no JSON object"));
    }
}
