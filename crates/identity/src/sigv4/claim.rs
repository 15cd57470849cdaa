//! What a request says of its signature, before anything is believed.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{ALGORITHM, SignedRequest};
use crate::{Error, Result};

/// A signature and what it claims.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    pub(super) key_id: Cow<'a, str>,
    /// `date/region/service/aws4_request`
    pub(super) scope: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: Cow<'a, str>,
    pub(super) session_token: Option<Cow<'a, str>>,
    pub(super) place: Place<'a>,
}

/// Where the signature stands.
#[derive(Debug, Clone)]
pub(super) enum Place<'a> {
    Header,
    /// A presigned URL: its time, and for how many seconds it is good.
    Query {
        time: Cow<'a, str>,
        expires: u64,
    },
}

impl Claim<'_> {
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The service that the credential is scoped to: what tells the services behind one address apart.
    pub fn service(&self) -> &str {
        &self.service
    }

    pub fn region(&self) -> &str {
        &self.region
    }
}

/// Reads the `Authorization` header or the presigned query; none if there is neither.
pub fn claim<'a>(request: &SignedRequest<'a>) -> Result<Option<Claim<'a>>> {
    let header = request.headers.iter().find(|(name, _)| *name == "authorization");
    let presigned = parameter(request.query, "X-Amz-Signature").is_some()
        || parameter(request.query, "X-Amz-Algorithm").is_some();
    match (header, presigned) {
        (None, false) => Ok(None),
        (Some(_), true) => Err(Error::Incomplete(
            "Only one auth mechanism allowed: the query string or the Authorization header".into(),
        )),
        (Some((_, value)), false) => {
            let value = std::str::from_utf8(value)
                .map_err(|_| Error::Incomplete("The Authorization header is not text".into()))?;
            from_header(request, value.trim()).map(Some)
        }
        (None, true) => from_query(request).map(Some),
    }
}

fn from_header<'a>(request: &SignedRequest<'a>, value: &'a str) -> Result<Claim<'a>> {
    let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
    if algorithm != ALGORITHM {
        // AWS answers other schemes (Basic, Bearer, SigV2) as if nothing had been sent; this says what to do.
        return Err(Error::Incomplete(format!(
            "Unsupported Authorization scheme: use {ALGORITHM} (AWS Signature Version 4)"
        )));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let part = part.trim();
        let Some((key, value)) = part.split_once('=') else {
            return Err(Error::Incomplete(format!(
                "{part:?} not a valid key=value pair (missing equal-sign) in Authorization header"
            )));
        };
        let slot = match key {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(Error::Incomplete(format!("The Authorization header has two {key} parameters")));
        }
    }
    let dated = request.header("x-amz-date").or_else(|| request.header("date")).is_some();
    let (Some(credential), Some(signed_headers), Some(signature), true) =
        (credential, signed_headers, signature, dated)
    else {
        let mut text = Vec::new();
        for (name, value) in
            [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)]
        {
            if value.is_none() {
                text.push(format!("Authorization header requires '{name}' parameter."));
            }
        }
        if !dated {
            text.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into(),
            );
        }
        return Err(Error::Incomplete(text.join(" ")));
    };
    let scope = Scoped::parse(Cow::Borrowed(credential))?;
    Ok(scope.claim(
        signed_headers,
        Cow::Borrowed(signature),
        request.header("x-amz-security-token").map(Cow::Borrowed),
        Place::Header,
    ))
}

fn from_query<'a>(request: &SignedRequest<'a>) -> Result<Claim<'a>> {
    let wanted = |name: &str| {
        parameter(request.query, name)
            .ok_or_else(|| Error::Incomplete(format!("AWS query-string parameters must include '{name}'.")))
    };
    let algorithm = wanted("X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(Error::Incomplete(format!("Unsupported X-Amz-Algorithm: use {ALGORITHM}")));
    }
    let credential = wanted("X-Amz-Credential")?;
    let signature = wanted("X-Amz-Signature")?;
    let time = wanted("X-Amz-Date")?;
    let signed_headers = wanted("X-Amz-SignedHeaders")?;
    let expires = wanted("X-Amz-Expires")?;
    let expires =
        expires.parse().ok().filter(|seconds| (1..=EXPIRES_MAX).contains(seconds)).ok_or_else(|| {
            Error::Incomplete(format!("X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_MAX}"))
        })?;
    let token = parameter(request.query, "X-Amz-Security-Token");
    let scope = Scoped::parse(credential)?;
    Ok(scope.claim(&signed_headers, signature, token, Place::Query { time, expires }))
}

/// Seconds: a presigned URL is good for seven days at the most.
const EXPIRES_MAX: u64 = 604_800;

struct Scoped<'a> {
    key_id: Cow<'a, str>,
    date: String,
    region: String,
    service: String,
}

impl<'a> Scoped<'a> {
    fn parse(credential: Cow<'a, str>) -> Result<Self> {
        // From the right: a key id may hold a slash, a scope's parts may not.
        let mut parts = credential.rsplitn(5, '/');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (terminator, service, region, date, key_id) = (next(), next(), next(), next(), next());
        let whole = [&service, &region, &date, &key_id].iter().all(|part| !part.is_empty());
        if terminator != "aws4_request" || !whole {
            return Err(Error::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, \
                 e.g. keyid/date/region/service/aws4_request"
                    .into(),
            ));
        }
        Ok(Self { key_id: Cow::Owned(key_id), date, region, service })
    }

    fn claim(
        self,
        signed_headers: &str,
        signature: Cow<'a, str>,
        session_token: Option<Cow<'a, str>>,
        place: Place<'a>,
    ) -> Claim<'a> {
        let Self { key_id, date, region, service } = self;
        Claim {
            key_id,
            scope: format!("{date}/{region}/{service}/aws4_request"),
            date,
            region,
            service,
            signed_headers: signed_headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature,
            session_token,
            place,
        }
    }
}

/// The first parameter of this name, decoded.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (key == name).then(|| percent_decode_str(value).decode_utf8_lossy())
    })
}
