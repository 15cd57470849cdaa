//! When a function is called, and what follows for how long its environments are kept.
//!
//! ```text
//! arrived ──► the idle time that ended ──► a histogram of minutes, or the last few beyond its range ──► Plan
//! rested  ──► the next one begins
//! ```
//!
//! This is the hybrid histogram policy of "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020, section 4). An
//! idle time is what lies between the moment when nothing of a function runs any more and its next call. Of those up
//! to four hours there is a histogram of one-minute bins. Its 5th percentile, rounded down and less 10 %, is when an
//! environment is started ahead of the next call; its 99th, rounded up and 10 % more, is how long it waits for it.
//! What the histogram cannot say is left to the usual keep-alive, and idle times that are mostly longer than four
//! hours to a forecast.
//!
//! What differs from the paper, and why:
//! - Where an environment is started ahead, the one before it is kept for [`LINGER`] and not stopped at once; so idle
//!   times shorter than that, the first bin's, say nothing about when the next is needed and are left out. A burst
//!   every hour is then as plain as a call every hour, and most calls of a busy function are not even recorded.
//! - A window that begins within the usual keep-alive is not worth a stop and a start: the environment is kept, to the
//!   end of the window and never for less than is usual. An idle environment takes memory that others may have for the
//!   asking, no money.
//! - The paper calls a histogram representative if the coefficient of variation of its bins' counts is at least 2.
//!   Of a few idle times it is, wherever they are. What is counted here is pairs within a bin, whose expected share is
//!   (1 + CV²) / bins whatever the number of idle times; and by two standard deviations more than chance would have it.
//! - The paper forgets nothing in its simulation and keeps a histogram for each of 14 days in production. Here all
//!   counts are halved each time that [`IDLE_TIMES`] are in: what a function did before weighs half as much.
//! - The paper fits an ARIMA model to long idle times. A fit takes milliseconds, a series and care; what it finds in
//!   practice is a period. The median of the last few is that period, if three in four of them agree with it within
//!   the paper's margin of 15 %; if they do not, nothing is forecast. The window is twice as wide as they differ.
//!
//! Always true here: no clock, no allocation, under 300 bytes for each function; every step takes constant time.

use std::time::Duration;

use sonagi_model::{
    Tick,
    limits::{FORECAST_MARGIN, IDLE_TIME_RANGE, IDLE_TIMES, IDLE_TIMES_BEYOND, IDLE_TIMES_MIN, LINGER},
};

#[cfg(test)]
mod tests;

/// Of a bin.
const MINUTE: u64 = 60;
/// Bins from one minute to the range's end; there is none for less than a minute.
const BINS: usize = (IDLE_TIME_RANGE.as_secs() / MINUTE) as usize - 1;
const _: () = assert!(LINGER.as_secs() >= MINUTE, "what is not remembered is at least what has no bin");
/// Percent of the idle times that may be shorter than the window's begin.
const HEAD: u32 = 5;
/// Percent of the idle times that are no longer than the window's end.
const TAIL: u32 = 99;
/// Percent by which the window is wider than the histogram says, at each end.
const MARGIN: u64 = 10;
/// The least coefficient of variation of a histogram that says something.
const VARIATION: f64 = 2.0;
/// Percent by which a long idle time may differ from the forecast.
const FORECAST_ERROR: u64 = 15;
/// Minutes: what a forecast is wrong by, however right it was before.
const FORECAST_ERROR_MIN: u64 = 10;

/// The calls of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    /// Since when nothing runs; none while something does, and before the first call.
    idle: Option<Tick>,
    /// Idle times of one minute up to two, and so on. Together they are fewer than [`IDLE_TIMES`].
    bins: [u8; BINS],
    /// Idle times beyond the bins.
    beyond: u8,
    /// The last of those beyond, in minutes; 0 where there was none yet.
    latest: [u16; IDLE_TIMES_BEYOND],
    /// Where in `latest` the next one goes.
    next: u8,
    /// 0 and 1 in turn: what halving begins with.
    left_over: u8,
}

/// How long environments of a function are kept while nothing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// From the end of the last call on.
    pub(crate) keep_alive: Duration,
    pub(crate) prewarm: Option<Prewarm>,
}

/// An environment is started before the next call. Both are counted from the end of the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prewarm {
    pub(crate) start: Duration,
    /// If there was no call until then, there is no point in waiting on.
    pub(crate) stop: Duration,
}

/// Whether an idle time was recorded, and so the plan may be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    No,
}

impl History {
    pub(crate) const fn new() -> Self {
        let latest = [0; IDLE_TIMES_BEYOND];
        Self { idle: None, bins: [0; BINS], beyond: 0, latest, next: 0, left_over: 0 }
    }

    /// A call: the idle time is over, if there was one.
    pub(crate) fn arrived(&mut self, at: Tick) -> Recorded {
        let Some(since) = self.idle.take() else { return Recorded::No };
        let idle = at.since(since);
        if idle < LINGER {
            return Recorded::No;
        }
        self.record(idle.as_secs() / MINUTE);
        Recorded::Yes
    }

    /// Nothing runs any more. An idle time that has begun already goes on.
    pub(crate) fn rested(&mut self, at: Tick) {
        self.idle.get_or_insert(at);
    }

    /// Since when nothing runs.
    pub(crate) fn idle(&self) -> Option<Tick> {
        self.idle
    }

    /// What to do while nothing runs. `usual` is how long environments are kept of which nothing is known.
    pub(crate) fn plan(&self, usual: Duration) -> Plan {
        let within = self.within();
        let known = within + u32::from(self.beyond);
        let window = if known < IDLE_TIMES_MIN.into() {
            None
        } else if u32::from(self.beyond) * 2 >= known {
            self.forecast()
        } else if within >= IDLE_TIMES_MIN.into() && self.is_representative(within) {
            Some(self.window(within))
        } else {
            None
        };
        match window {
            None => Plan { keep_alive: usual, prewarm: None },
            Some(window) if window.start > usual => {
                let keep_alive = if self.often_sooner(usual, known) { usual } else { LINGER.min(usual) };
                Plan { keep_alive, prewarm: Some(window) }
            }
            Some(window) => Plan { keep_alive: window.stop.max(usual), prewarm: None },
        }
    }

    fn record(&mut self, minutes: u64) {
        match usize::try_from(minutes - 1).ok().and_then(|bin| self.bins.get_mut(bin)) {
            Some(bin) => *bin += 1,
            None => {
                self.beyond += 1;
                self.latest[usize::from(self.next)] = u16::try_from(minutes).unwrap_or(u16::MAX);
                self.next = (self.next + 1) % IDLE_TIMES_BEYOND as u8;
            }
        }
        if self.within() + u32::from(self.beyond) >= IDLE_TIMES.into() {
            self.halve();
        }
    }

    /// Halves all counts. What is left over of one goes to the next that has any, so that the sum is halved too, and
    /// many that are rare do not vanish all at once. Every second time something is left over from the beginning, or
    /// else a single one after an odd count would stay for ever.
    fn halve(&mut self) {
        self.left_over = 1 - self.left_over;
        let mut carry = self.left_over;
        for count in self.bins.iter_mut().chain([&mut self.beyond]).filter(|count| **count > 0) {
            let both = *count + carry;
            *count = both / 2;
            carry = both % 2;
        }
    }

    fn within(&self) -> u32 {
        self.bins.iter().map(|count| u32::from(*count)).sum()
    }

    /// Whether idle times fall into the same bins more often than chance would have it.
    fn is_representative(&self, within: u32) -> bool {
        let pairs = |count: u32| f64::from(count * (count - 1) / 2);
        let found: f64 =
            self.bins.iter().filter(|count| **count > 0).map(|count| pairs((*count).into())).sum();
        let chance = pairs(within) * (1.0 + VARIATION * VARIATION) / BINS as f64;
        found >= chance + 2.0 * chance.sqrt() + 1.0
    }

    fn window(&self, within: u32) -> Prewarm {
        let seconds = |minutes: u64, percent: u64| Duration::from_secs(minutes * MINUTE * percent / 100);
        Prewarm {
            start: seconds(self.percentile(HEAD, within), 100 - MARGIN),
            stop: seconds(self.percentile(TAIL, within) + 1, 100 + MARGIN),
        }
    }

    /// Minutes, rounded down, of the idle time that `percent` of those within the bins do not exceed.
    fn percentile(&self, percent: u32, within: u32) -> u64 {
        let rank = (within * percent).div_ceil(100);
        let mut sum = 0;
        let reached = |count: &u8| {
            sum += u32::from(*count);
            sum >= rank
        };
        self.bins.iter().position(reached).map_or(BINS, |bin| bin + 1) as u64
    }

    /// Whether a call comes so often within `time` that environments should be kept for it.
    fn often_sooner(&self, time: Duration, known: u32) -> bool {
        let bins = usize::try_from(time.as_secs() / MINUTE).unwrap_or(usize::MAX).saturating_sub(1);
        let sooner: u32 = self.bins.iter().take(bins).map(|count| u32::from(*count)).sum();
        sooner * 100 > known * HEAD
    }

    /// Of idle times that are beyond the histogram.
    fn forecast(&self) -> Option<Prewarm> {
        let mut latest = self.latest;
        latest.sort_unstable();
        let latest = &latest[latest.partition_point(|minutes| *minutes == 0)..];
        if latest.len() < IDLE_TIMES_MIN.into() {
            return None;
        }
        let median = latest[latest.len() / 2];
        if median == u16::MAX {
            return None;
        }
        let mut errors = [u16::MAX; IDLE_TIMES_BEYOND];
        for (error, minutes) in errors.iter_mut().zip(latest) {
            *error = median.abs_diff(*minutes);
        }
        errors.sort_unstable();
        // Three in four are at most so wrong.
        let error = u64::from(errors[(latest.len() * 3).div_ceil(4) - 1]);
        let median = u64::from(median);
        let most = median * FORECAST_ERROR / 100;
        if error > most {
            return None;
        }
        let margin = (2 * error).max(FORECAST_ERROR_MIN).min(most).min(FORECAST_MARGIN.as_secs() / MINUTE);
        let minutes = |minutes: u64| Duration::from_secs(minutes * MINUTE);
        Some(Prewarm { start: minutes(median - margin), stop: minutes(median + 1 + margin) })
    }
}
