use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::Number;

/// An item, or a map within one: values by their names.
pub type Item = BTreeMap<String, Value>;

/// A value of an attribute (API Reference, `AttributeValue`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `S`
    Text(String),
    /// `N`
    Number(Number),
    /// `B`
    Binary(Bytes),
    /// `BOOL`
    Bool(bool),
    /// `NULL`
    Null,
    /// `L`
    List(Vec<Value>),
    /// `M`
    Map(Item),
    /// `SS`; a set is never empty.
    Texts(BTreeSet<String>),
    /// `NS`
    Numbers(BTreeSet<Number>),
    /// `BS`
    Binaries(BTreeSet<Bytes>),
}

/// The type of a value, as the protocol names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    Ss,
    Ns,
    Bs,
}

impl Kind {
    pub const ALL: [Self; 10] =
        [Self::S, Self::N, Self::B, Self::Bool, Self::Null, Self::L, Self::M, Self::Ss, Self::Ns, Self::Bs];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::L => "L",
            Self::M => "M",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Value {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::S,
            Self::Number(_) => Kind::N,
            Self::Binary(_) => Kind::B,
            Self::Bool(_) => Kind::Bool,
            Self::Null => Kind::Null,
            Self::List(_) => Kind::L,
            Self::Map(_) => Kind::M,
            Self::Texts(_) => Kind::Ss,
            Self::Numbers(_) => Kind::Ns,
            Self::Binaries(_) => Kind::Bs,
        }
    }

    /// Bytes of it as DynamoDB counts them (Developer Guide, "DynamoDB item sizes and formats").
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(number) => number.size(),
            Self::Binary(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::List(values) => CONTAINER + values.iter().map(|value| value.size() + 1).sum::<usize>(),
            Self::Map(item) => CONTAINER + size(item) + item.len(),
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
            Self::Numbers(numbers) => numbers.iter().map(|number| number.size()).sum(),
            Self::Binaries(binaries) => binaries.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether it has more than so many lists and maps in each other.
    pub fn is_deeper(&self, most: usize) -> bool {
        let Some(within) = most.checked_sub(1) else {
            return matches!(self, Self::List(_) | Self::Map(_));
        };
        match self {
            Self::List(values) => values.iter().any(|value| value.is_deeper(within)),
            Self::Map(item) => item.values().any(|value| value.is_deeper(within)),
            _ => false,
        }
    }
}

/// Bytes of an empty list or map.
const CONTAINER: usize = 3;

/// Bytes of an item: of its attributes' names and values.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

impl Number {
    /// A byte for two digits, one for the exponent, and one for a sign.
    fn size(self) -> usize {
        let (_, digits, first) = self.parts();
        // Pairs begin at even powers of ten, so that a number may begin or end in the middle of one.
        let last = first - digits as i32 + 1;
        let pairs = if digits == 0 { 0 } else { first.div_euclid(2) - last.div_euclid(2) + 1 };
        pairs as usize + 1 + usize::from(self.is_negative())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_developer_guide() {
        let text = |text: &str| Value::Text(text.into());
        let number = |text: &str| Value::Number(text.parse().unwrap());
        assert_eq!(text("é").size(), 2);
        for (digits, size) in
            [("0", 1), ("1", 2), ("12", 2), ("123", 3), ("-1", 3), ("1000", 2), ("0.01", 2), ("1.5", 3)]
        {
            assert_eq!(number(digits).size(), size, "{digits}");
        }
        assert_eq!(Value::List(vec![]).size(), 3);
        assert_eq!(Value::List(vec![text("ab"), Value::Null]).size(), 3 + 3 + 2);
        let map = Item::from([("k".to_owned(), Value::Bool(true))]);
        assert_eq!(Value::Map(map.clone()).size(), 3 + 1 + 1 + 1);
        assert_eq!(size(&map), 2);
        assert_eq!(Value::Texts(["a".into(), "bc".into()].into()).size(), 3);
        assert!(Kind::ALL.into_iter().all(|kind| Kind::of(kind.as_str()) == Some(kind)));
    }
}
