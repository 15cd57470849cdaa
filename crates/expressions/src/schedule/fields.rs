//! The fields of a cron expression, one at a time.

use sonagi_model::limits;

use super::ExpressionReason;

/// A reason and where it stands.
pub(super) type Mistake = (usize, ExpressionReason);

/// A part of the expression and where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Part<'a> {
    /// The items of a list.
    pub(super) fn items(self) -> impl Iterator<Item = Part<'a>> {
        self.split(|letter| letter == ',')
    }

    /// What stands between blanks.
    pub(super) fn words(self) -> Vec<Part<'a>> {
        self.split(|letter| letter == ' ' || letter == '\t').filter(|word| !word.text.is_empty()).collect()
    }

    fn split(self, is_separator: fn(char) -> bool) -> impl Iterator<Item = Part<'a>> {
        self.text.split(is_separator).scan(self.at, |next, text| {
            let at = *next;
            *next += text.len() + 1;
            Some(Part { text, at })
        })
    }

    pub(super) fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let (before, after) = self.text.split_once(separator)?;
        let at = self.at + before.len() + separator.len_utf8();
        Some((Part { text: before, at: self.at }, Part { text: after, at }))
    }
}

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    from: i16,
    to: i16,
    /// What the first value is called, and so on.
    names: &'static [&'static str],
    help: &'static str,
    /// Whether a range may go over the end and on from the beginning.
    wraps: bool,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const fn field(name: &'static str, from: i16, to: i16) -> Field {
    Field { name, from, to, names: &[], help: "", wraps: false }
}

pub(super) const MINUTES: Field = field("minutes", 0, 59);
pub(super) const HOURS: Field = field("hours", 0, 23);
pub(super) const DAYS: Field = field("day of month", 1, 31);
pub(super) const MONTH: Field = Field { names: &MONTHS, help: " or JAN to DEC", ..field("month", 1, 12) };
pub(super) const WEEKDAY: Field =
    Field { names: &WEEKDAYS, help: " or SUN to SAT", ..field("day of week", 1, 7) };
/// In `crontab(5)` both 0 and 7 are Sunday.
pub(super) const UNIX_WEEKDAY: Field = Field { from: 0, ..WEEKDAY };
pub(super) const YEARS: Field = field("year", *limits::SCHEDULE_YEARS.start(), *limits::SCHEDULE_YEARS.end());

impl Field {
    /// The same, with ranges like `FRI-MON` and `22-2`.
    pub(super) const fn wrapping(self) -> Self {
        Self { wraps: true, ..self }
    }

    /// Reads a list of values, ranges and steps.
    pub(super) fn set(&self, part: Part<'_>) -> Result<Set, Mistake> {
        let mut set = Set::default();
        for item in part.items() {
            self.add(item, &mut set)?;
        }
        Ok(set)
    }

    /// Reads one item of a list.
    pub(super) fn add(&self, item: Part<'_>, set: &mut Set) -> Result<(), Mistake> {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => (range, Some(self.step(step)?)),
        };
        let (from, to) = if range.text == "*" {
            (self.from, self.to)
        } else if let Some((from, to)) = range.split_once('-') {
            (self.value(from)?, self.value(to)?)
        } else {
            let from = self.value(range)?;
            (from, if step.is_some() { self.to } else { from })
        };
        let step = step.unwrap_or(1);
        if from > to && !self.wraps {
            return Err((range.at, ExpressionReason::Backwards { field: self.name }));
        }
        let count = self.to - self.from + 1;
        let length = if from > to { to + count - from } else { to - from };
        let mut offset = 0;
        while offset <= length {
            set.insert(self.from, self.from + (from - self.from + offset) % count);
            offset += step;
        }
        Ok(())
    }

    pub(super) fn value(&self, part: Part<'_>) -> Result<i16, Mistake> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(part.text));
        // The first name is 1 for months and AWS's days of week, and 0 for Unix's.
        if let Some(index) = named {
            return Ok(self.from + index as i16);
        }
        let number = digits(part.text).filter(|number| (self.from..=self.to).contains(number));
        number.ok_or_else(|| {
            let (from, to, names) = (self.from, self.to, self.help);
            (part.at, ExpressionReason::Value { field: self.name, from, to, names })
        })
    }

    fn step(&self, part: Part<'_>) -> Result<i16, Mistake> {
        let most = self.to - self.from;
        let number = digits(part.text).filter(|number| (1..=most).contains(number));
        number.ok_or((part.at, ExpressionReason::Step { field: self.name, most }))
    }
}

pub(super) fn digits(text: &str) -> Option<i16> {
    let only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only)
}

/// Values of a field, by their distance from its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set([u64; 4]);

impl Set {
    fn insert(&mut self, first: i16, value: i16) {
        let index = (value - first) as usize;
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// The first index from `from` that is in the set.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let (word, bit) = (from / 64, from % 64);
        let rest = self.0.get(word)? & (u64::MAX << bit);
        if rest != 0 {
            return Some(word * 64 + rest.trailing_zeros() as usize);
        }
        (word + 1..self.0.len())
            .find(|word| self.0[*word] != 0)
            .map(|word| word * 64 + self.0[word].trailing_zeros() as usize)
    }

    /// The first 64 as bits.
    pub(super) fn bits(&self) -> u64 {
        self.0[0]
    }
}
