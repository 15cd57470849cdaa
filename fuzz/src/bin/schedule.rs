//! `expression|moment`: schedules, and what comes after a moment, in microseconds.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sonagi_expressions::schedule::{Dialect, Expression, Span, Zone, moment};
use sonagi_model::Timestamp;

/// Clocks that are set by an hour, by half, by two, by a whole day, at midnight, and backwards in summer.
static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Antarctica/Troll",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Africa/Monrovia",
        "Asia/Gaza",
    ];
    names.map(|name| Zone::parse(name).expect(name)).into()
});
const RUNS: usize = 6;

fuzz_target!(|text: &str| {
    let (text, after) = text.split_once('|').unwrap_or((text, ""));
    let _ = (moment(text), Zone::parse(text));
    let read = [Dialect::Rule, Dialect::Scheduler, Dialect::Manifest].map(|dialect| {
        let read = Expression::parse(text, dialect);
        if let Err(error) = &read {
            assert!(error.offset() <= text.len() && text.is_char_boundary(error.offset()), "{error}");
        }
        read.ok()
    });
    for (narrow, wide) in read.iter().zip(&read[1..]) {
        assert!(narrow.is_none() || narrow == wide, "each dialect has what the one before it has");
    }
    if let [.., Some(expression)] = &read {
        let after = after.parse().unwrap_or_else(|_| after.bytes().map(u64::from).sum::<u64>() << 44);
        ZONES.iter().for_each(|zone| run(expression, zone, Timestamp(after)));
    }
});

fn run(expression: &Expression, zone: &Zone, mut after: Timestamp) {
    // Before it or after it, by 51 days.
    let span = Span { start: Timestamp(after.micros() ^ 1 << 42), end: None };
    for _ in 0..RUNS {
        let Some(next) = expression.next_after(after, zone, span) else { return };
        assert!(next > after, "{} is not later in {}", next.micros(), zone.name());
        assert!(expression.recurs() || expression.next_after(next, zone, span).is_none(), "at() runs once");
        // Whoever asks later, and still before it, is told the same.
        for asked in [after.micros().midpoint(next.micros()), next.micros() - 1] {
            let again = expression.next_after(Timestamp(asked), zone, span);
            assert_eq!(again, Some(next), "after {asked} in {}", zone.name());
        }
        after = next;
    }
}
