//! Every endpoint of our own API.

use http::Method;
use sonagi_model::{FaultKind, limits};

use super::error::ApiError;
use crate::aws::query::decode_segment;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    Health,
    Platform,
    Apps,
    App,
    RemoveApp,
    Releases,
    Release,
    Deploy,
    Rollback,
    HasPackage,
    PutPackage,
    Functions,
    Invoke,
    Logs,
    Usage,
    Environments,
}

/// An endpoint and the names in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) endpoint: Endpoint,
    pub(super) first: String,
    pub(super) second: String,
}

impl Endpoint {
    pub(super) const fn body_limit(self) -> usize {
        match self {
            Self::Deploy => limits::RELEASE_BODY_SIZE,
            Self::PutPackage => limits::PACKAGE_SIZE,
            Self::Invoke => limits::PAYLOAD_SIZE,
            Self::Health
            | Self::Platform
            | Self::Apps
            | Self::App
            | Self::RemoveApp
            | Self::Releases
            | Self::Release
            | Self::Rollback
            | Self::HasPackage
            | Self::Functions
            | Self::Logs
            | Self::Usage
            | Self::Environments => limits::API_BODY_SIZE,
        }
    }

    /// Whether its body is so large that only a few may be in memory at once.
    pub(super) const fn is_upload(self) -> bool {
        matches!(self, Self::Deploy | Self::PutPackage)
    }

    /// Its name in policies.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Health => "Health",
            Self::Platform => "GetPlatform",
            Self::Apps => "ListApps",
            Self::App => "GetApp",
            Self::RemoveApp => "RemoveApp",
            Self::Releases => "ListReleases",
            Self::Release => "GetRelease",
            Self::Deploy => "Deploy",
            Self::Rollback => "Rollback",
            Self::HasPackage => "HasPackage",
            Self::PutPackage => "PutPackage",
            Self::Functions => "ListFunctions",
            Self::Invoke => "Invoke",
            Self::Logs => "ReadLogs",
            Self::Usage => "GetUsage",
            Self::Environments => "ListEnvironments",
        }
    }
}

pub(super) fn find(method: &Method, path: &str) -> Result<Found, ApiError> {
    use Endpoint as E;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let none =
        || ApiError::not_found(format!("there is no {path:?} in this API; it begins with /_sonagi/v1/"));
    let Some(segments) = segments.strip_prefix(&["_sonagi", "v1"]) else { return Err(none()) };
    let choices: &[(Method, E)] = match segments {
        ["platform"] => &[(Method::GET, E::Platform)],
        ["health"] => &[(Method::GET, E::Health), (Method::HEAD, E::Health)],
        ["apps"] => &[(Method::GET, E::Apps)],
        ["apps", _] => &[(Method::GET, E::App), (Method::DELETE, E::RemoveApp)],
        ["apps", _, "releases"] => &[(Method::GET, E::Releases), (Method::POST, E::Deploy)],
        ["apps", _, "releases", _] => &[(Method::GET, E::Release)],
        ["apps", _, "rollback"] => &[(Method::POST, E::Rollback)],
        ["packages", _] => &[(Method::HEAD, E::HasPackage), (Method::PUT, E::PutPackage)],
        ["functions"] => &[(Method::GET, E::Functions)],
        ["functions", _, "invoke"] => &[(Method::POST, E::Invoke)],
        ["logs"] => &[(Method::GET, E::Logs)],
        ["usage"] => &[(Method::GET, E::Usage)],
        ["environments"] => &[(Method::GET, E::Environments)],
        _ => return Err(none()),
    };
    let Some((_, endpoint)) = choices.iter().find(|(choice, _)| choice == method) else {
        let allowed: Vec<&str> = choices.iter().map(|(method, _)| method.as_str()).collect();
        return Err(ApiError::from_kind(
            FaultKind::Unsupported,
            format!("{path:?} takes {}, not {method}", allowed.join(" and ")),
        ));
    };
    let name = |at: usize| segments.get(at).map(|text| decode_segment(text)).unwrap_or_default();
    Ok(Found { endpoint: *endpoint, first: name(1), second: name(3) })
}
