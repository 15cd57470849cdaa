use std::collections::BTreeSet;

use super::LegacyError;

/// The parameters that have a counterpart in the other family, in the order in which messages list them: those from before there
/// were expressions, then expressions (API Reference, `Query`, `Scan`, `UpdateItem`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    AttributesToGet,
    QueryFilter,
    ScanFilter,
    AttributeUpdates,
    Expected,
    ConditionalOperator,
    KeyConditions,
    ProjectionExpression,
    FilterExpression,
    KeyConditionExpression,
    UpdateExpression,
    ConditionExpression,
}

impl Parameter {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttributesToGet => "AttributesToGet",
            Self::QueryFilter => "QueryFilter",
            Self::ScanFilter => "ScanFilter",
            Self::AttributeUpdates => "AttributeUpdates",
            Self::Expected => "Expected",
            Self::ConditionalOperator => "ConditionalOperator",
            Self::KeyConditions => "KeyConditions",
            Self::ProjectionExpression => "ProjectionExpression",
            Self::FilterExpression => "FilterExpression",
            Self::KeyConditionExpression => "KeyConditionExpression",
            Self::UpdateExpression => "UpdateExpression",
            Self::ConditionExpression => "ConditionExpression",
        }
    }

    const fn is_expression(self) -> bool {
        match self {
            Self::AttributesToGet
            | Self::QueryFilter
            | Self::ScanFilter
            | Self::AttributeUpdates
            | Self::Expected
            | Self::ConditionalOperator
            | Self::KeyConditions => false,
            Self::ProjectionExpression
            | Self::FilterExpression
            | Self::KeyConditionExpression
            | Self::UpdateExpression
            | Self::ConditionExpression => true,
        }
    }
}

/// That a request is of one family. `used` are the parameters that it has, empty ones too, in any order. `KeyConditions` may
/// stand beside expressions unless one of them is for the keys.
pub fn check_families(used: impl IntoIterator<Item = Parameter>) -> Result<(), LegacyError> {
    let mut used: BTreeSet<_> = used.into_iter().collect();
    if !used.contains(&Parameter::KeyConditionExpression) {
        used.remove(&Parameter::KeyConditions);
    }
    let (expressions, legacy): (Vec<_>, Vec<_>) =
        used.into_iter().partition(|parameter| parameter.is_expression());
    if expressions.is_empty() || legacy.is_empty() {
        return Ok(());
    }
    let list = |parameters: Vec<Parameter>| {
        parameters.into_iter().map(Parameter::as_str).collect::<Vec<_>>().join(", ")
    };
    Err(LegacyError::Families { legacy: list(legacy), expressions: list(expressions) })
}
