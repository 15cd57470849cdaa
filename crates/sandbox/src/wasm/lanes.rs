//! Where guests compute.
//!
//! ```text
//! here  ──(a tick's worth of processor time)──►  busy lane  ──(more)──►  slow lane
//! the caller's own thread                        threads of a low         threads of the
//!                                                priority                 lowest priority
//! ```
//!
//! A guest begins on the thread of whoever called it, which costs nothing. At every tick it lets go of the thread; one
//! that has used its share by then goes on in the next lane, so that a guest which computes without end delays
//! another's request by one tick and no more. A function whose guests usually compute for longer begins in the
//! busy lane.

use std::{
    future::Future,
    mem,
    panic::resume_unwind,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use super::{cpu, ticker::Ticker};

/// Processor time that a guest gets on its caller's thread.
const HERE: Duration = Duration::from_micros(800);
/// Processor time after which a guest goes from the busy to the slow lane.
const BUSY: Duration = Duration::from_millis(50);
/// Added to the threads' niceness.
const BUSY_NICE: i32 = 4;
const SLOW_NICE: i32 = 15;

pub(super) struct Lanes {
    ticker: Arc<Ticker>,
    busy: Lane,
    slow: Lane,
}

/// Where a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    Here,
    Busy,
}

struct Lane(Option<Runtime>);

impl Lane {
    fn new(name: &'static str, threads: usize, nice: i32) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads.max(4))
            .thread_name(name)
            .on_thread_start(move || {
                // It computes all the same if it may not be lowered.
                let _ = rustix::process::nice(nice);
            })
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Dropped as it is, it would wait for its threads, which must not be done where others' futures run.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Lanes {
    /// `threads`: how many guests compute at once in each lane.
    pub(super) fn new(threads: usize) -> std::io::Result<Self> {
        Ok(Self {
            ticker: Arc::new(Ticker::start()?),
            busy: Lane::new("wasm-busy", threads, BUSY_NICE)?,
            slow: Lane::new("wasm-slow", threads, SLOW_NICE)?,
        })
    }

    pub(super) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Drops what takes long to drop, where it holds nobody up. Returns when that is done.
    pub(super) async fn discard<T: Send + 'static>(&self, waste: T) {
        let Some(slow) = self.slow.handle() else { return };
        // It ends early only when the server does.
        let _ = slow.spawn_blocking(move || drop(waste)).await;
    }

    /// Runs `guest`, which must let go of its thread at every tick, and adds its processor time to `spent`. Dropping the
    /// run ends the guest at its next tick.
    pub(super) fn run<G>(self: &Arc<Self>, guest: Pin<Box<G>>, beginning: Beginning, spent: &Spent) -> Run<G>
    where
        G: Future + Send + 'static,
        G::Output: Send,
    {
        let guest = Slice {
            guest: Some(guest),
            used: Duration::ZERO,
            share: HERE,
            ticker: Arc::clone(&self.ticker),
            spent: spent.clone(),
        };
        let place = match (beginning, self.busy.handle()) {
            (Beginning::Busy, Some(busy)) => Place::Away(busy.spawn(guest.until(BUSY))),
            (Beginning::Here | Beginning::Busy, _) => Place::Here(guest),
        };
        Run { place, lanes: Arc::clone(self) }
    }
}

/// Processor time, as it is used.
#[derive(Clone, Default)]
pub(super) struct Spent(Arc<AtomicU64>);

impl Spent {
    pub(super) fn so_far(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn add(&self, more: Duration) {
        self.0.fetch_add(u64::try_from(more.as_nanos()).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// A guest under way.
pub(super) struct Run<G: Future> {
    place: Place<G>,
    lanes: Arc<Lanes>,
}

enum Place<G: Future> {
    Here(Slice<G>),
    Away(JoinHandle<Sliced<G>>),
    Over,
}

impl<G: Future> Drop for Run<G> {
    fn drop(&mut self) {
        if let Place::Away(handle) = &self.place {
            handle.abort();
        }
    }
}

impl<G> Future for Run<G>
where
    G: Future + Send + 'static,
    G::Output: Send,
{
    type Output = G::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let sliced = match &mut self.place {
                Place::Here(slice) => ready!(Pin::new(slice).poll(context)),
                Place::Away(handle) => match ready!(Pin::new(handle).poll(context)) {
                    Ok(sliced) => sliced,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => resume_unwind(panic),
                        // Its lane is being shut down, and the server with it.
                        Err(_) => return Poll::Pending,
                    },
                },
                Place::Over => return Poll::Pending,
            };
            match sliced {
                Sliced::Done(output) => {
                    self.place = Place::Over;
                    return Poll::Ready(output);
                }
                Sliced::More(slice) => {
                    let (lane, share) = match mem::replace(&mut self.place, Place::Over) {
                        Place::Here(_) => (self.lanes.busy.handle(), BUSY),
                        Place::Away(_) | Place::Over => (self.lanes.slow.handle(), Duration::MAX),
                    };
                    let slice = slice.until(share);
                    self.place = match lane {
                        Some(lane) => Place::Away(lane.spawn(slice)),
                        None => Place::Here(slice),
                    };
                }
            }
        }
    }
}

/// A guest until it has used its share of a lane.
struct Slice<G> {
    guest: Option<Pin<Box<G>>>,
    used: Duration,
    share: Duration,
    ticker: Arc<Ticker>,
    spent: Spent,
}

enum Sliced<G: Future> {
    Done(G::Output),
    More(Slice<G>),
}

impl<G> Slice<G> {
    fn until(mut self, share: Duration) -> Self {
        self.share = share;
        self
    }
}

impl<G: Future> Future for Slice<G> {
    type Output = Sliced<G>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sliced<G>> {
        let slice = &mut *self;
        let Some(guest) = &mut slice.guest else { return Poll::Pending };
        let began = cpu::of_this_thread();
        let polled = {
            let _computing = slice.ticker.computing();
            guest.as_mut().poll(context)
        };
        let turn = cpu::of_this_thread().saturating_sub(began);
        slice.used += turn;
        slice.spent.add(turn);
        match polled {
            Poll::Ready(output) => {
                slice.guest = None;
                Poll::Ready(Sliced::Done(output))
            }
            Poll::Pending if slice.used < slice.share => Poll::Pending,
            Poll::Pending => Poll::Ready(Sliced::More(Slice {
                guest: slice.guest.take(),
                used: slice.used,
                share: slice.share,
                ticker: Arc::clone(&slice.ticker),
                spent: slice.spent.clone(),
            })),
        }
    }
}
