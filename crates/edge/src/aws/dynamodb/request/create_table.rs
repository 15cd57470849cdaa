use std::collections::BTreeSet;

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{BillingMode, TableClass},
    kind::{read, structure},
    scalar::Anything,
    schema::{
        self, AttributeDefinition, DefinitionInput, Encryption, EncryptionInput, Index, IndexInput, KeyInput,
        KeySchema, LocalIndexInput, OnDemand, OnDemandInput, Stream, StreamInput, Throughput,
        ThroughputInput,
    },
    tags::{Tag, TagInput, check_tags},
};

/// API Reference, `CreateTable`
#[derive(Debug)]
pub(crate) struct CreateTable {
    pub(crate) table: Table,
    /// Of exactly the attributes of all keys.
    pub(crate) definitions: Vec<AttributeDefinition>,
    pub(crate) keys: KeySchema,
    pub(crate) local_indexes: Vec<Index>,
    pub(crate) global_indexes: Vec<Index>,
    pub(crate) billing: Billing,
    pub(crate) stream: Option<Stream>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) class: Option<TableClass>,
    pub(crate) is_protected: Option<bool>,
    /// `ResourcePolicy`, `GlobalTableSourceArn` and `VectorIndexes`, of those that are there: nothing is known of them but
    /// their names.
    pub(crate) others: Vec<&'static str>,
}

/// How a table is paid for: what it is given, or what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Billing {
    Provisioned(Throughput),
    PayPerRequest(Option<OnDemand>),
}

structure! {
    Input, "CreateTableInput" {
        definitions: Vec<DefinitionInput> = "AttributeDefinitions",
        table: String = "TableName",
        keys: Vec<KeyInput> = "KeySchema",
        local_indexes: Vec<LocalIndexInput> = "LocalSecondaryIndexes",
        global_indexes: Vec<IndexInput> = "GlobalSecondaryIndexes",
        billing: String = "BillingMode",
        throughput: ThroughputInput = "ProvisionedThroughput",
        stream: StreamInput = "StreamSpecification",
        encryption: EncryptionInput = "SSESpecification",
        tags: Vec<TagInput> = "Tags",
        class: String = "TableClass",
        protected: bool = "DeletionProtectionEnabled",
        on_demand: OnDemandInput = "OnDemandThroughput",
        policy: Anything = "ResourcePolicy",
        source: Anything = "GlobalTableSourceArn",
        vectors: Anything = "VectorIndexes",
    }
}

/// Indexes of a table (Developer Guide, "Quotas").
const LOCAL_INDEXES: usize = 5;
const GLOBAL_INDEXES: usize = 20;

impl CreateTable {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut input: Input = read(body)?;
        let table = Checks::control_table(input.table.take())?;
        let mut checks = Checks::default();
        checks.required("attributeDefinitions", &input.definitions);
        schema::check_definitions(&mut checks, input.definitions.as_deref().unwrap_or_default());
        let mode = checks.choice("billingMode", input.billing.as_ref());
        schema::check_throughput(&mut checks, "provisionedThroughput", input.throughput.as_ref());
        checks.required("keySchema", &input.keys);
        schema::check_keys(&mut checks, "keySchema", input.keys.as_ref());
        let wants_local = input.local_indexes.is_some();
        let local: Vec<IndexInput> =
            input.local_indexes.unwrap_or_default().into_iter().map(Into::into).collect();
        let wants_global = input.global_indexes.is_some();
        let global = input.global_indexes.unwrap_or_default();
        for (name, indexes) in [("localSecondaryIndexes", &local), ("globalSecondaryIndexes", &global)] {
            for (number, index) in indexes.iter().enumerate() {
                schema::check_index(&mut checks, &format!("{name}.{}.member", number + 1), index);
            }
        }
        schema::check_stream(&mut checks, input.stream.as_ref());
        schema::check_encryption(&mut checks, "sSESpecification", input.encryption.as_ref());
        let class = checks.choice("tableClass", input.class.as_ref());
        let tags = check_tags(&mut checks, input.tags.unwrap_or_default());
        checks.done()?;

        let mode = mode.unwrap_or(BillingMode::Provisioned);
        let billing = billing(mode, input.throughput.as_ref(), schema::on_demand(input.on_demand.as_ref()))?;
        let definitions = schema::definitions(input.definitions.unwrap_or_default());
        let inputs = input.keys.unwrap_or_default();
        if inputs.len() > definitions.len() {
            return Err(Fault::validation("Invalid KeySchema: Some index key attribute have no definition"));
        }
        schema::check_defined(&inputs, &definitions)?;
        let keys = schema::keys(&inputs)?;
        for (name, is_empty) in [
            ("LocalSecondaryIndexes", wants_local && local.is_empty()),
            ("GlobalSecondaryIndexes", wants_global && global.is_empty()),
        ] {
            if is_empty {
                return Err(Fault::parameter(format_args!("List of {name} is empty")));
            }
        }
        let mut names = BTreeSet::new();
        let local_indexes = local_indexes(local, &keys, &definitions, &mut names)?;
        let global_indexes = global_indexes(global, mode, &definitions, &mut names)?;
        let all = local_indexes.iter().chain(&global_indexes).map(|index| &index.keys);
        if schema::attributes(all.chain([&keys])).len() != definitions.len() {
            return Err(Fault::parameter(
                "Number of attributes in KeySchema does not exactly match number of attributes defined in \
                 AttributeDefinitions",
            ));
        }
        let stream = input.stream.as_ref().map(|stream| schema::stream(stream, "created")).transpose()?;
        let others = [
            ("ResourcePolicy", input.policy.is_some()),
            ("GlobalTableSourceArn", input.source.is_some()),
            ("VectorIndexes", input.vectors.is_some()),
        ];
        Ok(Self {
            table,
            definitions,
            keys,
            local_indexes,
            global_indexes,
            billing,
            stream,
            encryption: input.encryption.map(schema::encryption),
            tags,
            class,
            is_protected: input.protected,
            others: others.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect(),
        })
    }
}

fn billing(
    mode: BillingMode,
    throughput: Option<&ThroughputInput>,
    on_demand: Option<OnDemand>,
) -> Result<Billing, Fault> {
    match (mode, throughput) {
        (BillingMode::PayPerRequest, Some(_)) => Err(Fault::parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (BillingMode::PayPerRequest, None) => {
            on_demand.map_or(Ok(()), |bounds| bounds.check_bounds(|units| units >= 1))?;
            Ok(Billing::PayPerRequest(on_demand))
        }
        (BillingMode::Provisioned, None) => Err(Fault::parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(throughput)) => {
            let throughput = schema::throughput(throughput);
            schema::check_bounds(throughput)?;
            match on_demand.and_then(OnDemand::first) {
                Some(member) => Err(Fault::parameter(format_args!(
                    "{member} for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED."
                ))),
                None => Ok(Billing::Provisioned(throughput)),
            }
        }
    }
}

/// An index after what local and global ones have in common.
fn index(input: IndexInput, keys: KeySchema, names: &mut BTreeSet<String>) -> Result<Index, Fault> {
    let name = input.name.unwrap_or_default();
    if !names.insert(name.clone()) {
        return Err(Fault::parameter(format_args!("Duplicate index name: {name}")));
    }
    Ok(Index {
        name,
        keys,
        projection: schema::projection(input.projection)?,
        throughput: input.throughput.as_ref().map(schema::throughput),
        on_demand: schema::on_demand(input.on_demand.as_ref()),
    })
}

fn local_indexes(
    inputs: Vec<IndexInput>,
    table: &KeySchema,
    definitions: &[AttributeDefinition],
    names: &mut BTreeSet<String>,
) -> Result<Vec<Index>, Fault> {
    if !inputs.is_empty() && table.sort.is_none() {
        return Err(Fault::parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let mut indexes = Vec::with_capacity(inputs.len());
    for input in inputs {
        let inputs = input.keys.as_deref().unwrap_or_default();
        schema::check_defined(inputs, definitions)?;
        let keys = schema::keys(inputs)?;
        let name = input.name.as_deref().unwrap_or_default();
        if keys.sort.is_none() {
            return Err(Fault::parameter(format_args!(
                "Index KeySchema does not have a range key for index: {name}"
            )));
        }
        if keys.partition != table.partition {
            return Err(Fault::parameter(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash \
                 key: {}, table hash key: {}",
                keys.partition, table.partition
            )));
        }
        indexes.push(index(input, keys, names)?);
    }
    match indexes.len() > LOCAL_INDEXES {
        true => Err(Fault::parameter(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES}"
        ))),
        false => Ok(indexes),
    }
}

fn global_indexes(
    inputs: Vec<IndexInput>,
    mode: BillingMode,
    definitions: &[AttributeDefinition],
    names: &mut BTreeSet<String>,
) -> Result<Vec<Index>, Fault> {
    let mut indexes = Vec::with_capacity(inputs.len());
    for input in inputs {
        let inputs = input.keys.as_deref().unwrap_or_default();
        schema::check_defined(inputs, definitions)?;
        let keys = schema::keys(inputs)?;
        let index = index(input, keys, names)?;
        match (mode, index.throughput) {
            (BillingMode::PayPerRequest, Some(_)) => {
                return Err(Fault::parameter(format_args!(
                    "ProvisionedThroughput should not be specified for index: {} when BillingMode is PAY_PER_REQUEST",
                    index.name
                )));
            }
            (BillingMode::Provisioned, None) => {
                return Err(Fault::parameter(format_args!(
                    "ProvisionedThroughput is not specified for index: {}",
                    index.name
                )));
            }
            (BillingMode::PayPerRequest, None) => {}
            (BillingMode::Provisioned, Some(throughput)) => schema::check_bounds(throughput)?,
        }
        indexes.push(index);
    }
    match indexes.len() > GLOBAL_INDEXES {
        true => Err(Fault::parameter(format_args!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES}"
        ))),
        false => Ok(indexes),
    }
}
