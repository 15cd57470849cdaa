//! The times of signatures: `20260131T081530Z`, and HTTP dates for who has no `X-Amz-Date`.

use sonagi_model::Timestamp;

/// ISO 8601 basic: `20260131T081530Z`.
pub fn basic_time(at: Timestamp) -> String {
    let c = at.civil();
    format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

pub(crate) fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| digits(text.get(from..to)?);
    from_civil(number(0, 4)?, number(4, 6)?, number(6, 8)?, number(9, 11)?, number(11, 13)?, number(13, 15)?)
}

/// An IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn parse_http(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = digits(parts.next()?)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = digits(parts.next()?)?;
    let mut clock = parts.next()?.split(':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = parts.next()?;
    if clock.next().is_some() || parts.next().is_some() || !matches!(zone, "GMT" | "UTC" | "+0000") {
        return None;
    }
    from_civil(year, month, day, hour, minute, second)
}

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn from_civil(year: u64, month: u64, day: u64, hour: u64, minute: u64, second: u64) -> Option<Timestamp> {
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !fits {
        return None;
    }
    // Years that begin in March put the leap day at the end; see `model::clock`, which goes the other way.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    let at = Timestamp::from_millis((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000);
    // 31 April is no day.
    let civil = at.civil();
    (u64::from(civil.day) == day && u64::from(civil.month) == month || second == 60).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_its_text() {
        for seconds in [0, 951_782_400, 1_709_210_096, 4_102_444_799, 68_169_599] {
            let at = Timestamp::from_millis(seconds * 1_000);
            assert_eq!(parse_basic(&basic_time(at)), Some(at));
        }
        assert_eq!(parse_http("Sun, 06 Nov 1994 08:49:37 GMT"), parse_basic("19941106T084937Z"));
        for wrong in [
            "",
            "20260131T081530",
            "20260431T000000Z",
            "20261301T000000Z",
            "2026013éT00000Z",
            "20260131T250000Z",
        ] {
            assert_eq!(parse_basic(wrong), None, "{wrong}");
        }
        assert_eq!(parse_http("yesterday, at noon"), None);
    }
}
