//! What a function that is given HTTP is told beside its request: headers that only the gateway can say.
//!
//! Always true here: no header of this kind that a client sent reaches a function, in either of the spellings that
//! programs take for one (`sonagi-route`, `sonagi_route`).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sonagi_model::api::Api;

use super::{event::Caller, ids::Ids};

const REQUEST_ID: HeaderName = HeaderName::from_static("sonagi-request-id");
const SOURCE_IP: HeaderName = HeaderName::from_static("sonagi-source-ip");
const ROUTE: HeaderName = HeaderName::from_static("sonagi-route");
const STAGE: HeaderName = HeaderName::from_static("sonagi-stage");
const CALLER_ARN: HeaderName = HeaderName::from_static("sonagi-caller-arn");
const CALLER_ACCOUNT: HeaderName = HeaderName::from_static("sonagi-caller-account");
const CALLER_ID: HeaderName = HeaderName::from_static("sonagi-caller-id");
const CALLER_ACCESS_KEY: HeaderName = HeaderName::from_static("sonagi-caller-access-key");

/// What cannot stand in a header; beyond ASCII nothing can.
const UNFIT: &AsciiSet = CONTROLS;
/// The same for values that were not encoded before, so that a reader can take the encoding off.
const PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What the names begin with that only we may say: the gateway of a request, and the platform of an event, which a
/// component tells from a request by them.
const OURS: [&str; 2] = ["sonagi-", "lambda-runtime-"];

/// Whether a header's name is one that only we may say.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let same = |(ours, theirs): (u8, &u8)| ours == *theirs || (ours == b'-' && *theirs == b'_');
    OURS.iter().any(|ours| name.len() >= ours.len() && ours.bytes().zip(name).all(same))
}

/// Of every request.
pub(super) fn tell_request(headers: &mut HeaderMap, ids: &Ids, source_ip: &HeaderValue) {
    if let Ok(id) = HeaderValue::from_bytes(&ids.request.text()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(SOURCE_IP, source_ip.clone());
}

/// Of who signed a request to a function URL.
pub(super) fn tell_caller(headers: &mut HeaderMap, caller: &Caller) {
    for (name, value) in [
        (CALLER_ARN, &caller.user_arn),
        (CALLER_ACCOUNT, &caller.account_id),
        (CALLER_ID, &caller.user_id),
        (CALLER_ACCESS_KEY, &caller.access_key),
    ] {
        if let Some(value) = encoded(value, UNFIT) {
            headers.insert(name, value);
        }
    }
}

/// Of an API and its routes: made once a release, so that a request copies nothing of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of a stage with a name of its own.
    stage: Option<HeaderValue>,
    stage_variables: Vec<(HeaderName, HeaderValue)>,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    /// `GET /pets/{id}` or `$default`.
    key: Option<HeaderValue>,
    /// Of each variable in the path; none if its name can be no header's.
    variables: Vec<Option<HeaderName>>,
}

impl Told {
    pub(super) fn of(api: &Api, variables: &[Vec<Box<str>>]) -> Self {
        let routes = api.routes.iter().zip(variables).map(|(route, variables)| {
            let key = match route.path.as_str() {
                "$default" => Cow::Borrowed("$default"),
                path => Cow::Owned(format!("{} {path}", route.method)),
            };
            let variables = variables.iter().map(|name| header_name("sonagi-path-", name)).collect();
            Route { key: encoded(&key, UNFIT), variables }
        });
        let stage_variables = api.stage_variables.iter().filter_map(|(name, value)| {
            Some((header_name("sonagi-stage-variable-", name)?, encoded(value, PLAIN)?))
        });
        Self {
            stage: encoded(&api.stage, UNFIT).filter(|_| api.stage != "$default"),
            stage_variables: stage_variables.collect(),
            routes: routes.collect(),
        }
    }

    /// How many headers [`tell`](Self::tell) adds at the most.
    pub(super) fn count(&self, values: &[&str]) -> usize {
        2 + values.len() + self.stage_variables.len()
    }

    /// Of the route that was found; `values` are those of the path's variables, still encoded.
    pub(super) fn tell(&self, route: usize, values: &[&str], headers: &mut HeaderMap) {
        if let Some(stage) = &self.stage {
            headers.insert(STAGE, stage.clone());
        }
        let Some(route) = self.routes.get(route) else { return };
        if let Some(key) = &route.key {
            headers.insert(ROUTE, key.clone());
        }
        for (name, value) in route.variables.iter().zip(values) {
            if let (Some(name), Some(value)) = (name, encoded(value, UNFIT)) {
                say(headers, name, value);
            }
        }
        for (name, value) in &self.stage_variables {
            say(headers, name, value.clone());
        }
    }
}

/// Names that differ in case alone are one header; each of them has its line. A map of headers holds 32,768 of them
/// at the most, and what a manifest asks for beyond that is left out.
fn say(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    headers.try_append(name, value).ok();
}

fn header_name(prefix: &str, name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes([prefix, name].concat().as_bytes()).ok()
}

fn encoded(text: &str, unfit: &'static AsciiSet) -> Option<HeaderValue> {
    let text: Cow<'_, str> = utf8_percent_encode(text, unfit).into();
    HeaderValue::from_str(&text).ok()
}
