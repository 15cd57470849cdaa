//! Ids that refuse each other's text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Entropy;

/// The account that everything belongs to: twelve digits, as in an ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// Whether a text could be one: twelve digits.
    pub fn is_valid(text: &str) -> bool {
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self("000000000000".into())
    }
}

impl FromStr for AccountId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err(IdError { kind: "an account id", wants: "twelve digits", got: text.into() })
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The region that ARNs and signatures name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(String);

impl Region {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Region {
    fn default() -> Self {
        Self("us-east-1".into())
    }
}

impl FromStr for Region {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = !text.is_empty()
            && text.len() <= 32
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(IdError {
                kind: "a region",
                wants: "lower-case letters, digits and hyphens",
                got: text.into(),
            })
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a release within its app; the first is 1. Prints as `release_7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseNumber(pub u64);

impl ReleaseNumber {
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "release_{}", self.0)
    }
}

impl FromStr for ReleaseNumber {
    type Err = IdError;
    /// Takes `release_7` and, since people type it, `7`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix("release_").unwrap_or(text);
        digits.parse().map(Self).map_err(|_| IdError {
            kind: "a release",
            wants: "release_ and a number",
            got: text.into(),
        })
    }
}

/// One invocation's id: a version 4 UUID (RFC 9562 §5.4), as Lambda's are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes: [u8; 16] = entropy.bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 36 characters of the id, without an allocation.
    pub fn text(&self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 0xf)];
            at += 2;
        }
        text
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|&c| fmt::Write::write_char(f, c as char))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { kind: "a request id", wants: "a UUID", got: text.into() };
        let raw = text.as_bytes();
        if raw.len() != 36 || [8, 13, 18, 23].iter().any(|&at| raw[at] != b'-') {
            return Err(wrong());
        }
        let mut digits = raw.iter().filter(|&&c| c != b'-').map(|&c| (c as char).to_digit(16));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(wrong());
            };
            *byte = (high << 4 | low) as u8;
        }
        Ok(Self(bytes))
    }
}

/// The id of an API, the first label of its `execute-api` host: ten lower-case letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiId(pub String);

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a function URL, the first label of its host: 32 lower-case letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UrlId(pub String);

impl fmt::Display for UrlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{got:?} is not {kind}: it wants {wants}")]
pub struct IdError {
    pub kind: &'static str,
    pub wants: &'static str,
    pub got: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn a_request_id_is_a_version_4_uuid_and_survives_its_text() {
        let id = RequestId::random(&Ones);
        assert_eq!(id.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        assert!("ffffffff-ffff-4fff-bfff-fffffffffffé".parse::<RequestId>().is_err());
    }

    #[test]
    fn an_id_refuses_another_kinds_text() {
        assert!("release_x".parse::<ReleaseNumber>().is_err());
        assert!("petshop".parse::<AccountId>().is_err());
        assert_eq!("release_7".parse::<ReleaseNumber>().unwrap(), ReleaseNumber(7));
    }
}
