//! Payload 1.0, of REST APIs and of those routes of HTTP APIs that ask for it.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
use sonagi_model::Digest;

use super::{
    Asked, Front, PathParameters,
    body::EventBody,
    common_log_time,
    headers::{Every, Last, LastQuery, Query, Spelling, query},
    some,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    /// HTTP APIs alone say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    resource: &'a str,
    path: Cow<'a, str>,
    http_method: &'a str,
    headers: Last<'a>,
    multi_value_headers: Every<'a>,
    #[serde(flatten)]
    query: Parameters<'a>,
    request_context: Context<'a>,
    path_parameters: Option<PathParameters<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    body: EventBody<'a>,
    is_base64_encoded: bool,
}

/// Both spellings of one query.
struct Parameters<'a>(Option<Query<'a>>);

impl Serialize for Parameters<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("queryStringParameters", &self.0.as_ref().map(LastQuery))?;
        map.serialize_entry("multiValueQueryStringParameters", &self.0)?;
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    extended_request_id: &'a str,
    http_method: &'a str,
    identity: Identity<'a>,
    path: Cow<'a, str>,
    protocol: &'static str,
    request_id: Cow<'a, str>,
    request_time: String,
    request_time_epoch: u64,
    resource_id: Option<String>,
    resource_path: &'a str,
    stage: &'a str,
}

/// What an HTTP API without authorizers says.
#[derive(Serialize)]
struct Authorizer {
    claims: Option<()>,
    scopes: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    access_key: Option<()>,
    account_id: Option<()>,
    caller: Option<()>,
    cognito_authentication_provider: Option<()>,
    cognito_authentication_type: Option<()>,
    cognito_identity_id: Option<()>,
    cognito_identity_pool_id: Option<()>,
    principal_org_id: Option<()>,
    source_ip: &'a str,
    user: Option<()>,
    user_agent: Option<Cow<'a, str>>,
    user_arn: Option<()>,
}

impl<'a> Event<'a> {
    pub(super) fn of(asked: &'a Asked<'a>) -> Self {
        let body = EventBody::of(asked);
        let full_path = asked.shown(asked.path);
        let (version, spelling, path, request_id, authorizer, resource_id) = match asked.front {
            Front::RestApi => (
                None,
                Spelling::Title,
                asked.shown(asked.route_path),
                asked.request.to_string().into(),
                None,
                Some(resource_id(asked)),
            ),
            Front::HttpApi | Front::FunctionUrl => (
                Some("1.0"),
                Spelling::Lower,
                full_path.clone(),
                asked.extended.into(),
                Some(Authorizer { claims: None, scopes: None }),
                None,
            ),
        };
        Self {
            version,
            resource: asked.resource,
            path,
            http_method: asked.method.as_str(),
            headers: Last(asked.headers, spelling),
            multi_value_headers: Every(asked.headers, spelling),
            query: Parameters(query(asked.query)),
            request_context: Context {
                account_id: asked.account,
                api_id: asked.api,
                authorizer,
                domain_name: asked.host,
                domain_prefix: asked.domain_prefix(),
                extended_request_id: asked.extended,
                http_method: asked.method.as_str(),
                identity: Identity {
                    access_key: None,
                    account_id: None,
                    caller: None,
                    cognito_authentication_provider: None,
                    cognito_authentication_type: None,
                    cognito_identity_id: None,
                    cognito_identity_pool_id: None,
                    principal_org_id: None,
                    source_ip: asked.source_ip,
                    user: None,
                    user_agent: asked.user_agent(),
                    user_arn: None,
                },
                path: full_path,
                protocol: asked.protocol(),
                request_id,
                request_time: common_log_time(asked.now),
                request_time_epoch: asked.now.millis(),
                resource_id,
                resource_path: asked.resource,
                stage: asked.stage,
            },
            path_parameters: PathParameters::of(asked),
            stage_variables: some(asked.stage_variables),
            is_base64_encoded: body.is_base64(),
            body,
        }
    }
}

/// Six letters and digits that stay the same as long as the resource does.
fn resource_id(asked: &Asked<'_>) -> String {
    let digest = Digest::of(asked.resource.as_bytes());
    digest.as_bytes()[..6]
        .iter()
        .map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[usize::from(byte % 36)]))
        .collect()
}
