use std::fmt;

use crate::NumberError;

/// Which of a request's expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    Condition,
    Filter,
    KeyCondition,
    Projection,
    Update,
}

/// An expression that cannot be, as DynamoDB says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid {of}: {reason}")]
pub struct ExpressionError {
    pub of: Which,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("The expression can not be empty;")]
    Empty,
    #[error("Expression size has exceeded the maximum allowed size; expression size: {0}")]
    TooLong(usize),
    #[error("The expression is nested too deeply;")]
    TooDeep,
    #[error("Syntax error; token: \"{token}\", near: \"{near}\"")]
    Syntax { token: String, near: String },
    #[error("The expression has redundant parentheses;")]
    Parentheses,
    #[error("Invalid function name; function: {0}")]
    UnknownFunction(String),
    #[error("The function is not allowed to be used this way in an expression; function: {0}")]
    MisusedFunction(String),
    #[error("Attribute name is a reserved keyword; reserved keyword: {0}")]
    Reserved(String),
    #[error("An expression attribute name used in the document path is not defined; attribute name: {0}")]
    NoName(String),
    #[error("An expression attribute value used in expression is not defined; attribute value: {0}")]
    NoValue(String),
    #[error(
        "Incorrect number of operands for operator or function; operator or function: {operator}, number of operands: {count}"
    )]
    Count { operator: String, count: usize },
    #[error(
        "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, \
         first operand: {path}"
    )]
    NotDistinct { operator: String, path: String },
    #[error("Operator or function requires a document path; operator or function: {0}")]
    NoPath(String),
    #[error(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
    )]
    Kind { operator: String, kind: &'static str },
    #[error(
        "Incorrect operand type for operator or function; operator: {action}, operand type: {kind}, typeSet: ALLOWED_FOR_{action}_OPERAND"
    )]
    ActionKind { action: &'static str, kind: &'static str },
    #[error("The \"{0}\" section can only be used once in an update expression;")]
    Section(&'static str),
    #[error("Invalid attribute type name found; type: {0}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")]
    NoKind(String),
    #[error(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: \
         {{{lower}}}, upper bound operand: AttributeValue: {{{upper}}}"
    )]
    BoundKinds { lower: String, upper: String },
    #[error(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: \
         AttributeValue: {{{lower}}}, upper bound operand: AttributeValue: {{{upper}}}"
    )]
    Bounds { lower: String, upper: String },
    #[error(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: \
         {other}"
    )]
    Overlap { one: String, other: String },
    #[error(
        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {one}, path two: \
         {other}"
    )]
    Conflict { one: String, other: String },
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        })
    }
}

/// Why an update that makes sense cannot be done to an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    NoAttribute,
    #[error("An operand in the update expression has an incorrect data type")]
    Kind,
    /// The same of `AttributeUpdates`.
    #[error("Type mismatch for attribute to update")]
    Mismatch,
    #[error("The document path provided in the update expression is invalid for update")]
    Path,
    #[error(transparent)]
    Number(NumberError),
}

/// A condition that is none on keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyConditionError {
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    #[error("Invalid operator used in KeyConditionExpression: {0}")]
    Operator(&'static str),
    #[error("KeyConditionExpressions cannot contain nested operations")]
    NestedOperation,
    #[error(
        "Invalid condition in KeyConditionExpression: {0} operator must have the key attribute as its first operand"
    )]
    FirstOperand(&'static str),
    #[error("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")]
    SeveralNames,
    #[error("KeyConditionExpressions cannot have conditions on nested attributes")]
    NestedName,
    #[error("Invalid condition in KeyConditionExpression: No key attribute specified")]
    NoName,
    #[error("KeyConditionExpressions must only contain one condition per key")]
    Twice,
}
