use jiff::civil::{Date, DateTime};

use super::{
    ExpressionReason,
    days::{Month, OfMonth, OfWeek, Rule},
    fields::{self, Mistake, Part, Set},
};

/// Local times that recur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Set,
    hours: Set,
    days: Rule,
    months: Set,
    /// All, if none are said.
    years: Set,
}

impl Cron {
    /// EventBridge User Guide, "Cron expressions".
    pub(super) fn six(parts: &[Part<'_>; 6]) -> Result<Self, Mistake> {
        let [minutes, hours, day, month, weekday, year] = *parts;
        for part in [minutes, hours, month, year] {
            if let Some(at) = part.text.find('?') {
                return Err((part.at + at, ExpressionReason::QuestionMark));
            }
        }
        let days = match (day.text, weekday.text) {
            ("?", "?") => return Err((weekday.at, ExpressionReason::BothDays)),
            (_, "?") => Rule::Month(of_month(day)?),
            ("?", _) => Rule::Week(of_week(weekday)?),
            _ => return Err((weekday.at, ExpressionReason::BothDays)),
        };
        Ok(Self {
            minutes: fields::MINUTES.wrapping().set(minutes)?,
            hours: fields::HOURS.wrapping().set(hours)?,
            days,
            months: fields::MONTH.wrapping().set(month)?,
            years: fields::YEARS.set(year)?,
        })
    }

    /// `crontab(5)`.
    pub(super) fn five(parts: &[Part<'_>; 5]) -> Result<Self, Mistake> {
        let [minutes, hours, day, month, weekday] = *parts;
        for part in [minutes, hours, day] {
            if let Some(at) = part.text.find(|letter: char| letter == '?' || letter.is_alphabetic()) {
                return Err((part.at + at, ExpressionReason::NotInFive));
            }
        }
        if let Some(at) = weekday.text.find(['?', '#']) {
            return Err((weekday.at + at, ExpressionReason::NotInFive));
        }
        let of_month = OfMonth { days: days(fields::DAYS.set(day)?), ..OfMonth::default() };
        let weekdays = fields::UNIX_WEEKDAY.set(weekday)?.bits() as u8;
        // The eighth, 7, is Sunday as the first is.
        let of_week = OfWeek { weekdays: (weekdays & 0x7f) | weekdays >> 7, ..OfWeek::default() };
        let star = [day, weekday].iter().any(|part| part.text.starts_with('*'));
        Ok(Self {
            minutes: fields::MINUTES.set(minutes)?,
            hours: fields::HOURS.set(hours)?,
            days: if star { Rule::Both(of_month, of_week) } else { Rule::Either(of_month, of_week) },
            months: fields::MONTH.set(month)?,
            years: fields::YEARS.set(Part { text: "*", at: month.at })?,
        })
    }

    /// The first local time that is not before `from`. It looks at each month of the years at the most once.
    pub(super) fn next(&self, from: DateTime) -> Option<DateTime> {
        let first_year = *sonagi_model::limits::SCHEDULE_YEARS.start();
        let start = usize::try_from(from.year() - first_year).unwrap_or(0);
        let mut next_year = self.years.next(start);
        while let Some(index) = next_year {
            let year = first_year + index as i16;
            let begun = index == start && from.year() >= first_year;
            let mut next_month = self.months.next(if begun { from.month() as usize - 1 } else { 0 });
            while let Some(index) = next_month {
                let month = index as i8 + 1;
                let earliest = if begun && month == from.month() { Some(from) } else { None };
                if let Some(found) = self.in_month(year, month, earliest) {
                    return Some(found);
                }
                next_month = self.months.next(index + 1);
            }
            next_year = self.years.next(index + 1);
        }
        None
    }

    fn in_month(&self, year: i16, month: i8, earliest: Option<DateTime>) -> Option<DateTime> {
        let mut days = self.days.days(Month::of(year, month)?);
        if let Some(earliest) = earliest {
            days &= u32::MAX.checked_shl(u32::from(earliest.day().unsigned_abs())).unwrap_or(0);
        }
        while days != 0 {
            let day = days.trailing_zeros() as i8;
            days &= days - 1;
            let date = Date::new(year, month, day).ok()?;
            let begun = earliest.filter(|earliest| earliest.date() == date);
            let (hour, minute) = begun.map_or((0, 0), |from| (from.hour() as usize, from.minute() as usize));
            if let Some((hour, minute)) = self.in_day(hour, minute) {
                return Some(date.at(hour as i8, minute as i8, 0, 0));
            }
        }
        None
    }

    fn in_day(&self, hour: usize, minute: usize) -> Option<(usize, usize)> {
        let first = self.hours.next(hour)?;
        if first > hour {
            return Some((first, self.minutes.next(0)?));
        }
        match self.minutes.next(minute) {
            Some(minute) => Some((first, minute)),
            None => Some((self.hours.next(hour + 1)?, self.minutes.next(0)?)),
        }
    }
}

/// From distances from 1 to days.
fn days(set: Set) -> u32 {
    (set.bits() << 1) as u32
}

fn of_month(part: Part<'_>) -> Result<OfMonth, Mistake> {
    let field = fields::DAYS.wrapping();
    let (mut of_month, mut set) = (OfMonth::default(), Set::default());
    for item in part.items() {
        match item.text {
            "?" => return Err((item.at, ExpressionReason::QuestionMark)),
            "L" | "l" => of_month.last = true,
            "LW" | "lw" => of_month.last_weekday = true,
            text if text.ends_with(['W', 'w']) => {
                let day = Part { text: &text[..text.len() - 1], at: item.at };
                let day = field.value(day).map_err(|_| (item.at, ExpressionReason::Nearest))?;
                of_month.nearest |= 1 << day;
            }
            _ => field.add(item, &mut set)?,
        }
    }
    of_month.days = days(set);
    Ok(of_month)
}

fn of_week(part: Part<'_>) -> Result<OfWeek, Mistake> {
    let field = fields::WEEKDAY.wrapping();
    if let Some((weekday, nth)) = part.split_once('#') {
        let wrong = |at| move |_| (at, ExpressionReason::Nth);
        let weekday = field.value(weekday).map_err(wrong(part.at))? - 1;
        let nth = fields::digits(nth.text).filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or((part.at, ExpressionReason::Nth))?;
        return Ok(OfWeek { nth: Some((weekday as u8, nth as u8)), ..OfWeek::default() });
    }
    let (mut of_week, mut set) = (OfWeek::default(), Set::default());
    for item in part.items() {
        match item.text {
            "?" => return Err((item.at, ExpressionReason::QuestionMark)),
            // The last day of the week.
            "L" | "l" => of_week.weekdays |= 1 << 6,
            text if text.ends_with(['L', 'l']) => {
                let weekday = field.value(Part { text: &text[..text.len() - 1], at: item.at })?;
                of_week.last |= 1 << (weekday - 1);
            }
            _ => field.add(item, &mut set)?,
        }
    }
    of_week.weekdays |= set.bits() as u8;
    Ok(of_week)
}
