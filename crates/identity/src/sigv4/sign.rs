//! The other way: signing, for the command line, for our own links, and for tests.

use std::time::Duration;

use hmac::Mac as _;
use sha2::{Digest as _, Sha256};
use sonagi_model::Timestamp;

use super::{
    ALGORITHM, Body, SignedRequest, canonical,
    canonical::{PathRule, encode},
    time::basic_time,
    verify::signing_key,
};
use crate::{Keys, sessions::hmac};

/// What a credential is good for, beside its day.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
}

/// The headers that `request` lacks: `x-amz-date`, `x-amz-content-sha256` if it needs one, `x-amz-security-token` if
/// the keys have one, and `authorization`. Every header that is there already is signed, and `host` must be.
pub fn sign(
    request: &SignedRequest<'_>,
    keys: &Keys,
    scope: Scope<'_>,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let time = basic_time(now);
    let mut added = vec![("x-amz-date", time.clone())];
    if let Some(token) = &keys.session_token {
        added.push(("x-amz-security-token", token.clone()));
    }
    let rule = PathRule::of(scope.service);
    let payload = match (request.header("x-amz-content-sha256"), request.body) {
        (Some(given), _) => given.to_owned(),
        (None, body) => {
            let text = match body {
                Body::Whole(body) => canonical::hex(&Sha256::digest(body)),
                Body::Named(digest) => digest.to_string(),
                Body::Later => "UNSIGNED-PAYLOAD".into(),
            };
            if rule == PathRule::Literal || matches!(body, Body::Later) {
                added.push(("x-amz-content-sha256", text.clone()));
            }
            text
        }
    };
    let mut headers: Vec<(&str, &[u8])> = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let mut names: Vec<&str> =
        headers.iter().map(|(name, _)| *name).filter(|name| *name != "authorization").collect();
    names.sort_unstable();
    names.dedup();
    let whole = SignedRequest { headers: &headers, ..*request };
    let canonical = canonical::request(&whole, rule, &names, None, &payload);
    let credential_scope = credential_scope(&time, scope);
    let signature = signature(&canonical, &time, &credential_scope, keys, scope);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{credential_scope}, SignedHeaders={}, Signature={signature}",
        keys.access_key_id,
        names.join(";")
    );
    added.push(("authorization", authorization));
    added
}

/// The query of a URL that carries its own signature, good for `lifetime`; `request.headers` must hold `host`, and all
/// of them are signed.
pub fn presign(
    request: &SignedRequest<'_>,
    keys: &Keys,
    scope: Scope<'_>,
    lifetime: Duration,
    now: Timestamp,
) -> String {
    let time = basic_time(now);
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let credential_scope = credential_scope(&time, scope);
    let mut query = request.query.to_owned();
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(&encode(value));
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &format!("{}/{credential_scope}", keys.access_key_id));
    add("X-Amz-Date", &time);
    add("X-Amz-Expires", &lifetime.as_secs().to_string());
    add("X-Amz-SignedHeaders", &names.join(";"));
    if let Some(token) = &keys.session_token {
        add("X-Amz-Security-Token", token);
    }
    let rule = PathRule::of(scope.service);
    let payload = match (rule, request.body) {
        (PathRule::Literal, _) | (PathRule::Normalized, Body::Later) => "UNSIGNED-PAYLOAD".to_owned(),
        (PathRule::Normalized, Body::Named(digest)) => digest.to_string(),
        (PathRule::Normalized, Body::Whole(body)) => canonical::hex(&Sha256::digest(body)),
    };
    let whole = SignedRequest { query: &query, ..*request };
    let canonical = canonical::request(&whole, rule, &names, None, &payload);
    let signature = signature(&canonical, &time, &credential_scope, keys, scope);
    format!("{query}&X-Amz-Signature={signature}")
}

fn credential_scope(time: &str, scope: Scope<'_>) -> String {
    format!("{}/{}/{}/aws4_request", &time[..8], scope.region, scope.service)
}

fn signature(canonical: &[u8], time: &str, credential_scope: &str, keys: &Keys, scope: Scope<'_>) -> String {
    let to_sign = canonical::string_to_sign(time, credential_scope, canonical);
    let key = signing_key(&keys.secret_access_key, &time[..8], scope.region, scope.service);
    let mut mac = hmac(&key);
    mac.update(to_sign.as_bytes());
    canonical::hex(&mac.finalize().into_bytes())
}
