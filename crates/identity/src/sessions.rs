//! The credentials in a function's environment: derived from a master key, so that no table of them is kept.
//!
//! A token is `version ‖ claims ‖ HMAC(master, "token" ‖ claims)`, in base64. The key id and the secret are HMACs of
//! the same claims under labels of their own, so a token works with its own key id and secret alone, says which
//! function it is for, and cannot be changed or made without the master key.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sonagi_model::{AppName, LambdaName, Timestamp};

use crate::{Error, Principal, Result, keys::Keys};

/// First byte of every token of ours; with the length and the MAC it tells ours from AWS's own.
const VERSION: u8 = 0xa1;
const MAC_SIZE: usize = 32;
/// Bytes of a token, as text; a longer one is refused unread.
const TOKEN_SIZE: usize = 2_048;

/// Whom a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSession {
    pub app: AppName,
    pub function: LambdaName,
    /// The role's name or ARN; only the part after the last `/` is kept.
    pub role: String,
}

/// What goes into a function's environment. `Debug` hides the secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expires: Timestamp,
}

impl SessionCredentials {
    pub fn keys(&self) -> Keys {
        Keys {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: Some(self.session_token.clone()),
        }
    }
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A token that checked out.
pub(crate) struct Opened {
    pub(crate) principal: Principal,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) expires: Timestamp,
}

pub(crate) struct Sessions {
    master: [u8; 32],
}

impl Sessions {
    pub(crate) fn new(master: [u8; 32]) -> Self {
        Self { master }
    }

    pub(crate) fn issue(
        &self,
        session: &FunctionSession,
        now: Timestamp,
        lifetime: Duration,
    ) -> SessionCredentials {
        let expires = now + lifetime;
        let claims = encode(session, expires);
        let mut token = vec![VERSION];
        token.extend_from_slice(&claims);
        token.extend_from_slice(&self.derive(b"token", &claims));
        SessionCredentials {
            access_key_id: self.key_id(&claims),
            secret_access_key: self.secret(&claims),
            session_token: STANDARD.encode(token),
            expires,
        }
    }

    /// None if the token is not one of ours at all; an error if it pretends to be.
    pub(crate) fn open(&self, token: &str) -> Option<Result<Opened>> {
        if token.len() > TOKEN_SIZE {
            return None;
        }
        let bytes = STANDARD.decode(token).ok()?;
        let (&version, rest) = bytes.split_first()?;
        if version != VERSION || rest.len() < MAC_SIZE {
            return None;
        }
        let (claims, mac) = rest.split_at(rest.len() - MAC_SIZE);
        // Claims of another shape are somebody else's token that happens to begin with our byte.
        let (session, expires) = decode(claims)?;
        if self.mac(b"token", claims).verify_slice(mac).is_err() {
            return Some(Err(Error::UnknownKey));
        }
        Some(Ok(Opened {
            principal: Principal::Function {
                app: session.app,
                function: session.function,
                role: session.role,
            },
            access_key_id: self.key_id(claims),
            secret_access_key: self.secret(claims),
            expires,
        }))
    }

    fn mac(&self, label: &[u8], claims: &[u8]) -> Hmac<Sha256> {
        let mut mac = hmac(&self.master);
        mac.update(label);
        mac.update(&[0]);
        mac.update(claims);
        mac
    }

    fn derive(&self, label: &[u8], claims: &[u8]) -> [u8; MAC_SIZE] {
        self.mac(label, claims).finalize().into_bytes().into()
    }

    fn key_id(&self, claims: &[u8]) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bytes = self.derive(b"key id", claims);
        let tail = bytes[..16].iter().map(|byte| LETTERS[usize::from(byte & 31)] as char);
        "ASIA".chars().chain(tail).collect()
    }

    fn secret(&self, claims: &[u8]) -> String {
        STANDARD.encode(&self.derive(b"secret", claims)[..30])
    }
}

/// HMAC takes keys of any size.
pub(crate) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any size"),
    }
}

/// Expiry in seconds, then three strings, each after its length: one text for one meaning.
fn encode(session: &FunctionSession, expires: Timestamp) -> Vec<u8> {
    let role = session.role.rsplit('/').next().unwrap_or_default();
    let mut claims = expires.seconds().to_be_bytes().to_vec();
    for part in [session.app.as_str(), session.function.as_str(), role] {
        // Names are at most 64 bytes by their types; a role's is cut to what one byte counts.
        let part = &part[..part.floor_char_boundary(255)];
        claims.push(part.len() as u8);
        claims.extend_from_slice(part.as_bytes());
    }
    claims
}

fn decode(claims: &[u8]) -> Option<(FunctionSession, Timestamp)> {
    let (seconds, mut rest) = claims.split_first_chunk::<8>()?;
    let mut part = || {
        let (&size, tail) = rest.split_first()?;
        let (text, tail) = tail.split_at_checked(usize::from(size))?;
        rest = tail;
        std::str::from_utf8(text).ok()
    };
    let session = FunctionSession {
        app: AppName::new(part()?).ok()?,
        function: LambdaName::new(part()?).ok()?,
        role: part()?.into(),
    };
    if !rest.is_empty() {
        return None;
    }
    // Not checked yet, so it may be any number.
    Some((session, Timestamp(u64::from_be_bytes(*seconds).checked_mul(1_000_000)?)))
}
