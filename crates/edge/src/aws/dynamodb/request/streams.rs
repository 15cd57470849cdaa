//! The operations of `DynamoDBStreams_20120810` (API Reference, "Amazon DynamoDB Streams").

use super::{
    Fault,
    checks::Checks,
    choice::{Choice as _, IteratorType, ShardFilterType},
    kind::{read, structure},
    scalar::Integer,
};

/// API Reference, `ListStreams`
#[derive(Debug)]
pub(crate) struct ListStreams {
    pub(crate) table: Option<String>,
    /// 1 to 100; 100 if the request says nothing.
    pub(crate) limit: usize,
    /// The ARN after which to go on.
    pub(crate) after: Option<String>,
}

/// API Reference, `DescribeStream`
#[derive(Debug)]
pub(crate) struct DescribeStream {
    pub(crate) stream: String,
    /// 1 to 100; 100 if the request says nothing.
    pub(crate) limit: usize,
    /// The shard after which to go on.
    pub(crate) after: Option<String>,
    /// Only the shards that come of this one.
    pub(crate) children_of: Option<String>,
}

/// API Reference, `GetShardIterator`
#[derive(Debug)]
pub(crate) struct GetShardIterator {
    pub(crate) stream: String,
    pub(crate) shard: String,
    pub(crate) start: Start,
}

/// Where an iterator starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    TrimHorizon,
    Latest,
    At(String),
    After(String),
    /// Seconds since 1970.
    AtTime(f64),
}

/// API Reference, `GetRecords`
#[derive(Debug)]
pub(crate) struct GetRecords {
    pub(crate) iterator: String,
    /// 1 to 1,000; 1,000 if the request says nothing.
    pub(crate) limit: usize,
}

structure! {
    ListInput, "ListStreamsInput" {
        table: String = "TableName",
        limit: Integer = "Limit",
        after: String = "ExclusiveStartStreamArn",
    }
}

structure! {
    DescribeInput, "DescribeStreamInput" {
        stream: String = "StreamArn",
        limit: Integer = "Limit",
        after: String = "ExclusiveStartShardId",
        filter: FilterInput = "ShardFilter",
    }
}

structure! {
    FilterInput, "ShardFilter" {
        kind: String = "Type",
        shard: String = "ShardId",
    }
}

structure! {
    IteratorInput, "GetShardIteratorInput" {
        stream: String = "StreamArn",
        shard: String = "ShardId",
        kind: String = "ShardIteratorType",
        sequence: String = "SequenceNumber",
        time: f64 = "Timestamp",
    }
}

structure! {
    RecordsInput, "GetRecordsInput" {
        iterator: String = "ShardIterator",
        limit: Integer = "Limit",
    }
}

/// Of a shard's id (API Reference, `DescribeStream`).
const SHARD: std::ops::RangeInclusive<usize> = 28..=65;
/// Streams or shards of a page (API Reference, `ListStreams`, `DescribeStream`).
const PAGE: i64 = 100;
/// Records of a page (API Reference, `GetRecords`).
const RECORDS: i64 = 1_000;

fn limit(checks: &mut Checks, limit: Option<Integer>, most: i64) -> usize {
    let limit = checks.integer("limit", limit, 1..=most).unwrap_or(most);
    usize::try_from(limit).unwrap_or_default()
}

impl ListStreams {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: ListInput = read(body)?;
        let mut checks = Checks::default();
        checks.arn("exclusiveStartStreamArn", input.after.as_ref());
        let limit = limit(&mut checks, input.limit, PAGE);
        checks.control_name("tableName", input.table.as_ref());
        checks.done()?;
        Ok(Self { table: input.table, limit, after: input.after })
    }
}

impl DescribeStream {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: DescribeInput = read(body)?;
        let mut checks = Checks::default();
        checks.required("streamArn", &input.stream);
        checks.arn("streamArn", input.stream.as_ref());
        let limit = limit(&mut checks, input.limit, PAGE);
        checks.length("exclusiveStartShardId", input.after.as_ref(), SHARD);
        let filter = input.filter.unwrap_or_default();
        checks.choice::<ShardFilterType>("shardFilter.type", filter.kind.as_ref());
        checks.length("shardFilter.shardId", filter.shard.as_ref(), SHARD);
        checks.done()?;
        let stream = input.stream.unwrap_or_default();
        Ok(Self { stream, limit, after: input.after, children_of: filter.shard })
    }
}

impl GetShardIterator {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: IteratorInput = read(body)?;
        let mut checks = Checks::default();
        checks.required("streamArn", &input.stream);
        checks.arn("streamArn", input.stream.as_ref());
        checks.required("shardId", &input.shard);
        checks.length("shardId", input.shard.as_ref(), SHARD);
        checks.required("shardIteratorType", &input.kind);
        let kind = checks.choice("shardIteratorType", input.kind.as_ref());
        checks.length("sequenceNumber", input.sequence.as_ref(), 21..=40);
        checks.done()?;
        let start = match (kind, input.sequence, input.time) {
            (Some(IteratorType::TrimHorizon) | None, _, _) => Start::TrimHorizon,
            (Some(IteratorType::Latest), _, _) => Start::Latest,
            (Some(IteratorType::At), Some(sequence), _) => Start::At(sequence),
            (Some(IteratorType::After), Some(sequence), _) => Start::After(sequence),
            (Some(IteratorType::AtTime), _, Some(time)) => Start::AtTime(time),
            (Some(kind @ (IteratorType::At | IteratorType::After)), None, _) => {
                return Err(missing(kind, "SequenceNumber"));
            }
            (Some(kind @ IteratorType::AtTime), _, None) => return Err(missing(kind, "Timestamp")),
        };
        Ok(Self { stream: input.stream.unwrap_or_default(), shard: input.shard.unwrap_or_default(), start })
    }
}

fn missing(kind: IteratorType, member: &str) -> Fault {
    Fault::validation(format_args!("{member} must be specified when ShardIteratorType is {}", kind.as_str()))
}

impl GetRecords {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: RecordsInput = read(body)?;
        let mut checks = Checks::default();
        checks.required("shardIterator", &input.iterator);
        checks.length("shardIterator", input.iterator.as_ref(), 1..=2_048);
        let limit = limit(&mut checks, input.limit, RECORDS);
        checks.done()?;
        Ok(Self { iterator: input.iterator.unwrap_or_default(), limit })
    }
}
