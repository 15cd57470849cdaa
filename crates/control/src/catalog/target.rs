//! What a Lambda name points to.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sonagi_model::{AliasName, AppName, Digest, ReleaseNumber, Timestamp, function::Function};

/// One thing that can be invoked: a function of a release, at a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub app: AppName,
    /// The release that it is of; for a published version, the one that was live when it was published.
    pub release: ReleaseNumber,
    pub version: Version,
    pub function: Function,
    /// Without a qualifier.
    pub arn: String,
    /// Of all that an environment depends on. Environments of equal digests are interchangeable, so a function
    /// that a new release did not change keeps its warm ones.
    pub environment: Digest,
    /// A UUID, renewed by each change.
    pub revision_id: String,
    pub last_modified: Timestamp,
}

impl Target {
    /// The ARN with the version as its qualifier.
    pub fn qualified_arn(&self) -> String {
        format!("{}:{}", self.arn, self.version)
    }
}

/// Prints as `$LATEST` or `3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    Latest,
    Number(u64),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("$LATEST"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// `$LATEST`, or a number from 1 up without signs or leading zeros.
impl std::str::FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        if text == "$LATEST" {
            return Ok(Self::Latest);
        }
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        match text.parse() {
            Ok(number) if canonical => Ok(Self::Number(number)),
            Ok(_) | Err(_) => Err(NotAVersion),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a version is $LATEST or a number from 1 up")]
pub struct NotAVersion;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A name for a version, or for two of them by weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    pub name: AliasName,
    pub version: Version,
    pub description: String,
    /// Other versions and the share of invocations, from 0 to 1, that goes to each; the rest goes to `version`.
    pub weights: BTreeMap<u64, f64>,
    pub revision_id: String,
    /// The ARN with the alias as its qualifier.
    pub arn: String,
}

/// One statement of a function's resource policy, as `AddPermission` made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub sid: String,
    /// `lambda:InvokeFunction`, `lambda:*` or the like.
    pub action: String,
    /// A service (`s3.amazonaws.com`), an account, an ARN, or `*`.
    pub principal: String,
    #[serde(default)]
    pub source_arn: Option<String>,
    #[serde(default)]
    pub source_account: Option<String>,
    #[serde(default)]
    pub principal_org_id: Option<String>,
    #[serde(default)]
    pub event_source_token: Option<String>,
    /// `NONE` or `AWS_IAM`.
    #[serde(default)]
    pub function_url_auth_type: Option<String>,
    #[serde(default)]
    pub invoked_via_function_url: Option<bool>,
}
