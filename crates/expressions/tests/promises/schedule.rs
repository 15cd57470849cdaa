//! Schedules' expressions and what comes next.

use std::time::Duration;

use sonagi_expressions::schedule::{Dialect, Expression, ExpressionReason, Span, Zone};
use sonagi_model::{Timestamp, limits};

/// A moment from `2026-01-31T08:15:30Z`.
fn moment(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().unwrap();
    Timestamp(instant.as_microsecond() as u64)
}

fn parse(text: &str) -> Expression {
    Expression::parse(text, Dialect::Manifest).unwrap_or_else(|error| panic!("{error}"))
}

const ALWAYS: Span = Span { start: Timestamp(0), end: None };

/// The next runs after a moment, as `MM-DDThh:mm` in UTC with the year where it is another.
fn runs(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let (expression, zone) = (parse(text), Zone::parse(zone).unwrap());
    let mut last = moment(after);
    let next = || {
        last = expression.next_after(last, &zone, ALWAYS)?;
        let shown = last.to_string();
        assert!(shown.ends_with(":00.000Z"), "{shown}");
        Some(if shown.starts_with(&after[..5]) { shown[5..16].to_owned() } else { shown[..16].to_owned() })
    };
    std::iter::from_fn(next).take(count).collect()
}

fn error(text: &str, dialect: Dialect) -> (ExpressionReason, usize) {
    let error = Expression::parse(text, dialect).unwrap_err();
    (error.reason().clone(), error.offset())
}

#[test]
fn cron_is_as_awss_examples_say() {
    // 2026-07-01 is a Wednesday.
    let after = "2026-07-01T00:00:00Z";
    for (text, wanted) in [
        ("cron(0 10 * * ? *)", ["07-01T10:00", "07-02T10:00", "07-03T10:00"]),
        ("cron(15 12 * * ? *)", ["07-01T12:15", "07-02T12:15", "07-03T12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["07-01T18:00", "07-02T18:00", "07-03T18:00"]),
        ("cron(0 8 1 * ? *)", ["07-01T08:00", "08-01T08:00", "09-01T08:00"]),
        ("cron(0/15 * * * ? *)", ["07-01T00:15", "07-01T00:30", "07-01T00:45"]),
        ("cron(0/10 * ? * MON-FRI *)", ["07-01T00:10", "07-01T00:20", "07-01T00:30"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["07-01T08:00", "07-01T08:05", "07-01T08:10"]),
        ("cron(0 9 ? * 2#1 *)", ["07-06T09:00", "08-03T09:00", "09-07T09:00"]),
        ("cron(15 10 ? * 6L 2026-2027)", ["07-31T10:15", "08-28T10:15", "09-25T10:15"]),
        ("cron(0 0 ? * TUE#5 *)", ["09-29T00:00", "12-29T00:00", "2027-03-30T00:00"]),
        ("cron(0 0 L * ? *)", ["07-31T00:00", "08-31T00:00", "09-30T00:00"]),
        ("cron(0 0 LW * ? *)", ["07-31T00:00", "08-31T00:00", "09-30T00:00"]),
        ("cron(0 0 ? * L *)", ["07-04T00:00", "07-11T00:00", "07-18T00:00"]),
        // The 4th is a Saturday, the 1st of August too, the 1st of November a Sunday.
        ("cron(0 0 4W * ? *)", ["07-03T00:00", "08-04T00:00", "09-04T00:00"]),
        ("cron(0 0 1W 8,11 ? *)", ["08-03T00:00", "11-02T00:00", "2027-08-02T00:00"]),
        // The last of May 2026 is a Sunday, as is that of January 2027.
        ("cron(0 0 31W JAN,MAY ? *)", ["2027-01-29T00:00", "2027-05-31T00:00", "2028-01-31T00:00"]),
        ("cron(1/10 22-1 * * ? *)", ["07-01T00:01", "07-01T00:11", "07-01T00:21"]),
        ("cron(0 0 ? * FRI-MON *)", ["07-03T00:00", "07-04T00:00", "07-05T00:00"]),
        ("cron(0 0 29 feb ? *)", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]),
        ("cron(0 12 1 1 ? 2030/50)", ["2030-01-01T12:00", "2080-01-01T12:00", "2130-01-01T12:00"]),
        ("cron(0-15/15 8-8 ? * 2,3,4,5,6,7 *)", ["07-01T08:00", "07-01T08:15", "07-02T08:00"]),
        ("cron(1-31/30 0-23/2 ? * * *)", ["07-01T00:01", "07-01T00:31", "07-01T02:01"]),
        ("cron(0 12 1,15,L 7 ? *)", ["07-01T12:00", "07-15T12:00", "07-31T12:00"]),
    ] {
        assert_eq!(runs(text, "UTC", after, 3), wanted, "{text}");
    }
}

#[test]
fn five_fields_are_as_in_crontab() {
    let after = "2026-07-01T00:00:00Z";
    for (text, wanted) in [
        ("*/20 * * * *", ["07-01T00:20", "07-01T00:40", "07-01T01:00"]),
        ("cron(30 4 1,15 * *)", ["07-01T04:30", "07-15T04:30", "08-01T04:30"]),
        ("0 0 * * 0", ["07-05T00:00", "07-12T00:00", "07-19T00:00"]),
        ("0 0 * * 7", ["07-05T00:00", "07-12T00:00", "07-19T00:00"]),
        ("0 0 * * sun", ["07-05T00:00", "07-12T00:00", "07-19T00:00"]),
        ("0 0 * * 5-7", ["07-03T00:00", "07-04T00:00", "07-05T00:00"]),
        ("0 0 * * 1-5", ["07-02T00:00", "07-03T00:00", "07-06T00:00"]),
        // Either, where neither is a star; both, where one is.
        ("0 0 13 * FRI", ["07-03T00:00", "07-10T00:00", "07-13T00:00"]),
        ("0 0 */2 * FRI", ["07-03T00:00", "07-17T00:00", "07-31T00:00"]),
        ("5\t4  *  jul-aug *", ["07-01T04:05", "07-02T04:05", "07-03T04:05"]),
    ] {
        assert_eq!(runs(text, "UTC", after, 3), wanted, "{text}");
    }
}

#[test]
fn local_times_that_clocks_skip_do_not_run() {
    let after = "2026-03-07T12:00:00Z";
    // On 8 March, New York's clocks go from 2:00 to 3:00.
    let runs = |text| runs(text, "America/New_York", after, 3);
    assert_eq!(runs("cron(30 2 * * ? *)"), ["03-09T06:30", "03-10T06:30", "03-11T06:30"]);
    assert_eq!(runs("cron(30 1-3 8 * ? *)"), ["03-08T06:30", "03-08T07:30", "04-08T05:30"]);
    assert_eq!(runs("cron(0 3 * * ? *)"), ["03-08T07:00", "03-09T07:00", "03-10T07:00"]);
    // The only time that is asked for is skipped in all years: never.
    assert!(runs("cron(30 2 ? 3 1#2 2026-2199)").is_empty());
}

#[test]
fn local_times_that_clocks_repeat_run_once() {
    // On 25 October, Berlin's clocks go from 3:00 to 2:00.
    let runs = |text, after, count| runs(text, "europe/berlin", after, count);
    let before = "2026-10-24T12:00:00Z";
    assert_eq!(runs("cron(30 2 * * ? *)", before, 2), ["10-25T00:30", "10-26T01:30"]);
    assert_eq!(
        runs("cron(0/30 1-3 25 10 ? *)", before, 6),
        ["10-24T23:00", "10-24T23:30", "10-25T00:00", "10-25T00:30", "10-25T02:00", "10-25T02:30"]
    );
    // Within the repeated hour, what is left of it does not run again.
    assert_eq!(runs("cron(0/30 * * * ? *)", "2026-10-25T01:10:00Z", 1), ["10-25T02:00"]);
}

#[test]
fn a_zone_may_skip_a_whole_day() {
    // Samoa had no 30 December 2011.
    assert_eq!(
        runs("cron(0 12 * * ? *)", "Pacific/Apia", "2011-12-29T00:00:00Z", 2),
        ["12-29T22:00", "12-30T22:00"]
    );
    assert_eq!(runs("cron(0 12 30 12 ? *)", "Pacific/Apia", "2011-12-01T00:00:00Z", 1), ["2012-12-29T22:00"]);
}

#[test]
fn rates_count_from_the_start_in_durations() {
    let zone = Zone::parse("America/New_York").unwrap();
    let span = |start: &str, end: Option<&str>| Span { start: moment(start), end: end.map(moment) };
    let next = |text: &str, after: &str, span: Span| {
        parse(text).next_after(moment(after), &zone, span).map(|found| found.to_string()[5..19].to_owned())
    };
    let started = span("2026-03-07T12:00:30Z", None);
    assert_eq!(next("rate(1 day)", "2026-03-01T00:00:00Z", started).as_deref(), Some("03-07T12:00:30"));
    assert_eq!(next("rate(1 day)", "2026-03-07T12:00:30Z", started).as_deref(), Some("03-08T12:00:30"));
    // That day has 23 hours there.
    assert_eq!(next("rate(1 day)", "2026-03-08T12:00:30Z", started).as_deref(), Some("03-09T12:00:30"));
    assert_eq!(next("rate(5 minutes)", "2026-03-08T00:01:00Z", started).as_deref(), Some("03-08T00:05:30"));
    let ended = span("2026-03-07T12:00:00Z", Some("2026-03-07T14:00:00Z"));
    assert_eq!(next("rate(1 hour)", "2026-03-07T13:00:00Z", ended).as_deref(), Some("03-07T14:00:00"));
    assert_eq!(next("rate(1 hour)", "2026-03-07T14:00:00Z", ended), None);
    assert_eq!(next("rate(36500 days)", "2150-01-01T00:00:00Z", span("2149-01-01T00:00:00Z", None)), None);
    assert_eq!(parse("rate(1 day)").next_after(Timestamp(u64::MAX), &zone, ALWAYS), None);
}

#[test]
fn a_span_bounds_cron() {
    let cron = parse("cron(0 12 * * ? *)");
    let next = |after: &str, start: &str, end: &str| {
        let span = Span { start: moment(start), end: Some(moment(end)) };
        cron.next_after(moment(after), &Zone::UTC, span).map(|found| found.to_string()[5..16].to_owned())
    };
    let (first, last) = ("2026-05-01T12:00:00Z", "2026-05-03T12:00:00Z");
    assert_eq!(next("2026-01-01T00:00:00Z", first, last).as_deref(), Some("05-01T12:00"));
    assert_eq!(next("2026-05-01T12:00:00Z", first, last).as_deref(), Some("05-02T12:00"));
    assert_eq!(next("2026-05-02T12:00:00Z", first, last).as_deref(), Some("05-03T12:00"));
    assert_eq!(next("2026-05-03T12:00:00Z", first, last), None);
    assert_eq!(cron.next_after(Timestamp(u64::MAX), &Zone::UTC, ALWAYS), None);
    assert_eq!(cron.next_after(Timestamp(0), &Zone::UTC, ALWAYS), Some(moment("1970-01-01T12:00:00Z")));
    assert_eq!(cron.next_after(moment("2199-12-31T12:00:00Z"), &Zone::UTC, ALWAYS), None);
}

#[test]
fn at_runs_once_in_its_zone() {
    let next = |text: &str, zone: &str, after: &str| {
        let (zone, span) =
            (Zone::parse(zone).unwrap(), Span { start: moment("2100-01-01T00:00:00Z"), end: None });
        parse(text).next_after(moment(after), &zone, span).map(|found| found.to_string()[..19].to_owned())
    };
    let before = "2026-01-01T00:00:00Z";
    assert_eq!(next("at(2026-11-20T13:00:05)", "UTC", before).as_deref(), Some("2026-11-20T13:00:05"));
    assert_eq!(next("at(2026-11-20T13:00:00)", "Asia/Seoul", before).as_deref(), Some("2026-11-20T04:00:00"));
    assert_eq!(next("at(2026-11-20T13:00:00)", "UTC", "2026-11-20T13:00:00Z"), None);
    // Skipped, it runs as much later; repeated, it runs the first time.
    assert_eq!(
        next("at(2026-03-08T02:30:00)", "America/New_York", before).as_deref(),
        Some("2026-03-08T07:30:00")
    );
    assert_eq!(
        next("at(2026-11-01T01:30:00)", "America/New_York", before).as_deref(),
        Some("2026-11-01T05:30:00")
    );
    assert!(!parse("at(2026-11-20T13:00:00)").recurs());
    assert!(parse("rate(1 hour)").recurs());
}

#[test]
fn what_never_comes_is_found_out_soon() {
    for text in ["cron(0 0 30 2 ? *)", "cron(0 0 31 4,6,9,11 ? *)", "0 0 31 2 *", "cron(0 0 1 1 ? 1970)"] {
        assert!(runs(text, "Europe/London", "2026-01-01T00:00:00Z", 1).is_empty(), "{text}");
    }
}

#[test]
fn dialects_differ() {
    let fine = |text: &str| {
        [Dialect::Rule, Dialect::Scheduler, Dialect::Manifest]
            .map(|dialect| Expression::parse(text, dialect).is_ok())
    };
    assert_eq!(fine("rate(1 hour)"), [true, true, true]);
    assert_eq!(fine("rate(1 hours)"), [false, true, true]);
    assert_eq!(fine("rate(5 minute)"), [false, true, true]);
    assert_eq!(fine("cron(0 12 * * ? *)"), [true, true, true]);
    assert_eq!(fine("cron(0 12 * * *)"), [false, false, true]);
    assert_eq!(fine("0 12 * * *"), [false, false, true]);
    assert_eq!(fine("at(2030-01-31T08:00:00)"), [false, true, true]);
}

#[test]
fn a_mistake_is_told_with_its_place_and_how_to_mend_it() {
    let error = |text: &str, dialect| Expression::parse(text, dialect).unwrap_err().to_string();
    assert_eq!(
        error("rate(5 minute)", Dialect::Rule),
        "Parameter ScheduleExpression is not valid. At character 8: it is 5 minutes, with s"
    );
    assert_eq!(
        error("cron(0 25 * * ? *)", Dialect::Scheduler),
        "Invalid Schedule Expression cron(0 25 * * ? *). At character 8: hours wants 0 to 23"
    );
    assert_eq!(
        error("0 0 * ju *", Dialect::Manifest),
        "\"0 0 * ju *\" is no schedule. At character 7: month wants 1 to 12 or JAN to DEC"
    );
}

#[test]
fn every_mistake_has_its_place() {
    use ExpressionReason as Reason;
    let value = |field, from, to, names| Reason::Value { field, from, to, names };
    let weekday = |from| value("day of week", from, 7, " or SUN to SAT");
    for (text, reason, at) in [
        ("", Reason::Form, 0),
        ("every minute", Reason::Form, 0),
        ("Rate(1 minute)", Reason::Form, 0),
        ("at(2030-01-31T08:00:00)", Reason::Once, 0),
        ("rate(1 minute", Reason::Parenthesis, 13),
        ("rate(1 minute) x", Reason::Parenthesis, 14),
        ("rate()", Reason::RateValue, 5),
        ("rate(5)", Reason::RateValue, 5),
        ("rate(0 minutes)", Reason::RateValue, 5),
        ("rate(+5 minutes)", Reason::RateValue, 5),
        ("rate(-5 minutes)", Reason::RateValue, 5),
        ("rate(1.5 hours)", Reason::RateValue, 5),
        ("rate( 10 minutes )", Reason::RateValue, 5),
        (" rate(10 minutes)", Reason::Form, 0),
        ("rate(10 MINUTES)", Reason::RateUnit, 8),
        ("rate(5 seconds)", Reason::RateUnit, 7),
        ("rate(1 days)", Reason::RateSingular { unit: "day" }, 7),
        ("rate(2 day)", Reason::RatePlural { value: 2, unit: "day" }, 7),
        ("rate(36501 days)", Reason::RateTooLong, 5),
        ("rate(18446744073709551616 days)", Reason::RateTooLong, 5),
        ("cron()", Reason::SixFields { count: 0 }, 5),
        ("cron(* * * * *)", Reason::SixFields { count: 5 }, 5),
        ("cron(60 * * * ? *)", value("minutes", 0, 59, ""), 5),
        ("cron(1,,2 * * * ? *)", value("minutes", 0, 59, ""), 7),
        ("cron(1- * * * ? *)", value("minutes", 0, 59, ""), 7),
        ("cron(/5 * * * ? *)", value("minutes", 0, 59, ""), 5),
        ("cron(+5 * * * ? *)", value("minutes", 0, 59, ""), 5),
        ("cron(0/0 * * * ? *)", Reason::Step { field: "minutes", most: 59 }, 7),
        ("cron(0/60 * * * ? *)", Reason::Step { field: "minutes", most: 59 }, 7),
        ("cron(0 0 32 * ? *)", value("day of month", 1, 31, ""), 9),
        ("cron(0 0 32W * ? *)", Reason::Nearest, 9),
        ("cron(0 0 W * ? *)", Reason::Nearest, 9),
        ("cron(0 0 1,? * ? *)", Reason::QuestionMark, 11),
        ("cron(? 0 1 * ? *)", Reason::QuestionMark, 5),
        ("cron(0 0 1 ? ? *)", Reason::QuestionMark, 11),
        ("cron(0 0 * * * *)", Reason::BothDays, 13),
        ("cron(0 0 ? * ? *)", Reason::BothDays, 13),
        ("cron(0 0 1 * MON *)", Reason::BothDays, 13),
        ("cron(0 0 ? * 0 *)", weekday(1), 13),
        ("cron(0 0 ? * MOON *)", weekday(1), 13),
        ("cron(0 0 ? * 8L *)", weekday(1), 13),
        ("cron(0 0 ? * 3#6 *)", Reason::Nth, 13),
        ("cron(0 0 ? * 3#+2 *)", Reason::Nth, 13),
        ("cron(0 0 ? * 3#1,6#3 *)", Reason::Nth, 13),
        ("cron(0 0 1 13 ? *)", value("month", 1, 12, " or JAN to DEC"), 11),
        ("cron(0 0 1 1 ? 1969)", value("year", 1970, 2199, ""), 15),
        ("cron(0 0 1 1 ? 2200)", value("year", 1970, 2199, ""), 15),
        ("cron(0 0 1 1 ? 2030-2029)", Reason::Backwards { field: "year" }, 15),
    ] {
        assert_eq!(error(text, Dialect::Rule), (reason, at), "{text}");
    }
    for (text, reason, at) in [
        ("0 0 * *", Reason::FiveOrSixFields { count: 4 }, 0),
        ("0 0 L * *", Reason::NotInFive, 4),
        ("0 0 ? * 1", Reason::NotInFive, 4),
        ("0 0 * * 1#2", Reason::NotInFive, 9),
        ("0 0 * * 1L", weekday(0), 8),
        ("0 22-2 * * *", Reason::Backwards { field: "hours" }, 2),
        ("0 0 * * 8", weekday(0), 8),
        ("soon", Reason::FormOrFields, 0),
        ("at(2030-01-31)", Reason::Time, 3),
        ("at(2030-01-31 08:00:00)", Reason::Time, 3),
        ("at(2030-01-31T08:00:00Z)", Reason::Time, 3),
        ("at(2030-02-29T08:00:00)", Reason::NoSuchTime, 3),
        ("at(2030-01-31T24:00:00)", Reason::NoSuchTime, 3),
        ("at(2030-01-31T08:00:60)", Reason::NoSuchTime, 3),
        ("at(1969-12-31T08:00:00)", Reason::Year, 3),
        ("at(2200-01-01T00:00:00)", Reason::Year, 3),
    ] {
        assert_eq!(error(text, Dialect::Manifest), (reason, at), "{text}");
    }
    assert_eq!(error("x", Dialect::Scheduler), (Reason::FormOrOnce, 0));
}

#[test]
fn an_expression_has_a_size_and_a_rate_a_length() {
    let size = limits::SCHEDULE_EXPRESSION_SIZE;
    let text = |size: usize| format!("cron({}0 12 * * ? *)", " ".repeat(size - 18));
    assert!(Expression::parse(&text(size), Dialect::Rule).is_ok());
    assert_eq!(error(&text(size + 1), Dialect::Rule).0, ExpressionReason::Size { size: size + 1 });
    assert_eq!(limits::SCHEDULE_RATE_MAX, Duration::from_secs(36_500 * 86_400));
    assert!(Expression::parse("rate(36500 days)", Dialect::Rule).is_ok());
}

#[test]
fn zones_have_names() {
    assert_eq!(Zone::parse("asia/seoul").unwrap().name(), "Asia/Seoul");
    assert_eq!(Zone::parse("UTC").unwrap().name(), "UTC");
    assert_eq!(Zone::UTC.name(), "UTC");
    let error = Zone::parse("Mars/Olympus").unwrap_err().to_string();
    assert!(error.starts_with("\"Mars/Olympus\" is no time zone"), "{error}");
    assert!(Zone::parse(&"x".repeat(100_000)).unwrap_err().to_string().len() < 300);
    for hostile in ["", "../etc/passwd", "/etc/localtime", "Europe/Berlin\0", "EST5EDT,M3.2.0,M11.1.0"] {
        assert!(Zone::parse(hostile).is_err(), "{hostile}");
    }
}
