//! What makes a table: its keys, its indexes, and how much it is to bear.

use super::{
    Fault,
    checks::Checks,
    choice::{Choice as _, EncryptionType, KeyKind, KeyType, ProjectionType, View},
    kind::structure,
    scalar::Long,
};

/// `AttributeDefinition`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeDefinition {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
}

/// A `KeySchema`, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeySchema {
    /// `HASH`
    pub(crate) partition: String,
    /// `RANGE`
    pub(crate) sort: Option<String>,
}

/// A secondary index, local or global.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) keys: KeySchema,
    pub(crate) projection: IndexProjection,
    /// Only of a global one.
    pub(crate) throughput: Option<Throughput>,
    pub(crate) on_demand: Option<OnDemand>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IndexProjection {
    All,
    KeysOnly,
    /// And these attributes: 1 to 20.
    Include(Vec<String>),
}

/// `ProvisionedThroughput`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throughput {
    pub(crate) read: u64,
    pub(crate) write: u64,
}

/// `OnDemandThroughput`; -1 takes a bound away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnDemand {
    pub(crate) read: Option<i64>,
    pub(crate) write: Option<i64>,
}

/// `StreamSpecification`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Disabled,
    Enabled(View),
}

/// `SSESpecification`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encryption {
    pub(crate) is_enabled: bool,
    pub(crate) kind: Option<EncryptionType>,
    pub(crate) key: Option<String>,
}

structure! {
    DefinitionInput, "AttributeDefinition" {
        name: String = "AttributeName",
        kind: String = "AttributeType",
    }
}

structure! {
    KeyInput, "KeySchemaElement" {
        name: String = "AttributeName",
        kind: String = "KeyType",
    }
}

structure! {
    ProjectionInput, "Projection" {
        kind: String = "ProjectionType",
        attributes: Vec<String> = "NonKeyAttributes",
    }
}

structure! {
    ThroughputInput, "ProvisionedThroughput" {
        read: Long = "ReadCapacityUnits",
        write: Long = "WriteCapacityUnits",
    }
}

structure! {
    OnDemandInput, "OnDemandThroughput" {
        read: Long = "MaxReadRequestUnits",
        write: Long = "MaxWriteRequestUnits",
    }
}

structure! {
    IndexInput, "GlobalSecondaryIndex" {
        name: String = "IndexName",
        keys: Vec<KeyInput> = "KeySchema",
        projection: ProjectionInput = "Projection",
        throughput: ThroughputInput = "ProvisionedThroughput",
        on_demand: OnDemandInput = "OnDemandThroughput",
    }
}

structure! {
    LocalIndexInput, "LocalSecondaryIndex" {
        name: String = "IndexName",
        keys: Vec<KeyInput> = "KeySchema",
        projection: ProjectionInput = "Projection",
    }
}

structure! {
    StreamInput, "StreamSpecification" {
        enabled: bool = "StreamEnabled",
        view: String = "StreamViewType",
    }
}

structure! {
    EncryptionInput, "SSESpecification" {
        enabled: bool = "Enabled",
        kind: String = "SSEType",
        key: String = "KMSMasterKeyId",
    }
}

impl From<LocalIndexInput> for IndexInput {
    fn from(input: LocalIndexInput) -> Self {
        let LocalIndexInput { name, keys, projection } = input;
        Self { name, keys, projection, throughput: None, on_demand: None }
    }
}

/// Characters of the name of an attribute that an index has (Developer Guide, "Quotas").
const ATTRIBUTE: std::ops::RangeInclusive<usize> = 1..=255;
/// Attributes besides the keys that an index names (Developer Guide, "Quotas").
const PROJECTED: usize = 20;
/// Units that a table can be given at all.
const UNITS: u64 = 1_000_000_000_000;

pub(super) fn check_definitions(checks: &mut Checks, definitions: &[DefinitionInput]) {
    for (index, definition) in definitions.iter().enumerate() {
        let at = |member: &str| format!("attributeDefinitions.{}.member.{member}", index + 1);
        checks.required(&at("attributeName"), &definition.name);
        checks.length(&at("attributeName"), definition.name.as_ref(), ATTRIBUTE);
        checks.required(&at("attributeType"), &definition.kind);
        checks.choice::<KeyKind>(&at("attributeType"), definition.kind.as_ref());
    }
}

/// After [`check_definitions`].
pub(super) fn definitions(inputs: Vec<DefinitionInput>) -> Vec<AttributeDefinition> {
    let definition = |input: DefinitionInput| {
        Some(AttributeDefinition { name: input.name?, kind: super::choice::Choice::of(&input.kind?)? })
    };
    inputs.into_iter().filter_map(definition).collect()
}

pub(super) fn check_keys(checks: &mut Checks, at: &str, keys: Option<&Vec<KeyInput>>) {
    let Some(keys) = keys else { return };
    let shown = keys.iter().map(|key| {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "null".into());
        format!("KeySchemaElement(attributeName={}, keyType={})", word(&key.name), word(&key.kind))
    });
    checks.count_of(at, shown, 1..=2);
    for (index, key) in keys.iter().enumerate() {
        let at = |member: &str| format!("{at}.{}.member.{member}", index + 1);
        checks.required(&at("attributeName"), &key.name);
        checks.length(&at("attributeName"), key.name.as_ref(), ATTRIBUTE);
        checks.required(&at("keyType"), &key.kind);
        checks.choice::<KeyType>(&at("keyType"), key.kind.as_ref());
    }
}

/// An index as a member of a list, or of an action upon one: `at` is where.
pub(super) fn check_index(checks: &mut Checks, at: &str, index: &IndexInput) {
    let name = format!("{at}.indexName");
    checks.required(&name, &index.name);
    checks.name(&name, index.name.as_ref());
    let keys = format!("{at}.keySchema");
    checks.required(&keys, &index.keys);
    check_keys(checks, &keys, index.keys.as_ref());
    let projection = format!("{at}.projection");
    checks.required(&projection, &index.projection);
    if let Some(input) = &index.projection {
        checks.choice::<ProjectionType>(&format!("{projection}.projectionType"), input.kind.as_ref());
        if let Some(names) = &input.attributes {
            let at = format!("{projection}.nonKeyAttributes");
            checks.count_of(&at, names.iter().cloned(), 1..=PROJECTED);
            for (index, name) in names.iter().enumerate() {
                checks.length(&format!("{at}.{}.member", index + 1), Some(name), ATTRIBUTE);
            }
        }
    }
    check_throughput(checks, &format!("{at}.provisionedThroughput"), index.throughput.as_ref());
}

pub(super) fn check_throughput(checks: &mut Checks, at: &str, throughput: Option<&ThroughputInput>) {
    let Some(throughput) = throughput else { return };
    for (member, units) in [("writeCapacityUnits", throughput.write), ("readCapacityUnits", throughput.read)]
    {
        let at = format!("{at}.{member}");
        checks.required(&at, &units);
        checks.long(&at, units, 1..=i64::MAX);
    }
}

/// After [`check_throughput`].
pub(super) fn throughput(input: &ThroughputInput) -> Throughput {
    let units = |units: Option<Long>| units.map_or(0, |Long(units)| units.max(0).unsigned_abs());
    Throughput { read: units(input.read), write: units(input.write) }
}

pub(super) fn check_bounds(throughput: Throughput) -> Result<(), Fault> {
    for (name, units) in [("ReadCapacityUnits", throughput.read), ("WriteCapacityUnits", throughput.write)] {
        if units > UNITS {
            return Err(Fault::validation(format_args!("Given value {units} for {name} is out of bounds")));
        }
    }
    Ok(())
}

/// Without any member it is as if it were not there.
pub(super) fn on_demand(input: Option<&OnDemandInput>) -> Option<OnDemand> {
    let units = |units: Option<Long>| units.map(|Long(units)| units);
    let on_demand = input.map(|input| OnDemand { read: units(input.read), write: units(input.write) })?;
    (on_demand.read.is_some() || on_demand.write.is_some()).then_some(on_demand)
}

impl OnDemand {
    /// The first member that is there.
    pub(super) fn first(self) -> Option<&'static str> {
        match (self.read, self.write) {
            (Some(_), _) => Some("MaxReadRequestUnits"),
            (None, Some(_)) => Some("MaxWriteRequestUnits"),
            (None, None) => None,
        }
    }

    pub(super) fn check_bounds(self, is_valid: fn(i64) -> bool) -> Result<(), Fault> {
        for (name, units) in [("MaxReadRequestUnits", self.read), ("MaxWriteRequestUnits", self.write)] {
            if units.is_some_and(|units| !is_valid(units)) {
                return Err(Fault::parameter(format_args!(
                    "Requested {name} for OnDemandThroughput for table is outside of valid range"
                )));
            }
        }
        Ok(())
    }
}

fn names(keys: &[KeyInput]) -> Vec<&str> {
    keys.iter().filter_map(|key| key.name.as_deref()).collect()
}

/// That all attributes of the keys have a type.
pub(super) fn check_defined(keys: &[KeyInput], definitions: &[AttributeDefinition]) -> Result<(), Fault> {
    let (names, defined) = (names(keys), definitions.iter().map(|definition| definition.name.as_str()));
    match names.iter().all(|name| defined.clone().any(|defined| defined == *name)) {
        true => Ok(()),
        false => Err(Fault::parameter(format_args!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            names.join(", "),
            defined.collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// After [`check_keys`] and [`check_defined`].
pub(super) fn keys(inputs: &[KeyInput]) -> Result<KeySchema, Fault> {
    let is = |input: &KeyInput, kind: KeyType| input.kind.as_deref() == Some(kind.as_str());
    let name = |input: &KeyInput| input.name.clone().unwrap_or_default();
    let second = inputs.get(1);
    match inputs.first() {
        Some(first) => {
            if second.is_some_and(|second| second.name == first.name) {
                return Err(Fault::validation(
                    "Both the Hash Key and the Range Key element in the KeySchema have the same name",
                ));
            }
            if !is(first, KeyType::Hash) {
                return Err(Fault::validation(
                    "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
                ));
            }
            if second.is_some_and(|second| !is(second, KeyType::Range)) {
                return Err(Fault::validation(
                    "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
                ));
            }
            Ok(KeySchema { partition: name(first), sort: second.map(name) })
        }
        None => Err(Fault::validation("Invalid KeySchema: Some index key attribute have no definition")),
    }
}

pub(super) fn projection(input: Option<ProjectionInput>) -> Result<IndexProjection, Fault> {
    let input = input.unwrap_or_default();
    let kind = input.kind.as_deref().and_then(super::choice::Choice::of);
    match (kind, input.attributes) {
        (None, _) => Err(Fault::parameter("Unknown ProjectionType: null")),
        (Some(ProjectionType::All), None) => Ok(IndexProjection::All),
        (Some(ProjectionType::KeysOnly), None) => Ok(IndexProjection::KeysOnly),
        (Some(ProjectionType::Include), Some(attributes)) => Ok(IndexProjection::Include(attributes)),
        (Some(ProjectionType::Include), None) => {
            Err(Fault::parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (Some(kind @ (ProjectionType::All | ProjectionType::KeysOnly)), Some(_)) => Err(Fault::parameter(
            format_args!("ProjectionType is {}, but NonKeyAttributes is specified", kind.as_str()),
        )),
    }
}

/// The attributes of keys, each once.
pub(super) fn attributes<'a>(
    keys: impl Iterator<Item = &'a KeySchema>,
) -> std::collections::BTreeSet<&'a str> {
    keys.flat_map(|keys| std::iter::once(keys.partition.as_str()).chain(keys.sort.as_deref())).collect()
}

pub(super) fn check_stream(checks: &mut Checks, stream: Option<&StreamInput>) {
    if let Some(stream) = stream {
        checks.required("streamSpecification.streamEnabled", &stream.enabled);
        checks.choice::<View>("streamSpecification.streamViewType", stream.view.as_ref());
    }
}

/// What a stream is to be, and what of that is missing or too much is told as of `what`.
pub(super) fn stream(input: &StreamInput, what: &str) -> Result<Stream, Fault> {
    let view = input.view.as_deref().and_then(super::choice::Choice::of);
    match (input.enabled.unwrap_or(false), view) {
        (true, Some(view)) => Ok(Stream::Enabled(view)),
        (false, None) => Ok(Stream::Disabled),
        (true, None) => Err(Fault::parameter(format_args!(
            "Table is being {what} with a stream enabled, UpdateViewType should be specified"
        ))),
        (false, Some(_)) => Err(Fault::parameter(format_args!(
            "Table is being {what} with a stream disabled, UpdateViewType should not be specified"
        ))),
    }
}

pub(super) fn check_encryption(checks: &mut Checks, at: &str, encryption: Option<&EncryptionInput>) {
    if let Some(encryption) = encryption {
        checks.choice::<EncryptionType>(&format!("{at}.sSEType"), encryption.kind.as_ref());
    }
}

pub(super) fn encryption(input: EncryptionInput) -> Encryption {
    Encryption {
        is_enabled: input.enabled.unwrap_or(false),
        kind: input.kind.as_deref().and_then(super::choice::Choice::of),
        key: input.key,
    }
}
