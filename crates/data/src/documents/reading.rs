//! Reading streams (Developer Guide, "Change data capture for DynamoDB Streams"). A stream has one shard.

use sonagi_backend::{
    Snapshot,
    records::{Direction, after},
};
use sonagi_model::{Timestamp, limits};

use super::{
    Documents, Refusal, StreamRecord, TableName,
    layout::{self, Position, behind},
    stream::Stream,
    table::damaged,
};
use crate::Result;

/// Where reading begins (API Reference, `ShardIteratorType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The oldest record that is kept.
    TrimHorizon,
    /// What comes from now on.
    Latest,
    At(Position),
    After(Position),
    /// What was changed at that time or later.
    Since(Timestamp),
}

/// Records in their order, and where the next ones begin; none: there will be no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub records: Vec<StreamRecord>,
    pub next: Option<Position>,
}

/// The oldest position that a record can have.
const FIRST: Position = 1;

impl Documents {
    /// The streams of a table, or of all, behind the last one that is known, at most `most`; whether there are more.
    pub async fn streams(
        &self,
        table: Option<&TableName>,
        last: Option<(&str, &str)>,
        most: usize,
    ) -> Result<(Vec<Stream>, bool)> {
        let prefix = table.map_or_else(|| layout::STREAMS.to_vec(), layout::streams);
        let mut from = prefix.clone();
        if let Some((table, label)) = last {
            let behind = [layout::STREAMS, table.as_bytes(), b"/", label.as_bytes(), &[0]].concat();
            from = from.max(behind);
        }
        let to = after(&prefix);
        if from >= to {
            return Ok((Vec::new(), false));
        }
        let snapshot = self.records().snapshot();
        let mut found = snapshot.scan(&from..&to, Direction::Forward, most + 1).await?;
        let more = found.len() > most;
        found.truncate(most);
        let streams = found.iter().map(|record| Stream::decode(&record.value));
        Ok((streams.collect::<std::result::Result<_, _>>()?, more))
    }

    pub async fn stream(&self, table: &TableName, label: &str) -> Result<Stream> {
        let record = self.records().get(&layout::stream(table, label)).await?;
        let record = record.ok_or_else(|| Refusal::NoStream { arn: format!("{table}/stream/{label}") })?;
        Ok(Stream::decode(&record)?)
    }

    /// The position of the first record that is to be read.
    pub async fn begin(&self, stream: &Stream, from: From) -> Result<Position> {
        let snapshot = self.records().snapshot();
        let oldest = oldest(&*snapshot, stream).await?;
        Ok(match from {
            From::TrimHorizon => FIRST,
            From::Latest => layout::first_of(snapshot.sequence().await?) + (1 << layout::WITHIN_COMMIT),
            From::At(position) | From::After(position) if position < self.trimmed(stream).await? => {
                return Err(Refusal::Trimmed.into());
            }
            From::At(position) => position.max(oldest.unwrap_or(FIRST)),
            From::After(position) => position + 1,
            From::Since(at) => self.since(&*snapshot, stream, at).await?,
        })
    }

    /// The position of the first record that is not older.
    async fn since(&self, snapshot: &dyn Snapshot, stream: &Stream, at: Timestamp) -> Result<Position> {
        let (mut from, to) = range_from(stream, FIRST);
        loop {
            let found = snapshot.scan(&from..&to, Direction::Forward, limits::PAGE_ROWS_FIRST).await?;
            for record in &found {
                let position = position_of(&record.key)?;
                if StreamRecord::decode(position, &record.value)?.at >= at {
                    return Ok(position);
                }
            }
            match found.last() {
                Some(last) => from = behind(&last.key),
                None => {
                    return Ok(layout::first_of(snapshot.sequence().await?) + (1 << layout::WITHIN_COMMIT));
                }
            }
        }
    }

    /// Records from that position on: at most `most`, and not many more bytes than
    /// [`STREAM_PAGE_SIZE`](limits::STREAM_PAGE_SIZE).
    pub async fn read_stream(&self, stream: &Stream, from: Position, most: usize) -> Result<Batch> {
        let snapshot = self.records().snapshot();
        if from != FIRST && from < self.trimmed(stream).await? {
            return Err(Refusal::Trimmed.into());
        }
        let horizon = self.horizon();
        let (mut start, end) = range_from(stream, from.max(FIRST));
        let (mut records, mut next, mut size, mut seen) = (Vec::new(), from, 0, 0);
        // In parts, as records may be large.
        let is_all = 'parts: loop {
            let rows = limits::PAGE_ROWS_FIRST.min(most - seen);
            let found = snapshot.scan(&start..&end, Direction::Forward, rows).await?;
            for record in &found {
                if size >= limits::STREAM_PAGE_SIZE {
                    break 'parts false;
                }
                let position = position_of(&record.key)?;
                next = position + 1;
                let read = StreamRecord::decode(position, &record.value)?;
                size += read.size;
                // It is trimmed, if nobody has come by to do it yet.
                if read.at >= horizon {
                    records.push(read);
                }
            }
            seen += found.len();
            match found.last() {
                _ if seen == most => break false,
                Some(last) if found.len() == rows => start = behind(&last.key),
                Some(_) | None => break true,
            }
        };
        // Of a stream that has ended all is read at some time.
        let is_over = stream.ended.is_some() && is_all;
        Ok(Batch { records, next: (!is_over).then_some(next) })
    }

    /// The same, waiting until there is something. It ends when it is dropped, or when the stream has.
    pub async fn wait_for_stream(&self, stream: &Stream, from: Position, most: usize) -> Result<Batch> {
        let reader = self.inner.reader(stream.id);
        let (table, label) = (&stream.table, &stream.label);
        loop {
            let more = reader.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            // It may have ended meanwhile.
            let stream = self.stream(table, label).await?;
            let batch = self.read_stream(&stream, from, most).await?;
            if !batch.records.is_empty() || batch.next.is_none() || batch.next != Some(from) {
                return Ok(batch);
            }
            more.await;
        }
    }

    /// The first and the last record that there are.
    pub async fn bounds(&self, stream: &Stream) -> Result<Option<(Position, Position)>> {
        let snapshot = self.records().snapshot();
        let Some(first) = oldest(&*snapshot, stream).await? else { return Ok(None) };
        let (from, to) = range_from(stream, FIRST);
        let last = snapshot.scan(&from..&to, Direction::Reverse, 1).await?;
        Ok(last.first().map(|last| position_of(&last.key)).transpose()?.map(|last| (first, last)))
    }

    /// Records that are older are there no more.
    pub(super) fn horizon(&self) -> Timestamp {
        let age = limits::STREAM_LIFE.as_micros() as u64;
        Timestamp(self.now().micros().saturating_sub(age))
    }

    /// Up to which position records were trimmed.
    async fn trimmed(&self, stream: &Stream) -> Result<Position> {
        let record = self.records().get(&layout::position(layout::STREAM, stream.id, 0)).await?;
        let Some(record) = record.filter(|record| !record.is_empty()) else { return Ok(0) };
        let bytes = record.as_ref().try_into().map_err(|_| damaged("a stream's beginning"))?;
        Ok(u64::from_be_bytes(bytes))
    }
}

fn range_from(stream: &Stream, from: Position) -> (Vec<u8>, Vec<u8>) {
    let start = layout::position(layout::STREAM, stream.id, from);
    (start, after(&layout::all(layout::STREAM, stream.id)))
}

async fn oldest(snapshot: &dyn Snapshot, stream: &Stream) -> Result<Option<Position>> {
    let (from, to) = range_from(stream, FIRST);
    let first = snapshot.scan(&from..&to, Direction::Forward, 1).await?;
    Ok(first.first().map(|first| position_of(&first.key)).transpose()?)
}

pub(super) fn position_of(key: &[u8]) -> std::result::Result<Position, sonagi_backend::Error> {
    let position = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
    position.ok_or_else(|| damaged("a stream's record"))
}
