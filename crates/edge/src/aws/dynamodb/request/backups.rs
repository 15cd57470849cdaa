//! Backups on demand and those that go on all the time.

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{BackupFilter, BillingMode},
    kind::{read, structure},
    scalar::{Anything, Integer},
    schema::{self, Encryption, EncryptionInput, OnDemand, OnDemandInput, Throughput, ThroughputInput},
    tables,
};

/// API Reference, `CreateBackup`
#[derive(Debug)]
pub(crate) struct CreateBackup {
    pub(crate) table: Table,
    pub(crate) name: String,
}

/// API Reference, `DescribeBackup`
#[derive(Debug)]
pub(crate) struct DescribeBackup {
    pub(crate) backup: String,
}

/// API Reference, `DeleteBackup`
#[derive(Debug)]
pub(crate) struct DeleteBackup {
    pub(crate) backup: String,
}

/// API Reference, `ListBackups`
#[derive(Debug)]
pub(crate) struct ListBackups {
    pub(crate) table: Option<Table>,
    /// 1 to 100; 100 if the request says nothing.
    pub(crate) limit: usize,
    /// Seconds since 1970; included.
    pub(crate) from: Option<f64>,
    /// Not included.
    pub(crate) to: Option<f64>,
    /// The ARN after which to go on.
    pub(crate) after: Option<String>,
    pub(crate) kind: BackupFilter,
}

/// API Reference, `RestoreTableFromBackup`
#[derive(Debug)]
pub(crate) struct RestoreTableFromBackup {
    pub(crate) backup: String,
    pub(crate) target: String,
    pub(crate) overrides: Overrides,
}

/// API Reference, `RestoreTableToPointInTime`
#[derive(Debug)]
pub(crate) struct RestoreTableToPointInTime {
    pub(crate) source: Table,
    pub(crate) target: String,
    /// Seconds since 1970; none is the latest time that there is.
    pub(crate) time: Option<f64>,
    pub(crate) overrides: Overrides,
}

/// What a restored table has otherwise than it was.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) billing: Option<BillingMode>,
    pub(crate) throughput: Option<Throughput>,
    pub(crate) on_demand: Option<OnDemand>,
    pub(crate) encryption: Option<Encryption>,
    /// `GlobalSecondaryIndexOverride` and such, of those that are there: nothing is known of them but their names.
    pub(crate) others: Vec<&'static str>,
}

/// API Reference, `DescribeContinuousBackups`
#[derive(Debug)]
pub(crate) struct DescribeContinuousBackups {
    pub(crate) table: Table,
}

/// API Reference, `UpdateContinuousBackups`
#[derive(Debug)]
pub(crate) struct UpdateContinuousBackups {
    pub(crate) table: Table,
    pub(crate) is_enabled: bool,
    /// Days, 1 to 35.
    pub(crate) period: Option<u32>,
}

structure! {
    CreateInput, "CreateBackupInput" {
        table: String = "TableName",
        name: String = "BackupName",
    }
}

structure! {
    BackupInput, "DescribeBackupInput" {
        backup: String = "BackupArn",
    }
}

structure! {
    ListInput, "ListBackupsInput" {
        table: String = "TableName",
        limit: Integer = "Limit",
        from: f64 = "TimeRangeLowerBound",
        to: f64 = "TimeRangeUpperBound",
        after: String = "ExclusiveStartBackupArn",
        kind: String = "BackupType",
    }
}

structure! {
    RestoreInput, "RestoreTableInput" {
        target: String = "TargetTableName",
        backup: String = "BackupArn",
        source: String = "SourceTableName",
        source_arn: String = "SourceTableArn",
        latest: bool = "UseLatestRestorableTime",
        time: f64 = "RestoreDateTime",
        billing: String = "BillingModeOverride",
        throughput: ThroughputInput = "ProvisionedThroughputOverride",
        on_demand: OnDemandInput = "OnDemandThroughputOverride",
        encryption: EncryptionInput = "SSESpecificationOverride",
        global_indexes: Anything = "GlobalSecondaryIndexOverride",
        local_indexes: Anything = "LocalSecondaryIndexOverride",
        vectors: Anything = "VectorIndexOverride",
    }
}

structure! {
    UpdateInput, "UpdateContinuousBackupsInput" {
        table: String = "TableName",
        specification: Specification = "PointInTimeRecoverySpecification",
    }
}

structure! {
    Specification, "PointInTimeRecoverySpecification" {
        enabled: bool = "PointInTimeRecoveryEnabled",
        period: Integer = "RecoveryPeriodInDays",
    }
}

/// Backups of a page (API Reference, `ListBackups`).
const PAGE: i64 = 100;
/// Days that can be gone back (API Reference, `PointInTimeRecoverySpecification`).
const PERIOD: i64 = 35;

impl CreateBackup {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: CreateInput = read(body)?;
        let table = Checks::control_table(input.table)?;
        let mut checks = Checks::default();
        checks.required("backupName", &input.name);
        checks.name("backupName", input.name.as_ref());
        checks.done()?;
        Ok(Self { table, name: input.name.unwrap_or_default() })
    }
}

fn backup(body: &[u8]) -> Result<String, Fault> {
    let input: BackupInput = read(body)?;
    let mut checks = Checks::default();
    checks.required("backupArn", &input.backup);
    checks.arn("backupArn", input.backup.as_ref());
    checks.done()?;
    Ok(input.backup.unwrap_or_default())
}

impl DescribeBackup {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        backup(body).map(|backup| Self { backup })
    }
}

impl DeleteBackup {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        backup(body).map(|backup| Self { backup })
    }
}

impl ListBackups {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: ListInput = read(body)?;
        let table = input.table.map(|table| Checks::control_table(Some(table))).transpose()?;
        let mut checks = Checks::default();
        let limit = checks.integer("limit", input.limit, 1..=PAGE);
        checks.arn("exclusiveStartBackupArn", input.after.as_ref());
        let kind = checks.choice("backupType", input.kind.as_ref());
        checks.done()?;
        let limit = usize::try_from(limit.unwrap_or(PAGE)).unwrap_or(usize::MAX);
        let kind = kind.unwrap_or(BackupFilter::All);
        Ok(Self { table, limit, from: input.from, to: input.to, after: input.after, kind })
    }
}

/// What both ways to restore have.
fn overrides(checks: &mut Checks, input: &mut RestoreInput) -> Overrides {
    checks.required("targetTableName", &input.target);
    checks.name("targetTableName", input.target.as_ref());
    let billing = checks.choice("billingModeOverride", input.billing.as_ref());
    schema::check_throughput(checks, "provisionedThroughputOverride", input.throughput.as_ref());
    schema::check_encryption(checks, "sSESpecificationOverride", input.encryption.as_ref());
    let others = [
        ("GlobalSecondaryIndexOverride", input.global_indexes.is_some()),
        ("LocalSecondaryIndexOverride", input.local_indexes.is_some()),
        ("VectorIndexOverride", input.vectors.is_some()),
    ];
    Overrides {
        billing,
        throughput: input.throughput.as_ref().map(schema::throughput),
        on_demand: schema::on_demand(input.on_demand.as_ref()),
        encryption: input.encryption.take().map(schema::encryption),
        others: others.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect(),
    }
}

impl RestoreTableFromBackup {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut input: RestoreInput = read(body)?;
        let mut checks = Checks::default();
        let overrides = overrides(&mut checks, &mut input);
        checks.required("backupArn", &input.backup);
        checks.arn("backupArn", input.backup.as_ref());
        checks.done()?;
        let (backup, target) = (input.backup.unwrap_or_default(), input.target.unwrap_or_default());
        Ok(Self { backup, target, overrides })
    }
}

impl RestoreTableToPointInTime {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut input: RestoreInput = read(body)?;
        let mut checks = Checks::default();
        let overrides = overrides(&mut checks, &mut input);
        checks.name("sourceTableName", input.source.as_ref());
        checks.control_name("sourceTableArn", input.source_arn.as_ref());
        checks.done()?;
        let source = Checks::control_table(input.source.or(input.source_arn)).map_err(|_| {
            Fault::validation("One of SourceTableName or SourceTableArn must be specified in the request")
        })?;
        let time = match (input.latest.unwrap_or(false), input.time) {
            (true, None) => None,
            (false, Some(time)) => Some(time),
            (true, Some(_)) => {
                return Err(Fault::validation(
                    "Cannot specify both RestoreDateTime and UseLatestRestorableTime",
                ));
            }
            (false, None) => {
                return Err(Fault::validation(
                    "One of RestoreDateTime or UseLatestRestorableTime must be specified in the request",
                ));
            }
        };
        Ok(Self { source, target: input.target.unwrap_or_default(), time, overrides })
    }
}

impl DescribeContinuousBackups {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        tables::table(body).map(|table| Self { table })
    }
}

impl UpdateContinuousBackups {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: UpdateInput = read(body)?;
        let table = Checks::control_table(input.table)?;
        let mut checks = Checks::default();
        let at = "pointInTimeRecoverySpecification";
        checks.required(at, &input.specification);
        let mut period = None;
        if let Some(specification) = &input.specification {
            checks.required(&format!("{at}.pointInTimeRecoveryEnabled"), &specification.enabled);
            period = checks.integer(&format!("{at}.recoveryPeriodInDays"), specification.period, 1..=PERIOD);
        }
        checks.done()?;
        Ok(Self {
            table,
            is_enabled: input.specification.unwrap_or_default().enabled.unwrap_or(false),
            period: period.and_then(|days| u32::try_from(days).ok()),
        })
    }
}
