//! What goes on in the background: following the feed, and clearing away what is old or was removed.

use std::sync::Arc;

use sonagi_backend::{
    Change, Error, Sequence,
    records::{ChangeSet, Direction, after},
};
use sonagi_model::{Timestamp, limits};
use tokio_util::sync::CancellationToken;

use super::{
    Queue, attempts, fifo,
    layout::{self, ATTEMPT, FLYING, Id, WAITING},
    message::{Lease, Message},
    moving,
    receive::is_old,
    registry::Inner,
    send::window,
    standard,
    steady::Moment,
};
use crate::following;

/// Begins all of it; it ends with `stop`.
pub(super) fn start(inner: &Arc<Inner>, from: Sequence, stop: &CancellationToken) {
    let follow = follow(Arc::clone(inner), from);
    tokio::spawn(stop.clone().run_until_cancelled_owned(follow));
    tokio::spawn(stop.clone().run_until_cancelled_owned(tidy(Arc::clone(inner))));
    tokio::spawn(stop.clone().run_until_cancelled_owned(moving::run(Arc::clone(inner))));
}

/// Follows the feed: wakes receivers, counts messages, notices other settings.
async fn follow(inner: Arc<Inner>, from: Sequence) {
    let take_in = |set: &ChangeSet| {
        take_in(&inner, set);
        inner.seen.send_replace(set.sequence);
    };
    // What was missed is looked up when it is needed.
    let missed = || {
        inner.depths.forget_all();
        inner.forget_names();
        inner.waiting.wake_all();
        inner.own_made.send_modify(|count| *count += 1);
        inner.seen.send_replace(inner.records.sequence());
    };
    following::follow("queues", &inner.records, &inner.clock, from, take_in, missed).await;
}

fn take_in(inner: &Inner, set: &ChangeSet) {
    inner.depths.follow(set);
    let mut now = None;
    for Change { key, value } in &set.changes {
        match (layout::owner_of(key), value) {
            (Some((WAITING | FLYING, id)), Some(_)) => {
                let now = *now.get_or_insert_with(|| inner.steady.now().steady);
                if let Some((due, _)) = layout::due_of(key) {
                    inner.waiting.tell(id, due, now);
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                if let Some(name) = key.strip_prefix(layout::NAMES) {
                    let before = inner.forget_name(name);
                    let queue = value.as_ref().and_then(|record| Queue::decode(record).ok());
                    let begins = queue.as_ref().filter(|queue| queue.id == set.sequence.0);
                    if let Some(queue) = begins {
                        inner.depths.begins(queue.id);
                    }
                    match (before, begins) {
                        (Some(id), _) => inner.waiting.wake(id),
                        (None, Some(made)) if made.purged.is_none() => {
                            if made.name.is_own() {
                                inner.own_made.send_modify(|count| *count += 1);
                            }
                        }
                        (None, _) => inner.waiting.wake_all(),
                    }
                }
            }
        }
    }
}

/// Clears away, now and then.
async fn tidy(inner: Arc<Inner>) {
    let mut seen = Sequence::default();
    loop {
        let newest = inner.records.sequence();
        // Nothing has become of what nobody has touched, but for its age.
        match sweep(&inner, newest != seen).await {
            // Its own last word is no change, if nobody else said anything before it.
            Ok(Some(own)) if own.0 == newest.0 + 1 => seen = own,
            Ok(_) => seen = newest,
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old messages are not cleared away");
            }
        }
        inner.clock.sleep(limits::QUEUE_TIDY).await;
    }
}

/// The commit that it ended with, if it made one.
async fn sweep(inner: &Arc<Inner>, changed: bool) -> Result<Option<Sequence>, Error> {
    remove_gone(inner).await?;
    let mut queues = Vec::new();
    let snapshot = inner.records.snapshot();
    super::depth::each(&*snapshot, (layout::NAMES.to_vec(), after(layout::NAMES)), |record| {
        queues.push(Queue::decode(&record.value)?);
        Ok(())
    })
    .await?;
    drop(snapshot);
    if queues.is_empty() {
        return Ok(None);
    }
    for queue in queues {
        expire(inner, &queue).await?;
        if queue.is_fifo() {
            forget_attempts(inner, &queue).await?;
            let (from, to) =
                layout::deduplication_before(queue.id, window(inner.steady.now().steady).saturating_sub(1));
            inner.records.remove(from..to, limits::QUEUE_CLEARED_AT_ONCE).await?;
        }
    }
    if !changed {
        return Ok(None);
    }
    let now = inner.steady.now().steady;
    let (_, commit) =
        inner.records.transact(move |t| t.put(layout::TIME, &now.micros().to_be_bytes())).await?;
    Ok(Some(commit.sequence))
}

/// Removes what belongs to ids that no queue has any more.
async fn remove_gone(inner: &Arc<Inner>) -> Result<(), Error> {
    let (from, to) = (layout::GONE.to_vec(), after(layout::GONE));
    let gone = inner.records.snapshot().scan(&from..&to, Direction::Forward, limits::SCAN_ROWS).await?;
    for record in gone {
        let id = record.key.strip_prefix(layout::GONE).and_then(|id| <[u8; 8]>::try_from(id).ok());
        let Some(id) = id.map(u64::from_be_bytes) else { continue };
        for tag in layout::TAGS {
            let from = layout::all(tag, id);
            let to = after(&from);
            inner.records.remove(from..to, limits::QUEUE_CLEARED_AT_ONCE).await?;
        }
        inner.depths.forget(id);
        let key = record.key;
        inner.records.transact(move |t| t.delete(&key)).await?;
    }
    Ok(())
}

/// Drops messages that are older than their queue keeps them. They become due after they are sent, so that what is due
/// for so long is as old.
async fn expire(inner: &Arc<Inner>, queue: &Queue) -> Result<(), Error> {
    loop {
        let now = inner.steady.now();
        let retention = u64::from(queue.settings.retention) * 1_000_000;
        let Some(oldest) = now.steady.micros().checked_sub(retention) else { return Ok(()) };
        let (from, to) = layout::due_by(WAITING, queue.id, Timestamp(oldest));
        let waits = !inner.records.snapshot().scan(&from..&to, Direction::Forward, 1).await?.is_empty();
        let (from, to) = layout::due_by(FLYING, queue.id, Timestamp(oldest));
        let flies = !queue.is_fifo()
            && !inner.records.snapshot().scan(&from..&to, Direction::Forward, 1).await?.is_empty();
        if !waits && !flies {
            return Ok(());
        }
        let name = queue.name.clone();
        let (dropped, _) = inner
            .records
            .transact(move |t| {
                // Its settings may be others by now.
                let Some(queue) = Queue::find(t, &name)? else { return Ok(0) };
                drop_old(t, &queue, Timestamp(oldest), now)
            })
            .await?;
        if dropped < limits::QUEUE_CLEARED_AT_ONCE {
            return Ok(());
        }
    }
}

fn drop_old(
    t: &mut dyn sonagi_backend::Transaction,
    queue: &Queue,
    oldest: Timestamp,
    now: Moment,
) -> Result<usize, Error> {
    let most = limits::QUEUE_CLEARED_AT_ONCE;
    let old = |message: &Message| is_old(queue, message, now.wall);
    let mut dropped = 0;
    let tags: &[u8] = if queue.is_fifo() { &[WAITING] } else { &[WAITING, FLYING] };
    for &tag in tags {
        let (from, to) = layout::due_by(tag, queue.id, oldest);
        for record in t.scan(&from..&to, Direction::Forward, most)? {
            if dropped >= most {
                return Ok(dropped);
            }
            if queue.is_fifo() {
                let group = String::from_utf8_lossy(&record.value).into_owned();
                dropped += fifo::expire(t, queue.id, &group, old, most - dropped)?;
            } else if let Some((_, position)) = layout::due_of(&record.key) {
                dropped += usize::from(drop_one(t, queue.id, position, &record.key, old)?);
            }
        }
    }
    Ok(dropped)
}

fn drop_one(
    t: &mut dyn sonagi_backend::Transaction,
    id: Id,
    position: u64,
    entry: &[u8],
    old: impl Fn(&Message) -> bool,
) -> Result<bool, Error> {
    let message = t.get(&layout::message(id, "", position))?;
    if !message.map(|record| Message::decode(&record)).transpose()?.is_none_or(|message| old(&message)) {
        return Ok(false);
    }
    match t.get(&layout::lease(id, position))? {
        Some(record) => standard::remove(t, id, position, &Lease::decode(&record)?)?,
        None => {
            t.delete(entry)?;
            t.delete(&layout::message(id, "", position))?;
        }
    }
    Ok(true)
}

async fn forget_attempts(inner: &Arc<Inner>, queue: &Queue) -> Result<(), Error> {
    let from = layout::all(ATTEMPT, queue.id);
    let (to, now) = (after(&from), inner.steady.now().steady);
    let mut stale = Vec::new();
    let snapshot = inner.records.snapshot();
    super::depth::each(&*snapshot, (from, to), |record| {
        if attempts::is_stale(&record.value, now)? {
            stale.push(record.key.clone());
        }
        Ok(())
    })
    .await?;
    drop(snapshot);
    for keys in stale.chunks(limits::QUEUE_CLEARED_AT_ONCE) {
        let keys = keys.to_vec();
        inner.records.transact(move |t| keys.iter().try_for_each(|key| t.delete(key))).await?;
    }
    Ok(())
}
