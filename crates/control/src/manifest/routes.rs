//! What a route may look like, and which routes get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use sonagi_model::{
    api::{Api, ApiKind},
    limits,
};

use super::{problem::Report, tree::Span};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"];

/// A method in upper case; `x-amazon-apigateway-any-method` is OpenAPI's word for `ANY`.
pub(super) fn method(text: &str) -> Result<String, String> {
    let upper = match text {
        "x-amazon-apigateway-any-method" | "*" => "ANY".to_owned(),
        text => text.to_ascii_uppercase(),
    };
    match METHODS.contains(&upper.as_str()) {
        true => Ok(upper),
        false => Err(format!("{text:?} is not a method: use one of {}", METHODS.join(", "))),
    }
}

/// `GET /pets/{id}`, `/pets` (any method) or `$default`.
pub(super) fn route(text: &str) -> Result<(String, String), String> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        [path] if path.starts_with('/') || *path == "$default" => Ok(("ANY".into(), (*path).into())),
        [word, path] => Ok((method(word)?, (*path).into())),
        _ => Err(format!(
            "{text:?} is not a route: write `GET /pets/{{id}}`, `ANY /files/{{path+}}` or `$default`"
        )),
    }
}

/// The rules of API Gateway for paths.
pub(super) fn check_path(path: &str, kind: ApiKind) -> Result<(), String> {
    if path == "$default" {
        return match kind {
            ApiKind::Http => Ok(()),
            ApiKind::Rest => {
                Err("a REST API has no `$default` route: use `/{proxy+}` with any method".into())
            }
        };
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err(format!("the path {path:?} does not start with `/`"));
    };
    if path.len() > limits::PACKAGE_PATH_SIZE {
        return Err("the path is longer than 1,024 bytes".into());
    }
    let segments: Vec<_> = rest.split('/').collect();
    let mut names = BTreeSet::new();
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        if segment.is_empty() && !last {
            return Err(format!("the path {path:?} has an empty segment"));
        }
        if !segment.contains(['{', '}']) {
            if segment.contains(['?', '#', ' ']) {
                return Err(format!("the path {path:?} has a character that a path cannot have"));
            }
            continue;
        }
        let Some(inner) = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) else {
            return Err(format!("in {path:?} a variable must be a whole segment: `/{{name}}/`"));
        };
        let name = inner.strip_suffix('+').unwrap_or(inner);
        if name.len() < inner.len() && !last {
            return Err(format!("in {path:?} the greedy `{{{inner}}}` must be the last segment"));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b',');
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(format!(
                "in {path:?} the variable's name {name:?} wants letters, digits, `.`, `_`, `-`"
            ));
        }
        if !names.insert(name) {
            return Err(format!("the path {path:?} has the variable {name:?} twice"));
        }
    }
    Ok(())
}

/// A path with its variables' names taken out: two of one shape match the same requests.
fn shape(path: &str) -> String {
    path.split('/')
        .map(|segment| match segment {
            greedy if greedy.ends_with("+}") => "{+}",
            variable if variable.starts_with('{') => "{}",
            text => text,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Reports routes of one API that match the same requests. `spans` has one place per route.
pub(super) fn check_api(api: &Api, spans: &[Span], report: &Report) {
    let mut taken: BTreeMap<(String, String), usize> = BTreeMap::new();
    // REST alone: at one level there is only one variable, whatever the methods.
    let mut variables: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (route, span) in api.routes.iter().zip(spans) {
        let line = report.line(span.start);
        if let Some(first) = taken.insert((route.method.clone(), shape(&route.path)), line) {
            let message = format!(
                "{} {} of `{}` is taken already, in line {first}",
                route.method, route.path, api.name
            );
            report.problem(span, message);
            continue;
        }
        if api.kind == ApiKind::Rest {
            let mut above = String::new();
            for segment in route.path.split('/') {
                if segment.starts_with('{') {
                    let level = variables.entry(above.clone()).or_insert_with(|| (segment.into(), line));
                    if level.0 != segment {
                        let message = format!(
                            "{segment} in {} stands where line {} has {}: a REST API has one variable at each level",
                            route.path, level.1, level.0
                        );
                        report.problem(span, message);
                    }
                }
                above.push('/');
                above.push_str(segment);
            }
        }
    }
    if api.routes.len() > limits::ROUTES_PER_API {
        let message = format!("`{}` has more than {} routes", api.name, limits::ROUTES_PER_API);
        report.problem(&spans.last().cloned().unwrap_or(0..0), message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_api_gateways_rules() {
        for good in ["/", "/pets", "/pets/{id}", "/files/{path+}", "/a/{b}/c/{d+}", "/pets/"] {
            assert_eq!(check_path(good, ApiKind::Http), Ok(()), "{good}");
        }
        for bad in ["", "pets", "//a", "/{a+}/b", "/x{a}", "/{a}/{a}", "/{}", "/{a b}", "/a?b", "/}"] {
            assert!(check_path(bad, ApiKind::Http).is_err(), "{bad}");
        }
        assert!(check_path("$default", ApiKind::Http).is_ok());
        assert!(check_path("$default", ApiKind::Rest).is_err());
    }

    #[test]
    fn a_route_is_a_method_and_a_path() {
        assert_eq!(route("get /a"), Ok(("GET".into(), "/a".into())));
        assert_eq!(route("$default"), Ok(("ANY".into(), "$default".into())));
        assert_eq!(route("/a"), Ok(("ANY".into(), "/a".into())));
        assert!(route("FETCH /a").is_err());
        assert!(route("").is_err());
    }
}
