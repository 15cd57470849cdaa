//! Numbers as patterns compare them: 300, 300.0 and 3.0e2 are one number.

use std::cmp::Ordering;

/// A JSON number. Whole numbers are compared exactly, others as doubles, as JSON's readers have them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(i128),
    Double(f64),
}

impl Number {
    /// None if the text is no number, or one beyond a double's range.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse::<i128>() {
            return Some(Self::Whole(whole));
        }
        // Rust also reads "inf" and "nan", which are no numbers here.
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let double = text.parse::<f64>().ok().filter(|double| digits && double.is_finite())?;
        Some(Self::Double(double))
    }

    /// The same, if a double holds it as it is written: what AWS compares, and so what it takes for a bound.
    pub(super) fn parse_exactly(text: &str) -> Option<Self> {
        let number = Self::parse(text)?;
        (decimal(text)? == decimal(&number.double().to_string())?).then_some(number)
    }

    pub(super) fn of(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Self::Whole(whole.into()),
            (None, Some(whole)) => Self::Whole(whole.into()),
            (None, None) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    pub(super) fn double(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Double(double) => double,
        }
    }
}

/// Sign, digits and exponent of ten, without zeros at the ends.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let leading = digits.trim_start_matches('0');
    let significant = leading.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let moved = (leading.len() - significant.len()) as i64 - fraction.len() as i64;
    let exponent = exponent.checked_add(moved)?;
    Some((whole.starts_with('-'), significant.to_owned(), exponent))
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(other)),
            (one, other) => one.double().partial_cmp(&other.double()),
        }
    }
}
