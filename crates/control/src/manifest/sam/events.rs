//! A function's `Events`: those that come over HTTP become routes, the others what [`Trigger`] makes of them.

use sonagi_model::{
    AliasName, FunctionName,
    api::{Api, ApiKind, PayloadFormat, Route},
    function::Mapping,
};

use super::{
    super::{
        fields::Fields,
        native::longest,
        resources::Declared,
        routes,
        tree::{Key, Node, Span},
    },
    template::{IMPLICIT_HTTP, IMPLICIT_REST, Resource, Template},
    triggers::{TYPES, Trigger},
};

/// Which implicit API an event wants, seen without evaluating anything.
pub(super) fn implicit(event: &Node) -> Option<ApiKind> {
    let (kind, key) = match event.get("Type")?.scalar()? {
        "Api" => (ApiKind::Rest, "RestApiId"),
        "HttpApi" => (ApiKind::Http, "ApiId"),
        _ => return None,
    };
    let named = event.get("Properties").and_then(|properties| properties.get(key));
    match named {
        None => Some(kind),
        // Naming the implicit API is asking for it.
        Some(node) => match node.get("Ref").and_then(Node::scalar) {
            Some(IMPLICIT_REST) => Some(ApiKind::Rest),
            Some(IMPLICIT_HTTP) => Some(ApiKind::Http),
            _ => None,
        },
    }
}

pub(super) fn read(
    template: &Template<'_>,
    function: &FunctionName,
    alias: Option<&AliasName>,
    resource: &Resource<'_>,
    apis: &mut [(Api, Vec<Span>)],
    declared: &mut Declared,
) -> Vec<(Mapping, Span)> {
    let mut mappings = Vec::new();
    let Some(events) = resource.properties.get("Events") else { return mappings };
    let Some(events) = template.outside(|| template.evaluate(events)) else { return mappings };
    let report = template.report;
    let Some(entries) = events.map() else {
        if !events.is_broken() {
            report.problem(&events.span, format!("`Events` must be a map, and is {}", events.kind()));
        }
        return mappings;
    };
    for (key, event) in entries {
        let Some(fields) = Fields::of(event, format!("event `{}`", key.text), report) else { continue };
        let fields = fields.at(&key.span);
        match fields.text("Type").as_deref() {
            Some("Api") => {
                one(template, key, &fields, ApiKind::Rest, function, alias, apis);
                fields.finish();
            }
            Some("HttpApi") => {
                one(template, key, &fields, ApiKind::Http, function, alias, apis);
                fields.finish();
            }
            Some(kind) if TYPES.contains(&kind) => {
                let mut trigger = Trigger { template, function, alias, key, declared };
                let mapping = trigger.read(kind, &fields);
                mappings.extend(mapping.map(|mapping| (mapping, key.span.clone())));
                fields.finish();
            }
            Some(other) => {
                let message = format!("the event `{}` of type {other} is not supported yet", key.text);
                let help = format!("supported are events of type Api, HttpApi, {}", TYPES.join(", "));
                report.problem_with_help(&fields.span_of("Type"), message, help);
            }
            None => fields.missing("Type", "such as `Type: HttpApi`"),
        }
    }
    mappings
}

fn one(
    template: &Template<'_>,
    key: &Key,
    event: &Fields<'_>,
    kind: ApiKind,
    function: &FunctionName,
    alias: Option<&AliasName>,
    apis: &mut [(Api, Vec<Span>)],
) {
    let report = template.report;
    let fields = event.fields("Properties");
    let Some(fields) = fields else {
        match (kind, event.has("Properties")) {
            (ApiKind::Http, false) => {}
            (ApiKind::Http | ApiKind::Rest, true) => return,
            (ApiKind::Rest, false) => {
                event.missing("Properties", "with `Path` and `Method`");
                return;
            }
        }
        let route = route(function, alias, "ANY".into(), "$default".into(), PayloadFormat::V2, None);
        return add(template, IMPLICIT_HTTP, None, kind, route, &key.span, apis);
    };
    let path_span = fields.span_of("Path");
    let (path, method) = (fields.text("Path"), fields.text("Method"));
    let (has_path, has_method) = (fields.has("Path"), fields.has("Method"));
    let mut payload = match kind {
        ApiKind::Http => PayloadFormat::V2,
        ApiKind::Rest => PayloadFormat::V1,
    };
    let (id_key, implicit) = match kind {
        ApiKind::Http => ("ApiId", IMPLICIT_HTTP),
        ApiKind::Rest => ("RestApiId", IMPLICIT_REST),
    };
    let id = fields.text(id_key);
    let id_span = fields.span_of(id_key);
    let broken_id = id.is_none() && fields.has(id_key);
    let timeout = fields.number32("TimeoutInMillis", 50..=longest(kind), " milliseconds");
    match kind {
        ApiKind::Http => {
            let formats = [("1.0", PayloadFormat::V1), ("2.0", PayloadFormat::V2)];
            payload = fields.choice("PayloadFormatVersion", &formats).unwrap_or(payload);
            fields.note("RouteSettings", "requests are not throttled by route");
        }
        ApiKind::Rest => {
            fields.unsupported("RequestModel", "");
            fields.unsupported("RequestParameters", "");
            if fields.text("ResponseTransferMode").is_some_and(|mode| mode != "BUFFERED") {
                fields.unsupported("ResponseTransferMode", "");
            }
        }
    }
    auth(&fields);
    fields.finish();
    if broken_id || has_path && path.is_none() || has_method && method.is_none() {
        return;
    }
    let (path, method) = match (kind, path, method) {
        (_, Some(path), Some(method)) => (path, method),
        // Without both, it is the route for everything else.
        (ApiKind::Http, None, None) => ("$default".into(), "ANY".into()),
        (ApiKind::Http, Some(path), None) => (path, "ANY".into()),
        (ApiKind::Http, None, Some(_)) | (ApiKind::Rest, None, _) => {
            let message = format!("event `{}` has no `Path`", key.text);
            return report.problem_with_help(&key.span, message, "such as `Path: /pets/{id}`");
        }
        (ApiKind::Rest, Some(_), None) => {
            let message = format!("event `{}` has no `Method`", key.text);
            return report.problem_with_help(&key.span, message, "such as `Method: get`");
        }
    };
    let method = match routes::method(&method) {
        Ok(method) => method,
        Err(message) => return report.problem(&event.span_of("Properties"), message),
    };
    if let Err(message) = routes::check_path(&path, kind) {
        return report.problem(&path_span, message);
    }
    let route = route(function, alias, method, path, payload, timeout);
    match id {
        None => add(template, implicit, None, kind, route, &path_span, apis),
        Some(id) => add(template, &id, Some(&id_span), kind, route, &path_span, apis),
    }
}

fn route(
    function: &FunctionName,
    alias: Option<&AliasName>,
    method: String,
    path: String,
    payload: PayloadFormat,
    timeout: Option<u32>,
) -> Route {
    Route { method, path, function: function.clone(), alias: alias.cloned(), payload, timeout }
}

/// `api` is an API's id, or an implicit API's name.
fn add(
    template: &Template<'_>,
    api: &str,
    id_span: Option<&Span>,
    kind: ApiKind,
    route: Route,
    span: &Span,
    apis: &mut [(Api, Vec<Span>)],
) {
    match apis.iter_mut().find(|(candidate, _)| candidate.id.0 == api || candidate.name == api) {
        Some((found, spans)) if found.kind == kind => {
            let edge = (found.name.clone(), route.function.to_string());
            template.memory.edges.borrow_mut().insert(edge);
            found.routes.push(route);
            spans.push(span.clone());
        }
        Some((found, _)) => {
            let (wanted, event) = match kind {
                ApiKind::Http => ("an HTTP API", "HttpApi"),
                ApiKind::Rest => ("a REST API", "Api"),
            };
            let message = format!("`{}` is not {wanted}, which an event of type {event} wants", found.name);
            template.report.problem(id_span.unwrap_or(span), message);
        }
        None => {
            let message = format!("the API {api:?} is not one of this template's: name it as `!Ref MyApi`");
            template.report.problem(id_span.unwrap_or(span), message);
        }
    }
}

/// No authorizer is supported, but saying that there is none is.
fn auth(fields: &Fields<'_>) {
    let Some(node) = fields.get("Auth") else { return };
    let harmless = node.map().is_some_and(|entries| {
        entries.iter().all(|(key, value)| {
            matches!(
                (key.text.as_str(), value.scalar()),
                ("Authorizer" | "ApiKeyRequired", Some("NONE" | "false"))
            )
        })
    });
    if !harmless {
        fields.unsupported("Auth", "");
    }
}
