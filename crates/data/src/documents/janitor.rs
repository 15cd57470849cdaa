//! What goes on in the background: following the feed, filling indexes, removing what has expired, trimming streams, and
//! clearing away what was given up.

use std::sync::Arc;

use sonagi_backend::{
    Error, Sequence, Transaction,
    records::{ChangeSet, Direction, Record, after},
};
use sonagi_items::codec;
use sonagi_model::{Timestamp, limits};
use tokio_util::sync::CancellationToken;

use super::{
    Documents, IndexState, Table, TableName, clear,
    count::{Changes, Of},
    error::Stop,
    history::Past,
    layout::{self, EXPIRY, HISTORY, ITEM, STREAM, behind},
    reading::position_of,
    registry::Inner,
    stream::{Stream, StreamRecord},
    table::damaged,
    transaction,
    write::{By, Writer, expires},
};
use crate::following;

/// Begins all of it; it ends with `stop`.
pub(super) fn start(inner: &Arc<Inner>, from: Sequence, stop: &CancellationToken) {
    let follow = follow(Arc::clone(inner), from);
    tokio::spawn(stop.clone().run_until_cancelled_owned(follow));
    tokio::spawn(stop.clone().run_until_cancelled_owned(work(Arc::clone(inner))));
}

/// Follows the feed: notices other tables, and tells those who wait for a stream's records.
async fn follow(inner: Arc<Inner>, from: Sequence) {
    // What was missed is looked up when it is needed.
    let missed = || {
        inner.forget_names();
        inner.wake_readers();
    };
    let take_in = |set: &ChangeSet| take_in(&inner, set);
    following::follow("tables", &inner.records, &inner.clock, from, take_in, missed).await;
}

fn take_in(inner: &Inner, set: &ChangeSet) {
    for change in &set.changes {
        if let Some(name) = change.key.strip_prefix(layout::NAMES) {
            inner.forget_name(name);
        } else if let Some((STREAM, id, _)) = layout::parts(&change.key) {
            inner.wake(id);
        } else if change.key.starts_with(layout::STREAMS) {
            // It has ended, or is gone.
            match change.value.as_deref().and_then(|record| Stream::decode(record).ok()) {
                Some(stream) => inner.wake(stream.id),
                None => inner.wake_readers(),
            }
        }
    }
}

/// Does what is to be done, when something is, and now and then.
async fn work(inner: Arc<Inner>) {
    let documents = Documents::within(&inner);
    loop {
        let wanted = inner.work.notified();
        tokio::pin!(wanted);
        wanted.as_mut().enable();
        match documents.tidy().await {
            Ok(()) => {}
            Err(crate::Error::Backend(Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "tables are not tidied up");
            }
        }
        let pause = inner.clock.sleep(limits::TABLE_TIDY);
        tokio::select! {
            () = wanted => {}
            () = pause => {}
        }
    }
}

impl Documents {
    async fn tidy(&self) -> crate::Result<()> {
        let mut last = None;
        loop {
            let page = self.list(last.as_ref().map(TableName::as_str), limits::CLEARED_AT_ONCE).await?;
            for name in &page.tables {
                self.tidy_table(name).await?;
            }
            if !page.more {
                break;
            }
            last = page.tables.last().cloned();
        }
        self.trim_streams().await?;
        self.forget_tokens().await?;
        Ok(clear::run(self.records()).await?)
    }

    async fn tidy_table(&self, name: &TableName) -> crate::Result<()> {
        let table = match self.recall(name).await {
            Ok(table) => table,
            // It was removed meanwhile.
            Err(crate::Error::Document(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.fill(&table).await?;
        if table.expiry.is_some() {
            self.expire(&table).await?;
        }
        if table.recovery.is_some() {
            let id = table.id;
            self.trim(HISTORY, id, limits::TABLE_HISTORY, |record| Ok(Past::decode(record)?.until)).await?;
        }
        Ok(())
    }

    /// Enters the items that were there before an index, or before they had a time to expire.
    async fn fill(&self, table: &Table) -> crate::Result<()> {
        let indexes = table.indexes.iter().filter(|index| index.state == IndexState::Filling);
        let wanted = Wanted {
            name: table.name.clone(),
            id: table.id,
            indexes: indexes.map(|index| index.no).collect(),
            expiry: table.expiry.as_ref().is_some_and(|expiry| expiry.filling),
        };
        if wanted.indexes.is_empty() && !wanted.expiry {
            return Ok(());
        }
        let (wanted, mut from) = (Arc::new(wanted), None::<Vec<u8>>);
        loop {
            let (wanted, start) = (Arc::clone(&wanted), from.take());
            from = self.change(move |t| fill_some(t, &wanted, start.as_deref())).await?;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Removes the items whose time is over.
    async fn expire(&self, table: &Table) -> crate::Result<()> {
        loop {
            let now = self.now();
            let oldest = now.micros().saturating_sub(limits::ITEM_EXPIRY_AGE.as_micros() as u64);
            let from = layout::expiry(table.id, Timestamp(oldest), &[]);
            let to = layout::expiry(table.id, Timestamp(now.micros() + 1), &[]);
            let most = limits::CLEARED_AT_ONCE;
            let due = self.records().snapshot().scan(&from..&to, Direction::Forward, most).await?;
            if due.is_empty() {
                return Ok(());
            }
            let is_all = due.len() < most;
            let (name, id) = (table.name.clone(), table.id);
            let keys: Vec<_> = due.into_iter().map(|record| record.key).collect();
            let count = keys.len();
            let done = self.change(move |t| expire_some(t, (&name, id), &keys, now)).await?;
            match done {
                Some(done) if done < count || !is_all => {}
                // Nothing is left, or the table is gone.
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn trim_streams(&self) -> crate::Result<()> {
        let (mut last, most) = (None::<Stream>, limits::CLEARED_AT_ONCE);
        loop {
            let behind = last.as_ref().map(|stream| (stream.table.as_str(), stream.label.as_str()));
            let (streams, more) = self.streams(None, behind, most).await?;
            for stream in &streams {
                let at = |record: &bytes::Bytes| Ok(StreamRecord::decode(0, record)?.at);
                self.trim(STREAM, stream.id, limits::STREAM_LIFE, at).await?;
                if stream.ended.is_some_and(|ended| ended < self.horizon()) {
                    let (key, all) = (layout::stream(&stream.table, &stream.label), stream.id);
                    self.change(move |t| {
                        clear::later(t, layout::all(STREAM, all))?;
                        Ok(t.delete(&key)?)
                    })
                    .await?;
                }
            }
            if !more {
                return Ok(());
            }
            last = streams.last().cloned();
        }
    }

    /// Removes records of a log that are older than `life`.
    async fn trim(
        &self,
        tag: u8,
        id: layout::Id,
        life: std::time::Duration,
        at: impl Fn(&bytes::Bytes) -> Result<Timestamp, Error>,
    ) -> crate::Result<()> {
        let horizon = Timestamp(self.now().micros().saturating_sub(life.as_micros() as u64));
        let (from, to) = (layout::position(tag, id, 1), after(&layout::all(tag, id)));
        loop {
            let most = limits::CLEARED_AT_ONCE;
            let found = self.records().snapshot().scan(&from..&to, Direction::Forward, most).await?;
            let mut old = Vec::new();
            for record in &found {
                if at(&record.value)? >= horizon {
                    break;
                }
                old.push(record.key.clone());
            }
            let Some(last) = old.last() else { return Ok(()) };
            let is_all = old.len() < most;
            let trimmed = position_of(last)? + 1;
            let begins = layout::position(tag, id, 0);
            self.change(move |t| {
                old.iter().try_for_each(|key| t.delete(key))?;
                Ok(t.put(&begins, &trimmed.to_be_bytes())?)
            })
            .await?;
            if is_all {
                return Ok(());
            }
        }
    }

    async fn forget_tokens(&self) -> crate::Result<()> {
        let (mut from, to) = (layout::TOKENS.to_vec(), after(layout::TOKENS));
        loop {
            let most = limits::CLEARED_AT_ONCE;
            let found = self.records().snapshot().scan(&from..&to, Direction::Forward, most).await?;
            let now = self.now();
            let stale = found.iter().filter(|record| transaction::is_stale(&record.value, now));
            let stale: Vec<_> = stale.map(|record| record.key.clone()).collect();
            if !stale.is_empty() {
                // One that was used anew meanwhile is kept.
                let forget = move |t: &mut dyn Transaction| {
                    stale.iter().try_for_each(|key| match t.get(key)? {
                        Some(record) if transaction::is_stale(&record, now) => t.delete(key),
                        Some(_) | None => Ok(()),
                    })
                };
                self.change(move |t| Ok(forget(t)?)).await?;
            }
            match found.last() {
                Some(last) if found.len() == most => from = behind(&last.key),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// What is to be filled; what is added to a table meanwhile is filled afterwards.
struct Wanted {
    name: TableName,
    id: layout::Id,
    indexes: Vec<layout::IndexNo>,
    expiry: bool,
}

/// Enters some items, from `from` on; where the next begin, or none: it is done.
fn fill_some(t: &mut dyn Transaction, wanted: &Wanted, from: Option<&[u8]>) -> Result<Option<Vec<u8>>, Stop> {
    let found = Table::find(t, &wanted.name)?.filter(|table| table.id == wanted.id);
    let Some(mut table) = found else { return Ok(None) };
    let all = layout::all(ITEM, table.id);
    let (mut from, to) = (from.unwrap_or(&all).to_vec(), after(&all));
    let mut changes = Changes::default();
    let (mut rows, mut size) = (0, 0);
    loop {
        let most = limits::PAGE_ROWS_FIRST;
        let found = t.scan(&from..&to, Direction::Forward, most)?;
        for record in &found {
            size += fill_one(t, &table, wanted, record, &mut changes)?;
            rows += 1;
            if rows >= limits::CLEARED_AT_ONCE || size >= limits::CLEARED_SIZE {
                changes.write(t, table.id)?;
                return Ok(Some(behind(&record.key)));
            }
        }
        match found.last() {
            Some(last) if found.len() == most => from = behind(&last.key),
            Some(_) | None => break,
        }
    }
    changes.write(t, table.id)?;
    for index in table.indexes.iter_mut().filter(|index| wanted.indexes.contains(&index.no)) {
        index.state = IndexState::Active;
    }
    if let Some(expiry) = table.expiry.as_mut().filter(|_| wanted.expiry) {
        expiry.filling = false;
    }
    table.store(t)?;
    Ok(None)
}

/// Enters an item where it is wanted; how many bytes that took.
fn fill_one(
    t: &mut dyn Transaction,
    table: &Table,
    wanted: &Wanted,
    record: &Record,
    changes: &mut Changes,
) -> Result<usize, Stop> {
    let item = codec::decode(&record.value).map_err(|_| damaged("an item"))?;
    let mut size = 0;
    for index in table.indexes.iter().filter(|index| wanted.indexes.contains(&index.no)) {
        // What is not of the index's types is not in it, as it was there first.
        let Ok(Some(entry)) = index.entry(table, &item) else { continue };
        if t.get(&entry.key)?.is_none() {
            t.put(&entry.key, &entry.record)?;
            changes.note(Of::Index(index.no), None, Some(entry.size));
            size += entry.record.len();
        }
    }
    if wanted.expiry
        && let Some(expiry) = &table.expiry
        && let Some(at) = expires(&item, &expiry.attribute)
    {
        t.put(&layout::expiry(table.id, at, &record.key[layout::PREFIX.len() + 9..]), &[])?;
    }
    Ok(size)
}

/// Removes the items of some notes; of how many, or none: the table is gone.
fn expire_some(
    t: &mut dyn Transaction,
    (name, id): (&TableName, layout::Id),
    notes: &[bytes::Bytes],
    now: Timestamp,
) -> Result<Option<usize>, Stop> {
    let Some(table) = Table::find(t, name)?.filter(|table| table.id == id) else { return Ok(None) };
    // One for all, as each change has its own place in the stream.
    let (mut writer, mut size) = (Writer::new(t, now), 0);
    for (done, note) in notes.iter().enumerate() {
        if size >= limits::CLEARED_SIZE {
            return Ok(Some(done));
        }
        size += expire_one(&mut writer, &table, note)?;
    }
    Ok(Some(notes.len()))
}

/// Removes the item of a note; how many bytes it had.
fn expire_one(writer: &mut Writer<'_>, table: &Table, note: &[u8]) -> Result<usize, Stop> {
    let Some((EXPIRY, _, rest)) = layout::parts(note) else { return Ok(0) };
    let Some(behind) = rest.get(8..) else { return Ok(0) };
    // The item was changed meanwhile, and expires at another time.
    if writer.t.get(note)?.is_none() {
        return Ok(0);
    }
    let key = [&layout::all(ITEM, table.id)[..], behind].concat();
    let record = writer.t.get(&key)?;
    let size = record.as_ref().map_or(0, bytes::Bytes::len);
    let item = record.as_ref().map(codec::decode).transpose().map_err(|_| damaged("an item"))?;
    let due =
        table.expiry.as_ref().zip(item.as_ref()).and_then(|(expiry, item)| expires(item, &expiry.attribute));
    if due.is_some_and(|due| due <= writer.now) {
        writer.replace(table, &key, (item, record), None, By::Expiry)?;
    }
    // Also a note that no item has any more.
    writer.t.delete(note)?;
    Ok(size)
}
