//! The operations on tables that have little to say.

use super::{
    Fault,
    checks::{Checks, Table},
    kind::{read, structure},
    scalar::{Anything, Integer},
};

/// API Reference, `DeleteTable`
#[derive(Debug)]
pub(crate) struct DeleteTable {
    pub(crate) table: Table,
}

/// API Reference, `DescribeTable`
#[derive(Debug)]
pub(crate) struct DescribeTable {
    pub(crate) table: Table,
}

/// API Reference, `DescribeTimeToLive`
#[derive(Debug)]
pub(crate) struct DescribeTimeToLive {
    pub(crate) table: Table,
}

/// API Reference, `UpdateTimeToLive`
#[derive(Debug)]
pub(crate) struct UpdateTimeToLive {
    pub(crate) table: Table,
    pub(crate) is_enabled: bool,
    pub(crate) attribute: String,
}

/// API Reference, `ListTables`
#[derive(Debug)]
pub(crate) struct ListTables {
    /// The name after which to go on.
    pub(crate) after: Option<String>,
    /// 1 to 100; 100 if the request says nothing.
    pub(crate) limit: usize,
}

/// API Reference, `DescribeLimits`
#[derive(Debug)]
pub(crate) struct DescribeLimits;

/// API Reference, `DescribeEndpoints`
#[derive(Debug)]
pub(crate) struct DescribeEndpoints;

structure! {
    TableInput, "DescribeTableInput" {
        table: String = "TableName",
    }
}

structure! {
    UpdateInput, "UpdateTimeToLiveInput" {
        table: String = "TableName",
        specification: Specification = "TimeToLiveSpecification",
    }
}

structure! {
    Specification, "TimeToLiveSpecification" {
        enabled: bool = "Enabled",
        attribute: String = "AttributeName",
    }
}

structure! {
    ListInput, "ListTablesInput" {
        after: String = "ExclusiveStartTableName",
        limit: Integer = "Limit",
    }
}

/// Tables of a page (API Reference, `ListTables`).
const PAGE: i64 = 100;

/// What names but a table.
pub(super) fn table(body: &[u8]) -> Result<Table, Fault> {
    let input: TableInput = read(body)?;
    Checks::control_table(input.table)
}

impl DeleteTable {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        table(body).map(|table| Self { table })
    }
}

impl DescribeTable {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        table(body).map(|table| Self { table })
    }
}

impl DescribeTimeToLive {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        table(body).map(|table| Self { table })
    }
}

impl UpdateTimeToLive {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: UpdateInput = read(body)?;
        let table = Checks::control_table(input.table)?;
        let mut checks = Checks::default();
        checks.required("timeToLiveSpecification", &input.specification);
        let is_there = input.specification.is_some();
        let specification = input.specification.unwrap_or_default();
        if is_there {
            checks.required("timeToLiveSpecification.enabled", &specification.enabled);
            let at = "timeToLiveSpecification.attributeName";
            checks.required(at, &specification.attribute);
            checks.length(at, specification.attribute.as_ref(), 1..=255);
        }
        checks.done()?;
        let (enabled, attribute) = (specification.enabled, specification.attribute);
        Ok(Self { table, is_enabled: enabled.unwrap_or(false), attribute: attribute.unwrap_or_default() })
    }
}

impl ListTables {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: ListInput = read(body)?;
        let mut checks = Checks::default();
        checks.name("exclusiveStartTableName", input.after.as_ref());
        let limit = checks.integer("limit", input.limit, 1..=PAGE);
        checks.done()?;
        let limit = limit.unwrap_or(PAGE).unsigned_abs();
        Ok(Self { after: input.after, limit: usize::try_from(limit).unwrap_or(usize::MAX) })
    }
}

impl DescribeLimits {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        read::<Anything>(body).map(|_| Self)
    }
}

impl DescribeEndpoints {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        read::<Anything>(body).map(|_| Self)
    }
}
