//! The days of a month that a cron expression means.

use jiff::civil::Date;

/// Days of the month, as bits from 1 on.
pub(super) type Days = u32;

/// `1-15`, `L`, `LW`, `3W`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OfMonth {
    pub(super) days: Days,
    /// The weekdays closest to these.
    pub(super) nearest: Days,
    pub(super) last: bool,
    pub(super) last_weekday: bool,
}

/// `MON-FRI`, `6L`, `3#2`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OfWeek {
    /// Bits from Sunday, 0, on, and so are the others.
    pub(super) weekdays: u8,
    /// The last ones of the month.
    pub(super) last: u8,
    /// The one of the month, from 1.
    pub(super) nth: Option<(u8, u8)>,
}

/// Which of the two counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Month(OfMonth),
    Week(OfWeek),
    /// Unix: both, if one of them begins with a star.
    Both(OfMonth, OfWeek),
    /// Unix: one is enough, if neither does (`crontab(5)`).
    Either(OfMonth, OfWeek),
}

/// A month as days and weekdays see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Month {
    length: u8,
    /// The weekday of the first, from Sunday, 0, on.
    first: u8,
}

impl Month {
    pub(super) fn of(year: i16, month: i8) -> Option<Self> {
        let first = Date::new(year, month, 1).ok()?;
        Some(Self {
            length: first.days_in_month().unsigned_abs(),
            first: first.weekday().to_sunday_zero_offset().unsigned_abs(),
        })
    }

    fn weekday(self, day: u8) -> u8 {
        (self.first + day - 1) % 7
    }

    fn all(self) -> Days {
        ((1_u64 << (self.length + 1)) - 2) as Days
    }

    /// The weekday closest to a day, within the month.
    fn nearest_weekday(self, day: u8) -> u8 {
        match self.weekday(day) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

impl Rule {
    pub(super) fn days(&self, month: Month) -> Days {
        match self {
            Self::Month(of_month) => of_month.days(month),
            Self::Week(of_week) => of_week.days(month),
            Self::Both(of_month, of_week) => of_month.days(month) & of_week.days(month),
            Self::Either(of_month, of_week) => of_month.days(month) | of_week.days(month),
        }
    }
}

impl OfMonth {
    fn days(&self, month: Month) -> Days {
        let mut days = self.days & month.all();
        for day in (1..=month.length).filter(|day| self.nearest & (1 << day) != 0) {
            days |= 1 << month.nearest_weekday(day);
        }
        if self.last {
            days |= 1 << month.length;
        }
        if self.last_weekday {
            days |= 1 << month.nearest_weekday(month.length);
        }
        days
    }
}

impl OfWeek {
    fn days(&self, month: Month) -> Days {
        let is = |day: u8| {
            let weekday = month.weekday(day);
            let bit = 1 << weekday;
            self.weekdays & bit != 0
                || (self.last & bit != 0 && day + 7 > month.length)
                || self.nth == Some((weekday, (day - 1) / 7 + 1))
        };
        (1..=month.length).filter(|day| is(*day)).fold(0, |days, day| days | 1 << day)
    }
}
