//! What every invocation used.
//!
//! Totals are exact while the process lives, and start at zero with it: nothing here is durable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonagi_control::Version;
use sonagi_model::{
    AppName, LambdaName, ReleaseNumber, RequestId, Timestamp, invocation::Usage, limits::METERING_BACKLOG,
};
use sonagi_sandbox::Outcome;
use tokio::sync::broadcast;

/// One invocation that has ended.
#[derive(Debug, Clone)]
pub struct Record {
    pub app: AppName,
    pub function: LambdaName,
    pub version: Version,
    pub release: ReleaseNumber,
    pub request: RequestId,
    /// When it ended.
    pub at: Timestamp,
    pub outcome: Outcome,
    pub usage: Usage,
}

/// A function's sums since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Invocations that ran, whatever came of them.
    pub invocations: u64,
    /// Of these, those that failed: by the handler's doing or the platform's.
    pub errors: u64,
    /// Of these errors, those that ran out of time.
    pub timeouts: u64,
    /// Requests that were refused for lack of concurrency or room, and did not run.
    pub throttles: u64,
    /// Invocations that an environment was started for.
    pub cold_starts: u64,
    /// Milliseconds.
    pub billed_ms: u64,
    /// Memory × billed time, in MiB-milliseconds.
    pub memory_time: u64,
    /// Processor time, of those invocations where it is known: those of WebAssembly functions.
    pub cpu: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionTotals {
    pub app: AppName,
    pub function: LambdaName,
    pub totals: Totals,
}

/// Every record from the moment of subscribing on.
pub struct RecordStream {
    receiver: broadcast::Receiver<Arc<Record>>,
}

#[derive(Debug, Clone)]
pub enum Metered {
    Record(Arc<Record>),
    /// The reader was too slow: so many records are left out. The totals have them.
    Lost(u64),
}

impl RecordStream {
    /// The next record; none once the frontend is gone.
    pub async fn next(&mut self) -> Option<Metered> {
        match self.receiver.recv().await {
            Ok(record) => Some(Metered::Record(record)),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Metered::Lost(count)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

pub(crate) struct Metering {
    meters: Mutex<HashMap<(AppName, LambdaName), Arc<Meter>>>,
    records: broadcast::Sender<Arc<Record>>,
}

/// One function's sums.
#[derive(Default)]
pub(crate) struct Meter {
    totals: Mutex<Totals>,
}

impl Metering {
    pub(crate) fn new() -> Self {
        Self { meters: Mutex::default(), records: broadcast::Sender::new(METERING_BACKLOG) }
    }

    pub(crate) fn meter(&self, app: &AppName, function: &LambdaName) -> Arc<Meter> {
        self.meters().entry((app.clone(), function.clone())).or_default().clone()
    }

    pub(crate) fn record(&self, meter: &Meter, record: Record) {
        meter.add(&record);
        if self.records.receiver_count() > 0 {
            // Without a subscriber there is nobody to tell.
            let _ = self.records.send(Arc::new(record));
        }
    }

    pub(crate) fn subscribe(&self) -> RecordStream {
        RecordStream { receiver: self.records.subscribe() }
    }

    /// Sorted by app and function.
    pub(crate) fn totals(&self) -> Vec<FunctionTotals> {
        let mut all: Vec<_> = self
            .meters()
            .iter()
            .map(|((app, function), meter)| FunctionTotals {
                app: app.clone(),
                function: function.clone(),
                totals: *meter.lock(),
            })
            .collect();
        all.sort_unstable_by(|a, b| (&a.app, &a.function).cmp(&(&b.app, &b.function)));
        all
    }

    fn meters(&self) -> MutexGuard<'_, HashMap<(AppName, LambdaName), Arc<Meter>>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    pub(crate) fn throttled(&self) {
        self.lock().throttles += 1;
    }

    fn add(&self, record: &Record) {
        let mut totals = self.lock();
        totals.invocations += 1;
        match record.outcome {
            Outcome::Success => {}
            Outcome::Error(_) | Outcome::Fault(_) => totals.errors += 1,
            Outcome::TimedOut => {
                totals.errors += 1;
                totals.timeouts += 1;
            }
        }
        totals.cold_starts += u64::from(record.usage.cold_start.is_some());
        totals.billed_ms += record.usage.billed;
        totals.memory_time += record.usage.memory_time();
        totals.cpu += record.usage.cpu.unwrap_or_default();
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
