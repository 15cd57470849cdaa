//! Where an app answers, for people.

use sonagi_model::{AppName, api::ApiKind, release::ReleaseContent};

/// One address of an app.
#[derive(Debug, Clone, serde::Serialize, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) function: String,
}

/// Every route and function URL of a release, as addresses at the gateway, which is named like `http://localhost:8080`.
pub(crate) fn of(app: &AppName, content: &ReleaseContent, gateway: &str, region: &str) -> Vec<Line> {
    let (scheme, domain) = gateway.split_once("://").unwrap_or(("http", gateway));
    let mut lines = Vec::new();
    let several = content.apis.len() > 1;
    for api in &content.apis {
        let host = if several {
            format!("{}.{app}.{domain}", api.name.to_ascii_lowercase())
        } else {
            format!("{app}.{domain}")
        };
        let stage = match (api.kind, api.stage.as_str()) {
            (ApiKind::Http, "$default") => String::new(),
            (ApiKind::Http | ApiKind::Rest, stage) => format!("/{stage}"),
        };
        for route in &api.routes {
            let path = if route.path == "$default" { "/*" } else { &route.path };
            lines.push(Line {
                method: route.method.clone(),
                url: format!("{scheme}://{host}{stage}{path}"),
                function: route.function.to_string(),
            });
        }
    }
    for function in content.functions.values() {
        if let Some(url) = &function.url {
            lines.push(Line {
                method: "ANY".into(),
                url: format!("{scheme}://{}.lambda-url.{region}.{domain}/", url.id),
                function: function.name.to_string(),
            });
        }
    }
    lines
}

/// The addresses, how to call what has none, and the template's outputs.
pub(crate) fn print(content: &ReleaseContent, lines: &[Line]) {
    let method = lines.iter().map(|line| line.method.len()).max().unwrap_or_default();
    let url = lines.iter().map(|line| line.url.len()).max().unwrap_or_default();
    for line in lines {
        println!("  {:method$}  {:url$}  → {}", line.method, line.url, line.function);
    }
    for function in content.functions.values().filter(|_| lines.is_empty()) {
        println!("  sonagi invoke {}", function.lambda_name);
    }
    for (name, output) in &content.outputs {
        println!("  {name} = {}", output.value);
    }
}
