//! An expression's text in its smallest parts.

use super::Reason;

/// A part, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    pub(super) text: &'t str,
    /// Bytes from the beginning.
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a keyword.
    Word,
    /// `#name`
    Name,
    /// `:value`
    Value,
    Digits,
    /// A comparison.
    Comparison,
    /// One of `( ) [ ] , . + -`
    Mark,
    /// What no expression has.
    Strange,
    End,
}

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let word = |from: usize| {
            let end = rest[from..].find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
            end.map_or(rest.len(), |end| from + end)
        };
        let (kind, size) = match first {
            'a'..='z' | 'A'..='Z' | '_' => (TokenKind::Word, word(0)),
            '0'..='9' => {
                let end = rest.find(|letter: char| !letter.is_ascii_digit());
                (TokenKind::Digits, end.unwrap_or(rest.len()))
            }
            '#' | ':' => match word(1) {
                1 => (TokenKind::Strange, 1),
                size if first == '#' => (TokenKind::Name, size),
                size => (TokenKind::Value, size),
            },
            '(' | ')' | '[' | ']' | ',' | '.' | '+' | '-' => (TokenKind::Mark, 1),
            '<' if rest.starts_with("<>") || rest.starts_with("<=") => (TokenKind::Comparison, 2),
            '>' if rest.starts_with(">=") => (TokenKind::Comparison, 2),
            '<' | '>' | '=' => (TokenKind::Comparison, 1),
            other => (TokenKind::Strange, other.len_utf8()),
        };
        tokens.push(Token { kind, text: &rest[..size], at });
        at += size;
    }
    tokens.push(Token { kind: TokenKind::End, text: "", at: text.trim_end().len() });
    tokens
}

/// The mistake at a token, with its neighbours.
pub(super) fn mistake(text: &str, tokens: &[Token<'_>], index: usize) -> Reason {
    let index = index.min(tokens.len() - 1);
    let is_end = tokens[index].kind == TokenKind::End;
    let from = tokens[index.saturating_sub(if is_end { 2 } else { 1 })].at;
    let last = tokens.get(index + 1).unwrap_or(&tokens[index]);
    let near = text[from..last.at + last.text.len()].to_owned();
    let token = if is_end { "<EOF>" } else { tokens[index].text };
    Reason::Syntax { token: token.to_owned(), near }
}
