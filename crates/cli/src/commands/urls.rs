//! Where an app answers, for people.

use std::net::SocketAddr;

use sonagi_model::{api::ApiKind, release::Release};

/// One address of an app.
#[derive(Debug, Clone, serde::Serialize, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) function: String,
}

/// Every route and function URL of a release, as addresses at the gateway.
pub(crate) fn of(release: &Release, gateway: SocketAddr, region: &str) -> Vec<Line> {
    let port = gateway.port();
    let mut lines = Vec::new();
    let several = release.content.apis.len() > 1;
    for api in &release.content.apis {
        let host = if several {
            format!("{}.{}.localhost:{port}", api.name.to_ascii_lowercase(), release.app)
        } else {
            format!("{}.localhost:{port}", release.app)
        };
        let stage = match (api.kind, api.stage.as_str()) {
            (ApiKind::Http, "$default") => String::new(),
            (ApiKind::Http | ApiKind::Rest, stage) => format!("/{stage}"),
        };
        for route in &api.routes {
            let path = if route.path == "$default" { "/*" } else { &route.path };
            lines.push(Line {
                method: route.method.clone(),
                url: format!("http://{host}{stage}{path}"),
                function: route.function.to_string(),
            });
        }
    }
    for function in release.content.functions.values() {
        if let Some(url) = &function.url {
            lines.push(Line {
                method: "ANY".into(),
                url: format!("http://{}.lambda-url.{region}.localhost:{port}/", url.id),
                function: function.name.to_string(),
            });
        }
    }
    lines
}

pub(crate) fn print(lines: &[Line]) {
    let method = lines.iter().map(|line| line.method.len()).max().unwrap_or_default();
    let url = lines.iter().map(|line| line.url.len()).max().unwrap_or_default();
    for line in lines {
        println!("  {:method$}  {:url$}  → {}", line.method, line.url, line.function);
    }
}
