//! Numbers as DynamoDB has them: exact, with up to 38 significant digits (Developer Guide, "Supported data types and naming
//! rules", "Number").

use std::{cmp::Ordering, fmt, str::FromStr};

/// Significant digits.
pub(crate) const DIGITS: u32 = 38;
/// Of the first digit: numbers are smaller than ten to the power after this one.
const HIGHEST: i32 = 125;
/// Of the first digit of the smallest number that is not zero.
const LOWEST: i32 = -130;

/// A decimal number: `digits` times ten to the power of `exponent`. There is one form of each number: no zero at the end of
/// its digits, and zero has the exponent 0 and no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Number {
    is_negative: bool,
    /// Less than ten to the power of [`DIGITS`].
    digits: u128,
    exponent: i16,
}

/// Why a text is no number, or two have no sum. The texts are DynamoDB's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    NotANumber(String),
    #[error("The parameter cannot be converted to a numeric value")]
    Empty,
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooManyDigits,
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    TooLarge,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    TooSmall,
}

impl Number {
    pub const ZERO: Self = Self { is_negative: false, digits: 0, exponent: 0 };

    /// The one form of a number, if it is within the range.
    fn new(is_negative: bool, mut digits: u128, mut exponent: i32) -> Result<Self, NumberError> {
        if digits == 0 {
            return Ok(Self::ZERO);
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        let count = digits.ilog10() + 1;
        let first = exponent.saturating_add(count as i32 - 1);
        if first > HIGHEST {
            return Err(NumberError::TooLarge);
        }
        if first < LOWEST {
            return Err(NumberError::TooSmall);
        }
        if count > DIGITS {
            return Err(NumberError::TooManyDigits);
        }
        // Between -130 - 38 and 125.
        Ok(Self { is_negative, digits, exponent: exponent as i16 })
    }

    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub fn is_negative(self) -> bool {
        self.is_negative
    }

    /// The significant digits, first to last, none for zero; and the power of ten that the first one has.
    pub(crate) fn parts(self) -> (u128, u32, i32) {
        let count = self.digits.checked_ilog10().map_or(0, |power| power + 1);
        (self.digits, count, i32::from(self.exponent) + count as i32 - 1)
    }

    /// The number of `count` digits of which the first has the power of ten `first`.
    pub(crate) fn of_parts(is_negative: bool, digits: u128, count: u32, first: i32) -> Option<Self> {
        let number = Self::new(is_negative, digits, first - count as i32 + 1).ok()?;
        (number.parts() == (digits, count, first)).then_some(number)
    }

    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if low.is_zero() {
            return Ok(high);
        }
        if high.is_zero() {
            return Ok(low);
        }
        let places = (i32::from(high.exponent) - i32::from(low.exponent)) as u32;
        let raised = 10_u128.checked_pow(places).and_then(|power| high.digits.checked_mul(power));
        // The last digit of the lower one is not zero, so that the sum has more digits than a number can have.
        let raised = raised.ok_or(NumberError::TooManyDigits)?;
        let exponent = low.exponent.into();
        if high.is_negative == low.is_negative {
            let sum = raised.checked_add(low.digits).ok_or(NumberError::TooManyDigits)?;
            return Self::new(high.is_negative, sum, exponent);
        }
        let is_negative = if raised >= low.digits { high.is_negative } else { low.is_negative };
        Self::new(is_negative, raised.abs_diff(low.digits), exponent)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(Self { is_negative: !other.is_negative && !other.is_zero(), ..other })
    }

    fn magnitude(self, other: Self) -> Ordering {
        let ((digits, count, first), (others, other_count, other_first)) = (self.parts(), other.parts());
        if self.is_zero() || other.is_zero() {
            return digits.cmp(&others);
        }
        let most = count.max(other_count);
        // Both with as many digits as the longer one has.
        let raise = |digits: u128, count: u32| digits * 10_u128.pow(most - count);
        first.cmp(&other_first).then_with(|| raise(digits, count).cmp(&raise(others, other_count)))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(*other),
            (true, true) => other.magnitude(*self),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::new(number < 0, number.unsigned_abs().into(), 0).unwrap_or_default()
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// A sign, digits with a point, and an exponent; but for the digits all may be missing.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        let wrong = || NumberError::NotANumber(text.to_owned());
        let (is_negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent).ok_or_else(wrong)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong());
        }
        let mut digits = 0_u128;
        // Zeros that may turn out to be at the end.
        let mut zeros = 0_i32;
        let mut is_long = false;
        let mut exponent = exponent.saturating_sub(fraction.len().min(i32::MAX as usize) as i32);
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = match digit {
                b'0'..=b'9' => u128::from(digit - b'0'),
                _ => return Err(wrong()),
            };
            if digit == 0 {
                zeros += i32::from(digits != 0);
                continue;
            }
            let places = std::mem::take(&mut zeros) as u32 + 1;
            match 10_u128.checked_pow(places).and_then(|power| digits.checked_mul(power)?.checked_add(digit))
            {
                Some(more) if more.ilog10() < DIGITS => digits = more,
                Some(_) | None => is_long = true,
            }
        }
        if is_long {
            return Err(NumberError::TooManyDigits);
        }
        exponent = exponent.saturating_add(zeros);
        Self::new(is_negative, digits, exponent)
    }
}

/// Beyond all that a number has room for it is as good as any.
fn read_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(i32::MAX / 2).min(i32::MAX / 2);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Without an exponent, as DynamoDB prints it.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = self.digits.to_string();
        match usize::try_from(self.exponent) {
            Ok(zeros) => write!(f, "{sign}{digits}{:0<zeros$}", ""),
            Err(_) => {
                let places = usize::from(self.exponent.unsigned_abs());
                match digits.len().checked_sub(places).filter(|whole| *whole > 0) {
                    Some(whole) => write!(f, "{sign}{}.{}", &digits[..whole], &digits[whole..]),
                    None => write!(f, "{sign}0.{digits:0>places$}"),
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_has_one_form() {
        for (text, printed) in [
            ("0", "0"),
            ("-0.00e5", "0"),
            ("+1", "1"),
            ("007.50", "7.5"),
            ("1e3", "1000"),
            ("-1.5E-3", "-0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("100e-2", "1"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("123456789012345678901234567890123456780000", "123456789012345678901234567890123456780000"),
        ] {
            assert_eq!(number(text).to_string(), printed, "{text}");
        }
        assert_eq!(number("9.9999999999999999999999999999999999999e125").to_string().len(), 126);
        assert_eq!(number("1e-130").to_string().len(), 132);
    }

    #[test]
    fn what_is_no_number_is_told_with_the_reason() {
        for text in [
            "a", "1a", "1.2.3", "--1", "1e", "e1", ".", "-", "1e+", " 1", "1_000", "0x10", "NaN", "inf",
            "1,5",
        ] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::NotANumber(text.to_owned())));
        }
        assert_eq!("".parse::<Number>(), Err(NumberError::Empty));
        let long = "123456789012345678901234567890123456789";
        assert_eq!(long.parse::<Number>(), Err(NumberError::TooManyDigits));
        assert_eq!(format!("{long}e-10").parse::<Number>(), Err(NumberError::TooManyDigits));
        assert_eq!("1e126".parse::<Number>(), Err(NumberError::TooLarge));
        assert_eq!("-1e99999999999".parse::<Number>(), Err(NumberError::TooLarge));
        assert_eq!("1e-131".parse::<Number>(), Err(NumberError::TooSmall));
        assert_eq!("0e99999999999".parse::<Number>(), Ok(Number::ZERO));
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |one: &str, other: &str| number(one).checked_add(number(other)).map(|sum| sum.to_string());
        assert_eq!(sum("0.1", "0.2").unwrap(), "0.3");
        assert_eq!(
            sum("99999999999999999999999999999999999999", "1").unwrap(),
            format!("1{}", "0".repeat(38))
        );
        assert_eq!(sum("1", "-1").unwrap(), "0");
        assert_eq!(sum("1e30", "1e-20"), Err(NumberError::TooManyDigits));
        assert_eq!(sum("1e125", "-1e125").unwrap(), "0");
        assert_eq!(sum("9e125", "9e125"), Err(NumberError::TooLarge));
        assert_eq!(sum("1e-130", "0").unwrap(), number("1e-130").to_string());
        let difference = number("5").checked_sub(number("7.25")).unwrap();
        assert_eq!(difference.to_string(), "-2.25");
    }

    prop_compose! {
        pub(crate) fn numbers()(negative: bool, digits in 0_u128..10_u128.pow(38), kept in 0_u32..=38, first in -130..=125_i32)
            -> Number
        {
            let digits = digits / 10_u128.pow(38 - kept);
            let text = format!("{}{digits}e{}", if negative { "-" } else { "" }, first - digits.checked_ilog10().unwrap_or(0) as i32);
            text.parse().unwrap()
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_what_it_prints(number in numbers()) {
            prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
        }

        #[test]
        fn numbers_are_ordered_as_they_are_subtracted(one in numbers(), other in numbers()) {
            prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
            if let Ok(difference) = one.checked_sub(other) {
                prop_assert_eq!(difference.cmp(&Number::ZERO), one.cmp(&other));
                prop_assert_eq!(difference.checked_add(other), Ok(one));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[-+]?[0-9.]{0,60}([eE][-+]?[0-9]{0,12})?|\\PC{0,10}") {
            if let Ok(number) = text.parse::<Number>() {
                prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
            }
        }
    }
}
