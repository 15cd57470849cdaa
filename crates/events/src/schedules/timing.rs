//! When a schedule runs.

use std::time::Duration;

use sonagi_expressions::schedule::{Dialect, Expression, Span, Zone};
use sonagi_model::{Digest, Timestamp, limits};

use super::{Refusal, Schedule, Settings, State};

/// A schedule's times. It runs at each of them, or as much later as its flexible time window says: at a point of the
/// window that is random, but the same each time, so that its runs are as far apart as its times.
#[derive(Debug)]
pub(super) struct Timing {
    expression: Expression,
    zone: Zone,
    span: Span,
    /// How far in the window.
    offset: Duration,
}

/// What has become due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    /// The latest time that is due, and when it was to run.
    pub(super) time: Timestamp,
    pub(super) runs: Timestamp,
    pub(super) next: Option<Timestamp>,
}

impl Timing {
    pub(super) fn of(schedule: &Schedule) -> Result<Self, Refusal> {
        let Settings { start, end, window, .. } = &schedule.settings;
        let (expression, zone) = read(&schedule.settings)?;
        let span = Span { start: start.unwrap_or(schedule.since), end: *end };
        let seconds = u64::from(window.unwrap_or(0)) * 60;
        let seed = format!("{} {}", schedule.timer(), schedule.created.micros());
        let digest = Digest::of(seed.as_bytes());
        let point = digest.as_bytes().iter().take(8).fold(0, |point, byte| point << 8 | u64::from(*byte));
        let offset = Duration::from_secs(point.checked_rem(seconds).unwrap_or(0));
        Ok(Self { expression, zone, span, offset })
    }

    /// The first time from now on of a schedule that is made or changed now. An `at()` may be a little late.
    pub(super) fn first(&self, now: Timestamp) -> Option<Timestamp> {
        let after = if self.expression.recurs() { now } else { back(now, limits::SCHEDULE_ONCE_LATE) };
        self.after(after)
    }

    fn after(&self, after: Timestamp) -> Option<Timestamp> {
        self.expression.next_after(after, &self.zone, self.span)
    }

    /// When it runs for that time.
    pub(super) fn runs(&self, time: Timestamp) -> Timestamp {
        time + self.offset
    }

    /// Of a schedule whose time `time` is due: the latest one that is due by now. Of what was missed for longer than an
    /// event may be late at all, only that first one is looked at: the search is bounded.
    pub(super) fn reached(&self, time: Timestamp, now: Timestamp) -> Reached {
        let by = back(now, self.offset);
        let longest = Duration::from_secs(u64::from(limits::SCHEDULE_AGE_MAX));
        let (mut latest, mut after) = (time, time.max(back(by, longest)));
        let next = loop {
            match self.after(after) {
                Some(time) if time <= by => (latest, after) = (time, time),
                next => break next,
            }
        };
        Reached { time: latest, runs: self.runs(latest), next }
    }
}

fn back(from: Timestamp, by: Duration) -> Timestamp {
    Timestamp(from.micros().saturating_sub(by.as_micros() as u64))
}

fn read(settings: &Settings) -> Result<(Expression, Zone), Refusal> {
    // What is in five fields is a manifest's: requests cannot say it.
    let dialect = if settings.expression.contains('(') { Dialect::Scheduler } else { Dialect::Manifest };
    let expression = Expression::parse(&settings.expression, dialect)
        .map_err(|error| Refusal::Invalid(error.to_string()))?;
    let zone = Zone::parse(&settings.zone).map_err(|error| {
        Refusal::Invalid(format!("Invalid ScheduleExpressionTimezone {}. {error}", settings.zone))
    })?;
    Ok((expression, zone))
}

/// What requests may say of it: no five fields.
pub(super) fn check_dialect(settings: &Settings) -> Result<(), Refusal> {
    let read = Expression::parse(&settings.expression, Dialect::Scheduler);
    read.map(drop).map_err(|error| Refusal::Invalid(error.to_string()))
}

/// What is wrong with the times of a schedule that is made now, or is made another than `before`.
pub(super) fn check(settings: &Settings, before: Option<&Settings>, now: Timestamp) -> Result<(), Refusal> {
    let (expression, _) = read(settings)?;
    if let (Some(start), Some(end)) = (settings.start, settings.end)
        && end <= start
    {
        return Err(Refusal::Invalid("The EndDate you specify must come after the StartDate.".into()));
    }
    if expression.recurs() && settings.state == State::Enabled {
        if settings.end.is_some_and(|end| end < now) {
            return Err(Refusal::Invalid("The EndDate you specify cannot be in the past.".into()));
        }
        let is_new = before.is_none_or(|before| before.start != settings.start);
        if is_new && settings.start.is_some_and(|start| start < back(now, limits::SCHEDULE_START_LATE)) {
            let text = "The StartDate you specify cannot be earlier than 5 minutes ago.";
            return Err(Refusal::Invalid(text.into()));
        }
    }
    Ok(())
}
