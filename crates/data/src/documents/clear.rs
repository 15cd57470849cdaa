//! Ranges of records that nobody needs any more: noted by the transaction that gives them up, removed afterwards, some at a
//! time.

use std::sync::Arc;

use sonagi_backend::{
    Error, Records, Transaction,
    records::{Direction, after},
};
use sonagi_model::limits;

use super::layout;

/// Has all keys removed that begin with `prefix`.
pub(super) fn later(t: &mut dyn Transaction, prefix: Vec<u8>) -> Result<(), Error> {
    let to = after(&prefix);
    later_until(t, prefix, to)
}

/// Has the keys from `from` on, before `to`, removed.
pub(super) fn later_until(t: &mut dyn Transaction, from: Vec<u8>, to: Vec<u8>) -> Result<(), Error> {
    t.put(&layout::gone(&from), &to)
}

/// Whether keys from `from` on are still to be removed.
pub(super) fn is_pending(t: &mut dyn Transaction, from: &[u8]) -> Result<bool, Error> {
    Ok(t.get(&layout::gone(from))?.is_some())
}

/// Removes all that was noted.
pub(super) async fn run(records: &Arc<dyn Records>) -> Result<(), Error> {
    let (first, last) = (layout::GONE.to_vec(), after(layout::GONE));
    loop {
        let gone =
            records.snapshot().scan(&first..&last, Direction::Forward, limits::CLEARED_AT_ONCE).await?;
        if gone.is_empty() {
            return Ok(());
        }
        for record in gone {
            let Some(from) = record.key.strip_prefix(layout::GONE) else { continue };
            let range = [layout::PREFIX, from].concat()..record.value.to_vec();
            records.remove(range, limits::CLEARED_AT_ONCE).await?;
            let (key, to) = (record.key, record.value);
            let done = move |t: &mut dyn Transaction| match t.get(&key)? {
                // More from there on may have been given up meanwhile.
                Some(now) if now == to => t.delete(&key),
                Some(_) | None => Ok(()),
            };
            records.transact(done).await?;
        }
    }
}
