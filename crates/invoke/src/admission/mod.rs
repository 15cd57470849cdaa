//! Who may run now.
//!
//! Start reading at [`Admission::enter`]. A function with reserved concurrency has a [`Gate`] of its own; all
//! others share one, which has what the reservations leave of the account's concurrency.

mod gate;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sonagi_model::{Clock, LambdaName, clock::within};

pub(crate) use gate::Permit;
use gate::{Entry, Gate};

use crate::{Config, Deployments, Error, Result, Snapshot, ThrottleReason};

pub(crate) struct Admission {
    account: u32,
    queue: usize,
    wait: Duration,
    shared: Arc<Gate>,
    reserved: RwLock<HashMap<LambdaName, Arc<Gate>>>,
    /// Where the snapshot is that the gates are set by: compared for each invocation, so without a lock.
    seen_at: AtomicUsize,
    /// The same snapshot. Held, so that no other can come to be in its place.
    seen: Mutex<Option<Arc<dyn Snapshot>>>,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
        Self {
            account: config.account_concurrency,
            queue: config.admission_queue,
            wait: config.admission_wait,
            shared: Arc::new(Gate::new(reason, config.account_concurrency, config.admission_queue)),
            reserved: RwLock::default(),
            seen_at: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }

    /// The right to run, now or after a bounded wait. Dropping the future leaves the queue.
    pub(crate) async fn enter(&self, function: &LambdaName, clock: &dyn Clock) -> Result<Permit> {
        let (reason, waiting) = match self.gate(function).enter(function) {
            Entry::Admitted(permit) => return Ok(permit),
            Entry::Refused(reason) => (reason, None),
            Entry::Queued(reason, waiting) => (reason, Some(waiting)),
        };
        if let Some(waiting) = waiting {
            let deadline = clock.tick() + self.wait;
            // In a box, since most never wait.
            if let Some(Some(permit)) = Box::pin(within(clock, deadline, waiting.granted())).await {
                return Ok(permit);
            }
        }
        Err(Error::Throttled { reason, retry_after: RETRY_AFTER })
    }

    /// Sets the gates by what is live now, if that has changed; then tells what is.
    pub(crate) fn follow(&self, deployments: &dyn Deployments) -> Option<Arc<dyn Snapshot>> {
        let place = |live: &Arc<dyn Snapshot>| Arc::as_ptr(live).cast::<()>().addr();
        if self.seen_at.load(Ordering::Acquire) == place(&deployments.live()) {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked again under the lock, so that the newest snapshot is the last to be applied.
        let live = deployments.live();
        let mut total = 0_u32;
        let mut changed = Vec::new();
        {
            let mut reserved = self.reserved.write().unwrap_or_else(PoisonError::into_inner);
            let mut before = std::mem::take(&mut *reserved);
            for (function, limit) in live.reservations() {
                total = total.saturating_add(limit);
                let gate = before.remove(&function).unwrap_or_else(|| {
                    let reason = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
                    Arc::new(Gate::new(reason, limit, self.queue))
                });
                changed.push((gate.clone(), limit));
                reserved.insert(function, gate);
            }
            // Who waits at a gate that is gone waits no longer than for the account's concurrency.
            changed.extend(before.into_values().map(|gate| (gate, self.account)));
        }
        changed.push((self.shared.clone(), self.account.saturating_sub(total)));
        for (gate, limit) in changed {
            gate.set_limit(limit);
        }
        self.seen_at.store(place(&live), Ordering::Release);
        *seen = Some(live.clone());
        Some(live)
    }

    fn gate(&self, function: &LambdaName) -> Arc<Gate> {
        let reserved = self.reserved.read().unwrap_or_else(PoisonError::into_inner);
        reserved.get(function).unwrap_or(&self.shared).clone()
    }
}

/// What a refused caller is told to wait: the least that a `Retry-After` header can say.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
