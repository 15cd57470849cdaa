//! Lambda's API (AWS Lambda API Reference, version 2015-03-31): REST-JSON routes over `control` and `invoke`.
//!
//! Start reading at [`handle`], then [`route`], which lists every operation. What Lambda's own pages say of an
//! operation's status, headers and errors holds here; what Sonagi does not do says so, in an error.

mod aliases;
mod code;
mod configuration;
mod destinations;
mod error;
mod event_invoke;
mod functions;
mod input;
mod invoke;
mod layers;
mod mappings;
mod permissions;
mod provisioned;
mod route;
mod settings;
mod stream;
mod unsupported;
mod urls;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, request::Parts as Head};
use sonagi_control::{LiveFunction, Target, Version, lambda::FunctionReference};
use sonagi_identity::{
    Access, Principal,
    policy::{Given, Policies},
};
use sonagi_model::{
    AppName, RequestId, limits,
    policy::{Document, Purpose},
};

use super::{
    admit::{self, Refusal, admit, screen},
    error::{AwsError, Shape},
    query::Query,
    service::Protocol,
};
use crate::{
    platform::Parts,
    serve::{Body, BodyError, ResponseBody},
};
pub(crate) use code::{CODE_PATH, serve_code};
use route::{Operation, Route};

type Answer = Result<Response<ResponseBody>, AwsError>;

/// A request that was let in.
struct Call {
    /// The function's name, ARN, or whatever else comes first in the path; may be empty.
    name: String,
    /// The second name in the path: an alias, a statement.
    second: String,
    /// The third: a statement of a layer version's policy.
    third: String,
    /// Who asks.
    principal: Principal,
    query: Query,
    headers: HeaderMap,
    /// The address that the client used.
    host: String,
    body: Bytes,
    request: RequestId,
}

pub(super) async fn handle(parts: &Parts, head: Head, body: Body, request: RequestId) -> Answer {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let route = route::find(&head.method, head.uri.path(), &query);
    let operation = route.as_ref().map_or(Operation::Unknown, |route| route.operation);
    let _permit = match operation {
        Operation::CreateFunction | Operation::UpdateFunctionCode | Operation::PublishLayerVersion => {
            screen(parts, &head).map_err(|refusal| AwsError::refusal(refusal, Protocol::RestJson))?;
            // The zip is unpacked from its base64 beside the body.
            let bytes = body.announced(operation.body_limit()) * 2;
            Some(parts.uploads.hold(bytes).await.ok_or_else(|| {
                AwsError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate exceeded")
            })?)
        }
        _ => None,
    };
    let limit = operation.body_limit();
    let (principal, body) =
        admit(parts, &head, body, limit, &["lambda"]).await.map_err(|refusal| match refusal {
            Refusal::Body(BodyError::TooLarge { .. }) => too_large(operation, limit),
            refusal => AwsError::refusal(refusal, Protocol::RestJson),
        })?;
    let Some(route) = route else {
        return Err(unsupported::unknown(&head));
    };
    match operation.is_of_layer() {
        true => layers::authorize(parts, &principal, &route, &query).await?,
        false => {
            let functions = mappings::functions(parts, operation, &route.name, &body);
            authorize(parts, &principal, operation, &route.name, query.get("Qualifier"), &functions)?;
        }
    }
    let host = admit::host(&head).to_owned();
    let Route { name, second, third, .. } = route;
    let call = Call { name, second, third, principal, query, headers: head.headers, host, body, request };
    match operation {
        Operation::CreateFunction => functions::create(parts, call).await,
        Operation::GetFunction => functions::get(parts, &call),
        Operation::GetFunctionConfiguration => functions::get_configuration(parts, &call),
        Operation::ListFunctions => functions::list(parts, &call),
        Operation::UpdateFunctionCode => functions::update_code(parts, call).await,
        Operation::UpdateFunctionConfiguration => functions::update_configuration(parts, &call).await,
        Operation::DeleteFunction => functions::delete(parts, &call).await,
        Operation::PublishVersion => functions::publish(parts, &call).await,
        Operation::ListVersionsByFunction => functions::list_versions(parts, &call),
        Operation::CreateAlias => aliases::create(parts, &call).await,
        Operation::GetAlias => aliases::get(parts, &call),
        Operation::UpdateAlias => aliases::update(parts, &call).await,
        Operation::DeleteAlias => aliases::delete(parts, &call).await,
        Operation::ListAliases => aliases::list(parts, &call),
        Operation::CreateFunctionUrlConfig => urls::create(parts, &call).await,
        Operation::GetFunctionUrlConfig => urls::get(parts, &call),
        Operation::UpdateFunctionUrlConfig => urls::update(parts, &call).await,
        Operation::DeleteFunctionUrlConfig => urls::delete(parts, &call).await,
        Operation::ListFunctionUrlConfigs => urls::list(parts, &call),
        Operation::PutFunctionConcurrency => settings::put_concurrency(parts, &call).await,
        Operation::GetFunctionConcurrency => settings::get_concurrency(parts, &call),
        Operation::DeleteFunctionConcurrency => settings::delete_concurrency(parts, &call).await,
        Operation::PutProvisionedConcurrencyConfig => provisioned::put(parts, &call).await,
        Operation::GetProvisionedConcurrencyConfig => provisioned::get(parts, &call),
        Operation::DeleteProvisionedConcurrencyConfig => provisioned::delete(parts, &call).await,
        Operation::ListProvisionedConcurrencyConfigs => provisioned::list(parts, &call),
        Operation::PutFunctionEventInvokeConfig => event_invoke::put(parts, &call).await,
        Operation::UpdateFunctionEventInvokeConfig => event_invoke::update(parts, &call).await,
        Operation::GetFunctionEventInvokeConfig => event_invoke::get(parts, &call),
        Operation::DeleteFunctionEventInvokeConfig => event_invoke::delete(parts, &call).await,
        Operation::ListFunctionEventInvokeConfigs => event_invoke::list(parts, &call),
        Operation::PutFunctionRecursionConfig => settings::put_recursion(parts, &call).await,
        Operation::GetFunctionRecursionConfig => settings::get_recursion(parts, &call),
        Operation::CreateEventSourceMapping => mappings::create(parts, &call).await,
        Operation::GetEventSourceMapping => mappings::get(parts, &call),
        Operation::UpdateEventSourceMapping => mappings::update(parts, &call).await,
        Operation::DeleteEventSourceMapping => mappings::delete(parts, &call).await,
        Operation::ListEventSourceMappings => mappings::list(parts, &call),
        Operation::TagResource => settings::tag(parts, &call).await,
        Operation::UntagResource => settings::untag(parts, &call).await,
        Operation::ListTags => settings::list_tags(parts, &call),
        Operation::GetAccountSettings => settings::account(parts),
        Operation::AddPermission => permissions::add(parts, &call).await,
        Operation::RemovePermission => permissions::remove(parts, &call).await,
        Operation::GetPolicy => permissions::get(parts, &call),
        Operation::PublishLayerVersion => layers::publish(parts, call).await,
        Operation::GetLayerVersion => layers::get(parts, &call).await,
        Operation::GetLayerVersionByArn => layers::get_by_arn(parts, &call).await,
        Operation::DeleteLayerVersion => layers::delete(parts, &call).await,
        Operation::ListLayerVersions => layers::list_versions(parts, &call).await,
        Operation::ListLayers => layers::list(parts, &call).await,
        Operation::AddLayerVersionPermission => layers::add_permission(parts, &call).await,
        Operation::RemoveLayerVersionPermission => layers::remove_permission(parts, &call).await,
        Operation::GetLayerVersionPolicy => layers::get_policy(parts, &call).await,
        Operation::Invoke => invoke::invoke(parts, call).await,
        Operation::InvokeAsync => invoke::invoke_async(parts, call).await,
        Operation::InvokeWithResponseStream => stream::invoke(parts, call).await,
        Operation::GetRuntimeManagementConfig
        | Operation::GetFunctionCodeSigningConfig
        | Operation::ListCodeSigningConfigs => unsupported::trivial(parts, operation, &call),
        Operation::Unsupported(name) => Err(unsupported::operation(name)),
        Operation::Unknown => Err(unsupported::operation("this operation")),
    }
}

/// Whether `principal` may do this to the function that the path and the query name, and to each of `functions`. Nothing
/// is looked up before that but whose function it is, its own policy, and whose events a mapping brings.
fn authorize(
    parts: &Parts,
    principal: &Principal,
    operation: Operation,
    name: &str,
    qualifier: Option<&str>,
    functions: &[String],
) -> Result<(), AwsError> {
    let (resource, owner) = resource(parts, operation, name, qualifier);
    let action = format!("lambda:{}", operation.action());
    let policy = match principal {
        Principal::Function { .. } if operation.is_of_function() => own_policy(parts, name, qualifier),
        Principal::Function { .. }
        | Principal::Operator { .. }
        | Principal::Service { .. }
        | Principal::Anonymous => None,
    };
    let access = Access::new(principal, &action, &resource, parts.clock.now())
        .owned_by(owner.as_ref())
        .under(policy.as_ref());
    let may = |access: &Access<'_>| {
        parts.identity.may(access).map_err(|error| AwsError::identity(&error, Protocol::RestJson))
    };
    match functions {
        [] => may(&access),
        functions => functions
            .iter()
            .try_for_each(|arn| may(&access.with(&[("lambda:FunctionArn", Given::from(arn.as_str()))]))),
    }
}

/// What `AddPermission` made. A policy that names somebody whom IAM does not know lets nobody in.
fn own_policy(parts: &Parts, name: &str, qualifier: Option<&str>) -> Option<Policies> {
    let (text, _) = parts.control.policy(name, qualifier).ok()?;
    let document = Document::parse(&text, Purpose::Resource).ok()?;
    Some(Policies::compile(&[document]))
}

fn resource(
    parts: &Parts,
    operation: Operation,
    name: &str,
    qualifier: Option<&str>,
) -> (String, Option<AppName>) {
    match operation {
        Operation::GetEventSourceMapping
        | Operation::UpdateEventSourceMapping
        | Operation::DeleteEventSourceMapping => {
            return (mappings::arn(parts, &cut(name)), None);
        }
        Operation::TagResource | Operation::UntagResource | Operation::ListTags
            if name.contains(":event-source-mapping:") =>
        {
            return (cut(name), None);
        }
        operation if !operation.is_of_function() => return ("*".into(), None),
        _ => {}
    }
    let live = parts.control.live();
    let reference = FunctionReference::parse(name).ok();
    let plain = reference.as_ref().map_or(name, |reference| reference.name.as_str());
    let owner = live.function(plain).map(|function| function.app.clone());
    let mut arn =
        format!("arn:aws:lambda:{}:{}:function:{}", parts.config.region, parts.config.account, cut(plain));
    let own = reference.as_ref().and_then(|reference| reference.qualifier.as_deref());
    if let Some(qualifier) = own.or(qualifier) {
        arn.push(':');
        arn.push_str(&cut(qualifier));
    }
    (arn, owner)
}

/// What a stranger wrote goes into a message only so far.
fn cut(text: &str) -> String {
    text.chars().take(limits::FUNCTION_REFERENCE_SIZE).collect()
}

fn too_large(operation: Operation, limit: usize) -> AwsError {
    let (code, shape) = match operation {
        Operation::Invoke | Operation::InvokeWithResponseStream => ("RequestTooLargeException", Shape::Typed),
        _ => ("RequestEntityTooLargeException", Shape::Capital),
    };
    let message =
        format!("Request must be smaller than {limit} bytes for the {} operation", operation.action());
    AwsError::new(StatusCode::PAYLOAD_TOO_LARGE, code, message).shaped(shape)
}

impl Call {
    /// The function that the path names, and the qualifier: the name's own, or the query's.
    fn function(&self, parts: &Parts) -> Result<(Arc<LiveFunction>, Option<String>), AwsError> {
        Ok(parts.control.find_function(&self.name, self.query.get("Qualifier"))?)
    }

    /// The same, for operations that take no qualifier in the query.
    fn unqualified(&self, parts: &Parts) -> Result<Arc<LiveFunction>, AwsError> {
        Ok(parts.control.find_function(&self.name, None)?.0)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The version that a qualifier shows: an alias's main one, whatever its weights.
fn shown<'a>(function: &'a LiveFunction, qualifier: Option<&str>) -> Result<&'a Arc<Target>, AwsError> {
    let unknown = || sonagi_control::Error::NoQualifier {
        arn: function.arn().to_owned(),
        qualifier: qualifier.unwrap_or_default().to_owned(),
    };
    let version = match qualifier {
        None => Version::Latest,
        Some(qualifier) => match function.aliases.get(qualifier) {
            Some(alias) => alias.version,
            None => qualifier.parse().map_err(|_| unknown())?,
        },
    };
    Ok(function.version(version).ok_or_else(unknown)?)
}

/// An ARN with the qualifier that was asked for.
fn qualified(arn: &str, qualifier: Option<&str>) -> String {
    match qualifier {
        Some(qualifier) => format!("{arn}:{qualifier}"),
        None => arn.to_owned(),
    }
}

/// A page of a listing, as `MaxItems` and `Marker` ask for it. A marker is the key of the last item shown.
struct Page {
    items: usize,
    marker: Option<String>,
}

impl Page {
    fn of(call: &Call) -> Result<Self, AwsError> {
        Self::at_most(call, 10_000)
    }

    /// The same, where `MaxItems` may be no more than `most`.
    fn at_most(call: &Call, most: i64) -> Result<Self, AwsError> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let items = match call.query.get("MaxItems") {
            None => limits::LIST_ITEMS,
            Some(text) => {
                let number: i64 = text.parse().map_err(|_| input::not_a_number(text))?;
                input::range("maxItems", number, 1, most)?;
                (number as usize).min(limits::LIST_ITEMS)
            }
        };
        let marker = match call.query.get("Marker").filter(|marker| !marker.is_empty()) {
            None => None,
            Some(text) => Some(
                URL_SAFE_NO_PAD
                    .decode(text)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| {
                        error::invalid_parameter(
                            "The marker is invalid: it wants the NextMarker of the page before.",
                        )
                    })?,
            ),
        };
        Ok(Self { items, marker })
    }

    /// The items of the page and the next marker. `items` are sorted by `key` and begin after the marker.
    fn cut<T>(&self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut items = items.fuse();
        let page: Vec<T> = items.by_ref().take(self.items).collect();
        let more = items.next().is_some();
        let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        (page, next)
    }
}
