//! How much is in a queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_backend::{
    Change, Error, Records, Sequence, Snapshot,
    records::{ChangeSet, Direction, Record, after},
};
use sonagi_model::{Timestamp, clock::within, limits};

use super::{
    Queue, QueueName, Queues,
    fifo::Group,
    layout::{self, FLYING, GROUP, Id, MESSAGE, WAITING},
};
use crate::Result;

/// How much is in a queue: about, since others go on meanwhile (SQS API Reference, "GetQueueAttributes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: u64,
    pub in_flight: u64,
    /// Messages whose delay is not over.
    pub delayed: u64,
}

/// What is known of each queue by following the feed.
#[derive(Debug, Default)]
pub(super) struct Depths {
    counts: Mutex<HashMap<Id, Counts>>,
}

#[derive(Debug)]
enum Counts {
    /// They are being counted; what has changed meanwhile.
    Counting(Vec<(Sequence, Difference)>),
    /// What there was at that commit, and what has come by since: the feed may be behind what was counted.
    Known { now: Difference, at: Sequence },
}

/// Lets go of a queue whose counting was given up, or else its changes would be noted for ever.
struct Begun<'a> {
    depths: &'a Depths,
    id: Id,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut counts = self.depths.lock();
        if let Some(Counts::Counting(_)) = counts.get(&self.id) {
            counts.remove(&self.id);
        }
    }
}

/// Messages, and those of them that are in flight.
#[derive(Debug, Clone, Copy, Default)]
struct Difference {
    messages: i64,
    flying: i64,
}

impl Difference {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.flying += other.flying;
    }
}

impl Depths {
    /// Messages in flight, if that is known.
    pub(super) fn flying(&self, id: Id) -> Option<usize> {
        match self.lock().get(&id) {
            Some(Counts::Known { now, .. }) => Some(usize::try_from(now.flying).unwrap_or_default()),
            Some(Counts::Counting(_)) | None => None,
        }
    }

    fn known(&self, id: Id) -> Option<Difference> {
        match self.lock().get(&id) {
            Some(Counts::Known { now, .. }) => Some(*now),
            Some(Counts::Counting(_)) | None => None,
        }
    }

    /// A queue that has nothing yet, and whose every change will come by.
    pub(super) fn begins(&self, id: Id) {
        self.lock().entry(id).or_insert(Counts::Known { now: Difference::default(), at: Sequence(id) });
    }

    pub(super) fn forget(&self, id: Id) {
        self.lock().remove(&id);
    }

    /// All are counted anew when they are asked for.
    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    /// Takes in a commit.
    pub(super) fn follow(&self, set: &ChangeSet) {
        let mut counts = None;
        for Change { key, value } in &set.changes {
            let Some((tag, id)) = layout::owner_of(key) else { continue };
            let one = if value.is_some() { 1 } else { -1 };
            let difference = match tag {
                MESSAGE => Difference { messages: one, flying: 0 },
                FLYING => Difference { messages: 0, flying: one },
                _ => continue,
            };
            match counts.get_or_insert_with(|| self.lock()).get_mut(&id) {
                Some(Counts::Known { now, at }) if set.sequence > *at => now.add(difference),
                Some(Counts::Counting(since)) => since.push((set.sequence, difference)),
                Some(Counts::Known { .. }) | None => {}
            }
        }
    }

    /// Counts a queue, unless that was done. What changes meanwhile is not lost: it is noted before the snapshot is
    /// taken.
    async fn count(&self, records: &dyn Records, queue: &Queue) -> std::result::Result<(), Error> {
        match self.lock().entry(queue.id) {
            std::collections::hash_map::Entry::Occupied(_) => return Ok(()),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Counts::Counting(Vec::new()));
            }
        }
        let _begun = Begun { depths: self, id: queue.id };
        let snapshot = records.snapshot();
        let at = snapshot.sequence().await?;
        let mut now = count(&*snapshot, queue).await?;
        if let Some(counts) = self.lock().get_mut(&queue.id)
            && let Counts::Counting(since) = counts
        {
            since
                .iter()
                .filter(|(sequence, _)| *sequence > at)
                .for_each(|(_, difference)| now.add(*difference));
            *counts = Counts::Known { now, at };
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn count(snapshot: &dyn Snapshot, queue: &Queue) -> std::result::Result<Difference, Error> {
    let mut now = Difference::default();
    let every = |tag| {
        let from = layout::all(tag, queue.id);
        let to = after(&from);
        (from, to)
    };
    each(snapshot, every(FLYING), |_| {
        now.flying += 1;
        Ok(())
    })
    .await?;
    if queue.is_fifo() {
        each(snapshot, every(GROUP), |record| {
            now.messages += Group::decode(&record.value)?.messages as i64;
            Ok(())
        })
        .await?;
    } else {
        now.messages = now.flying;
        each(snapshot, every(WAITING), |_| {
            now.messages += 1;
            Ok(())
        })
        .await?;
    }
    Ok(now)
}

/// Every record in a range, page by page.
pub(super) async fn each(
    snapshot: &dyn Snapshot,
    (mut from, to): (Vec<u8>, Vec<u8>),
    mut with: impl FnMut(&Record) -> std::result::Result<(), Error>,
) -> std::result::Result<(), Error> {
    loop {
        let page = snapshot.scan(&from..&to, Direction::Forward, limits::SCAN_ROWS).await?;
        page.iter().try_for_each(&mut with)?;
        match page.last() {
            Some(last) if page.len() == limits::SCAN_ROWS => {
                from = last.key.to_vec();
                from.push(0);
            }
            Some(_) | None => return Ok(()),
        }
    }
}

impl Queues {
    /// How much is in a queue.
    pub async fn depth(&self, name: &QueueName) -> Result<Depth> {
        let queue = self.known(name).await?.queue;
        let now = self.moment().steady;
        self.count(&queue).await?;
        // What has returned to its caller is counted.
        let mut seen = self.inner.seen.subscribe();
        let newest = self.records().sequence();
        let deadline = self.clock().tick() + limits::RECORDS_RETRY;
        drop(within(&**self.clock(), deadline, seen.wait_for(|seen| *seen >= newest)).await);
        let snapshot = self.records().snapshot();
        let total = match self.depths().known(queue.id) {
            Some(now) => now,
            // Another is counting.
            None => count(&*snapshot, &queue).await?,
        };
        let landed = number(&*snapshot, layout::due_by(FLYING, queue.id, now)).await?;
        let delayed = if queue.is_fifo() {
            delayed_in_groups(&*snapshot, &queue, now).await?
        } else {
            number(&*snapshot, layout::due_after(WAITING, queue.id, now)).await?
        };
        let messages = u64::try_from(total.messages).unwrap_or_default();
        let in_flight = u64::try_from(total.flying).unwrap_or_default().saturating_sub(landed);
        Ok(Depth { in_flight, delayed, visible: messages.saturating_sub(in_flight + delayed) })
    }

    pub(super) async fn count(&self, queue: &Arc<Queue>) -> Result<()> {
        Ok(self.depths().count(&**self.records(), queue).await?)
    }
}

async fn number(snapshot: &dyn Snapshot, range: (Vec<u8>, Vec<u8>)) -> std::result::Result<u64, Error> {
    let mut number = 0;
    each(snapshot, range, |_| {
        number += 1;
        Ok(())
    })
    .await?;
    Ok(number)
}

/// A queue's delay is the same for all of its messages, and a group is due with its first: the whole group is delayed if
/// nothing of it is in flight.
async fn delayed_in_groups(
    snapshot: &dyn Snapshot,
    queue: &Queue,
    now: Timestamp,
) -> std::result::Result<u64, Error> {
    let mut groups = Vec::new();
    each(snapshot, layout::due_after(WAITING, queue.id, now), |record| {
        groups.push(record.value.clone());
        Ok(())
    })
    .await?;
    let mut delayed = 0;
    for name in groups {
        let name = String::from_utf8_lossy(&name).into_owned();
        if let Some(record) = snapshot.get(&layout::group(queue.id, &name)).await? {
            let group = Group::decode(&record)?;
            if group.flying.is_empty() {
                delayed += group.messages;
            }
        }
    }
    Ok(delayed)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn commit(sequence: u64) -> ChangeSet {
        let key = layout::message(1, "", sequence).into();
        ChangeSet { sequence: Sequence(sequence), changes: vec![Change { key, value: Some(Bytes::new()) }] }
    }

    #[test]
    fn what_was_counted_is_not_counted_again_when_the_feed_comes_to_it() {
        let depths = Depths::default();
        let known = Difference { messages: 5, flying: 0 };
        depths.lock().insert(1, Counts::Known { now: known, at: Sequence(7) });
        (6..10).for_each(|sequence| depths.follow(&commit(sequence)));
        assert_eq!(depths.known(1).unwrap().messages, 7);
    }

    #[test]
    fn a_counting_that_is_given_up_leaves_nothing() {
        let depths = Depths::default();
        depths.lock().insert(1, Counts::Counting(Vec::new()));
        let begun = Begun { depths: &depths, id: 1 };
        depths.follow(&commit(3));
        drop(begun);
        assert!(depths.lock().is_empty());
    }
}
