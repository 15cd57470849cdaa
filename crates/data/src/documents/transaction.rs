//! Writes, each a transaction of its own, and several as one.

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};
use sonagi_backend::Transaction;
use sonagi_items::Item;
use sonagi_model::{Timestamp, limits};

use super::{
    Documents, Invalid, Refusal, Table, TableName, Write, Written,
    error::Stop,
    layout,
    read::{decode, key_of},
    table::{Known, damaged},
    write::Writer,
};
use crate::{Error, Result};

/// A transaction that a client may ask for again, not knowing whether it was done (API Reference, `ClientRequestToken`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// Of what was asked for: with the same token it must be the same.
    pub digest: String,
}

/// What a transaction has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    Now(Vec<Written>),
    /// It was done when the token came first; bytes of each item, which were read now.
    Before,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneBefore {
    digest: String,
    at: Timestamp,
}

impl Documents {
    /// Writes one item.
    pub async fn write(&self, table: &TableName, write: Write) -> Result<Written> {
        let known = self.known(table).await?;
        write.check(&known.table).map_err(Refusal::from)?;
        let now = self.now();
        let done = self
            .change(move |t| {
                let table = current(&known, t)?;
                write_checked(&mut Writer::new(t, now), &known, &table, &write)
            })
            .await;
        self.heed(table, done)
    }

    /// Writes several items, each by itself: one that is refused refuses all, before anything is written.
    pub async fn write_all(&self, writes: Vec<(TableName, Write)>) -> Result<Vec<Written>> {
        let known = self.known_of(&writes).await?;
        check_apart(&known, &writes, Invalid::Duplicates)?;
        for (known, (_, write)) in known.iter().zip(&writes) {
            write.check(&known.table).map_err(Refusal::from)?;
        }
        let now = self.now();
        self.change(move |t| {
            let tables =
                known.iter().map(|known| current(known, t)).collect::<std::result::Result<Vec<_>, _>>()?;
            let mut writer = Writer::new(t, now);
            let each = known.iter().zip(&tables).zip(&writes);
            each.map(|((known, table), (_, write))| write_checked(&mut writer, known, table, write)).collect()
        })
        .await
    }

    /// Writes several items, all or none.
    pub async fn transact(&self, writes: Vec<(TableName, Write)>, token: Option<Token>) -> Result<Done> {
        let known = self.known_of(&writes).await?;
        check_apart(&known, &writes, Invalid::SameItem)?;
        let now = self.now();
        self.change(move |t| {
            if let Some(token) = &token
                && was_done(t, token, now)?
            {
                return Ok(Done::Before);
            }
            let written = all_or_none(t, &known, &writes, now)?;
            if let Some(token) = &token {
                let done = DoneBefore { digest: token.digest.clone(), at: now };
                let record = serde_json::to_vec(&done).map_err(|_| damaged("a transaction's token"))?;
                t.put(&layout::token(&token.text), &record)?;
            }
            Ok(Done::Now(written))
        })
        .await
    }

    async fn known_of(&self, writes: &[(TableName, Write)]) -> Result<Vec<Known>> {
        let mut known = Vec::with_capacity(writes.len());
        for (table, _) in writes {
            known.push(self.known(table).await?);
        }
        Ok(known)
    }

    /// A table that is gone is no longer known.
    fn heed<T>(&self, table: &TableName, done: Result<T>) -> Result<T> {
        if let Err(Error::Document(Refusal::NoTable)) = done {
            self.inner.forget_name(table.as_str().as_bytes());
        }
        done
    }
}

pub(super) fn current(known: &Known, t: &mut dyn Transaction) -> std::result::Result<Arc<Table>, Stop> {
    known.now(t)?.ok_or_else(|| Refusal::NoTable.into())
}

/// Writes what was checked against the table as it was known, which it mostly is still.
fn write_checked(
    writer: &mut Writer<'_>,
    known: &Known,
    table: &Arc<Table>,
    write: &Write,
) -> std::result::Result<Written, Stop> {
    if !Arc::ptr_eq(&known.table, table) {
        write.check(table)?;
    }
    writer.write(table, write)
}

fn check_apart(
    known: &[Known],
    writes: &[(TableName, Write)],
    otherwise: Invalid,
) -> std::result::Result<(), Refusal> {
    let mut seen = HashSet::new();
    for (known, (_, write)) in known.iter().zip(writes) {
        // What has no key is told of by the write itself.
        let key = known.table.key.of(write.key());
        if let Ok(key) = key_of(&known.table, &key)
            && !seen.insert(key)
        {
            return Err(otherwise.into());
        }
    }
    Ok(())
}

fn was_done(t: &mut dyn Transaction, token: &Token, now: Timestamp) -> std::result::Result<bool, Stop> {
    let Some(record) = t.get(&layout::token(&token.text))? else { return Ok(false) };
    let done: DoneBefore = serde_json::from_slice(&record).map_err(|_| damaged("a transaction's token"))?;
    if now.since(done.at) >= limits::TRANSACTION_TOKEN_LIFE {
        return Ok(false);
    }
    if done.digest == token.digest { Ok(true) } else { Err(Refusal::OtherTransaction.into()) }
}

/// Whether a token may be forgotten.
pub(super) fn is_stale(record: &[u8], now: Timestamp) -> bool {
    serde_json::from_slice::<DoneBefore>(record)
        .map_or(true, |done| now.since(done.at) >= limits::TRANSACTION_TOKEN_LIFE)
}

fn all_or_none(
    t: &mut dyn Transaction,
    known: &[Known],
    writes: &[(TableName, Write)],
    now: Timestamp,
) -> std::result::Result<Vec<Written>, Stop> {
    let tables = known.iter().map(|known| current(known, t)).collect::<std::result::Result<Vec<_>, _>>()?;
    let mut writer = Writer::new(t, now);
    let mut written = Vec::with_capacity(writes.len());
    let mut reasons = Vec::with_capacity(writes.len());
    for (table, (_, write)) in tables.iter().zip(writes) {
        match write.check(table).map_err(Stop::from).and_then(|()| writer.write(table, write)) {
            Ok(done) => {
                written.push(done);
                reasons.push(None);
            }
            Err(Stop::Refused(refusal)) => reasons.push(Some(Box::new(refusal))),
            Err(failed @ Stop::Failed(_)) => return Err(failed),
        }
    }
    if reasons.iter().any(Option::is_some) {
        return Err(Refusal::Canceled { reasons }.into());
    }
    Ok(written)
}

impl Documents {
    /// The items of a transaction that was done before, for what it cost to look at them again.
    pub async fn sizes(&self, writes: &[(TableName, Item)]) -> Result<Vec<usize>> {
        let mut keys = Vec::with_capacity(writes.len());
        for (table, item) in writes {
            let table = self.recall(table).await?;
            keys.push(key_of(&table, &table.key.of(item))?);
        }
        let records = self.records().snapshot().get_all(keys).await?;
        let size = |record: &Option<bytes::Bytes>| {
            record.as_ref().map_or(Ok(0), |record| decode(record).map(|item| sonagi_items::size(&item)))
        };
        records.iter().map(size).collect()
    }
}
