//! What is known of a request: the values of condition keys.

use std::borrow::Cow;

/// The value of a condition key in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given<'a> {
    One(Cow<'a, str>),
    /// Of a key with several values, as `aws:TagKeys`; none is the same as no key.
    Many(&'a [&'a str]),
}

impl<'a> Given<'a> {
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let (one, many): (_, &[&str]) = match self {
            Self::One(value) => (Some(&**value), &[]),
            Self::Many(values) => (None, values),
        };
        one.into_iter().chain(many.iter().copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Many([]))
    }
}

impl<'a> From<&'a str> for Given<'a> {
    fn from(value: &'a str) -> Self {
        Self::One(value.into())
    }
}

impl From<String> for Given<'_> {
    fn from(value: String) -> Self {
        Self::One(value.into())
    }
}

pub(crate) trait Facts {
    /// `key` in lower case, in which keys are the same.
    fn given(&self, key: &str) -> Option<Given<'_>>;
}
