//! ARNs with wildcards: each of the six parts matches on its own, so that a `*` in the region is never an account too.

use sonagi_model::policy::{Version, arn_parts};

use super::{
    facts::Facts,
    pattern::{Pattern, Reading},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ArnPattern {
    /// `*`
    Any,
    Parts(Box<[Pattern; 6]>),
    /// No ARN, which matches none.
    Never,
}

impl ArnPattern {
    pub(super) fn new(text: &str, version: Version) -> Self {
        if !text.is_empty() && text.bytes().all(|b| b == b'*') {
            return Self::Any;
        }
        match arn_parts(text, version) {
            Some(parts) => {
                Self::Parts(Box::new(parts.map(|part| Pattern::new(part, Reading::Wild, version))))
            }
            None => Self::Never,
        }
    }

    pub(super) fn matches(&self, arn: Option<&[&str; 6]>, facts: &dyn Facts) -> bool {
        match (self, arn) {
            (Self::Any, _) => true,
            // From the right, where most differ.
            (Self::Parts(patterns), Some(arn)) => {
                let mut both = patterns.iter().zip(arn).rev();
                both.all(|(pattern, part)| pattern.matches(part, Reading::Wild, facts))
            }
            (Self::Parts(_), None) | (Self::Never, _) => false,
        }
    }
}

/// The parts of a request's ARN; none of anything else.
pub(super) fn parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = [""; 6];
    let mut split = text.splitn(6, ':');
    for part in &mut parts {
        *part = split.next()?;
    }
    (parts[0] == "arn").then_some(parts)
}
