//! Sees every WARN and ERROR of the process.

use std::{
    fmt,
    sync::{Mutex, OnceLock},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _, util::SubscriberInitExt as _};

static SEEN: OnceLock<Mutex<Seen>> = OnceLock::new();

#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    expected: Vec<String>,
}

/// Watches from now on; once for the whole process.
pub(crate) fn start() {
    SEEN.get_or_init(|| {
        tracing_subscriber::registry().with(Watch).init();
        Mutex::default()
    });
}

/// Lines with `text` in them are fine.
pub(crate) fn expect(text: &str) {
    start();
    SEEN.get().unwrap().lock().unwrap().expected.push(text.into());
}

/// The lines that nobody expected.
pub(crate) fn unexpected() -> Vec<String> {
    let Some(seen) = SEEN.get() else { return Vec::new() };
    let seen = seen.lock().unwrap();
    seen.lines.iter().filter(|line| !seen.expected.iter().any(|text| line.contains(text))).cloned().collect()
}

struct Watch;

impl<S: Subscriber> Layer<S> for Watch {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || !metadata.target().starts_with("sonagi") {
            return;
        }
        let mut line = format!("{} {}:", metadata.level(), metadata.target());
        event.record(&mut Fields(&mut line));
        eprintln!("{line}");
        if let Some(seen) = SEEN.get() {
            seen.lock().unwrap().lines.push(line);
        }
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        let _ = write!(self.0, " {field}={value:?}");
    }
}
