//! `AWS::Serverless::HttpApi`, `AWS::Serverless::Api`, and the two that exist without being declared.

use std::collections::BTreeMap;

use sonagi_model::api::{Api, ApiKind, Cors};

use super::{
    super::{checks, fields::Fields, names, native, problem::Report, tree::Node},
    template::Template,
};

const REST_WITHOUT_EFFECT: [(&str, &str); 11] = [
    ("Name", "the API goes by its logical id"),
    ("Description", "it is shown nowhere"),
    ("EndpointConfiguration", "the gateway has one address"),
    ("TracingEnabled", "no traces are collected"),
    ("MethodSettings", "requests are not throttled, cached or logged by method"),
    ("AccessLogSetting", "no access log is written"),
    ("OpenApiVersion", "no OpenAPI document is made"),
    ("FailOnWarnings", "there are no warnings of an import"),
    ("AlwaysDeploy", "every change is deployed"),
    ("Tags", "APIs have no tags here"),
    ("PropagateTags", "APIs have no tags here"),
];
const REST_UNSUPPORTED: [&str; 13] = [
    "Auth",
    "ApiKeySourceType",
    "CacheClusterEnabled",
    "CacheClusterSize",
    "CanarySetting",
    "DefinitionBody",
    "DefinitionUri",
    "DisableExecuteApiEndpoint",
    "Domain",
    "GatewayResponses",
    "Models",
    "Policy",
    "MergeDefinitions",
];
const HTTP_WITHOUT_EFFECT: [(&str, &str); 8] = [
    ("Name", "the API goes by its logical id"),
    ("Description", "it is shown nowhere"),
    ("AccessLogSettings", "no access log is written"),
    ("RouteSettings", "requests are not throttled by route"),
    ("DefaultRouteSettings", "requests are not throttled by route"),
    ("FailOnWarnings", "there are no warnings of an import"),
    ("Tags", "APIs have no tags here"),
    ("PropagateTags", "APIs have no tags here"),
];
const HTTP_UNSUPPORTED: [&str; 5] =
    ["Auth", "DefinitionBody", "DefinitionUri", "DisableExecuteApiEndpoint", "Domain"];

/// An API without routes yet. `properties` have the globals merged in.
pub(super) fn read(
    template: &Template<'_>,
    name: &str,
    kind: ApiKind,
    properties: &Node,
    span: &super::super::tree::Span,
) -> Api {
    let report = template.report;
    let implicit = template.implicit_api(name).is_some();
    let (place, stage) = match kind {
        ApiKind::Http => ("an AWS::Serverless::HttpApi", "$default"),
        ApiKind::Rest => ("an AWS::Serverless::Api", "Prod"),
    };
    let mut api = Api {
        id: names::api_id(&template.app, name),
        name: name.to_owned(),
        kind,
        stage: stage.into(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: Vec::new(),
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    };
    let Some(properties) = template.within(name, || template.evaluate(properties)) else { return api };
    let Some(fields) = Fields::of(&properties, place, report) else { return api };
    let fields = fields.at(span);
    match fields.text("StageName") {
        Some(stage) if !implicit => api.stage = stage,
        Some(_) => {}
        None if kind == ApiKind::Rest && !implicit => {
            fields.missing("StageName", "such as `StageName: Prod`");
        }
        None => {}
    }
    native::check_stage(&api, &fields.span_of("StageName"), report);
    match kind {
        ApiKind::Rest => {
            api.stage_variables = fields.text_map("Variables").unwrap_or_default();
            api.binary_media_types = fields.texts("BinaryMediaTypes").unwrap_or_default();
            for media in &mut api.binary_media_types {
                // SAM's escape for the slash in a JSON pointer.
                *media = media.replace("~1", "/");
            }
            api.minimum_compression_size = fields.number("MinimumCompressionSize", 0..=10_485_760, " bytes");
            api.cors = rest_cors(&fields, report);
            REST_WITHOUT_EFFECT.iter().for_each(|(key, why)| fields.note(key, why));
            REST_UNSUPPORTED.iter().for_each(|key| unless_off(&fields, key));
        }
        ApiKind::Http => {
            api.stage_variables = fields.text_map("StageVariables").unwrap_or_default();
            api.cors = http_cors(&fields, report);
            HTTP_WITHOUT_EFFECT.iter().for_each(|(key, why)| fields.note(key, why));
            HTTP_UNSUPPORTED.iter().for_each(|key| unless_off(&fields, key));
        }
    }
    fields.finish();
    api
}

/// What is switched off asks for nothing.
fn unless_off(fields: &Fields<'_>, key: &'static str) {
    if fields.get(key).and_then(Node::scalar) != Some("false") {
        fields.unsupported(key, "");
    }
}

fn any() -> Vec<String> {
    vec!["*".into()]
}

/// `true`, or a map.
fn http_cors(fields: &Fields<'_>, report: &Report) -> Option<Cors> {
    let node = fields.get("CorsConfiguration")?;
    match node.scalar() {
        Some("true") => {
            return Some(Cors {
                allow_origins: any(),
                allow_methods: any(),
                allow_headers: any(),
                ..Cors::default()
            });
        }
        Some("false") => return None,
        _ => {}
    }
    let cors = fields.fields("CorsConfiguration")?;
    let rules = Cors {
        allow_origins: cors.texts("AllowOrigins").unwrap_or_default(),
        allow_methods: cors.texts("AllowMethods").unwrap_or_default(),
        allow_headers: cors.texts("AllowHeaders").unwrap_or_default(),
        expose_headers: cors.texts("ExposeHeaders").unwrap_or_default(),
        allow_credentials: cors.flag("AllowCredentials").unwrap_or_default(),
        max_age: cors.number32("MaxAge", 0..=86_400, " seconds"),
    };
    cors.finish();
    checks::check_cors(&rules, &node.span, report);
    Some(rules)
}

/// An origin in single quotes, or a map of such texts ("CorsConfiguration" of `AWS::Serverless::Api`).
fn rest_cors(fields: &Fields<'_>, report: &Report) -> Option<Cors> {
    let node = fields.get("Cors")?;
    if let Some(origin) = node.scalar() {
        return match origin {
            "true" => {
                report.problem_with_help(
                    &node.span,
                    "`Cors` of a REST API is an origin or a map",
                    "write `\"'*'\"`",
                );
                None
            }
            "false" => None,
            origin => {
                Some(Cors { allow_origins: vec![unquote(origin)], allow_methods: any(), ..Cors::default() })
            }
        };
    }
    let cors = fields.fields("Cors")?;
    let list = |key: &'static str| {
        let text = unquote(&cors.text(key).unwrap_or_default());
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let max_age = cors.text("MaxAge").and_then(|text| {
        let seconds = unquote(&text).parse();
        let span = cors.span_of("MaxAge");
        seconds
            .map_err(|_| report.problem(&span, "`MaxAge` is a number of seconds in quotes, as \"'600'\""))
            .ok()
    });
    let origins = list("AllowOrigin");
    if origins.is_empty() {
        cors.missing("AllowOrigin", "such as `AllowOrigin: \"'*'\"`");
    }
    let methods = list("AllowMethods");
    let rules = Cors {
        allow_origins: origins,
        allow_methods: if methods.is_empty() { any() } else { methods },
        allow_headers: list("AllowHeaders"),
        expose_headers: Vec::new(),
        allow_credentials: cors.flag("AllowCredentials").unwrap_or_default(),
        max_age,
    };
    cors.finish();
    checks::check_cors(&rules, &node.span, report);
    Some(rules)
}

fn unquote(text: &str) -> String {
    let text = text.trim();
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text).to_owned()
}
