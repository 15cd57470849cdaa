use std::{fmt, ops::RangeInclusive};

use crate::Kind;

/// How an attribute is compared (API Reference, `Condition`, "ComparisonOperator").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComparisonOperator {
    Eq,
    Ne,
    In,
    Le,
    Lt,
    Ge,
    Gt,
    Between,
    NotNull,
    Null,
    Contains,
    NotContains,
    BeginsWith,
}

/// How several comparisons are one (API Reference, `ConditionalOperator`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConditionalOperator {
    #[default]
    And,
    Or,
}

impl ComparisonOperator {
    /// In the order in which messages list them.
    pub const ALL: [Self; 13] = [
        Self::In,
        Self::Null,
        Self::Between,
        Self::Lt,
        Self::NotContains,
        Self::Eq,
        Self::Gt,
        Self::NotNull,
        Self::Ne,
        Self::Le,
        Self::BeginsWith,
        Self::Ge,
        Self::Contains,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "EQ",
            Self::Ne => "NE",
            Self::In => "IN",
            Self::Le => "LE",
            Self::Lt => "LT",
            Self::Ge => "GE",
            Self::Gt => "GT",
            Self::Between => "BETWEEN",
            Self::NotNull => "NOT_NULL",
            Self::Null => "NULL",
            Self::Contains => "CONTAINS",
            Self::NotContains => "NOT_CONTAINS",
            Self::BeginsWith => "BEGINS_WITH",
        }
    }

    /// Letters of the other case are others.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == name)
    }

    /// How many values it has beside the attribute.
    pub(super) const fn count(self) -> RangeInclusive<usize> {
        match self {
            Self::Null | Self::NotNull => 0..=0,
            Self::Eq
            | Self::Ne
            | Self::Le
            | Self::Lt
            | Self::Ge
            | Self::Gt
            | Self::Contains
            | Self::NotContains
            | Self::BeginsWith => 1..=1,
            Self::Between => 2..=2,
            Self::In => 1..=usize::MAX,
        }
    }

    /// Whether its values may be of a type. For the two that look for a part, the API Reference names only `S`, `N` and `B`; that
    /// the service refuses `BOOL` and `NULL` is recorded nowhere, and a list may have such elements.
    pub(super) const fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Eq | Self::Ne | Self::Null | Self::NotNull => true,
            Self::Le | Self::Lt | Self::Ge | Self::Gt | Self::In | Self::Between => {
                matches!(kind, Kind::S | Kind::N | Kind::B)
            }
            Self::Contains | Self::NotContains => {
                matches!(kind, Kind::S | Kind::N | Kind::B | Kind::Bool | Kind::Null)
            }
            Self::BeginsWith => matches!(kind, Kind::S | Kind::B),
        }
    }
}

impl fmt::Display for ComparisonOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
