//! The beat that interrupts guests: engines' epochs go on by one at every tick while any guest computes.
//!
//! The thread sleeps while nothing runs, so an idle server is not woken. It goes on for a moment after the last guest
//! has stopped, since waking it costs more than a few ticks.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use sonagi_model::limits::WASM_TICK;
use wasmtime::{Engine, EngineWeak};

/// Ticks without a guest after which the thread sleeps.
const IDLE_TICKS: u32 = 50;

/// Stops its thread when it is dropped.
pub(super) struct Ticker {
    beat: Arc<Beat>,
}

struct Beat {
    /// Counts polls of guests: if it stands still, nothing computes, or one guest computes without end.
    polls: AtomicU64,
    /// How many guests compute at this moment.
    computing: AtomicU64,
    sleeping: AtomicBool,
    over: AtomicBool,
    engines: Mutex<Vec<EngineWeak>>,
    thread: Mutex<Option<thread::Thread>>,
}

/// A guest computes as long as this lives.
pub(super) struct Computing<'a>(&'a Beat);

impl Ticker {
    pub(super) fn start() -> std::io::Result<Self> {
        let beat = Arc::new(Beat {
            polls: AtomicU64::new(0),
            computing: AtomicU64::new(0),
            sleeping: AtomicBool::new(false),
            over: AtomicBool::new(false),
            engines: Mutex::new(Vec::new()),
            thread: Mutex::new(None),
        });
        let for_thread = Arc::clone(&beat);
        let handle = thread::Builder::new().name("wasm-tick".into()).spawn(move || for_thread.run())?;
        *beat.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.thread().clone());
        Ok(Self { beat })
    }

    pub(super) fn follow(&self, engine: &Engine) {
        self.beat.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.weak());
    }

    pub(super) fn computing(&self) -> Computing<'_> {
        self.beat.polls.fetch_add(1, Ordering::Relaxed);
        self.beat.computing.fetch_add(1, Ordering::SeqCst);
        if self.beat.sleeping.load(Ordering::SeqCst) {
            self.beat.wake();
        }
        Computing(&self.beat)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.beat.over.store(true, Ordering::SeqCst);
        self.beat.wake();
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.computing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Beat {
    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }

    fn run(&self) {
        let (mut idle, mut seen) = (0, 0);
        while !self.over.load(Ordering::SeqCst) {
            thread::park_timeout(WASM_TICK);
            let polls = self.polls.load(Ordering::Relaxed);
            if polls == seen && self.computing.load(Ordering::SeqCst) == 0 {
                idle += 1;
            } else {
                (idle, seen) = (0, polls);
                for engine in self.engines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    if let Some(engine) = engine.upgrade() {
                        engine.increment_epoch();
                    }
                }
            }
            if idle >= IDLE_TICKS {
                idle = 0;
                self.sleeping.store(true, Ordering::SeqCst);
                // Whoever begins now sees that this sleeps, or is seen here.
                if self.computing.load(Ordering::SeqCst) == 0 && !self.over.load(Ordering::SeqCst) {
                    thread::park();
                }
                self.sleeping.store(false, Ordering::SeqCst);
            }
        }
    }
}
