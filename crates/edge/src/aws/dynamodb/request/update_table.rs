use std::collections::BTreeSet;

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{BillingMode, TableClass},
    kind::{read, structure},
    scalar::Anything,
    schema::{
        self, AttributeDefinition, DefinitionInput, Encryption, EncryptionInput, Index, IndexInput, OnDemand,
        OnDemandInput, Stream, StreamInput, Throughput, ThroughputInput,
    },
};

/// API Reference, `UpdateTable`
#[derive(Debug)]
pub(crate) struct UpdateTable {
    pub(crate) table: Table,
    /// Of what the request adds, and perhaps of more.
    pub(crate) definitions: Vec<AttributeDefinition>,
    pub(crate) billing: Option<BillingMode>,
    pub(crate) throughput: Option<Throughput>,
    pub(crate) on_demand: Option<OnDemand>,
    /// Of distinct indexes.
    pub(crate) indexes: Vec<IndexChange>,
    pub(crate) stream: Option<Stream>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) class: Option<TableClass>,
    pub(crate) is_protected: Option<bool>,
    /// `ReplicaUpdates`, `WarmThroughput` and such, of those that are there: nothing is known of them but their names.
    pub(crate) others: Vec<&'static str>,
}

/// `GlobalSecondaryIndexUpdate`
#[derive(Debug)]
pub(crate) enum IndexChange {
    Create(Index),
    Update { name: String, throughput: Option<Throughput>, on_demand: Option<OnDemand> },
    Delete { name: String },
}

impl IndexChange {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Create(index) => &index.name,
            Self::Update { name, .. } | Self::Delete { name } => name,
        }
    }
}

structure! {
    Input, "UpdateTableInput" {
        definitions: Vec<DefinitionInput> = "AttributeDefinitions",
        table: String = "TableName",
        billing: String = "BillingMode",
        throughput: ThroughputInput = "ProvisionedThroughput",
        indexes: Vec<ChangeInput> = "GlobalSecondaryIndexUpdates",
        stream: StreamInput = "StreamSpecification",
        encryption: EncryptionInput = "SSESpecification",
        class: String = "TableClass",
        protected: bool = "DeletionProtectionEnabled",
        on_demand: OnDemandInput = "OnDemandThroughput",
        replicas: Anything = "ReplicaUpdates",
        consistency: Anything = "MultiRegionConsistency",
        witnesses: Anything = "GlobalTableWitnessUpdates",
        warm: Anything = "WarmThroughput",
        vectors: Anything = "VectorIndexUpdates",
    }
}

structure! {
    ChangeInput, "GlobalSecondaryIndexUpdate" {
        update: UpdateInput = "Update",
        create: CreateInput = "Create",
        delete: DeleteInput = "Delete",
    }
}

structure! {
    UpdateInput, "UpdateGlobalSecondaryIndexAction" {
        name: String = "IndexName",
        throughput: ThroughputInput = "ProvisionedThroughput",
        on_demand: OnDemandInput = "OnDemandThroughput",
        warm: Anything = "WarmThroughput",
    }
}

structure! {
    CreateInput, "CreateGlobalSecondaryIndexAction" {
        name: String = "IndexName",
        keys: Vec<schema::KeyInput> = "KeySchema",
        projection: schema::ProjectionInput = "Projection",
        throughput: ThroughputInput = "ProvisionedThroughput",
        on_demand: OnDemandInput = "OnDemandThroughput",
    }
}

structure! {
    DeleteInput, "DeleteGlobalSecondaryIndexAction" {
        name: String = "IndexName",
    }
}

impl From<CreateInput> for IndexInput {
    fn from(input: CreateInput) -> Self {
        let CreateInput { name, keys, projection, throughput, on_demand } = input;
        Self { name, keys, projection, throughput, on_demand }
    }
}

/// One of the actions, so far as it was read; there should be one of an element.
enum Written {
    Create(IndexInput),
    Update(UpdateInput),
    Delete(DeleteInput),
}

impl Written {
    fn of(input: ChangeInput) -> Option<Self> {
        let update = input.update.map(Self::Update);
        let create = input.create.map(|input| Self::Create(input.into()));
        update.or(create).or(input.delete.map(Self::Delete))
    }

    fn check(&self, checks: &mut Checks, number: usize) {
        let at = |action: &str| format!("globalSecondaryIndexUpdates.{number}.member.{action}");
        match self {
            Self::Create(index) => schema::check_index(checks, &at("create"), index),
            Self::Update(update) => {
                let at = at("update");
                let name = format!("{at}.indexName");
                checks.required(&name, &update.name);
                checks.name(&name, update.name.as_ref());
                let throughput = format!("{at}.provisionedThroughput");
                if update.on_demand.is_none() && update.warm.is_none() {
                    checks.required(&throughput, &update.throughput);
                }
                schema::check_throughput(checks, &throughput, update.throughput.as_ref());
            }
            Self::Delete(delete) => {
                let at = format!("{}.indexName", at("delete"));
                checks.required(&at, &delete.name);
                checks.name(&at, delete.name.as_ref());
            }
        }
    }

    fn change(self, definitions: &[AttributeDefinition]) -> Result<IndexChange, Fault> {
        Ok(match self {
            Self::Create(input) => {
                let inputs = input.keys.as_deref().unwrap_or_default();
                // What the table has already does not count.
                schema::check_defined(inputs, definitions)?;
                IndexChange::Create(Index {
                    keys: schema::keys(inputs)?,
                    name: input.name.unwrap_or_default(),
                    projection: schema::projection(input.projection)?,
                    throughput: input.throughput.as_ref().map(schema::throughput),
                    on_demand: schema::on_demand(input.on_demand.as_ref()),
                })
            }
            Self::Update(input) => IndexChange::Update {
                name: input.name.unwrap_or_default(),
                throughput: input.throughput.as_ref().map(schema::throughput),
                on_demand: schema::on_demand(input.on_demand.as_ref()),
            },
            Self::Delete(input) => IndexChange::Delete { name: input.name.unwrap_or_default() },
        })
    }
}

impl UpdateTable {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut input: Input = read(body)?;
        let table = Checks::control_table(input.table.take())?;
        let mut checks = Checks::default();
        schema::check_definitions(&mut checks, input.definitions.as_deref().unwrap_or_default());
        let billing = checks.choice("billingMode", input.billing.as_ref());
        schema::check_throughput(&mut checks, "provisionedThroughput", input.throughput.as_ref());
        let changes: Vec<Option<Written>> =
            input.indexes.take().unwrap_or_default().into_iter().map(Written::of).collect();
        for (index, change) in changes.iter().enumerate() {
            if let Some(change) = change {
                change.check(&mut checks, index + 1);
            }
        }
        schema::check_stream(&mut checks, input.stream.as_ref());
        schema::check_encryption(&mut checks, "sSESpecification", input.encryption.as_ref());
        let class = checks.choice("tableClass", input.class.as_ref());
        checks.done()?;

        let on_demand = schema::on_demand(input.on_demand.as_ref());
        let throughput = input.throughput.as_ref().map(schema::throughput);
        let others = others(&input);
        let changes_something = billing.is_some()
            || throughput.is_some()
            || on_demand.is_some()
            || !changes.is_empty()
            || input.stream.is_some()
            || input.encryption.is_some()
            || class.is_some()
            || input.protected.is_some()
            || !others.is_empty();
        if !changes_something {
            return Err(Fault::validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or \
                 SSESpecification or ReplicaUpdates is required",
            ));
        }
        check_billing(billing, throughput)?;
        let definitions = schema::definitions(input.definitions.unwrap_or_default());
        let indexes = indexes(changes, &definitions)?;
        let stream = input.stream.as_ref().map(|stream| schema::stream(stream, "updated")).transpose()?;
        Ok(Self {
            table,
            definitions,
            billing,
            throughput,
            on_demand,
            indexes,
            stream,
            encryption: input.encryption.map(schema::encryption),
            class,
            is_protected: input.protected,
            others,
        })
    }
}

fn others(input: &Input) -> Vec<&'static str> {
    let others = [
        ("ReplicaUpdates", &input.replicas),
        ("MultiRegionConsistency", &input.consistency),
        ("GlobalTableWitnessUpdates", &input.witnesses),
        ("WarmThroughput", &input.warm),
        ("VectorIndexUpdates", &input.vectors),
    ];
    others.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect()
}

/// So far as the table's own mode does not matter.
fn check_billing(mode: Option<BillingMode>, throughput: Option<Throughput>) -> Result<(), Fault> {
    match (mode, throughput) {
        (Some(BillingMode::Provisioned), None) => {
            Err(Fault::parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"))
        }
        (Some(BillingMode::PayPerRequest), Some(_)) => Err(Fault::parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some(BillingMode::Provisioned) | None, Some(throughput)) => schema::check_bounds(throughput),
        (Some(BillingMode::PayPerRequest) | None, None) => Ok(()),
    }
}

fn indexes(
    changes: Vec<Option<Written>>,
    definitions: &[AttributeDefinition],
) -> Result<Vec<IndexChange>, Fault> {
    let mut indexes: Vec<IndexChange> = Vec::with_capacity(changes.len());
    let mut names = BTreeSet::new();
    for change in changes {
        let change = change.ok_or_else(|| {
            Fault::parameter(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                 GlobalSecondaryIndexUpdate.Delete must not be null",
            )
        })?;
        let change = change.change(definitions)?;
        if !names.insert(change.name().to_owned()) {
            return Err(Fault::parameter(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {}",
                change.name()
            )));
        }
        indexes.push(change);
    }
    Ok(indexes)
}
