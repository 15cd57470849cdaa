//! The clock, the randomness and the log of the tests of every driver, which run real code in real time.

use std::{
    fmt, fs,
    future::Future,
    io::Read as _,
    pin::Pin,
    sync::Mutex,
    time::{Instant, SystemTime},
};

use sonagi_model::{
    Clock, Entropy, RequestId, Tick, Timestamp,
    logs::{LogLine, LogSink},
};

#[derive(Debug)]
pub(crate) struct RealClock(Instant);

#[expect(clippy::disallowed_methods, reason = "what is tested runs in real time")]
impl RealClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

#[expect(clippy::disallowed_methods, reason = "what is tested runs in real time")]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as u64)
    }

    fn tick(&self) -> Tick {
        Tick(self.0.elapsed())
    }

    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let at = self.0 + at.0;
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}

#[derive(Debug)]
pub(crate) struct KernelEntropy;

impl Entropy for KernelEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        fs::File::open("/dev/urandom").unwrap().read_exact(bytes).unwrap();
    }
}

/// All that was written.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Mutex<Vec<LogLine>>);

impl LogSink for Lines {
    fn line(&self, line: LogLine) {
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    pub(crate) fn texts(&self) -> Vec<String> {
        self.chosen(|_| true)
    }

    /// Of one request, or of none.
    pub(crate) fn of(&self, request: impl Into<Option<RequestId>>) -> Vec<String> {
        let request = request.into();
        self.chosen(|line| line.request == request)
    }

    fn chosen(&self, choice: impl Fn(&LogLine) -> bool) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let chosen = lines.iter().filter(|line| choice(line));
        chosen.map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}
