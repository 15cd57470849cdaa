//! Payload 2.0, of HTTP APIs and function URLs.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::{
    Asked, Caller, Front, PathParameters, RouteKey,
    body::EventBody,
    common_log_time,
    headers::{Joined, JoinedQuery, cookies, query},
    some,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    version: &'static str,
    route_key: RouteKey<'a>,
    raw_path: Cow<'a, str>,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<Cow<'a, str>>>,
    headers: Joined<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<JoinedQuery<'a>>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<PathParameters<'a>>,
    #[serde(skip_serializing_if = "EventBody::is_none")]
    body: EventBody<'a>,
    is_base64_encoded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    /// A function URL says `null` of a request that was signed; otherwise there is one with a client certificate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication: Option<Option<()>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'a>>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: Cow<'a, str>,
    route_key: RouteKey<'a>,
    stage: &'a str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
struct Authorizer<'a> {
    iam: &'a Caller,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: Cow<'a, str>,
    protocol: &'static str,
    source_ip: &'a str,
    user_agent: Cow<'a, str>,
}

impl<'a> Event<'a> {
    pub(super) fn of(asked: &'a Asked<'a>) -> Self {
        let path = asked.shown(asked.path);
        let route_key = asked.route_key();
        let body = EventBody::of(asked);
        Self {
            version: "2.0",
            raw_query_string: asked.query.unwrap_or_default(),
            cookies: cookies(asked.headers),
            headers: Joined(asked.headers),
            query_string_parameters: query(asked.query).map(JoinedQuery),
            request_context: Context {
                account_id: asked.account,
                api_id: asked.api,
                authentication: asked.caller.map(|_| None),
                authorizer: asked.caller.map(|iam| Authorizer { iam }),
                domain_name: asked.host,
                domain_prefix: asked.domain_prefix(),
                http: Http {
                    method: asked.method.as_str(),
                    path: path.clone(),
                    protocol: asked.protocol(),
                    source_ip: asked.source_ip,
                    user_agent: asked.user_agent().unwrap_or_default(),
                },
                request_id: match asked.front {
                    Front::FunctionUrl => asked.request.to_string().into(),
                    Front::HttpApi | Front::RestApi => asked.extended.into(),
                },
                route_key,
                stage: asked.stage,
                time: common_log_time(asked.now),
                time_epoch: asked.now.millis(),
            },
            path_parameters: PathParameters::of(asked),
            is_base64_encoded: body.is_base64(),
            body,
            stage_variables: some(asked.stage_variables),
            raw_path: path,
            route_key,
        }
    }
}
