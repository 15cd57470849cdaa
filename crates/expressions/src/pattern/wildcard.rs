use super::Reason;

/// Text with `*` for any characters (EventBridge User Guide, "Matching using wildcards").
///
/// The pieces between the stars are looked for from left to right, each at the first place that it is found: if any
/// places fit, these do, and no place is tried twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// One more than there are stars; the first and the last may be empty.
    pieces: Box<[Box<str>]>,
}

impl Wildcard {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            // AWS counts the quote before the text too.
            let position = at + 1;
            let next = characters.peek().map(|(_, next)| *next);
            match (character, next) {
                ('*', Some('*')) => return Err(Reason::WildcardTwice { position }),
                ('*', _) => pieces.push(std::mem::take(&mut piece).into_boxed_str()),
                ('\\', Some(escaped @ ('*' | '\\'))) => {
                    piece.push(escaped);
                    characters.next();
                }
                ('\\', _) => return Err(Reason::WildcardEscape { position }),
                (character, _) => piece.push(character),
            }
        }
        pieces.push(piece.into_boxed_str());
        Ok(Self { pieces: pieces.into_boxed_slice() })
    }

    /// How many stars it has.
    pub(super) fn stars(&self) -> usize {
        self.pieces.len() - 1
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.pieces else {
            return self.pieces.iter().all(|only| **only == *text);
        };
        let Some(mut rest) = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        for piece in middle {
            match rest.find(&**piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a wildcard means, said simply.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skipped| slowly(rest, &text[skipped..])),
            [character, rest @ ..] => text.first() == Some(character) && slowly(rest, &text[1..]),
        }
    }

    #[test]
    fn stars_and_backslashes_are_escaped() {
        let matches = |pattern: &str, text: &str| Wildcard::parse(pattern).unwrap().matches(text);
        assert!(matches("a\\*b", "a*b"));
        assert!(!matches("a\\*b", "axb"));
        assert!(matches("a\\\\*b", "a\\xb"));
        assert!(matches("*", ""));
        assert!(!matches("a*a", "a"));
        assert_eq!(Wildcard::parse("a**"), Err(Reason::WildcardTwice { position: 2 }));
        assert_eq!(Wildcard::parse("a\\b"), Err(Reason::WildcardEscape { position: 2 }));
        assert_eq!(Wildcard::parse("a\\"), Err(Reason::WildcardEscape { position: 2 }));
    }

    proptest! {
        #[test]
        fn the_first_place_is_enough(pattern in "(\\*?[ab]){0,6}\\*?", text in "[ab]{0,12}") {
            let (characters, wanted): (Vec<_>, Vec<_>) = (text.chars().collect(), pattern.chars().collect());
            prop_assert_eq!(Wildcard::parse(&pattern).unwrap().matches(&text), slowly(&wanted, &characters));
        }
    }
}
