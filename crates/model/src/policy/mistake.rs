//! What is wrong with a policy, and where.

use std::fmt;

use crate::limits;

/// A policy that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {mistake}")]
pub struct PolicyError {
    pub place: Place,
    pub mistake: Mistake,
}

/// The way from the document to one of its parts; prints as `Statement[1].Condition`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place(pub Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    /// From 0.
    Item(usize),
}

impl Place {
    pub(super) fn key(&self, key: &str) -> Self {
        self.and(Step::Key(key.to_owned()))
    }

    pub(super) fn item(&self, index: usize) -> Self {
        self.and(Step::Item(index))
    }

    fn and(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(super) fn error<T>(&self, mistake: Mistake) -> Result<T, PolicyError> {
        Err(PolicyError { place: self.clone(), mistake })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the policy");
        }
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if index == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// What is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("is no JSON: {0}")]
    Syntax(String),
    #[error("must be {wanted}, and is {got}")]
    Kind { wanted: &'static str, got: &'static str },
    #[error("there is no `{key}` here: there is {known}")]
    UnknownKey { key: String, known: String },
    #[error("`{0}` is there twice: leave one of the two out")]
    Twice(String),
    #[error("`{key}` is missing: write {example}")]
    Missing { key: &'static str, example: &'static str },
    #[error("`{0}` and `Not{0}` exclude each other: leave one of the two out")]
    Both(&'static str),
    #[error("names nothing: write at least one, or leave it out")]
    Empty,
    #[error("{0:?} is no version of the language: write \"2012-10-17\"")]
    Version(String),
    #[error("{0:?} is no effect: write \"Allow\" or \"Deny\"")]
    Effect(String),
    #[error("{0:?} names no action: write it as \"sqs:SendMessage\" or \"sqs:*\", or \"*\" for all")]
    Action(String),
    #[error(
        "{0:?} names no resource: write an ARN of six parts, as \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \"*\" for all"
    )]
    Resource(String),
    #[error(
        "{0:?} names no principal of AWS: write an account's 12 digits, the ARN of a role or user, or \"*\" for all; a part of a name is not possible"
    )]
    Principal(String),
    #[error("{0:?} is no service: write its name, as \"sns.amazonaws.com\"")]
    Service(String),
    #[error("a function's policy says whom it is for by where it stands: leave `{0}` out")]
    PrincipalNotHere(&'static str),
    #[error("{0:?} is no operator: write one as \"StringEquals\", \"ArnLike\" or \"ForAnyValue:StringLike\"")]
    Operator(String),
    #[error("{0:?} is no condition key: write it as \"aws:SourceArn\"")]
    ConditionKey(String),
    #[error("{value:?} is not what {operator} compares with: write {wanted}")]
    Value { operator: String, value: String, wanted: &'static str },
    #[error("the variable {0:?} has no end: close it with }}")]
    Variable(String),
    #[error("has {got} statements, and {} are possible", limits::POLICY_STATEMENTS)]
    Statements { got: usize },
    #[error("has {got} bytes, and {limit} are possible: join statements, or use wildcards")]
    Size { got: usize, limit: usize },
}
