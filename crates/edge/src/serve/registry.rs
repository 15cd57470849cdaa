//! Every open connection of a server: what it is doing, since when, and who must close.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::Config;

/// How many connections one eviction closes at the most, so that a flood does not pay for a scan each.
const EVICTED_AT_ONCE: usize = 32;
/// How often the sweep looks, unless a limit is shorter.
const SWEEP: Duration = Duration::from_millis(500);

pub(super) struct Registry {
    begin: Instant,
    limits: Limits,
    capacity: usize,
    open: Mutex<Open>,
    /// Woken whenever a connection has gone.
    gone: Notify,
    /// Woken when there is a connection again.
    peopled: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    states: HashMap<u64, Arc<State>>,
}

/// In milliseconds.
#[derive(Debug, Clone, Copy)]
struct Limits {
    head: u64,
    idle: u64,
    stall: u64,
}

impl Registry {
    #[expect(clippy::disallowed_methods, reason = "a socket's ages are real time; see the module's doc")]
    pub(super) fn new(config: &Config) -> Self {
        Self {
            begin: Instant::now(),
            limits: Limits {
                head: config.head_timeout.as_millis() as u64,
                idle: config.keep_alive.as_millis() as u64,
                stall: config.body_idle.as_millis() as u64,
            },
            capacity: config.connections.max(1),
            open: Mutex::default(),
            gone: Notify::new(),
            peopled: Notify::new(),
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection, if there is room.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Entry> {
        let state = Arc::new(State::new(self.begin));
        let mut open = self.open();
        if open.states.len() >= self.capacity {
            return None;
        }
        let id = open.next;
        open.next += 1;
        if open.states.is_empty() {
            self.peopled.notify_one();
        }
        open.states.insert(id, Arc::clone(&state));
        Some(Entry { registry: Arc::clone(self), id, state })
    }

    /// Asks the connections that have been idle longest to close; ready when some connection has gone.
    pub(super) fn make_room(&self) -> impl Future<Output = ()> {
        let gone = self.gone.notified();
        let open = self.open();
        let mut idle: Vec<(u64, &Arc<State>)> = open
            .states
            .values()
            .filter(|state| state.under_way.load(Relaxed) == 0)
            .map(|state| (state.idle_since.load(Relaxed), state))
            .collect();
        let wanted = EVICTED_AT_ONCE.min(idle.len().div_ceil(8));
        if wanted > 0 {
            idle.select_nth_unstable_by_key(wanted - 1, |(since, _)| *since);
            for (_, state) in &idle[..wanted] {
                state.close(Close::Evicted);
            }
        }
        gone
    }

    /// Closes everything; how many there were.
    pub(super) fn close_all(&self) -> usize {
        let open = self.open();
        open.states.values().for_each(|state| state.close(Close::Drained));
        open.states.len()
    }

    /// Closes, for as long as the server lives, what has outstayed its limits. Does nothing where nobody is: there may
    /// be a server for each of a thousand environments.
    pub(super) async fn sweep(self: Arc<Self>) {
        let shortest = self.limits.head.min(self.limits.idle).min(self.limits.stall);
        let every = SWEEP.min(Duration::from_millis((shortest / 4).max(5)));
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if self.open().states.is_empty() {
                self.peopled.notified().await;
            }
            ticks.tick().await;
            let open = self.open();
            for state in open.states.values() {
                if let Some(close) = state.overdue(self.limits) {
                    state.close(close);
                }
            }
        }
    }
}

/// A connection's place in the registry, given back when dropped.
pub(super) struct Entry {
    registry: Arc<Registry>,
    id: u64,
    pub(super) state: Arc<State>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.open().states.remove(&self.id);
        self.registry.gone.notify_one();
    }
}

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Close {
    /// It made room for another.
    Evicted = 1,
    /// It waited too long for a request that never began.
    Idle,
    /// A request's head began and did not end in time.
    Head,
    /// The client does not take its answer.
    Stalled,
    /// The server's own end.
    Drained,
}

/// What one connection is doing. Times are milliseconds since the registry's beginning, plus one; 0 is never.
pub(super) struct State {
    begin: Instant,
    /// Requests whose answer has not been handed over whole.
    under_way: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    blocked_since: AtomicU64,
    served: AtomicBool,
    /// HTTP/2 frames come at any time, so bytes say nothing about a head there.
    multiplexed: AtomicBool,
    reason: AtomicU8,
    closing: Notify,
}

impl State {
    fn new(begin: Instant) -> Self {
        let state = Self {
            begin,
            under_way: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            served: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            reason: AtomicU8::new(0),
            closing: Notify::new(),
        };
        state.idle_since.store(state.now(), Relaxed);
        state
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_millis() as u64 + 1
    }

    pub(super) fn multiplexed(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    /// Bytes arrived.
    pub(super) fn read(&self) {
        if self.under_way.load(Relaxed) == 0
            && self.head_since.load(Relaxed) == 0
            && !self.multiplexed.load(Relaxed)
        {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// The client took bytes.
    pub(super) fn wrote(&self) {
        if self.blocked_since.load(Relaxed) != 0 {
            self.blocked_since.store(0, Relaxed);
        }
        if self.under_way.load(Relaxed) == 0 {
            self.idle_since.store(self.now(), Relaxed);
        }
    }

    /// The client takes no more bytes for now.
    pub(super) fn blocked(&self) {
        if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since.store(self.now(), Relaxed);
        }
    }

    /// A request's head has come whole.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        UnderWay(Arc::clone(self))
    }

    fn close(&self, why: Close) {
        // The first reason stays.
        self.reason.compare_exchange(0, why as u8, Relaxed, Relaxed).ok();
        self.closing.notify_one();
    }

    /// Ready when the server wants this connection closed.
    pub(super) async fn closing(&self) -> Close {
        loop {
            self.closing.notified().await;
            match self.reason.load(Relaxed) {
                1 => return Close::Evicted,
                2 => return Close::Idle,
                3 => return Close::Head,
                4 => return Close::Stalled,
                5 => return Close::Drained,
                0 | 6.. => {}
            }
        }
    }

    fn overdue(&self, limits: Limits) -> Option<Close> {
        let now = self.now();
        let over = |since: u64, limit: u64| since != 0 && now.saturating_sub(since) > limit;
        if over(self.blocked_since.load(Relaxed), limits.stall) {
            return Some(Close::Stalled);
        }
        if self.under_way.load(Relaxed) > 0 {
            return None;
        }
        if over(self.head_since.load(Relaxed), limits.head) {
            return Some(Close::Head);
        }
        let limit = if self.served.load(Relaxed) { limits.idle } else { limits.head };
        over(self.idle_since.load(Relaxed), limit).then_some(Close::Idle)
    }
}

/// A request that is being answered; its connection is not idle before this is dropped.
pub(super) struct UnderWay(Arc<State>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.served.store(true, Relaxed);
        self.0.idle_since.store(self.0.now(), Relaxed);
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}
