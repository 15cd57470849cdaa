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
            Self::PutPackage => limits::PACKAGE_UPLOAD_SIZE,
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

    /// Whether its body is so large that only a few may be in memory at once. A package's is read by its own rules.
    pub(super) const fn is_upload(self) -> bool {
        matches!(self, Self::Deploy)
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

/// Method, path after `/_sonagi/v1/`, endpoint. `GET` stands before the other methods of a path.
const ENDPOINTS: [(Method, &str, Endpoint); 17] = {
    use Endpoint as E;
    [
        (Method::GET, "health", E::Health),
        (Method::HEAD, "health", E::Health),
        (Method::GET, "platform", E::Platform),
        (Method::GET, "apps", E::Apps),
        (Method::GET, "apps/{app}", E::App),
        (Method::DELETE, "apps/{app}", E::RemoveApp),
        (Method::GET, "apps/{app}/releases", E::Releases),
        (Method::POST, "apps/{app}/releases", E::Deploy),
        (Method::GET, "apps/{app}/releases/{number}", E::Release),
        (Method::POST, "apps/{app}/rollback", E::Rollback),
        (Method::HEAD, "packages/{digest}", E::HasPackage),
        (Method::PUT, "packages/{digest}", E::PutPackage),
        (Method::GET, "functions", E::Functions),
        (Method::POST, "functions/{name}/invoke", E::Invoke),
        (Method::GET, "logs", E::Logs),
        (Method::GET, "usage", E::Usage),
        (Method::GET, "environments", E::Environments),
    ]
};

pub(super) fn find(method: &Method, path: &str) -> Result<Found, ApiError> {
    let none =
        || ApiError::not_found(format!("there is no {path:?} in this API; it begins with /_sonagi/v1/"));
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let Some(segments) = segments.strip_prefix(&["_sonagi", "v1"]) else { return Err(none()) };
    let mut allowed = Vec::new();
    for (choice, pattern, endpoint) in &ENDPOINTS {
        if !fits(pattern, segments) {
            continue;
        }
        if choice == method {
            let name = |at: usize| segments.get(at).map(|text| decode_segment(text)).unwrap_or_default();
            return Ok(Found { endpoint: *endpoint, first: name(1), second: name(3) });
        }
        allowed.push(choice.as_str());
    }
    if allowed.is_empty() {
        return Err(none());
    }
    let text = format!("{path:?} takes {}, not {method}", allowed.join(" and "));
    Err(ApiError::from_kind(FaultKind::Unsupported, text))
}

fn fits(pattern: &str, segments: &[&str]) -> bool {
    pattern.split('/').count() == segments.len()
        && pattern.split('/').zip(segments).all(|(part, segment)| part.starts_with('{') || part == *segment)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the test of the doors asks without credentials.
    const ASKED: &str = include_str!("../../tests/data/own_endpoints.txt");
    const DOCUMENTED: &str = include_str!("../../../../docs/api.md");

    #[test]
    fn every_endpoint_is_documented_and_asked_for_without_credentials() {
        let asked: BTreeSet<&str> = ASKED.lines().collect();
        let mut known = BTreeSet::new();
        for (method, pattern, endpoint) in &ENDPOINTS {
            let line = format!("{method} /_sonagi/v1/{pattern}");
            let found = find(method, &format!("/_sonagi/v1/{pattern}")).unwrap();
            assert_eq!(found.endpoint, *endpoint, "{line}");
            assert!(DOCUMENTED.contains(&format!("`{method} /{pattern}`")), "docs/api.md lacks {line}");
            assert!(
                *endpoint == Endpoint::Health || asked.contains(&*line),
                "own_endpoints.txt lacks {line}"
            );
            known.insert(line);
        }
        assert!(asked.iter().all(|line| known.contains(*line)), "own_endpoints.txt has what is not there");
    }
}
