//! A count of what runs, with a limit, and a queue for each function that waits.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_model::LambdaName;
use tokio::sync::oneshot;

use crate::ThrottleReason;

/// Lets so many in at once. A function's requests are let in in their order, and functions take turns, so that
/// one function's crowd keeps nobody else out.
pub(super) struct Gate {
    reason: ThrottleReason,
    queue: usize,
    state: Mutex<State>,
}

struct State {
    limit: u32,
    running: u32,
    next: u64,
    waiting: HashMap<LambdaName, VecDeque<Waiter>>,
    /// The functions that wait, each once; the first has the next turn.
    turns: VecDeque<LambdaName>,
}

struct Waiter {
    id: u64,
    grant: oneshot::Sender<Permit>,
}

/// The right to run one invocation, given back when dropped.
pub(crate) struct Permit {
    gate: Arc<Gate>,
}

pub(super) enum Entry {
    Admitted(Permit),
    Queued(ThrottleReason, Waiting),
    Refused(ThrottleReason),
}

/// A place in a queue, left when dropped.
pub(super) struct Waiting {
    place: Place,
    grant: oneshot::Receiver<Permit>,
}

struct Place {
    gate: Arc<Gate>,
    function: LambdaName,
    id: u64,
}

impl Gate {
    pub(super) fn new(reason: ThrottleReason, limit: u32, queue: usize) -> Self {
        let state = State { limit, running: 0, next: 0, waiting: HashMap::new(), turns: VecDeque::new() };
        Self { reason, queue, state: Mutex::new(state) }
    }

    pub(super) fn enter(self: &Arc<Self>, function: &LambdaName) -> Entry {
        let mut state = self.lock();
        if state.running < state.limit && state.turns.is_empty() {
            state.running += 1;
            return Entry::Admitted(Permit { gate: self.clone() });
        }
        if state.limit == 0 {
            return Entry::Refused(self.reason);
        }
        let state = &mut *state;
        state.next += 1;
        let id = state.next;
        let (grant, granted) = oneshot::channel();
        match state.waiting.get_mut(function) {
            Some(queue) if queue.len() >= self.queue => {
                return Entry::Refused(ThrottleReason::CallerRateLimitExceeded);
            }
            Some(queue) => queue.push_back(Waiter { id, grant }),
            None if self.queue == 0 => return Entry::Refused(self.reason),
            None => {
                state.waiting.insert(function.clone(), VecDeque::from([Waiter { id, grant }]));
                state.turns.push_back(function.clone());
            }
        }
        let place = Place { gate: self.clone(), function: function.clone(), id };
        Entry::Queued(self.reason, Waiting { place, grant: granted })
    }

    /// More room lets more in at once; less waits until enough have left.
    pub(super) fn set_limit(self: &Arc<Self>, limit: u32) {
        self.lock().limit = limit;
        loop {
            let Some(grant) = self.lock().admit() else { return };
            self.send(grant);
        }
    }

    fn leave(self: &Arc<Self>) {
        let grant = {
            let mut state = self.lock();
            state.running -= 1;
            state.admit()
        };
        if let Some(grant) = grant {
            self.send(grant);
        }
    }

    fn send(self: &Arc<Self>, grant: oneshot::Sender<Permit>) {
        // A waiter that has just left gives the permit back by dropping it, and so lets the next one in.
        drop(grant.send(Permit { gate: self.clone() }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts the next waiter in, if there is room for it.
    fn admit(&mut self) -> Option<oneshot::Sender<Permit>> {
        if self.running >= self.limit {
            return None;
        }
        let function = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&function)?;
        let waiter = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&function);
        } else {
            self.turns.push_back(function);
        }
        self.running += 1;
        Some(waiter.grant)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave();
    }
}

impl Waiting {
    /// The permit, once it is this one's turn; never none while the gate lives.
    pub(super) async fn granted(self) -> Option<Permit> {
        let Self { place, grant } = self;
        let permit = grant.await.ok();
        drop(place);
        permit
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        let Some(queue) = state.waiting.get_mut(&self.function) else { return };
        queue.retain(|waiter| waiter.id != self.id);
        if queue.is_empty() {
            state.waiting.remove(&self.function);
            state.turns.retain(|function| *function != self.function);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(limit: u32, queue: usize) -> Arc<Gate> {
        Arc::new(Gate::new(ThrottleReason::ConcurrentInvocationLimitExceeded, limit, queue))
    }

    fn name(text: &str) -> LambdaName {
        LambdaName::new(text).unwrap()
    }

    fn queued(gate: &Arc<Gate>, function: &str) -> Waiting {
        match gate.enter(&name(function)) {
            Entry::Queued(_, waiting) => waiting,
            Entry::Admitted(_) | Entry::Refused(_) => panic!("should wait"),
        }
    }

    fn admitted(gate: &Arc<Gate>, function: &str) -> Permit {
        match gate.enter(&name(function)) {
            Entry::Admitted(permit) => permit,
            Entry::Queued(..) | Entry::Refused(_) => panic!("should enter"),
        }
    }

    #[test]
    fn functions_take_turns_and_their_requests_keep_their_order() {
        let gate = gate(1, 10);
        let mut running = admitted(&gate, "a");
        let mut waiting: Vec<_> = [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]
            .map(|(function, number)| (function, number, queued(&gate, function)))
            .into();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(running);
            let mut granted = None;
            waiting.retain_mut(|(function, number, waiting)| match waiting.grant.try_recv() {
                Ok(permit) => {
                    order.push(format!("{function}{number}"));
                    granted = Some(permit);
                    false
                }
                Err(_) => true,
            });
            running = granted.expect("somebody is next");
        }
        assert_eq!(order, ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn who_leaves_the_queue_holds_nobody_up() {
        let gate = gate(1, 10);
        let running = admitted(&gate, "a");
        let first = queued(&gate, "a");
        let mut second = queued(&gate, "a");
        drop(first);
        drop(running);
        let permit = second.grant.try_recv().unwrap();
        drop((permit, second));
        let third = queued_after_grant(&gate);
        drop(third);
        drop(admitted(&gate, "a"));
    }

    /// A waiter that leaves between its grant and its hearing of it.
    fn queued_after_grant(gate: &Arc<Gate>) -> Waiting {
        let running = admitted(gate, "a");
        let waiting = queued(gate, "a");
        drop(running);
        waiting
    }

    #[test]
    fn a_full_queue_and_a_closed_gate_refuse_at_once() {
        let narrow = gate(1, 1);
        let _running = admitted(&narrow, "a");
        let _waiting = queued(&narrow, "a");
        assert!(matches!(narrow.enter(&name("a")), Entry::Refused(ThrottleReason::CallerRateLimitExceeded)));
        let _other = queued(&narrow, "b");
        assert!(matches!(gate(0, 10).enter(&name("a")), Entry::Refused(_)));
    }

    #[test]
    fn a_wider_gate_lets_the_waiting_in() {
        let gate = gate(1, 10);
        let _running = admitted(&gate, "a");
        let mut waiting = [queued(&gate, "a"), queued(&gate, "b"), queued(&gate, "a")];
        gate.set_limit(3);
        let permits = waiting.each_mut().map(|waiting| waiting.grant.try_recv().ok());
        assert_eq!(permits.each_ref().map(Option::is_some), [true, true, false]);
    }
}
