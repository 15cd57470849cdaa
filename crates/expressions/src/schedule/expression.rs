use std::time::Duration;

use jiff::{
    ToSpan as _,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use sonagi_model::{Timestamp, limits};

use super::{
    Dialect, ExpressionError, ExpressionReason, Zone,
    cron::Cron,
    fields::{Mistake, Part},
};

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Rate(Duration),
    Cron(Box<Cron>),
    At(DateTime),
}

/// When a recurring schedule may run (EventBridge Scheduler API, `StartDate` and `EndDate`); both moments are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The start date, or when the schedule was made: the first run of a `rate()`.
    pub start: Timestamp,
    pub end: Option<Timestamp>,
}

impl Expression {
    /// Reads an expression of at most [`SCHEDULE_EXPRESSION_SIZE`](limits::SCHEDULE_EXPRESSION_SIZE) characters.
    ///
    /// Ranges in `cron()` may go over the end (`FRI-MON`, `22-2`); those of five fields, and of years, may not. With five
    /// fields, a day is meant if both of its fields say so, or one of them if neither begins with `*`.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, ExpressionError> {
        let error = |(at, reason)| {
            let text = text.chars().take(limits::SCHEDULE_EXPRESSION_SIZE).collect();
            ExpressionError { dialect, text, at, reason }
        };
        kind(text, dialect).map(Self).map_err(error)
    }

    /// Whether it runs again and again; `at()` runs once.
    pub fn recurs(&self) -> bool {
        match self.0 {
            Kind::Rate(_) | Kind::Cron(_) => true,
            Kind::At(_) => false,
        }
    }

    /// The first run that is later than `after`, or none.
    ///
    /// `rate()` counts from the span's start in durations, whatever the zone: a day is 24 hours. `cron()` and `at()` are
    /// local times: one that the zone skips does not run, one that it repeats runs the first time. `at()` does not look at
    /// the span, and if it is skipped, it runs as much later as the clocks were set forward: it would never run
    /// otherwise.
    pub fn next_after(&self, after: Timestamp, zone: &Zone, span: Span) -> Option<Timestamp> {
        let within = |moment: &Timestamp| span.end.is_none_or(|end| *moment <= end);
        match &self.0 {
            Kind::At(time) => {
                moment(zone.rules(), *time, Skipped::RunsLater).filter(|moment| *moment > after)
            }
            Kind::Rate(period) => rate_after(*period, after, span.start).filter(within),
            Kind::Cron(cron) => {
                let after = if after < span.start { Timestamp(span.start.micros() - 1) } else { after };
                cron_after(cron, after, zone.rules()).filter(within)
            }
        }
    }
}

fn rate_after(period: Duration, after: Timestamp, start: Timestamp) -> Option<Timestamp> {
    if after < start {
        return Some(start);
    }
    let period = u64::try_from(period.as_micros()).ok()?;
    let runs = (after.micros() - start.micros()) / period + 1;
    let moment = start.micros().checked_add(period.checked_mul(runs)?)?;
    let last = Timestamp(moment);
    // A run after the last year is none.
    (last.civil().year <= u32::from(limits::SCHEDULE_YEARS.end().unsigned_abs())).then_some(last)
}

fn cron_after(cron: &Cron, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_microsecond(i64::try_from(after.micros()).ok()?).ok()?;
    let local = zone.to_datetime(instant);
    // Later local times have later first moments, so nothing before this one is later than `after`.
    let mut from = local.date().at(local.hour(), local.minute(), 0, 0);
    loop {
        let time = cron.next(from)?;
        match moment(zone, time, Skipped::DoesNotRun) {
            Some(moment) if moment > after => return Some(moment),
            Some(_) | None => from = time.checked_add(1.minute()).ok()?,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skipped {
    DoesNotRun,
    RunsLater,
}

/// The moment of a local time.
fn moment(zone: &TimeZone, time: DateTime, skipped: Skipped) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { before, .. } if skipped == Skipped::RunsLater => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    let instant = offset.to_timestamp(time).ok()?;
    u64::try_from(instant.as_microsecond()).ok().map(Timestamp)
}

fn kind(text: &str, dialect: Dialect) -> Result<Kind, Mistake> {
    let size = text.chars().count();
    if size > limits::SCHEDULE_EXPRESSION_SIZE {
        return Err((0, ExpressionReason::Size { size }));
    }
    let form = match dialect {
        Dialect::Rule => ExpressionReason::Form,
        Dialect::Scheduler => ExpressionReason::FormOrOnce,
        Dialect::Manifest => ExpressionReason::FormOrFields,
    };
    let Some((name, inside)) = text.split_once('(') else {
        let bare = Part { text, at: 0 };
        let fields = bare.words();
        let like_fields = matches!(fields.len(), 4..=7);
        return if dialect == Dialect::Manifest && like_fields {
            cron(&fields, bare, dialect)
        } else {
            Err((0, form))
        };
    };
    let at = name.len() + 1;
    let inside = inside.strip_suffix(')').filter(|inside| !inside.contains(')'));
    let Some(inside) = inside.map(|text| Part { text, at }) else {
        return Err((text.find(')').map_or(text.len(), |at| at + 1), ExpressionReason::Parenthesis));
    };
    match name {
        "rate" => rate(inside, dialect),
        "cron" => cron(&inside.words(), inside, dialect),
        "at" if dialect == Dialect::Rule => Err((0, ExpressionReason::Once)),
        "at" => once(inside),
        _ => Err((0, form)),
    }
}

/// EventBridge User Guide, "Rate expressions".
fn rate(inside: Part<'_>, dialect: Dialect) -> Result<Kind, Mistake> {
    let words = inside.words();
    let [number, unit] = words[..] else {
        return Err((inside.at, ExpressionReason::RateValue));
    };
    // AWS takes blanks between them only.
    if inside.text.trim() != inside.text {
        return Err((inside.at, ExpressionReason::RateValue));
    }
    let digits = number.text.bytes().all(|byte| byte.is_ascii_digit());
    let value = number.text.parse::<u64>().ok().filter(|value| digits && *value > 0);
    let value = match value {
        Some(value) => value,
        None if digits && number.text.len() > 19 => return Err((number.at, ExpressionReason::RateTooLong)),
        None => return Err((number.at, ExpressionReason::RateValue)),
    };
    let (singular, seconds) = match unit.text {
        "minute" | "minutes" => ("minute", 60),
        "hour" | "hours" => ("hour", 3_600),
        "day" | "days" => ("day", 86_400),
        _ => return Err((unit.at, ExpressionReason::RateUnit)),
    };
    if dialect == Dialect::Rule {
        match (value, unit.text == singular) {
            (1, false) => return Err((unit.at, ExpressionReason::RateSingular { unit: singular })),
            (2.., true) => return Err((unit.at, ExpressionReason::RatePlural { value, unit: singular })),
            _ => {}
        }
    }
    let period = value.checked_mul(seconds).map(Duration::from_secs);
    match period.filter(|period| *period <= limits::SCHEDULE_RATE_MAX) {
        Some(period) => Ok(Kind::Rate(period)),
        None => Err((number.at, ExpressionReason::RateTooLong)),
    }
}

fn cron(fields: &[Part<'_>], whole: Part<'_>, dialect: Dialect) -> Result<Kind, Mistake> {
    let count = fields.len();
    let cron = match dialect {
        Dialect::Rule | Dialect::Scheduler => match fields.try_into() {
            Ok(six) => Cron::six(six)?,
            Err(_) => return Err((whole.at, ExpressionReason::SixFields { count })),
        },
        Dialect::Manifest => match (fields.try_into(), fields.try_into()) {
            (Ok(six), _) => Cron::six(six)?,
            (_, Ok(five)) => Cron::five(five)?,
            _ => return Err((whole.at, ExpressionReason::FiveOrSixFields { count })),
        },
    };
    Ok(Kind::Cron(Box::new(cron)))
}

/// EventBridge Scheduler User Guide, "One-time schedules".
fn once(inside: Part<'_>) -> Result<Kind, Mistake> {
    let bytes = inside.text.as_bytes();
    let form = b"0000-00-00T00:00:00";
    let like =
        |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    if bytes.len() != form.len() || !bytes.iter().zip(form).all(like) {
        return Err((inside.at, ExpressionReason::Time));
    }
    let time: DateTime = inside.text.parse().map_err(|_| (inside.at, ExpressionReason::NoSuchTime))?;
    if !limits::SCHEDULE_YEARS.contains(&time.year()) {
        return Err((inside.at, ExpressionReason::Year));
    }
    // A leap second would be read as the second before it.
    if inside.text.ends_with("60") {
        return Err((inside.at, ExpressionReason::NoSuchTime));
    }
    Ok(Kind::At(time))
}
