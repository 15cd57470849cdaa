//! Texts of a policy, with wildcards and variables in them ("IAM policy elements: Variables and tags").

use std::borrow::Cow;

use sonagi_model::policy::Version;

use super::{
    facts::{Facts, Given},
    glob::{Glob, Letter},
};

/// A text that a request's is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Fixed(Glob),
    /// With variables: it is known with the request alone.
    Varied(Box<[Part]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Letter(Letter),
    Variable {
        /// In lower case.
        key: Box<str>,
        usual: Option<Box<str>>,
    },
}

/// Whether `*` and `?` stand for others, and whether `A` is `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Exact,
    ExactIgnoringCase,
    Wild,
    WildIgnoringCase,
}

impl Reading {
    fn is_wild(self) -> bool {
        matches!(self, Self::Wild | Self::WildIgnoringCase)
    }

    pub(super) fn ignores_case(self) -> bool {
        matches!(self, Self::ExactIgnoringCase | Self::WildIgnoringCase)
    }

    /// The text as it is compared: each letter for itself, since a text is compared in parts.
    pub(super) fn of<'t>(self, text: &'t str) -> Cow<'t, str> {
        match self.ignores_case() && text.chars().any(|c| !c.to_lowercase().eq([c])) {
            true => Cow::Owned(text.chars().flat_map(char::to_lowercase).collect()),
            false => Cow::Borrowed(text),
        }
    }
}

impl Pattern {
    pub(super) fn new(text: &str, reading: Reading, version: Version) -> Self {
        let parts = parts(text, reading, version);
        let letter = |part: &Part| match part {
            Part::Letter(letter) => Some(*letter),
            Part::Variable { .. } => None,
        };
        match parts.iter().map(letter).collect::<Option<Vec<_>>>() {
            Some(letters) => Self::Fixed(Glob::new(&letters)),
            None => Self::Varied(parts.into()),
        }
    }

    /// `text` as [`Reading::of`] has it, if case is ignored.
    pub(super) fn matches(&self, text: &str, reading: Reading, facts: &dyn Facts) -> bool {
        match self {
            Self::Fixed(glob) => glob.matches(text),
            Self::Varied(parts) => {
                letters(parts, reading, facts).is_some_and(|letters| Glob::new(&letters).matches(text))
            }
        }
    }
}

/// The text that `parts` are in this request; none if a variable has no value.
pub(super) fn resolve(parts: &[Part], facts: &dyn Facts) -> Option<String> {
    let letter = |letter: Letter| match letter {
        Letter::Is(c) => c,
        Letter::Any => '?',
        Letter::Many => '*',
    };
    Some(letters(parts, Reading::Exact, facts)?.into_iter().map(letter).collect())
}

fn letters(parts: &[Part], reading: Reading, facts: &dyn Facts) -> Option<Vec<Letter>> {
    let mut letters = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Letter(letter) => letters.push(*letter),
            Part::Variable { key, usual } => {
                let given = facts.given(key);
                let value = match &given {
                    Some(Given::One(value)) => &**value,
                    // A variable of several values has none.
                    Some(Given::Many(_)) | None => usual.as_deref()?,
                };
                // What the request brings is never a wildcard.
                letters.extend(reading.of(value).chars().map(Letter::Is));
            }
        }
    }
    Some(letters)
}

pub(super) fn parts(text: &str, reading: Reading, version: Version) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    let plain = |parts: &mut Vec<Part>, text: &str| {
        parts.extend(reading.of(text).chars().map(|c| {
            Part::Letter(match c {
                '*' if reading.is_wild() => Letter::Many,
                '?' if reading.is_wild() => Letter::Any,
                c => Letter::Is(c),
            })
        }));
    };
    let mut rest = text;
    while version == Version::Second
        && let Some(at) = rest.find("${")
        && let Some(size) = rest[at..].find('}')
    {
        plain(&mut parts, &rest[..at]);
        let name = &rest[at + 2..at + size];
        rest = &rest[at + size + 1..];
        match name {
            "*" | "?" | "$" => parts.extend(name.chars().map(|c| Part::Letter(Letter::Is(c)))),
            name => {
                // `${aws:username, 'anonymous'}`
                let (key, usual) = match name.split_once(',') {
                    Some((key, usual)) => (key, Some(usual.trim().trim_matches('\'').into())),
                    None => (name, None),
                };
                parts.push(Part::Variable { key: key.trim().to_ascii_lowercase().into(), usual });
            }
        }
    }
    plain(&mut parts, rest);
    parts
}
