use sonagi_model::{Fault, FaultKind};

use super::{Dialect, Reason, Scope};
use crate::json;

/// Why a text is no pattern, and where.
///
/// The `Display` is AWS's own text for the dialect, the place, and how to mend it: EventBridge's
/// `InvalidEventPatternException`, SNS's `InvalidParameter`, Lambda's `InvalidParameterValueException`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    dialect: Dialect,
    reason: Reason,
    at: usize,
    line: usize,
    column: usize,
}

impl PatternError {
    pub(super) fn new(dialect: Dialect, text: &str, at: usize, reason: Reason) -> Self {
        let (line, column) = json::line_and_column(text, at);
        Self { dialect, reason, at, line, column }
    }

    /// What is wrong: its `Display` is the text that AWS has for it, where AWS has one.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Bytes from the beginning of the pattern.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// From 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl PatternError {
    /// The text after what the service begins it with: SNS's `Subscribe` begins `Invalid parameter: Attributes Reason: `
    /// where its `SetSubscriptionAttributes` begins `Invalid parameter: `.
    pub fn text(&self) -> String {
        let parameter = match (self.dialect, &self.reason) {
            // SNS says this one without the parameter's name.
            (Dialect::Subscription(Scope::Attributes), Reason::Nested)
            | (Dialect::Bus | Dialect::Mapping, _) => "",
            (Dialect::Subscription(_), _) => "FilterPolicy: ",
        };
        let help = self.reason.help().map(|help| format!(": {help}")).unwrap_or_default();
        format!("{parameter}{} (line {}, column {}){help}", self.reason, self.line, self.column)
    }
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let beginning = match self.dialect {
            Dialect::Bus => "Event pattern is not valid. Reason: ",
            Dialect::Mapping => "Invalid filter pattern definition. ",
            Dialect::Subscription(_) => "Invalid parameter: ",
        };
        write!(f, "{beginning}{}", self.text())
    }
}

impl std::error::Error for PatternError {}

impl Fault for PatternError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}
