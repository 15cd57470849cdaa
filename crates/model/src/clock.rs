//! Time comes in from outside, so that tests can move it.

use std::{
    fmt,
    future::Future,
    ops::{Add, Sub},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};

#[cfg(feature = "manual-clock")]
mod manual;

#[cfg(feature = "manual-clock")]
pub use manual::ManualClock;

/// Where every part of the platform reads time. The real one lives in `server`; tests hold one that they move.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The wall clock: what people and other machines call now.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back: what durations and deadlines are measured with.
    fn tick(&self) -> Tick;
    /// Ready once [`tick`](Clock::tick) has reached `at`.
    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Ready after `wait`.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.sleep_until(self.tick() + wait)
    }
}

/// Runs `work` until `deadline`; `None` when the deadline came first.
///
/// Not an `async fn`, which would keep `work` twice, and be copied with it: this is around every invocation.
pub fn within<F: Future>(clock: &dyn Clock, deadline: Tick, work: F) -> Within<'_, F> {
    Within { work, clock, deadline, end: None }
}

pin_project! {
    /// See [`within`].
    #[must_use = "nothing runs until it is awaited"]
    pub struct Within<'a, F> {
        #[pin]
        work: F,
        clock: &'a dyn Clock,
        deadline: Tick,
        // Only work that is not done at once needs a timer.
        end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    }
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.work.poll(context) {
            return Poll::Ready(Some(output));
        }
        let end = this.end.get_or_insert_with(|| this.clock.sleep_until(*this.deadline));
        end.as_mut().poll(context).map(|()| None)
    }
}

/// A moment on the wall clock, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    pub const fn micros(self) -> u64 {
        self.0
    }

    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time since `earlier`, or nothing if the wall clock was set back in between.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The civil date and time in UTC.
    pub fn civil(self) -> Civil {
        Civil::from_seconds(self.seconds())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration.as_micros() as u64)
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-01-31T08:15:30.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            c.year,
            c.month,
            c.day,
            c.hour,
            c.minute,
            c.second,
            self.millis() % 1_000
        )
    }
}

/// A date and time of day in UTC, in the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

impl Civil {
    fn from_seconds(seconds: u64) -> Self {
        let days = seconds / 86_400;
        let rest = (seconds % 86_400) as u32;
        // Count in 400-year eras that begin on 1 March of year 0, so that a leap day is the last of its year.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
        let year = (year_of_era + era * 400) as u32 + u32::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: rest / 3_600,
            minute: rest % 3_600 / 60,
            second: rest % 60,
            weekday: ((days + 4) % 7) as u32,
        }
    }

    /// `Jan` to `Dec`.
    pub fn month_name(&self) -> &'static str {
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            [self.month as usize - 1]
    }

    /// `Sun` to `Sat`.
    pub fn weekday_name(&self) -> &'static str {
        ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][self.weekday as usize]
    }
}

/// A moment on a clock that never goes back; only differences mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub Duration);

impl Tick {
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Tick {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub<Tick> for Tick {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_709_210_096_789).to_string(), "2024-02-29T12:34:56.789Z");
        assert_eq!(Timestamp::from_millis(1_735_689_599_999).to_string(), "2024-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_millis(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_709_210_096_789).civil().weekday_name(), "Thu");
    }
}
