//! Conditions ("IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys").

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sonagi_model::policy::{AddressRange, Comparison, Condition, Order, Quantifier, Version, moment, number};

use super::{
    arn::{self, ArnPattern},
    facts::{Facts, Given},
    pattern::{Part, Pattern, Reading, parts, resolve},
};

/// One key under one operator.
#[derive(Debug, Clone)]
pub(super) struct Test {
    /// In lower case.
    key: Box<str>,
    quantifier: Quantifier,
    if_exists: bool,
    is_negated: bool,
    wanted: Wanted,
}

/// Of the values, one must match.
#[derive(Debug, Clone)]
enum Wanted {
    Texts(Box<[Pattern]>, Reading),
    Arns(Box<[ArnPattern]>),
    Numbers(Order, Box<[Operand<f64>]>),
    Times(Order, Box<[Operand<f64>]>),
    Flags(Box<[Operand<bool>]>),
    Bytes(Box<[Operand<Vec<u8>>]>),
    Addresses(Box<[Operand<AddressRange>]>),
    Absent(Box<[Operand<bool>]>),
}

#[derive(Debug, Clone)]
enum Operand<T> {
    Fixed(T),
    /// With variables.
    Varied(Box<[Part]>),
    /// What compares with nothing.
    Never,
}

impl<T> Operand<T> {
    fn new(text: &str, version: Version, read: impl Fn(&str) -> Option<T>) -> Self {
        let parts = parts(text, Reading::Exact, version);
        if parts.iter().any(|part| matches!(part, Part::Variable { .. })) {
            return Self::Varied(parts.into());
        }
        read(text).map_or(Self::Never, Self::Fixed)
    }

    fn is(&self, facts: &dyn Facts, read: impl Fn(&str) -> Option<T>, fits: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Fixed(value) => fits(value),
            Self::Varied(parts) => {
                resolve(parts, facts).and_then(|text| read(&text)).is_some_and(|value| fits(&value))
            }
            Self::Never => false,
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

impl Test {
    pub(super) fn new(condition: &Condition, version: Version) -> Self {
        use Comparison as C;
        let values = &condition.values;
        let texts = |reading| {
            let patterns = values.iter().map(|value| Pattern::new(value, reading, version)).collect();
            Wanted::Texts(patterns, reading)
        };
        let numbers = |read: fn(&str) -> Option<f64>| {
            values.iter().map(|value| Operand::new(value, version, read)).collect()
        };
        let flags = || values.iter().map(|value| Operand::new(value, version, flag)).collect();
        let operator = condition.operator;
        let wanted = match operator.comparison {
            C::StringEquals | C::StringNotEquals => texts(Reading::Exact),
            C::StringEqualsIgnoreCase | C::StringNotEqualsIgnoreCase => texts(Reading::ExactIgnoringCase),
            C::StringLike | C::StringNotLike => texts(Reading::Wild),
            C::ArnEquals | C::ArnLike | C::ArnNotEquals | C::ArnNotLike => {
                Wanted::Arns(values.iter().map(|value| ArnPattern::new(value, version)).collect())
            }
            C::Numeric(order) => Wanted::Numbers(order, numbers(number)),
            C::Date(order) => Wanted::Times(order, numbers(moment)),
            C::Bool => Wanted::Flags(flags()),
            C::BinaryEquals => {
                Wanted::Bytes(values.iter().map(|value| Operand::new(value, version, bytes)).collect())
            }
            C::IpAddress | C::NotIpAddress => {
                let ranges = values.iter().map(|value| Operand::new(value, version, AddressRange::parse));
                Wanted::Addresses(ranges.collect())
            }
            C::Null => Wanted::Absent(flags()),
        };
        Self {
            key: condition.key.to_ascii_lowercase().into(),
            quantifier: operator.quantifier,
            if_exists: operator.if_exists,
            is_negated: operator.comparison.is_negated(),
            wanted,
        }
    }

    pub(super) fn holds(&self, facts: &dyn Facts) -> bool {
        let given = facts.given(&self.key).filter(|given| !given.is_empty());
        if let Wanted::Absent(wanted) = &self.wanted {
            return wanted.iter().any(|operand| operand.is(facts, flag, |absent| *absent == given.is_none()));
        }
        let Some(given) = given else {
            return self.if_exists
                || match self.quantifier {
                    Quantifier::One => self.is_negated,
                    Quantifier::All => true,
                    Quantifier::Any => false,
                };
        };
        self.fits(&given, facts)
    }

    fn fits(&self, given: &Given<'_>, facts: &dyn Facts) -> bool {
        let mut values = given.values();
        match self.quantifier {
            Quantifier::One => values.any(|value| self.wanted.matches(value, facts)) != self.is_negated,
            Quantifier::All => values.all(|value| self.wanted.matches(value, facts) != self.is_negated),
            Quantifier::Any => values.any(|value| self.wanted.matches(value, facts) != self.is_negated),
        }
    }
}

impl Wanted {
    /// Whether one of the values is what the request has; an operator that negates is turned around by who asks.
    fn matches(&self, value: &str, facts: &dyn Facts) -> bool {
        let compare = |order: Order, operands: &[Operand<f64>], read: fn(&str) -> Option<f64>| {
            read(value).is_some_and(|value| {
                operands
                    .iter()
                    .any(|operand| operand.is(facts, read, |wanted| in_order(order, value, *wanted)))
            })
        };
        match self {
            Self::Texts(patterns, reading) => {
                let value = reading.of(value);
                patterns.iter().any(|pattern| pattern.matches(&value, *reading, facts))
            }
            Self::Arns(patterns) => {
                let parts = arn::parts(value);
                patterns.iter().any(|pattern| pattern.matches(parts.as_ref(), facts))
            }
            Self::Numbers(order, operands) => compare(*order, operands, number),
            Self::Times(order, operands) => compare(*order, operands, moment),
            Self::Flags(operands) => flag(value).is_some_and(|value| {
                operands.iter().any(|operand| operand.is(facts, flag, |it| *it == value))
            }),
            Self::Bytes(operands) => bytes(value).is_some_and(|value| {
                operands.iter().any(|operand| operand.is(facts, bytes, |it| *it == value))
            }),
            Self::Addresses(operands) => value.parse::<IpAddr>().is_ok_and(|address| {
                let within = |range: &AddressRange| range.contains(address);
                operands.iter().any(|operand| operand.is(facts, AddressRange::parse, within))
            }),
            // Asked for before there is a value.
            Self::Absent(_) => false,
        }
    }
}

fn in_order(order: Order, value: f64, wanted: f64) -> bool {
    match order {
        // `NotEquals` is turned around by who asks.
        Order::Equals | Order::NotEquals => value == wanted,
        Order::LessThan => value < wanted,
        Order::LessThanEquals => value <= wanted,
        Order::GreaterThan => value > wanted,
        Order::GreaterThanEquals => value >= wanted,
    }
}
