use sonagi_model::Timestamp;

/// A moment as RFC 3339 has it, `2030-01-31T08:00:00Z`; without an offset it is UTC.
pub fn moment(text: &str) -> Option<Timestamp> {
    let zoned = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let moment = zoned(text).or_else(|| zoned(&format!("{text}Z")))?;
    u64::try_from(moment.as_microsecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_an_offset_or_is_utc() {
        let want = Some(Timestamp::from_millis(1_896_076_800_000));
        for text in ["2030-01-31T08:00:00Z", "2030-01-31T08:00:00", "2030-01-31T10:00:00+02:00"] {
            assert_eq!(moment(text), want, "{text}");
        }
        for text in ["", "soon", "2030-02-31T08:00:00Z", "1960-01-01T00:00:00Z"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
