//! Layers and their versions.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use sonagi_control::layers::{AddLayerPermission, LayerFilter, LayerVersion, PublishLayerVersion};
use sonagi_identity::{Access, Principal, policy::Policies};
use sonagi_model::{
    limits,
    policy::{Document, Purpose},
};

use super::{
    Answer, Call, Page, code,
    configuration::last_modified,
    functions::Code,
    input,
    route::{Operation, Route},
};
use crate::{
    aws::{empty, error::AwsError, json, query::Query, service::Protocol},
    platform::Parts,
};

/// The action of whoever gives a layer version to a function.
const USE: &str = "lambda:GetLayerVersion";

/// Whether `principal` may do this to the layer or the version that the path names.
pub(super) async fn authorize(
    parts: &Parts,
    principal: &Principal,
    route: &Route,
    query: &Query,
) -> Result<(), AwsError> {
    let action = format!("lambda:{}", route.operation.action());
    let name: String = route.name.chars().take(limits::LAYER_REFERENCE_SIZE).collect();
    let layer = || match name.contains(':') {
        true => name.clone(),
        false => {
            format!("arn:aws:lambda:{}:{}:layer:{name}", parts.config.region, parts.config.account)
        }
    };
    let resource = match route.operation {
        Operation::ListLayers => "*".into(),
        Operation::PublishLayerVersion | Operation::ListLayerVersions => layer(),
        Operation::GetLayerVersionByArn => {
            query.get("Arn").unwrap_or_default().chars().take(limits::LAYER_REFERENCE_SIZE).collect()
        }
        _ => format!("{}:{}", layer(), route.second.chars().take(32).collect::<String>()),
    };
    may(parts, principal, &action, &resource).await
}

/// Whether `principal` may give these layer versions to a function.
pub(super) async fn authorize_use(
    parts: &Parts,
    principal: &Principal,
    arns: Option<&[String]>,
) -> Result<(), AwsError> {
    for arn in arns.unwrap_or_default().iter().take(limits::LAYERS) {
        may(parts, principal, USE, arn).await?;
    }
    Ok(())
}

async fn may(parts: &Parts, principal: &Principal, action: &str, resource: &str) -> Result<(), AwsError> {
    let policy = match principal {
        Principal::Function { .. } if action == USE => own_policy(parts, resource).await,
        Principal::Function { .. }
        | Principal::Operator { .. }
        | Principal::Service { .. }
        | Principal::Anonymous => None,
    };
    let access = Access::new(principal, action, resource, parts.clock.now()).under(policy.as_ref());
    parts.identity.may(&access).map_err(|error| AwsError::identity(&error, Protocol::RestJson))
}

/// What `AddLayerVersionPermission` made.
async fn own_policy(parts: &Parts, arn: &str) -> Option<Policies> {
    let (layer, number) = arn.rsplit_once(':')?;
    let (text, _) = parts.control.layer_policy(layer, number.parse().ok()?).await.ok()?;
    let document = Document::parse(&text, Purpose::Resource).ok()?;
    Some(Policies::compile(&[document]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish<'a> {
    #[serde(borrow)]
    content: Option<Code<'a>>,
    description: Option<String>,
    compatible_runtimes: Option<Vec<String>>,
    compatible_architectures: Option<Vec<String>>,
    license_info: Option<String>,
}

pub(super) async fn publish(parts: &Parts, call: Call) -> Answer {
    let request: Publish<'_> = input::parse_borrowed(&call.body)?;
    let publish = PublishLayerVersion {
        name: call.name.clone(),
        code: input::required(request.content, "content")?.zip()?,
        description: request.description,
        runtimes: request.compatible_runtimes.unwrap_or_default(),
        architectures: request.compatible_architectures.unwrap_or_default(),
        license: request.license_info,
    };
    let host = call.host.clone();
    // The body is a third larger than the code in it: it need not wait for the disk.
    drop(call);
    let version = parts.control.publish_layer_version(publish).await?;
    json(StatusCode::CREATED, &Whole::of(parts, &host, &version))
}

/// What all answers say of a version.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    layer_version_arn: &'a str,
    version: u64,
    description: &'a str,
    created_date: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    compatible_runtimes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compatible_architectures: Vec<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    license_info: &'a str,
}

impl<'a> Item<'a> {
    fn of(version: &'a LayerVersion) -> Self {
        Self {
            layer_version_arn: &version.arn,
            version: version.number,
            description: &version.description,
            created_date: last_modified(version.created),
            compatible_runtimes: &version.runtimes,
            compatible_architectures: version.architectures.iter().map(|known| known.as_str()).collect(),
            license_info: &version.license,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole<'a> {
    content: Content,
    layer_arn: &'a str,
    #[serde(flatten)]
    item: Item<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    location: String,
    #[serde(rename = "CodeSha256")]
    code_sha256: String,
    code_size: u64,
}

impl<'a> Whole<'a> {
    fn of(parts: &Parts, host: &str, version: &'a LayerVersion) -> Self {
        let package = &version.package;
        Self {
            content: Content {
                location: code::link(parts, host, package),
                code_sha256: package.digest.to_base64(),
                code_size: package.size,
            },
            layer_arn: &version.layer_arn,
            item: Item::of(version),
        }
    }
}

pub(super) async fn get(parts: &Parts, call: &Call) -> Answer {
    let version = parts.control.layer_version(&call.name, number(call)?).await?;
    json(StatusCode::OK, &Whole::of(parts, &call.host, &version))
}

pub(super) async fn get_by_arn(parts: &Parts, call: &Call) -> Answer {
    let arn = input::required(call.query.get("Arn"), "arn")?;
    let version = parts.control.layer_version_by_arn(arn).await?;
    json(StatusCode::OK, &Whole::of(parts, &call.host, &version))
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    parts.control.delete_layer_version(&call.name, number(call)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn list_versions(parts: &Parts, call: &Call) -> Answer {
    let page = Page::at_most(call, limits::LIST_ITEMS as i64)?;
    let below = match &page.marker {
        None => None,
        Some(marker) => Some(marker.parse().map_err(|_| input::not_a_number(marker))?),
    };
    let found = parts.control.layer_versions(&call.name, &filter(call)?, below, page.items + 1).await?;
    let (versions, next) = page.cut(found.iter(), |version| version.number.to_string());
    let versions: Vec<Item<'_>> = versions.into_iter().map(Item::of).collect();
    json(StatusCode::OK, &value!({ "LayerVersions": versions, "NextMarker": next }))
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let page = Page::at_most(call, limits::LIST_ITEMS as i64)?;
    let found = parts.control.layers(&filter(call)?, page.marker.as_deref(), page.items + 1).await?;
    let (layers, next) = page.cut(found.iter(), |version| version.name.to_string());
    let layers: Vec<_> = layers
        .into_iter()
        .map(|version| {
            value!({
                "LayerName": version.name,
                "LayerArn": version.layer_arn,
                "LatestMatchingVersion": Item::of(version),
            })
        })
        .collect();
    json(StatusCode::OK, &value!({ "Layers": layers, "NextMarker": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Permission {
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    organization_id: Option<String>,
}

pub(super) async fn add_permission(parts: &Parts, call: &Call) -> Answer {
    let request: Permission = input::parse(&call.body)?;
    let permission = AddLayerPermission {
        statement_id: input::required(request.statement_id, "statementId")?,
        action: input::required(request.action, "action")?,
        principal: input::required(request.principal, "principal")?,
        organization: request.organization_id,
        revision_id: call.query.get("RevisionId").map(str::to_owned),
    };
    let (statement, revision) =
        parts.control.add_layer_permission(&call.name, number(call)?, permission).await?;
    json(StatusCode::CREATED, &value!({ "Statement": statement, "RevisionId": revision }))
}

pub(super) async fn remove_permission(parts: &Parts, call: &Call) -> Answer {
    let revision = call.query.get("RevisionId");
    parts.control.remove_layer_permission(&call.name, number(call)?, &call.third, revision).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn get_policy(parts: &Parts, call: &Call) -> Answer {
    let (policy, revision) = parts.control.layer_policy(&call.name, number(call)?).await?;
    json(StatusCode::OK, &value!({ "Policy": policy, "RevisionId": revision }))
}

/// The version in the path.
fn number(call: &Call) -> Result<i64, AwsError> {
    call.second.parse().map_err(|_| input::not_a_number(&call.second))
}

fn filter(call: &Call) -> Result<LayerFilter, AwsError> {
    let architecture = call.query.get("CompatibleArchitecture");
    if let Some(architecture) = architecture {
        input::one_of("compatibleArchitecture", architecture, &["x86_64", "arm64"])?;
    }
    Ok(LayerFilter {
        runtime: call.query.get("CompatibleRuntime").map(str::to_owned),
        architecture: architecture.map(str::to_owned),
    })
}
