use super::ComparisonOperator;
use crate::Kind;

/// Parameters that cannot be, as DynamoDB says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    #[error(
        "One or more parameter values were invalid: Invalid number of argument(s) for the {0} ComparisonOperator"
    )]
    Count(ComparisonOperator),
    #[error(
        "One or more parameter values were invalid: AttributeValues inside AttributeValueList must be of same type"
    )]
    SeveralKinds,
    #[error(
        "One or more parameter values were invalid: ComparisonOperator {operator} is not valid for {} AttributeValue type",
        .kind.as_str()
    )]
    Kind { operator: ComparisonOperator, kind: Kind },
    #[error(
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
    )]
    Bounds,
    #[error(
        "One or more parameter values were invalid: Value and AttributeValueList cannot be used together for Attribute: {0}"
    )]
    ValueAndValues(String),
    #[error(
        "One or more parameter values were invalid: Exists and ComparisonOperator cannot be used together for Attribute: {0}"
    )]
    ExistsAndOperator(String),
    #[error(
        "One or more parameter values were invalid: Value or AttributeValueList must be used with ComparisonOperator: \
         {operator} for Attribute: {name}"
    )]
    OnlyOperator { operator: ComparisonOperator, name: String },
    #[error(
        "One or more parameter values were invalid: AttributeValueList can only be used with a ComparisonOperator for \
         Attribute: {0}"
    )]
    OnlyValues(String),
    /// `exists` as it was given.
    #[error(
        "One or more parameter values were invalid: Value must be provided when Exists is {} for Attribute: {name}",
        .exists.map_or("null".to_owned(), |exists| exists.to_string())
    )]
    NoValue { exists: Option<bool>, name: String },
    #[error(
        "One or more parameter values were invalid: Value cannot be used when Exists is false for Attribute: {0}"
    )]
    ValueOfMissing(String),
    #[error("ConditionalOperator cannot be used without Filter or Expected")]
    NothingToJoin,
    #[error("ConditionalOperator can only be used when Filter or Expected has two or more elements")]
    OneToJoin,
    #[error("Conditions can be of length 1 or 2 only")]
    KeyConditions,
    #[error("Attempted conditional constraint is not an indexable operation")]
    NotIndexable,
    #[error(
        "One or more parameter values were invalid: Only DELETE action is allowed when no attribute value is specified"
    )]
    NothingToPut,
    #[error(
        "One or more parameter values were invalid: DELETE action with value is not supported for the type {}",
        .0.as_str()
    )]
    DeleteKind(Kind),
    #[error(
        "One or more parameter values were invalid: ADD action is not supported for the type {}",
        .0.as_str()
    )]
    AddKind(Kind),
    /// The parameters' names, between commas.
    #[error(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{legacy}}} \
         Expression parameters: {{{expressions}}}"
    )]
    Families { legacy: String, expressions: String },
}
