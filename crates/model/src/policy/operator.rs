//! Condition operators ("IAM JSON policy elements: Condition operators").

use std::{fmt, str::FromStr};

/// `ForAnyValue:StringLikeIfExists`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operator {
    pub quantifier: Quantifier,
    pub comparison: Comparison,
    /// Whether it holds when the key is absent.
    pub if_exists: bool,
}

/// For keys with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// The key has one value.
    One,
    /// Every value of the key must match; none does.
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    /// `ArnLike` is the same.
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    /// Whether the key is absent.
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    Equals,
    NotEquals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

const COMPARISONS: [(&str, Comparison); 27] = {
    use Comparison as C;
    use Order as O;
    [
        ("StringEquals", C::StringEquals),
        ("StringNotEquals", C::StringNotEquals),
        ("StringEqualsIgnoreCase", C::StringEqualsIgnoreCase),
        ("StringNotEqualsIgnoreCase", C::StringNotEqualsIgnoreCase),
        ("StringLike", C::StringLike),
        ("StringNotLike", C::StringNotLike),
        ("ArnEquals", C::ArnEquals),
        ("ArnLike", C::ArnLike),
        ("ArnNotEquals", C::ArnNotEquals),
        ("ArnNotLike", C::ArnNotLike),
        ("NumericEquals", C::Numeric(O::Equals)),
        ("NumericNotEquals", C::Numeric(O::NotEquals)),
        ("NumericLessThan", C::Numeric(O::LessThan)),
        ("NumericLessThanEquals", C::Numeric(O::LessThanEquals)),
        ("NumericGreaterThan", C::Numeric(O::GreaterThan)),
        ("NumericGreaterThanEquals", C::Numeric(O::GreaterThanEquals)),
        ("DateEquals", C::Date(O::Equals)),
        ("DateNotEquals", C::Date(O::NotEquals)),
        ("DateLessThan", C::Date(O::LessThan)),
        ("DateLessThanEquals", C::Date(O::LessThanEquals)),
        ("DateGreaterThan", C::Date(O::GreaterThan)),
        ("DateGreaterThanEquals", C::Date(O::GreaterThanEquals)),
        ("Bool", C::Bool),
        ("BinaryEquals", C::BinaryEquals),
        ("IpAddress", C::IpAddress),
        ("NotIpAddress", C::NotIpAddress),
        ("Null", C::Null),
    ]
};

impl Comparison {
    /// Whether it holds for what does *not* match, and so for an absent key.
    pub const fn is_negated(self) -> bool {
        match self {
            Self::StringNotEquals
            | Self::StringNotEqualsIgnoreCase
            | Self::StringNotLike
            | Self::ArnNotEquals
            | Self::ArnNotLike
            | Self::Numeric(Order::NotEquals)
            | Self::Date(Order::NotEquals)
            | Self::NotIpAddress => true,
            Self::StringEquals
            | Self::StringEqualsIgnoreCase
            | Self::StringLike
            | Self::ArnEquals
            | Self::ArnLike
            | Self::Numeric(_)
            | Self::Date(_)
            | Self::Bool
            | Self::BinaryEquals
            | Self::IpAddress
            | Self::Null => false,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::One => "",
            Quantifier::All => "ForAllValues:",
            Quantifier::Any => "ForAnyValue:",
        })?;
        let name = COMPARISONS.iter().find(|(_, comparison)| *comparison == self.comparison);
        f.write_str(name.map_or("", |(name, _)| name))?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

impl FromStr for Operator {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (quantifier, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return Err(()),
            None => (Quantifier::One, text),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (_, comparison) = COMPARISONS.iter().find(|(known, _)| *known == name).ok_or(())?;
        // Whether a key exists is what `Null` asks.
        if *comparison == Comparison::Null && (if_exists || quantifier != Quantifier::One) {
            return Err(());
        }
        Ok(Self { quantifier, comparison: *comparison, if_exists })
    }
}
