//! The values that conditions compare.

use std::net::{IpAddr, Ipv6Addr};

use super::Version;
use crate::Timestamp;

/// The six parts of an ARN with wildcards. Colons in variables divide nothing; `*` as the last of fewer parts stands for
/// all that are missing.
pub fn arn_parts(text: &str, version: Version) -> Option<[&str; 6]> {
    let mut parts = ["*"; 6];
    let (mut count, mut from, mut at) = (0, 0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() && count < 5 {
        if version == Version::Second && bytes[at..].starts_with(b"${") {
            at += text[at..].find('}')?;
        } else if bytes[at] == b':' {
            parts[count] = &text[from..at];
            (count, from) = (count + 1, at + 1);
        }
        at += 1;
    }
    parts[count] = &text[from..];
    (count == 5 || count > 0 && parts[count] == "*").then_some(parts)
}

/// A number, as `Numeric…` operators take it.
pub fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Seconds since 1970: an ISO 8601 time (`2026-01-31`, `2026-01-31T08:15:30Z`, with an offset or a fraction), or the
/// seconds themselves.
pub fn moment(text: &str) -> Option<f64> {
    if let Some(seconds) = number(text) {
        return Some(seconds);
    }
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00Z"));
    let mut date = date.split('-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0.0),
        None => {
            let (at, sign) = match (time.rfind('+'), time.rfind('-')) {
                (Some(at), _) => (at, 1.0),
                (None, Some(at)) => (at, -1.0),
                (None, None) => return None,
            };
            let mut zone = time[at + 1..].split(':').map(digits);
            let (hours, minutes) = (zone.next()??, zone.next().unwrap_or(Some(0))?);
            (&time[..at], sign * (hours * 3_600 + minutes * 60) as f64)
        }
    };
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => {
            (time, format!("0.{fraction}").parse::<f64>().ok()?)
        }
        Some(_) => return None,
        None => (time, 0.0),
    };
    let mut time = time.split(':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next().unwrap_or(Some(0))?);
    if date.next().is_some() || time.next().is_some() || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let whole = days(year, month, day)? * 86_400 + (hour * 3_600 + minute * 60 + second) as i64;
    Some(whole as f64 - offset + fraction)
}

fn digits(text: &str) -> Option<u64> {
    let fits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Days since 1970-01-01.
fn days(year: u64, month: u64, day: u64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March put the leap day at the end; see `clock`, which goes the other way.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    // 31 April is no day.
    let civil = Timestamp(days * 86_400_000_000).civil();
    (u64::from(civil.month) == month && u64::from(civil.day) == day).then_some(days as i64)
}

/// Addresses that begin with the same bits; IPv4 and IPv6 are never the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    address: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// `203.0.113.0/24`, `2001:db8::/32`, or an address alone.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        (prefix <= most).then_some(Self { address, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => Ipv6Addr::to_bits(v6),
        };
        let width = if self.address.is_ipv4() { 32 } else { 128 };
        let differ = bits(self.address) ^ bits(address);
        self.address.is_ipv4() == address.is_ipv4()
            && differ.checked_shr(width - u32::from(self.prefix)).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_all_their_forms() {
        let at = Some(1_769_847_330.0);
        assert_eq!(moment("2026-01-31T08:15:30Z"), at);
        assert_eq!(moment("2026-01-31T09:15:30+01:00"), at);
        assert_eq!(moment("2026-01-31T03:15:30-05:00"), at);
        assert_eq!(moment("1769847330"), at);
        assert_eq!(moment("2026-01-31T08:15:30.5Z"), Some(1_769_847_330.5));
        assert_eq!(moment("2026-01-31"), Some(1_769_817_600.0));
        assert_eq!(moment("2026-01-31T08:15Z"), Some(1_769_847_300.0));
        for wrong in
            ["", "yesterday", "2026-04-31", "2026-13-01", "2026-01-31T25:00Z", "2026-01-31T08:15:30", "inf"]
        {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_range_contains_what_begins_with_its_bits() {
        let within = |range: &str, address: &str| {
            AddressRange::parse(range).unwrap().contains(address.parse().unwrap())
        };
        assert!(within("203.0.113.0/24", "203.0.113.255") && !within("203.0.113.0/24", "203.0.114.0"));
        assert!(within("0.0.0.0/0", "8.8.8.8") && !within("0.0.0.0/0", "::1") && within("::/0", "::1"));
        assert!(within("2001:db8::/32", "2001:db8:1::1") && !within("2001:db8::/32", "2001:db9::1"));
        assert!(within("10.0.0.1", "10.0.0.1") && !within("10.0.0.1", "10.0.0.2"));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "a"] {
            assert_eq!(AddressRange::parse(wrong), None, "{wrong}");
        }
    }
}
