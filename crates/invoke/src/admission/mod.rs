//! Who may run now.
//!
//! Start reading at [`Admission::enter`]. A function with reserved concurrency has a [`Gate`] of its own, and so
//! has what is provisioned of one without; all others share one, which has what these leave of the account's concurrency.

mod gate;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sonagi_control::Share;
use sonagi_model::{Clock, Digest, LambdaName, clock::within};

pub(crate) use gate::Permit;
use gate::{Entry, Gate};

use crate::{Config, Deployments, Error, Result, Snapshot, ThrottleReason};

pub(crate) struct Admission {
    account: u32,
    queue: usize,
    wait: Duration,
    shared: Arc<Gate>,
    gates: RwLock<Gates>,
    /// Where the snapshot is that the gates are set by: compared for each invocation, so without a lock.
    seen_at: AtomicUsize,
    /// The same snapshot. Held, so that no other can come to be in its place.
    seen: Mutex<Option<Arc<dyn Snapshot>>>,
}

/// Those of functions that have concurrency of their own.
#[derive(Default)]
struct Gates {
    reserved: HashMap<LambdaName, Arc<Gate>>,
    /// By environment, of functions that reserve nothing: what is provisioned is a part of what is reserved. Nobody
    /// waits here; what is beyond it goes to the shared gate.
    provisioned: HashMap<(LambdaName, Digest), Arc<Gate>>,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
        Self {
            account: config.account_concurrency,
            queue: config.admission_queue,
            wait: config.admission_wait,
            shared: Arc::new(Gate::new(reason, config.account_concurrency, config.admission_queue)),
            gates: RwLock::default(),
            seen_at: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }

    /// The right to run, now or after a bounded wait. Dropping the future leaves the queue.
    pub(crate) async fn enter(
        &self,
        function: &LambdaName,
        environment: &Digest,
        clock: &dyn Clock,
    ) -> Result<Permit> {
        let (reason, waiting) = match self.enter_now(function, environment) {
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
            let mut gates = self.gates.write().unwrap_or_else(PoisonError::into_inner);
            let mut before = std::mem::take(&mut *gates);
            for (function, limit) in live.reservations() {
                total = total.saturating_add(limit);
                let gate = before.reserved.remove(&function).unwrap_or_else(|| {
                    let reason = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
                    Arc::new(Gate::new(reason, limit, self.queue))
                });
                changed.push((gate.clone(), limit));
                gates.reserved.insert(function, gate);
            }
            let mut provisioned: HashMap<_, u32> = HashMap::new();
            for Share { target, executions } in live.provisioned() {
                let function = &target.function.lambda_name;
                if !gates.reserved.contains_key(function) {
                    total = total.saturating_add(executions);
                    *provisioned.entry((function.clone(), target.environment)).or_default() += executions;
                }
            }
            for (key, limit) in provisioned {
                let gate = before.provisioned.remove(&key).unwrap_or_else(|| {
                    let reason = ThrottleReason::ConcurrentInvocationLimitExceeded;
                    Arc::new(Gate::new(reason, limit, 0))
                });
                changed.push((gate.clone(), limit));
                gates.provisioned.insert(key, gate);
            }
            // Who waits at a gate that is gone waits no longer than for the account's concurrency.
            changed.extend(before.reserved.into_values().map(|gate| (gate, self.account)));
        }
        changed.push((self.shared.clone(), self.account.saturating_sub(total)));
        for (gate, limit) in changed {
            gate.set_limit(limit);
        }
        self.seen_at.store(place(&live), Ordering::Release);
        *seen = Some(live.clone());
        Some(live)
    }

    fn enter_now(&self, function: &LambdaName, environment: &Digest) -> Entry {
        let gates = self.gates.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(reserved) = gates.reserved.get(function) {
            return reserved.enter(function);
        }
        if !gates.provisioned.is_empty()
            && let Some(provisioned) = gates.provisioned.get(&(function.clone(), *environment))
            && let entry @ Entry::Admitted(_) = provisioned.enter(function)
        {
            return entry;
        }
        self.shared.enter(function)
    }
}

/// What a refused caller is told to wait: the least that a `Retry-After` header can say.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
