use std::fmt;

use sonagi_items::{Kind as Type, NumberError};

/// Why something is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mistake {
    Empty,
    Several,
    Number(NumberError),
    NullIsFalse,
    EmptySet(Type),
    NullInSet(Type),
    /// With the elements as they were written.
    Twice(Type, String),
    TooDeep,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const INVALID: &str = "One or more parameter values were invalid:";
        let set = |kind: &Type| if *kind == Type::Ns { "number" } else { "string" };
        match self {
            Self::Empty => f.write_str(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ),
            Self::Several => f.write_str(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ),
            Self::Number(error) => error.fmt(f),
            Self::NullIsFalse => {
                write!(f, "{INVALID} Null attribute value types must have the value of true")
            }
            Self::EmptySet(Type::Bs) => write!(f, "{INVALID} Binary sets should not be empty"),
            Self::EmptySet(kind) => write!(f, "{INVALID} An {} set  may not be empty", set(kind)),
            Self::NullInSet(Type::Bs) => write!(f, "{INVALID} Binary sets may not contain null values"),
            Self::NullInSet(kind) => {
                let kind = set(kind);
                write!(f, "{INVALID} An {kind} set may not have a null {kind} as a member")
            }
            Self::Twice(Type::Ns, _) => f.write_str("Input collection contains duplicates"),
            Self::Twice(Type::Bs, elements) => {
                write!(f, "{INVALID} Input collection {elements}of type BS contains duplicates.")
            }
            Self::Twice(_, elements) => write!(f, "{INVALID} Input collection {elements} contains duplicates."),
            Self::TooDeep => f.write_str(
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
            ),
        }
    }
}

impl Mistake {
    /// In a key to go on from. DynamoDB says only of some mistakes that it is about that.
    pub(super) fn in_start_key(&self) -> String {
        match self {
            Self::Empty
            | Self::Several
            | Self::NullIsFalse
            | Self::EmptySet(Type::Ss | Type::Bs)
            | Self::NullInSet(_) => format!("The provided starting key is invalid: {self}"),
            Self::EmptySet(_) | Self::Number(_) | Self::Twice(..) | Self::TooDeep => self.to_string(),
        }
    }

    /// In `ExpressionAttributeValues`.
    pub(super) fn in_expressions(&self, key: &str) -> String {
        match self {
            Self::TooDeep => self.to_string(),
            Self::Empty
            | Self::Several
            | Self::Number(_)
            | Self::NullIsFalse
            | Self::EmptySet(_)
            | Self::NullInSet(_)
            | Self::Twice(..) => {
                format!("ExpressionAttributeValues contains invalid value: {self} for key {key}")
            }
        }
    }
}
