//! Where a component runs that is not yet anybody's function: it reaches nothing, and what it writes goes nowhere.

use std::{
    future::{self, Future},
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sonagi_model::{
    AppName, Clock, Tick, Timestamp,
    function::Wasm,
    logs::{LogLine, LogSink},
};
use wasmtime::{Engine, Store};

use crate::wasm::{
    budget::Share,
    host::{Host, Setting},
    output::Output,
    reach::{Grants, Nothing, Outbound, OutboundConfig, Resolver, Roots},
};

/// Lines of the component's output that are kept.
const LINES: usize = 5;
/// Bytes that are kept of each.
const LINE_SIZE: usize = 200;

pub(super) struct Seclusion {
    app: AppName,
    runtime: tokio::runtime::Handle,
    written: Arc<Written>,
}

impl Seclusion {
    pub(super) fn new(runtime: tokio::runtime::Handle) -> io::Result<Self> {
        // Nothing is kept under this name, since nothing is lent.
        let app = AppName::new("snapshot").map_err(io::Error::other)?;
        Ok(Self { app, runtime, written: Arc::default() })
    }

    /// A store for an instance that may have `memory` bytes.
    pub(super) fn store(&self, engine: &Engine, memory: usize) -> Store<Host> {
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let outbound = Outbound::new(OutboundConfig {
            resolver: Arc::new(NoNames),
            roots: Roots::Only(Vec::new()),
            clock: Arc::clone(&clock),
            runtime: self.runtime.clone(),
        });
        let grants = Grants::new(self.app.clone(), Wasm::default(), Arc::new(Nothing), outbound);
        let [out, err] = [Stream::Out, Stream::Err].map(|stream| {
            let sink = Sink { stream, written: Arc::clone(&self.written) };
            Output::new(Arc::new(sink), Arc::clone(&clock))
        });
        Host::store(engine, &Setting { grants, memory, share: Share::unlimited() }, &[], &out, &err)
    }

    /// What the component wrote last.
    pub(super) fn last_words(&self) -> String {
        self.written.lines().last.join(" / ")
    }

    /// How many lines that end with [`MARK`] came to each of its outputs.
    pub(super) fn marks(&self) -> Marks {
        self.written.lines().marks
    }
}

/// A line that says to which of its outputs it was written, by where it arrives.
pub(super) const MARK: &str = "which stream is this?";

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    pub(super) out: usize,
    pub(super) err: usize,
}

#[derive(Default)]
struct Written(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: Vec<String>,
    marks: Marks,
}

impl Written {
    fn lines(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// Where one of its outputs goes.
struct Sink {
    stream: Stream,
    written: Arc<Written>,
}

impl LogSink for Sink {
    fn line(&self, line: LogLine) {
        let mut kept = self.written.lines();
        if line.text.ends_with(MARK.as_bytes()) {
            match self.stream {
                Stream::Out => kept.marks.out += 1,
                Stream::Err => kept.marks.err += 1,
            }
        }
        if kept.last.len() >= LINES {
            kept.last.remove(0);
        }
        let text = &line.text[..line.text.len().min(LINE_SIZE)];
        kept.last.push(String::from_utf8_lossy(text).into_owned());
    }
}

/// A clock for the times of lines that nobody keeps.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn tick(&self) -> Tick {
        Tick::default()
    }

    fn sleep_until(&self, _: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(future::pending())
    }
}

struct NoNames;

#[async_trait]
impl Resolver for NoNames {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
