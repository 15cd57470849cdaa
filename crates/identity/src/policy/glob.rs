//! Texts with `*` and `?`.
//!
//! A pattern is cut at its `*`. What is before the first must begin the text, what is after the last must end it, and
//! the pieces between are found from left to right, each at its first place: if any way matches, this one does. So no
//! text is gone through twice for a piece without `?`, and at the most once per letter of the piece for one with it.

/// One letter of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    Is(char),
    /// `?`: any one.
    Any,
    /// `*`: any number of any.
    Many,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    first: Piece,
    /// What follows the first `*`, if there is one.
    rest: Option<Rest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rest {
    middle: Box<[Piece]>,
    last: Piece,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// With a hole for each `?`.
    Holes(Box<[Option<char>]>),
}

impl Glob {
    pub(super) fn new(letters: &[Letter]) -> Self {
        let mut pieces = letters.split(|letter| *letter == Letter::Many).map(Piece::new);
        let first = pieces.next().unwrap_or(Piece::Text("".into()));
        let Some(last) = pieces.next_back() else { return Self { first, rest: None } };
        Self { first, rest: Some(Rest { middle: pieces.filter(|piece| !piece.is_empty()).collect(), last }) }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(after) = self.first.after(text) else { return false };
        let Some(rest) = &self.rest else { return after.is_empty() };
        let Some(mut between) = rest.last.before(after) else { return false };
        for piece in &rest.middle {
            match piece.find(between) {
                Some(after) => between = after,
                None => return false,
            }
        }
        true
    }
}

impl Piece {
    fn new(letters: &[Letter]) -> Self {
        let is = |letter: &Letter| match letter {
            Letter::Is(c) => Some(*c),
            Letter::Any | Letter::Many => None,
        };
        match letters.iter().map(is).collect::<Option<String>>() {
            Some(text) => Self::Text(text.into()),
            None => Self::Holes(letters.iter().map(is).collect()),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// What follows the piece in a text that begins with it.
    fn after<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(piece) => text.strip_prefix(&**piece),
            Self::Holes(holes) => {
                let mut letters = text.chars();
                let fits =
                    |hole: &Option<char>| letters.next().is_some_and(|c| hole.is_none_or(|it| it == c));
                holes.iter().all(fits).then_some(letters.as_str())
            }
        }
    }

    /// What precedes the piece in a text that ends with it.
    fn before<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(piece) => text.strip_suffix(&**piece),
            Self::Holes(holes) => {
                let mut letters = text.chars();
                let mut fits =
                    |hole: &Option<char>| letters.next_back().is_some_and(|c| hole.is_none_or(|it| it == c));
                holes.iter().rev().all(&mut fits).then_some(letters.as_str())
            }
        }
    }

    /// What follows the piece where it is first in the text.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Text(piece) => text.find(&**piece).map(|at| &text[at + piece.len()..]),
            Self::Holes(_) => text.char_indices().find_map(|(at, _)| self.after(&text[at..])),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters(pattern: &str) -> Vec<Letter> {
        let letter = |c| match c {
            '*' => Letter::Many,
            '?' => Letter::Any,
            c => Letter::Is(c),
        };
        pattern.chars().map(letter).collect()
    }

    /// The definition, word for word.
    fn reference(pattern: &[Letter], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([Letter::Many, rest @ ..], text) => (0..=text.len()).any(|at| reference(rest, &text[at..])),
            ([Letter::Any, rest @ ..], [_, text @ ..]) => reference(rest, text),
            ([Letter::Is(c), rest @ ..], [d, text @ ..]) => c == d && reference(rest, text),
            ([Letter::Any | Letter::Is(_), ..], []) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_glob_matches_what_its_definition_matches(pattern in "[ab*?é]{0,9}", text in "[abé]{0,12}") {
            let pattern = letters(&pattern);
            let text_letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), reference(&pattern, &text_letters));
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_their_number() {
        // A backtracking matcher would need 2^100 steps and more.
        let pattern = Glob::new(&letters(&format!("{}b", "*a?".repeat(300))));
        assert!(!pattern.matches(&"a".repeat(2_000)));
        assert!(pattern.matches(&format!("{}b", "a".repeat(2_000))));
    }
}
