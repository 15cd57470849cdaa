//! The records of this crate: their keys, and their values as JSON with a format version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sonagi_model::{
    AliasName, AppName, Digest, FunctionName, LambdaName, LayerName, ReleaseNumber, Timestamp,
    function::{Function, FunctionUrl, Mapping},
    release::{Release, ReleaseContent},
};

use crate::{
    Error, Result, Statement, Version,
    layers::{LayerRecord, LayerVersionRecord},
};

/// The prefix of every key of this crate.
pub(crate) const PREFIX: &[u8] = b"control/";

/// The newest format that this binary writes and the newest that it reads.
const FORMAT: u32 = 1;

/// A value with the version of its format.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    format: u32,
    value: T,
}

/// A kind of record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// For messages to the operator.
    const KIND: &'static str;

    fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(&Envelope { format: FORMAT, value: self })
            .map_err(|cause| Error::Damaged { what: format!("{} cannot be written: {cause}", Self::KIND) })
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged = |why: String| Error::Damaged { what: format!("{}: {why}", Self::KIND) };
        // The format first: a newer one may have fields that this binary does not know.
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        match serde_json::from_slice::<Envelope<Self>>(bytes) {
            Ok(envelope) if envelope.format <= FORMAT => Ok(envelope.value),
            Ok(Envelope { format, .. }) => Err(damaged(newer(format))),
            Err(cause) => match serde_json::from_slice::<Format>(bytes) {
                Ok(Format { format }) if format > FORMAT => Err(damaged(newer(format))),
                Ok(_) | Err(_) => Err(damaged(cause.to_string())),
            },
        }
    }
}

fn newer(format: u32) -> String {
    format!("it has format {format}, and this Sonagi reads up to {FORMAT}: use the newer one that wrote it")
}

/// An app, with its live release whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AppRecord {
    pub(crate) live: Release,
    /// The newest release's number.
    pub(crate) last: ReleaseNumber,
    /// What was live before, oldest first: where a rollback leads.
    pub(crate) before: Vec<ReleaseNumber>,
    /// Functions that the live release does not have and an earlier one had: a rollback brings them back with
    /// their versions and aliases.
    pub(crate) dormant: BTreeSet<LambdaName>,
    pub(crate) origin: Origin,
}

/// Who made an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    Manifest,
    /// Lambda's CreateFunction: the app goes with its function.
    Lambda,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReleaseRecord {
    pub(crate) digest: Digest,
    pub(crate) created: Timestamp,
    pub(crate) functions: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ContentRecord(pub(crate) ReleaseContent);

/// What a Lambda name has beside its function's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    pub(crate) app: AppName,
    pub(crate) name: FunctionName,
    pub(crate) revision: String,
    pub(crate) modified: Timestamp,
    /// The newest version's number; 0 before the first.
    pub(crate) last_version: u64,
    /// The published versions that are there, each with the fingerprint of what it does.
    pub(crate) versions: BTreeMap<u64, Digest>,
    pub(crate) aliases: BTreeMap<AliasName, AliasRecord>,
    /// By qualifier; empty text is the unqualified function's.
    pub(crate) policies: BTreeMap<String, Vec<Statement>>,
    /// When the URL that the release's content declares was made and changed.
    pub(crate) url: Option<UrlTimes>,
    /// Provisioned concurrency by qualifier. That of `$LATEST` comes from a manifest alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) provisioned: BTreeMap<String, ProvisionedRecord>,
    /// What is set for asynchronous invocations, by qualifier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) asynchronous: BTreeMap<String, AsynchronousRecord>,
    /// Event source mappings by UUID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) mappings: BTreeMap<String, MappingRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProvisionedRecord {
    pub(crate) executions: u32,
    pub(crate) modified: Timestamp,
    /// Who asked for it: what a manifest declares goes when its release does.
    pub(crate) origin: Origin,
}

/// What is none was not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AsynchronousRecord {
    pub(crate) max_age: Option<u32>,
    pub(crate) retries: Option<u32>,
    pub(crate) on_success: Option<String>,
    pub(crate) on_failure: Option<String>,
    pub(crate) modified: Timestamp,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingRecord {
    pub(crate) mapping: Mapping,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) modified: Timestamp,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AliasRecord {
    pub(crate) version: Version,
    pub(crate) description: String,
    pub(crate) weights: BTreeMap<u64, f64>,
    pub(crate) revision: String,
    /// The address that leads to this alias, if the Lambda API made one.
    pub(crate) url: Option<(FunctionUrl, UrlTimes)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UrlTimes {
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

/// A published version. It holds the function whole, so that it outlives the release it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) app: AppName,
    pub(crate) release: ReleaseNumber,
    pub(crate) revision: String,
    pub(crate) created: Timestamp,
    pub(crate) function: Function,
}

/// The app whose API or URL id it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct OwnerRecord(pub(crate) AppName);

/// Reserved concurrency of live functions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ReservedRecord(pub(crate) BTreeMap<LambdaName, u32>);

/// Provisioned concurrency of live functions, all qualifiers together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ProvisionsRecord(pub(crate) BTreeMap<LambdaName, u32>);

macro_rules! kinds {
    ($($record:ident $kind:literal)*) => {
        $(impl Record for $record { const KIND: &'static str = $kind; })*
    };
}

kinds! {
    AppRecord "an app" ReleaseRecord "a release" ContentRecord "a release's content"
    FunctionRecord "a function" VersionRecord "a version" OwnerRecord "an id's owner"
    LayerRecord "a layer" LayerVersionRecord "a layer version"
    ReservedRecord "the reserved concurrency" ProvisionsRecord "the provisioned concurrency"
}

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    App(AppName),
    Release(AppName, ReleaseNumber),
    Content(AppName, Digest),
    Function(LambdaName),
    Version(LambdaName, u64),
    Api(String),
    Url(String),
    Layer(LayerName),
    LayerVersion(LayerName, u64),
    Reserved,
    Provisions,
}

pub(crate) const APPS: &str = "control/app/";
pub(crate) const FUNCTIONS: &str = "control/function/";
pub(crate) const VERSIONS: &str = "control/version/";
pub(crate) const LAYERS: &str = "control/layer/";

impl Key {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Numbers with leading zeros, so that they sort.
        match self {
            Self::App(app) => format!("{APPS}{app}"),
            Self::Release(app, number) => format!("{}{:020}", releases_of(app), number.0),
            Self::Content(app, digest) => format!("control/content/{app}/{digest}"),
            Self::Function(name) => format!("{FUNCTIONS}{name}"),
            Self::Version(name, number) => format!("{VERSIONS}{name}/{number:020}"),
            Self::Api(id) => format!("control/api/{id}"),
            Self::Url(id) => format!("control/url/{id}"),
            Self::Layer(name) => format!("{LAYERS}{name}"),
            Self::LayerVersion(name, number) => format!("{}{number:020}", layer_versions_of(name)),
            Self::Reserved => "control/reserved".into(),
            Self::Provisions => "control/provisioned".into(),
        }
        .into_bytes()
    }

    /// None for keys that are not ours.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.strip_prefix(PREFIX)?).ok()?;
        let (kind, rest) = text.split_once('/').unwrap_or((text, ""));
        Some(match kind {
            "app" => Self::App(rest.parse().ok()?),
            "release" => {
                let (app, number) = rest.split_once('/')?;
                Self::Release(app.parse().ok()?, ReleaseNumber(number.parse().ok()?))
            }
            "content" => {
                let (app, digest) = rest.split_once('/')?;
                Self::Content(app.parse().ok()?, digest.parse().ok()?)
            }
            "function" => Self::Function(rest.parse().ok()?),
            "version" => {
                let (name, number) = rest.split_once('/')?;
                Self::Version(name.parse().ok()?, number.parse().ok()?)
            }
            "api" => Self::Api(rest.to_owned()),
            "url" => Self::Url(rest.to_owned()),
            "layer" => Self::Layer(rest.parse().ok()?),
            "layer-version" => {
                let (name, number) = rest.split_once('/')?;
                Self::LayerVersion(name.parse().ok()?, number.parse().ok()?)
            }
            "reserved" => Self::Reserved,
            "provisioned" => Self::Provisions,
            _ => return None,
        })
    }
}

/// The prefix of a layer's versions.
pub(crate) fn layer_versions_of(name: &LayerName) -> String {
    format!("control/layer-version/{name}/")
}

/// The prefix of an app's releases.
pub(crate) fn releases_of(app: &AppName) -> String {
    format!("control/release/{app}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_bytes() {
        let app: AppName = "shop".parse().unwrap();
        let name: LambdaName = "shop-search".parse().unwrap();
        for key in [
            Key::App(app.clone()),
            Key::Release(app.clone(), ReleaseNumber(7)),
            Key::Content(app, Digest::of(b"x")),
            Key::Function(name.clone()),
            Key::Version(name, u64::MAX),
            Key::Layer("deps".parse().unwrap()),
            Key::LayerVersion("deps".parse().unwrap(), 3),
            Key::Api("abc".into()),
            Key::Url("abc".into()),
            Key::Reserved,
            Key::Provisions,
        ] {
            assert_eq!(Key::parse(&key.bytes()), Some(key));
        }
        assert_eq!(Key::parse(b"documents/x"), None);
        assert_eq!(Key::parse(b"control/else/x"), None);
    }

    #[test]
    fn a_record_of_a_newer_format_is_refused_by_name() {
        let error = ReservedRecord::decode(br#"{"format":2,"value":{"new":true}}"#).unwrap_err();
        assert!(error.to_string().contains("format 2"), "{error}");
        assert!(ReservedRecord::decode(b"{").is_err());
    }
}
