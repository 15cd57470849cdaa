//! Whether a claim holds.

use hmac::Mac as _;
use sha2::{Digest as _, Sha256};
use sonagi_model::{Digest, Timestamp, limits};

use super::{
    Body, Claim, SignedRequest, canonical,
    canonical::PathRule,
    claim::Place,
    time::{basic_time, parse_basic, parse_http},
};
use crate::{Error, Result, Skew, sessions::hmac};

const CONTENT_SHA256: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a signature that holds says about the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadPromise {
    /// The body was there, and is what was signed.
    Checked,
    /// The body comes later and must have this digest.
    Digest(Digest),
    /// The signature says nothing about it.
    Unsigned,
    /// `aws-chunked`: each chunk carries a signature that follows from the one before; `trailer` if one comes last.
    Chunked { seed: Box<ChunkSeed>, trailer: Trailer },
    /// `aws-chunked` without signatures, with a checksum in the trailer.
    UnsignedChunked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailer {
    None,
    Signed,
}

/// What the first chunk's signature follows from. `Debug` hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkSeed {
    pub signature: String,
    pub signing_key: [u8; 32],
    pub time: String,
    pub scope: String,
}

impl std::fmt::Debug for ChunkSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkSeed").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Claim<'_> {
    /// Checks the signature with `secret`, its time against `now`, its scope against `services`, and the body.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        secret: &str,
        services: &[&str],
        now: Timestamp,
    ) -> Result<PayloadPromise> {
        if !services.contains(&self.service.as_str()) {
            return Err(Error::Scope(format!(
                "Credential should be scoped to correct service: '{}'. ",
                services.first().unwrap_or(&"")
            )));
        }
        let time = self.check_time(request, now)?;
        self.check_headers(request)?;
        let rule = PathRule::of(&self.service);
        let payload = self.payload(request, rule)?;
        let signed: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let leave_out = match self.place {
            Place::Header => None,
            Place::Query { .. } => Some("X-Amz-Signature"),
        };
        let canonical = canonical::request(request, rule, &signed, leave_out, &payload.text);
        let to_sign = canonical::string_to_sign(&time, &self.scope, &canonical);
        let key = signing_key(secret, &self.date, &self.region, &self.service);
        let mut mac = hmac(&key);
        mac.update(to_sign.as_bytes());
        let same = decode_hex(&self.signature).is_some_and(|claimed| mac.verify_slice(&claimed).is_ok());
        if !same {
            let canonical_request = String::from_utf8_lossy(&canonical).into_owned();
            return Err(Error::Mismatch { canonical_request });
        }
        match payload.kind {
            Kind::Checked => Ok(PayloadPromise::Checked),
            Kind::Wrong => Err(Error::PayloadDigest),
            Kind::Later(digest) => Ok(PayloadPromise::Digest(digest)),
            Kind::Unsigned => Ok(PayloadPromise::Unsigned),
            Kind::UnsignedChunked => Ok(PayloadPromise::UnsignedChunked),
            Kind::Chunked(trailer) => Ok(PayloadPromise::Chunked {
                seed: Box::new(ChunkSeed {
                    signature: self.signature.to_string(),
                    signing_key: key,
                    time,
                    scope: self.scope.clone(),
                }),
                trailer,
            }),
        }
    }

    /// The signature's time as text, if it is near enough.
    fn check_time(&self, request: &SignedRequest<'_>, now: Timestamp) -> Result<String> {
        let (text, at) = match &self.place {
            Place::Query { time, .. } => (time.as_ref(), parse_basic(time)),
            Place::Header => match request.header("x-amz-date") {
                Some(text) => (text, parse_basic(text)),
                None => {
                    let text = request.header("date").unwrap_or_default();
                    (text, parse_basic(text).or_else(|| parse_http(text)))
                }
            },
        };
        let Some(at) = at else {
            return Err(Error::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                text.chars().take(64).collect::<String>()
            )));
        };
        let basic = basic_time(at);
        if basic[..8] != *self.date {
            return Err(Error::Scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{basic}'.",
                self.date,
                &basic[..8]
            )));
        }
        let skew = match PathRule::of(&self.service) {
            PathRule::Literal => limits::SIGNATURE_SKEW_S3,
            PathRule::Normalized => limits::SIGNATURE_SKEW,
        };
        let error = |skew_kind, allowed| Error::Time { skew: skew_kind, signed: at, now, allowed };
        if at > now + skew {
            return Err(error(Skew::Future, skew));
        }
        let lifetime = match self.place {
            Place::Header => skew,
            Place::Query { expires, .. } => std::time::Duration::from_secs(expires),
        };
        if at + lifetime < now {
            return Err(error(Skew::Past, lifetime));
        }
        Ok(basic)
    }

    /// The host, and every `x-amz-` header that came, must be signed: else who stands between could change them.
    fn check_headers(&self, request: &SignedRequest<'_>) -> Result<()> {
        let signed = |name: &str| self.signed_headers.iter().any(|header| header == name);
        if !signed("host") && !signed(":authority") {
            return Err(Error::Scope(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
            ));
        }
        if !self.signed_headers.is_sorted() {
            return Err(Error::Incomplete("SignedHeaders must be sorted".into()));
        }
        let unsigned = request.headers.iter().find(|(name, _)| name.starts_with("x-amz-") && !signed(name));
        match unsigned {
            Some((name, _)) => Err(Error::Scope(format!(
                "There were headers present in the request which were not signed: {name}"
            ))),
            None => Ok(()),
        }
    }

    fn payload(&self, request: &SignedRequest<'_>, rule: PathRule) -> Result<Payload> {
        let text = |text: &str, kind| Ok(Payload { text: text.into(), kind });
        let given = request.header(CONTENT_SHA256);
        match (given, request.body) {
            (Some(UNSIGNED), _) => text(UNSIGNED, Kind::Unsigned),
            (Some(name @ "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), _) => {
                text(name, Kind::Chunked(Trailer::None))
            }
            (Some(name @ "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), _) => {
                text(name, Kind::Chunked(Trailer::Signed))
            }
            (Some(name @ "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), _) => text(name, Kind::UnsignedChunked),
            (Some(digest), Body::Whole(body)) => {
                let same = canonical::hex(&Sha256::digest(body)) == digest;
                text(digest, if same { Kind::Checked } else { Kind::Wrong })
            }
            (Some(digest), Body::Named(named)) => {
                text(digest, if named.to_string() == digest { Kind::Later(named) } else { Kind::Wrong })
            }
            (Some(digest), Body::Later) => match digest.parse() {
                Ok(parsed) => text(digest, Kind::Later(parsed)),
                Err(_) => Err(Error::Incomplete(
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value or a valid sha256 value.".into(),
                )),
            },
            (None, _) if matches!(self.place, Place::Query { .. }) && rule == PathRule::Literal => {
                text(UNSIGNED, Kind::Unsigned)
            }
            (None, Body::Whole(body)) => {
                Ok(Payload { text: canonical::hex(&Sha256::digest(body)), kind: Kind::Checked })
            }
            (None, Body::Named(named)) => Ok(Payload { text: named.to_string(), kind: Kind::Later(named) }),
            (None, Body::Later) => {
                Err(Error::Incomplete("Missing required header for this request: x-amz-content-sha256".into()))
            }
        }
    }
}

struct Payload {
    text: String,
    kind: Kind,
}

enum Kind {
    Checked,
    Wrong,
    Later(Digest),
    Unsigned,
    Chunked(Trailer),
    UnsignedChunked,
}

pub(super) fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let step = |key: &[u8], text: &str| -> [u8; 32] {
        let mut mac = hmac(key);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    };
    let key = step(format!("AWS4{secret}").as_bytes(), date);
    let key = step(&key, region);
    let key = step(&key, service);
    step(&key, "aws4_request")
}

/// Lower-case alone: two texts for one signature would be one too many.
fn decode_hex(text: &str) -> Option<[u8; 32]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    text.parse::<Digest>().ok().map(|digest| *digest.as_bytes())
}
