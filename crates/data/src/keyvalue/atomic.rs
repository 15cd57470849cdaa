//! Counters, and writing only what nobody else has written since.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{
    Store,
    store::{fits, value_fits},
};
use crate::{Error, Result};

/// What a counter may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberRange {
    Signed64,
    Unsigned64,
}

impl NumberRange {
    fn bounds(self) -> RangeInclusive<i128> {
        match self {
            Self::Signed64 => i64::MIN.into()..=i64::MAX.into(),
            Self::Unsigned64 => 0..=u64::MAX.into(),
        }
    }
}

/// Which write a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// The key is not there. It may have come and gone since another was absent.
    Absent,
    /// No two writes of a key have the same number.
    Written(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    pub value: Option<Bytes>,
    pub revision: Revision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    Done,
    /// Somebody else was faster: what is there now.
    Changed(Revised),
}

impl Store {
    /// Adds to a number that is stored as decimal text, and gives the new one. A key that is not there counts as 0. If
    /// the value is no number, or either number is not within `range`, nothing is written.
    pub async fn increment(&self, key: &str, delta: i128, range: NumberRange) -> Result<i128> {
        fits(key)?;
        let key = key.to_owned();
        self.change(move |layout, t| {
            let number = match layout.read(t, &key)? {
                None => 0,
                Some((_, value)) => match number(&value) {
                    Some(number) => number,
                    None => return Ok(Err(Error::NotANumber)),
                },
            };
            let sum = number.checked_add(delta).filter(|sum| range.bounds().contains(sum));
            let Some(sum) = sum.filter(|_| range.bounds().contains(&number)) else {
                return Ok(Err(Error::NumberOutOfRange));
            };
            layout.write(t, &key, sum.to_string().as_bytes())?;
            Ok(Ok(sum))
        })
        .await?
    }

    /// The value and the revision that [`swap`](Self::swap) compares with.
    pub async fn revised(&self, key: &str) -> Result<Revised> {
        fits(key)?;
        let snapshot = self.records.snapshot();
        Ok(match self.read(&*snapshot, key).await? {
            None => Revised { value: None, revision: Revision::Absent },
            Some((entry, value)) => {
                Revised { value: Some(value), revision: Revision::Written(entry.revision) }
            }
        })
    }

    /// Sets the value if the key is as it was when `expected` was read.
    pub async fn swap(&self, key: &str, expected: Revision, value: Bytes) -> Result<Swapped> {
        fits(key)?;
        value_fits(&value)?;
        let key = key.to_owned();
        self.change(move |layout, t| {
            let current = layout.entry(t, &key)?;
            let revision = match &current {
                None => Revision::Absent,
                Some(entry) => Revision::Written(entry.revision),
            };
            if revision == expected {
                layout.write(t, &key, &value)?;
                return Ok(Swapped::Done);
            }
            let value = layout.read(t, &key)?.map(|(_, value)| value);
            Ok(Swapped::Changed(Revised { value, revision }))
        })
        .await
    }
}

/// Decimal digits, perhaps after a minus, as [`Store::increment`] writes them.
fn number(value: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
