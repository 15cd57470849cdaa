use std::fmt;

use sonagi_model::{Fault, FaultKind, limits};

use super::Dialect;

/// Why a text is no schedule, and where. The `Display` begins with AWS's own text for the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    pub(super) dialect: Dialect,
    pub(super) text: String,
    pub(super) at: usize,
    pub(super) reason: ExpressionReason,
}

impl ExpressionError {
    /// Bytes from the beginning of the expression.
    pub fn offset(&self) -> usize {
        self.at
    }

    pub fn reason(&self) -> &ExpressionReason {
        &self.reason
    }
}

/// What is wrong with an expression; each says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionReason {
    #[error("it has {size} characters, and {} are the most", limits::SCHEDULE_EXPRESSION_SIZE)]
    Size { size: usize },
    #[error("it wants rate(5 minutes) or cron(0 12 * * ? *)")]
    Form,
    #[error("it wants rate(5 minutes), cron(0 12 * * ? *) or at(2030-01-31T08:00:00)")]
    FormOrOnce,
    #[error(
        "it wants rate(5 minutes), cron(0 12 * * ? *), at(2030-01-31T08:00:00) or five fields: 0 12 * * *"
    )]
    FormOrFields,
    #[error("a rule does not run once: at() belongs to EventBridge Scheduler")]
    Once,
    #[error("it wants a closing parenthesis, and nothing after it")]
    Parenthesis,
    #[error("a rate has a whole number from 1, a blank and a unit: rate(5 minutes)")]
    RateValue,
    #[error("a rate's unit is minutes, hours or days")]
    RateUnit,
    #[error("it is 1 {unit}, without s")]
    RateSingular { unit: &'static str },
    #[error("it is {value} {unit}s, with s")]
    RatePlural { value: u64, unit: &'static str },
    #[error("a rate is {} days at the most", limits::SCHEDULE_RATE_MAX.as_secs() / 86_400)]
    RateTooLong,
    #[error(
        "cron() has six fields: minutes, hours, day of month, month, day of week and year; these are {count}"
    )]
    SixFields { count: usize },
    #[error("cron has five fields, or six with a year; these are {count}")]
    FiveOrSixFields { count: usize },
    #[error("{field} wants {from} to {to}{names}")]
    Value { field: &'static str, from: i16, to: i16, names: &'static str },
    #[error("a step in {field} is a whole number from 1 to {most}")]
    Step { field: &'static str, most: i16 },
    #[error("this range in {field} runs backwards: write it as two, with a comma")]
    Backwards { field: &'static str },
    #[error("? stands alone, as day of month or as day of week")]
    QuestionMark,
    #[error("one of day of month and day of week must be ?, and the other must not")]
    BothDays,
    #[error("# has a day of week before it and 1 to 5 after it, and stands alone: 3#2 is the second Tuesday")]
    Nth,
    #[error("W has a day of the month before it: 15W is the weekday closest to the 15th")]
    Nearest,
    #[error("L, W, # and ? are for cron() with six fields")]
    NotInFive,
    #[error("a time is written yyyy-mm-ddThh:mm:ss")]
    Time,
    #[error("there is no such date or time of day")]
    NoSuchTime,
    #[error("the year wants {} to {}", limits::SCHEDULE_YEARS.start(), limits::SCHEDULE_YEARS.end())]
    Year,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dialect {
            Dialect::Rule => write!(f, "Parameter ScheduleExpression is not valid.")?,
            Dialect::Scheduler => write!(f, "Invalid Schedule Expression {}.", self.text)?,
            Dialect::Manifest => write!(f, "{:?} is no schedule.", self.text)?,
        }
        let character = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        write!(f, " At character {character}: {}", self.reason)
    }
}

impl std::error::Error for ExpressionError {}

impl Fault for ExpressionError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}
