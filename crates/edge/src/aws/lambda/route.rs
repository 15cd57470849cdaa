//! Every operation of Lambda's API and its path (botocore's model `lambda/2015-03-31`).

use http::Method;
use sonagi_model::limits;

use crate::aws::query::{Query, decode_segment};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    CreateFunction,
    GetFunction,
    GetFunctionConfiguration,
    ListFunctions,
    UpdateFunctionCode,
    UpdateFunctionConfiguration,
    DeleteFunction,
    PublishVersion,
    ListVersionsByFunction,
    CreateAlias,
    GetAlias,
    UpdateAlias,
    DeleteAlias,
    ListAliases,
    CreateFunctionUrlConfig,
    GetFunctionUrlConfig,
    UpdateFunctionUrlConfig,
    DeleteFunctionUrlConfig,
    ListFunctionUrlConfigs,
    PutFunctionConcurrency,
    GetFunctionConcurrency,
    DeleteFunctionConcurrency,
    PutProvisionedConcurrencyConfig,
    GetProvisionedConcurrencyConfig,
    DeleteProvisionedConcurrencyConfig,
    ListProvisionedConcurrencyConfigs,
    TagResource,
    UntagResource,
    ListTags,
    GetAccountSettings,
    AddPermission,
    RemovePermission,
    GetPolicy,
    PublishLayerVersion,
    GetLayerVersion,
    GetLayerVersionByArn,
    DeleteLayerVersion,
    ListLayerVersions,
    ListLayers,
    AddLayerVersionPermission,
    RemoveLayerVersionPermission,
    GetLayerVersionPolicy,
    Invoke,
    InvokeAsync,
    InvokeWithResponseStream,
    GetRuntimeManagementConfig,
    GetFunctionCodeSigningConfig,
    PutFunctionRecursionConfig,
    GetFunctionRecursionConfig,
    PutFunctionEventInvokeConfig,
    UpdateFunctionEventInvokeConfig,
    GetFunctionEventInvokeConfig,
    DeleteFunctionEventInvokeConfig,
    ListFunctionEventInvokeConfigs,
    CreateEventSourceMapping,
    GetEventSourceMapping,
    UpdateEventSourceMapping,
    DeleteEventSourceMapping,
    ListEventSourceMappings,
    ListCodeSigningConfigs,
    /// Lambda does it; Sonagi does not.
    Unsupported(&'static str),
    /// Nobody does it.
    Unknown,
}

/// An operation and the names in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    pub(super) name: String,
    pub(super) second: String,
    pub(super) third: String,
}

impl Operation {
    /// Bytes of its request.
    pub(super) const fn body_limit(self) -> usize {
        match self {
            Self::CreateFunction | Self::UpdateFunctionCode | Self::PublishLayerVersion => {
                limits::CODE_BODY_SIZE
            }
            Self::Invoke | Self::InvokeWithResponseStream => limits::PAYLOAD_SIZE,
            Self::InvokeAsync => limits::ASYNC_PAYLOAD_SIZE,
            _ => limits::API_BODY_SIZE,
        }
    }

    /// Its name in IAM's policies (Service Authorization Reference, "AWS Lambda").
    pub(super) fn action(self) -> String {
        match self {
            Self::Invoke | Self::InvokeAsync | Self::InvokeWithResponseStream => "InvokeFunction".into(),
            Self::GetLayerVersionByArn => "GetLayerVersion".into(),
            Self::Unsupported(name) => name.into(),
            operation => format!("{operation:?}"),
        }
    }

    /// Whether the first name in its path is a function's.
    pub(super) const fn is_of_function(self) -> bool {
        !matches!(
            self,
            Self::ListFunctions
                | Self::CreateFunction
                | Self::GetAccountSettings
                | Self::CreateEventSourceMapping
                | Self::GetEventSourceMapping
                | Self::UpdateEventSourceMapping
                | Self::DeleteEventSourceMapping
                | Self::ListEventSourceMappings
                | Self::ListCodeSigningConfigs
                | Self::Unsupported(_)
                | Self::Unknown
        ) && !self.is_of_layer()
    }

    /// Whether it is about layers, or the first name in its path is a layer's.
    pub(super) const fn is_of_layer(self) -> bool {
        matches!(
            self,
            Self::PublishLayerVersion
                | Self::GetLayerVersion
                | Self::GetLayerVersionByArn
                | Self::DeleteLayerVersion
                | Self::ListLayerVersions
                | Self::ListLayers
                | Self::AddLayerVersionPermission
                | Self::RemoveLayerVersionPermission
                | Self::GetLayerVersionPolicy
        )
    }
}

/// The operation of a method and a path; older SDKs end some paths with a slash.
pub(super) fn find(method: &Method, path: &str, query: &Query) -> Option<Route> {
    use Operation as O;
    let segments: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    let lists = query.get("List") == Some("ALL");
    let operation = match (method.as_str(), segments.as_slice()) {
        ("POST", ["2015-03-31", "functions"]) => O::CreateFunction,
        ("GET", ["2015-03-31", "functions"]) => O::ListFunctions,
        ("GET", ["2015-03-31", "functions", _]) => O::GetFunction,
        ("DELETE", ["2015-03-31", "functions", _]) => O::DeleteFunction,
        ("GET", ["2015-03-31", "functions", _, "configuration"]) => O::GetFunctionConfiguration,
        ("PUT", ["2015-03-31", "functions", _, "configuration"]) => O::UpdateFunctionConfiguration,
        ("PUT", ["2015-03-31", "functions", _, "code"]) => O::UpdateFunctionCode,
        ("POST", ["2015-03-31", "functions", _, "invocations"]) => O::Invoke,
        ("POST", ["2014-11-13", "functions", _, "invoke-async"]) => O::InvokeAsync,
        ("POST", ["2021-11-15", "functions", _, "response-streaming-invocations"]) => {
            O::InvokeWithResponseStream
        }
        ("POST", ["2015-03-31", "functions", _, "versions"]) => O::PublishVersion,
        ("GET", ["2015-03-31", "functions", _, "versions"]) => O::ListVersionsByFunction,
        ("POST", ["2015-03-31", "functions", _, "aliases"]) => O::CreateAlias,
        ("GET", ["2015-03-31", "functions", _, "aliases"]) => O::ListAliases,
        ("GET", ["2015-03-31", "functions", _, "aliases", _]) => O::GetAlias,
        ("PUT", ["2015-03-31", "functions", _, "aliases", _]) => O::UpdateAlias,
        ("DELETE", ["2015-03-31", "functions", _, "aliases", _]) => O::DeleteAlias,
        ("POST", ["2015-03-31", "functions", _, "policy"]) => O::AddPermission,
        ("GET", ["2015-03-31", "functions", _, "policy"]) => O::GetPolicy,
        ("DELETE", ["2015-03-31", "functions", _, "policy", _]) => O::RemovePermission,
        ("POST", ["2021-10-31", "functions", _, "url"]) => O::CreateFunctionUrlConfig,
        ("GET", ["2021-10-31", "functions", _, "url"]) => O::GetFunctionUrlConfig,
        ("PUT", ["2021-10-31", "functions", _, "url"]) => O::UpdateFunctionUrlConfig,
        ("DELETE", ["2021-10-31", "functions", _, "url"]) => O::DeleteFunctionUrlConfig,
        ("GET", ["2021-10-31", "functions", _, "urls"]) => O::ListFunctionUrlConfigs,
        ("PUT", ["2017-10-31", "functions", _, "concurrency"]) => O::PutFunctionConcurrency,
        ("DELETE", ["2017-10-31", "functions", _, "concurrency"]) => O::DeleteFunctionConcurrency,
        ("GET", ["2019-09-30", "functions", _, "concurrency"]) => O::GetFunctionConcurrency,
        ("PUT", ["2019-09-30", "functions", _, "provisioned-concurrency"]) => {
            O::PutProvisionedConcurrencyConfig
        }
        ("DELETE", ["2019-09-30", "functions", _, "provisioned-concurrency"]) => {
            O::DeleteProvisionedConcurrencyConfig
        }
        ("GET", ["2019-09-30", "functions", _, "provisioned-concurrency"]) if lists => {
            O::ListProvisionedConcurrencyConfigs
        }
        ("GET", ["2019-09-30", "functions", _, "provisioned-concurrency"]) => {
            O::GetProvisionedConcurrencyConfig
        }
        ("POST", ["2017-03-31", "tags", _]) => O::TagResource,
        ("DELETE", ["2017-03-31", "tags", _]) => O::UntagResource,
        ("GET", ["2017-03-31", "tags", _]) => O::ListTags,
        ("GET", ["2016-08-19", "account-settings"]) => O::GetAccountSettings,
        ("GET", ["2021-07-20", "functions", _, "runtime-management-config"]) => O::GetRuntimeManagementConfig,
        ("GET", ["2020-06-30", "functions", _, "code-signing-config"]) => O::GetFunctionCodeSigningConfig,
        ("PUT", ["2024-08-31", "functions", _, "recursion-config"]) => O::PutFunctionRecursionConfig,
        ("GET", ["2024-08-31", "functions", _, "recursion-config"]) => O::GetFunctionRecursionConfig,
        ("PUT", ["2019-09-25", "functions", _, "event-invoke-config"]) => O::PutFunctionEventInvokeConfig,
        ("POST", ["2019-09-25", "functions", _, "event-invoke-config"]) => O::UpdateFunctionEventInvokeConfig,
        ("DELETE", ["2019-09-25", "functions", _, "event-invoke-config"]) => {
            O::DeleteFunctionEventInvokeConfig
        }
        ("GET", ["2019-09-25", "functions", _, "event-invoke-config"]) => O::GetFunctionEventInvokeConfig,
        ("GET", ["2019-09-25", "functions", _, "event-invoke-config", "list"]) => {
            O::ListFunctionEventInvokeConfigs
        }
        ("POST", ["2015-03-31", "event-source-mappings"]) => O::CreateEventSourceMapping,
        ("GET", ["2015-03-31", "event-source-mappings", _]) => O::GetEventSourceMapping,
        ("PUT", ["2015-03-31", "event-source-mappings", _]) => O::UpdateEventSourceMapping,
        ("DELETE", ["2015-03-31", "event-source-mappings", _]) => O::DeleteEventSourceMapping,
        ("GET", ["2015-03-31", "event-source-mappings"]) => O::ListEventSourceMappings,
        ("GET", ["2018-10-31", "layers"]) if query.get("find") == Some("LayerVersion") => {
            O::GetLayerVersionByArn
        }
        ("GET", ["2018-10-31", "layers"]) => O::ListLayers,
        ("GET", ["2018-10-31", "layers", _, "versions"]) => O::ListLayerVersions,
        ("POST", ["2018-10-31", "layers", _, "versions"]) => O::PublishLayerVersion,
        ("GET", ["2018-10-31", "layers", _, "versions", _]) => O::GetLayerVersion,
        ("DELETE", ["2018-10-31", "layers", _, "versions", _]) => O::DeleteLayerVersion,
        ("GET", ["2018-10-31", "layers", _, "versions", _, "policy"]) => O::GetLayerVersionPolicy,
        ("POST", ["2018-10-31", "layers", _, "versions", _, "policy"]) => O::AddLayerVersionPermission,
        ("DELETE", ["2018-10-31", "layers", _, "versions", _, "policy", _]) => {
            O::RemoveLayerVersionPermission
        }
        ("GET", ["2020-04-22", "code-signing-configs"]) => O::ListCodeSigningConfigs,
        (method, segments) => O::Unsupported(unsupported(method, segments)?),
    };
    let name = |at: usize| segments.get(at).map(|text| decode_segment(text)).unwrap_or_default();
    Some(Route { operation, name: name(2), second: name(4), third: name(6) })
}

/// What Lambda does and Sonagi does not, so that the refusal can name it.
fn unsupported(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("POST", ["2020-04-22", "code-signing-configs"]) => "CreateCodeSigningConfig",
        ("GET", ["2020-04-22", "code-signing-configs", _]) => "GetCodeSigningConfig",
        ("PUT", ["2020-04-22", "code-signing-configs", _]) => "UpdateCodeSigningConfig",
        ("DELETE", ["2020-04-22", "code-signing-configs", _]) => "DeleteCodeSigningConfig",
        ("GET", ["2020-04-22", "code-signing-configs", _, "functions"]) => "ListFunctionsByCodeSigningConfig",
        ("PUT", ["2020-06-30", "functions", _, "code-signing-config"]) => "PutFunctionCodeSigningConfig",
        ("DELETE", ["2020-06-30", "functions", _, "code-signing-config"]) => {
            "DeleteFunctionCodeSigningConfig"
        }
        ("PUT", ["2021-07-20", "functions", _, "runtime-management-config"]) => "PutRuntimeManagementConfig",
        (_, ["2025-11-30", "capacity-providers", ..]) => "managing capacity providers",
        (_, ["2025-11-30", "functions", _, "function-scaling-config"]) => {
            "managing scaling on capacity providers"
        }
        (_, ["2025-12-01", ..]) => "durable execution",
        (_, ["2026-07-09", "resource-policy", _]) => "managing whole resource policies",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation of botocore's model: method, path, name.
    const MODEL: &str = include_str!("../../../tests/data/lambda_operations.txt");

    #[test]
    fn every_operation_of_the_model_has_a_route() {
        for line in MODEL.lines() {
            let mut words = line.split(' ');
            let (method, path, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let path = path.replace(['{', '}'], "");
            let method: Method = method.parse().unwrap();
            let route = find(&method, &path, &Query::parse(query)).unwrap_or_else(|| panic!("{line}"));
            match route.operation {
                Operation::Unsupported(words) => {
                    assert!(words == name || words.contains(' '), "{line}: {words}")
                }
                operation => assert_eq!(format!("{operation:?}"), name, "{line}"),
            }
            assert_eq!(find(&method, &format!("{path}/"), &Query::parse(query)), Some(route));
        }
    }

    #[test]
    fn names_in_paths_are_decoded() {
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aa/aliases/b%2Fc";
        let route = find(&Method::GET, path, &Query::default()).unwrap();
        assert_eq!(route.name, "arn:aws:lambda:us-east-1:000000000000:function:a");
        assert_eq!(route.second, "b/c");
        assert_eq!(find(&Method::PATCH, path, &Query::default()), None);
    }
}
