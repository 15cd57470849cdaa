//! What comes next, against a walk from minute to minute.

use std::collections::HashSet;

use jiff::{
    Timestamp as Instant, ToSpan as _,
    civil::{Date, DateTime},
    tz::{TimeZone, TimeZoneDatabase},
};
use proptest::prelude::*;
use sonagi_expressions::schedule::{Dialect, Expression, Span, Zone};
use sonagi_model::Timestamp;

const ZONES: [&str; 7] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Sao_Paulo",
];

/// Minutes that are walked.
const WALK: i64 = 40 * 1_440;

#[derive(Debug, Clone)]
enum Day {
    Any,
    Of(Vec<i8>),
    Last,
    Nearest(i8),
    /// From Sunday, 1, on.
    Weekdays(Vec<i8>),
    LastWeekday(i8),
    Nth(i8, i8),
}

#[derive(Debug, Clone)]
struct Fields {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    day: Day,
    months: Vec<i8>,
}

fn list(values: &[i8]) -> String {
    values.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
}

impl Fields {
    fn text(&self) -> String {
        let (day, weekday) = match &self.day {
            Day::Any => ("*".into(), "?".into()),
            Day::Of(days) => (list(days), "?".into()),
            Day::Last => ("L".into(), "?".into()),
            Day::Nearest(day) => (format!("{day}W"), "?".into()),
            Day::Weekdays(weekdays) => ("?".into(), list(weekdays)),
            Day::LastWeekday(weekday) => ("?".into(), format!("{weekday}L")),
            Day::Nth(weekday, nth) => ("?".into(), format!("{weekday}#{nth}")),
        };
        format!(
            "cron({} {} {day} {} {weekday} *)",
            list(&self.minutes),
            list(&self.hours),
            list(&self.months)
        )
    }

    fn admits(&self, time: DateTime) -> bool {
        self.minutes.contains(&time.minute())
            && self.hours.contains(&time.hour())
            && self.months.contains(&time.month())
            && self.day.admits(time.date())
    }
}

impl Day {
    fn admits(&self, date: Date) -> bool {
        let weekday = |date: Date| date.weekday().to_sunday_zero_offset() + 1;
        match self {
            Self::Any => true,
            Self::Of(days) => days.contains(&date.day()),
            Self::Last => date.tomorrow().unwrap().month() != date.month(),
            Self::Nearest(day) => {
                let month = (1..=date.days_in_month())
                    .map(|day| date.first_of_month().with().day(day).build().unwrap());
                let working = month.filter(|date| (2..=6).contains(&weekday(*date)));
                *day <= date.days_in_month()
                    && working.min_by_key(|date| (date.day() - day).abs()) == Some(date)
            }
            Self::Weekdays(weekdays) => weekdays.contains(&weekday(date)),
            Self::LastWeekday(wanted) => {
                weekday(date) == *wanted && date.checked_add(7.days()).unwrap().month() != date.month()
            }
            Self::Nth(wanted, nth) => {
                weekday(date) == *wanted
                    && date
                        .first_of_month()
                        .nth_weekday_of_month(*nth, date.weekday())
                        .is_ok_and(|found| found == date)
            }
        }
    }
}

fn values(range: std::ops::RangeInclusive<i8>) -> impl Strategy<Value = Vec<i8>> {
    prop::collection::btree_set(range, 1..6).prop_map(|set| set.into_iter().collect())
}

fn fields() -> impl Strategy<Value = Fields> {
    let day = prop_oneof![
        3 => Just(Day::Any),
        2 => values(1..=31).prop_map(Day::Of),
        1 => Just(Day::Last),
        1 => (1..=31_i8).prop_map(Day::Nearest),
        2 => values(1..=7).prop_map(Day::Weekdays),
        1 => (1..=7_i8).prop_map(Day::LastWeekday),
        1 => (1..=7_i8, 1..=5_i8).prop_map(|(weekday, nth)| Day::Nth(weekday, nth)),
    ];
    let months = prop_oneof![2 => Just((1..=12).collect()), 1 => values(1..=12)];
    // Clocks change in the first hours of a day.
    let hours = prop_oneof![values(0..=23), values(0..=4)];
    (values(0..=59), hours, day, months).prop_map(|(minutes, hours, day, months)| Fields {
        minutes,
        hours,
        day,
        months,
    })
}

/// The first minute after `after` that is wanted, and whose local time was not there before.
fn walked(fields: &Fields, zone: &TimeZone, after: Instant) -> Option<Instant> {
    let first = after.as_second().div_euclid(60) - 4 * 60;
    let mut seen = HashSet::new();
    (first..first + WALK).find_map(|minute| {
        let instant = Instant::from_second(minute * 60).unwrap();
        let local = zone.to_datetime(instant);
        let anew = seen.insert(local);
        (anew && instant > after && fields.admits(local)).then_some(instant)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_next_run_is_what_a_walk_finds(
        fields in fields(),
        zone in 0..ZONES.len(),
        // From 2016 to 2035, often shortly before clocks change somewhere.
        second in prop_oneof![1_451_606_400..2_082_758_400_i64, Just(1_772_930_000), Just(1_792_880_000), Just(1_793_490_000)],
    ) {
        let text = fields.text();
        let expression = Expression::parse(&text, Dialect::Rule).unwrap();
        let rules = TimeZoneDatabase::bundled().get(ZONES[zone]).unwrap();
        let (after, instant) = (Timestamp(second as u64 * 1_000_000 + 1), Instant::from_microsecond(second * 1_000_000 + 1).unwrap());
        let span = Span { start: Timestamp(0), end: None };
        let found = expression.next_after(after, &Zone::parse(ZONES[zone]).unwrap(), span);
        let wanted = walked(&fields, &rules, instant).map(|instant| Timestamp(instant.as_microsecond() as u64));
        match wanted {
            Some(wanted) => prop_assert_eq!(found, Some(wanted), "{} {}", text, ZONES[zone]),
            None => {
                let walked = Timestamp(after.micros() + (WALK as u64 - 300) * 60_000_000);
                prop_assert!(found.is_none_or(|found| found > walked), "{} {}: {:?}", text, ZONES[zone], found);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_comes_next_is_later_and_within_the_span(
        text in prop_oneof![
            fields().prop_map(|fields| fields.text()),
            (1..100_u32, prop::sample::select(vec!["minutes", "hours", "days"])).prop_map(|(value, unit)| format!("rate({value} {unit})")),
            "at\\(20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\)",
        ],
        zone in 0..ZONES.len(),
        after in 0..7_300_000_000_000_000_u64,
        start in 0..7_300_000_000_000_000_u64,
        length in prop::option::of(0..1_000_000_000_000_u64),
    ) {
        let expression = Expression::parse(&text, Dialect::Scheduler).unwrap();
        let span = Span { start: Timestamp(start), end: length.map(|length| Timestamp(start + length)) };
        if let Some(next) = expression.next_after(Timestamp(after), &Zone::parse(ZONES[zone]).unwrap(), span) {
            prop_assert!(next > Timestamp(after));
            if expression.recurs() {
                prop_assert!(next >= span.start && span.end.is_none_or(|end| next <= end));
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}", dialect in 0..3_usize) {
        let dialect = [Dialect::Rule, Dialect::Scheduler, Dialect::Manifest][dialect];
        if let Err(error) = Expression::parse(&text, dialect) {
            prop_assert!(error.offset() <= text.len() && !error.to_string().is_empty());
        }
    }

    #[test]
    fn nothing_like_a_schedule_makes_the_parser_panic(
        fields in prop::collection::vec("([0-9*?LW#/,é-]|MON|JAN|2030){1,5}", 4..7),
        head in prop::sample::select(vec!["cron(", "rate(", "at(", ""]),
        tail in prop::sample::select(vec![")", "", "))"]),
        after in any::<u64>(),
    ) {
        let text = format!("{head}{}{tail}", fields.join(" "));
        match Expression::parse(&text, Dialect::Manifest) {
            Ok(expression) => {
                expression.next_after(Timestamp(after), &Zone::UTC, Span { start: Timestamp(0), end: None });
            }
            Err(error) => prop_assert!(error.offset() <= text.len() && !error.to_string().is_empty()),
        }
    }
}
