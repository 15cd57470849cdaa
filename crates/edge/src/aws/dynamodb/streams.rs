//! Streams of tables (Amazon DynamoDB Streams API Reference). A stream has one shard.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json as value};
use sonagi_data::documents::{
    Event, From, Refusal, Stream, StreamRecord, TableName, of_sequence_number, sequence_number, shard_id,
};
use sonagi_model::{Timestamp, limits};

use super::{
    Answer, Call, arn, describe,
    error::Fault,
    json,
    request::{self, Start, Wire},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Read<'a> {
    records: Vec<Record<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_shard_iterator: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: &'static str,
    event_version: &'static str,
    event_source: &'static str,
    aws_region: &'a str,
    dynamodb: Change<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_identity: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    /// Seconds.
    approximate_creation_date_time: u64,
    keys: Wire<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_image: Option<Wire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_image: Option<Wire<'a>>,
    sequence_number: String,
    size_bytes: usize,
    stream_view_type: &'static str,
}

fn record<'a>(region: &'a str, stream: &Stream, record: &'a StreamRecord) -> Record<'a> {
    let sequence_number = sequence_number(record.position);
    Record {
        event_id: format!("{:08x}{:024x}", crc32fast::hash(stream.label.as_bytes()), record.position),
        event_name: match record.event {
            Event::Insert => "INSERT",
            Event::Modify => "MODIFY",
            Event::Remove => "REMOVE",
        },
        event_version: "1.1",
        event_source: "aws:dynamodb",
        aws_region: region,
        dynamodb: Change {
            approximate_creation_date_time: record.at.seconds(),
            keys: Wire(&record.keys),
            new_image: record.new.as_ref().map(Wire),
            old_image: record.old.as_ref().map(Wire),
            sequence_number,
            size_bytes: record.size,
            stream_view_type: describe::view(stream.view),
        },
        user_identity: record
            .expired
            .then(|| value!({ "PrincipalId": "dynamodb.amazonaws.com", "Type": "Service" })),
    }
}

async fn find(call: &Call<'_>, arn: &str) -> Result<Stream, Fault> {
    let missing = || {
        Fault::new(
            "ResourceNotFoundException",
            format!("Requested resource not found: Stream: {arn} not found"),
        )
    };
    let (table, label) = arn::of_stream(call.parts, arn).ok_or_else(missing)?;
    call.may_do(call.operation.name(), arn, &table, &[]).await?;
    match call.parts.documents.stream(&table, &label).await {
        Err(sonagi_data::Error::Document(Refusal::NoStream { .. })) => Err(missing()),
        found => Ok(found?),
    }
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let asked = request::ListStreams::read(&call.body)?;
    call.may_everywhere()?;
    let table = match &asked.table {
        Some(table) => Some(arn::table_name(call.parts, table)?),
        None => None,
    };
    let last = asked.after.as_deref().and_then(|arn| arn::of_stream(call.parts, arn));
    let behind = last.as_ref().map(|(table, label): &(TableName, String)| (table.as_str(), label.as_str()));
    let (streams, more) = call.parts.documents.streams(table.as_ref(), behind, asked.limit).await?;
    let shown = streams.iter().map(|stream| {
        let arn = arn::stream_of(call.parts, stream);
        value!({ "StreamArn": arn, "TableName": stream.table.as_str(), "StreamLabel": stream.label })
    });
    let shown: Vec<Value> = shown.collect();
    match streams.last().filter(|_| more) {
        Some(last) => {
            json(&value!({ "Streams": shown, "LastEvaluatedStreamArn": arn::stream_of(call.parts, last) }))
        }
        None => json(&value!({ "Streams": shown })),
    }
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let asked = request::DescribeStream::read(&call.body)?;
    let stream = find(call, &asked.stream).await?;
    let shard = shard_id(&stream);
    let bounds = call.parts.documents.bounds(&stream).await?;
    let first = sequence_number(bounds.map_or(1, |(first, _)| first));
    let range = match (stream.ended, bounds) {
        (Some(_), Some((_, last))) => {
            value!({ "StartingSequenceNumber": first, "EndingSequenceNumber": sequence_number(last) })
        }
        (Some(_), None) => value!({ "StartingSequenceNumber": first, "EndingSequenceNumber": first }),
        (None, _) => value!({ "StartingSequenceNumber": first }),
    };
    // A stream's only shard has no children, and nothing stands behind it.
    let is_wanted = asked.children_of.is_none()
        && asked.limit > 0
        && asked.after.as_ref().is_none_or(|after| *after < shard);
    let shards =
        if is_wanted { value!([{ "ShardId": shard, "SequenceNumberRange": range }]) } else { value!([]) };
    json(&value!({ "StreamDescription": {
        "StreamArn": asked.stream,
        "StreamLabel": stream.label,
        "StreamStatus": if stream.ended.is_some() { "DISABLED" } else { "ENABLED" },
        "StreamViewType": describe::view(stream.view),
        "CreationRequestDateTime": describe::seconds(stream.created),
        "TableName": stream.table.as_str(),
        "KeySchema": describe::key_schema(&stream.key),
        "Shards": shards,
    }}))
}

/// Where an iterator stands: what a client carries from one call to the next.
struct Iterator {
    stream: String,
    position: u64,
    made: Timestamp,
}

impl Iterator {
    fn text(&self) -> String {
        STANDARD.encode(format!("{}|{}|{}", self.position, self.made.micros(), self.stream))
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let mut parts = text.splitn(3, '|');
        let (position, made) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { stream: parts.next()?.to_owned(), position, made: Timestamp(made) })
    }
}

pub(super) async fn iterator(call: &Call<'_>) -> Answer {
    let asked = request::GetShardIterator::read(&call.body)?;
    let stream = find(call, &asked.stream).await?;
    if asked.shard != shard_id(&stream) {
        return Err(Refusal::NoShard.into());
    }
    let position = |text: &str| {
        of_sequence_number(text)
            .ok_or_else(|| Fault::validation("Invalid SequenceNumber: it is none that this stream has given"))
    };
    let from = match &asked.start {
        Start::TrimHorizon => From::TrimHorizon,
        Start::Latest => From::Latest,
        Start::At(text) => From::At(position(text)?),
        Start::After(text) => From::After(position(text)?),
        Start::AtTime(seconds) => From::Since(Timestamp((seconds.max(0.0) * 1e6) as u64)),
    };
    let position = call.parts.documents.begin(&stream, from).await?;
    let iterator = Iterator { stream: asked.stream, position, made: call.parts.clock.now() };
    json(&value!({ "ShardIterator": iterator.text() }))
}

pub(super) async fn records(call: &Call<'_>) -> Answer {
    let asked = request::GetRecords::read(&call.body)?;
    let invalid = || Fault::validation("Invalid ShardIterator");
    let iterator = Iterator::read(&asked.iterator).ok_or_else(invalid)?;
    let stream = find(call, &iterator.stream).await?;
    let now = call.parts.clock.now();
    if now.since(iterator.made) >= limits::ITERATOR_LIFE {
        return Err(Refusal::IteratorExpired.into());
    }
    let batch = call.parts.documents.read_stream(&stream, iterator.position, asked.limit).await?;
    let region = call.parts.config.region.as_str();
    let next = batch.next.map(|position| Iterator { position, made: now, ..iterator }.text());
    json(&Read {
        records: batch.records.iter().map(|of| record(region, &stream, of)).collect(),
        next_shard_iterator: next,
    })
}
