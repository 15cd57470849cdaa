//! JSON that remembers where everything stands: patterns and templates are refused with the place of the mistake.

use sonagi_model::limits;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Bytes from the beginning of the text.
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// As it was written, so that nothing is lost.
    Number(String),
    Text(String),
    Array(Vec<Node>),
    /// In their order, those of the same name too.
    Object(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) value: Node,
}

/// What is no JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) kind: FlawKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlawKind {
    /// The text ends before the value does.
    Ends,
    /// Something else than what is named.
    Wanted(&'static str),
    TooDeep,
}

/// Reads one value, and that is the whole text: what a person wrote.
pub(crate) fn parse(text: &str) -> Result<Node, Flaw> {
    parse_to(text, limits::PATTERN_DEPTH)
}

/// The same with so many objects and arrays in each other.
pub(crate) fn parse_to(text: &str, deepest: usize) -> Result<Node, Flaw> {
    let mut reader = Reader { text, at: 0, depth: 0, deepest };
    reader.blanks();
    let node = reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wanted("the end of the text")),
    }
}

/// Reads values one after the other until the text ends.
pub(crate) fn parse_all(text: &str) -> Result<Vec<Node>, Flaw> {
    let mut reader = Reader { text, at: 0, depth: 0, deepest: limits::PATTERN_DEPTH };
    let mut nodes = Vec::new();
    loop {
        reader.blanks();
        if reader.peek().is_none() && !nodes.is_empty() {
            return Ok(nodes);
        }
        nodes.push(reader.value()?);
    }
}

/// The line and the column of a place, both from 1; a column is a character.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut end = at.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    deepest: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wanted(&self, what: &'static str) -> Flaw {
        let kind = if self.at >= self.text.len() { FlawKind::Ends } else { FlawKind::Wanted(what) };
        Flaw { at: self.at, kind }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self) -> Result<Node, Flaw> {
        let at = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Kind::Number(self.number()?),
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => {
                return Err(
                    self.wanted("a value: an object, an array, a string, a number, true, false or null")
                );
            }
        };
        Ok(Node { at, kind })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Kind, Flaw>) -> Result<Kind, Flaw> {
        if self.depth == self.deepest {
            return Err(Flaw { at: self.at, kind: FlawKind::TooDeep });
        }
        self.depth += 1;
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Kind, Flaw> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.wanted("true, false or null"))
    }

    fn array(&mut self) -> Result<Kind, Flaw> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            if self.take(b']') {
                return Ok(Kind::Array(items));
            }
            if !self.take(b',') {
                return Err(self.wanted("a comma or the array's ]"));
            }
        }
    }

    fn object(&mut self) -> Result<Kind, Flaw> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.blanks();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.wanted("a key in double quotes"));
            }
            let name = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.wanted("a colon after the key"));
            }
            self.blanks();
            let value = self.value()?;
            members.push(Member { at, name, value });
            self.blanks();
            if self.take(b'}') {
                return Ok(Kind::Object(members));
            }
            if !self.take(b',') {
                return Err(self.wanted("a comma or the object's }"));
            }
        }
    }

    /// RFC 8259, section 6.
    fn number(&mut self) -> Result<String, Flaw> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wanted("a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, Flaw> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => {
                    return Err(
                        self.wanted("the string's closing quote: control characters are written as escapes")
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Flaw> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek().ok_or_else(|| self.wanted("an escape"))?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                let mut code = high;
                if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Flaw { at: start, kind: FlawKind::Wanted("a pair of surrogates") });
                    }
                    code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                }
                char::from_u32(code)
                    .ok_or(Flaw { at: start, kind: FlawKind::Wanted("a pair of surrogates") })?
            }
            _ => {
                return Err(Flaw {
                    at: start,
                    kind: FlawKind::Wanted("an escape that JSON has: a backslash is written \\\\"),
                });
            }
        })
    }

    fn hex(&mut self) -> Result<u32, Flaw> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.wanted("four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(node: &Node) -> serde_json::Value {
        use serde_json::Value;
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => serde_json::from_str(text).unwrap(),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Array(items) => Value::Array(items.iter().map(plain).collect()),
            Kind::Object(members) => Value::Object(
                members.iter().map(|member| (member.name.clone(), plain(&member.value))).collect(),
            ),
        }
    }

    #[test]
    fn a_flaw_is_found_where_it_stands() {
        let wanted = |text: &str| parse(text).unwrap_err().at;
        assert_eq!(wanted(""), 0);
        assert_eq!(wanted("{\"a\": [1, 2}"), 11);
        assert_eq!(wanted("{\"a\" 1}"), 5);
        assert_eq!(wanted("{a: 1}"), 1);
        assert_eq!(wanted("[1] 2"), 4);
        assert_eq!(wanted("[01]"), 2);
        assert_eq!(wanted("[\"\\x\"]"), 2);
        assert_eq!(wanted("[\"\\ud800\"]"), 2);
        assert_eq!(parse("[\"a").unwrap_err(), Flaw { at: 3, kind: FlawKind::Ends });
        assert_eq!(line_and_column("{\n  \"é\": x\n}", 10), (2, 8));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(limits::PATTERN_DEPTH)).is_ok());
        let flaw = parse(&nested(limits::PATTERN_DEPTH + 1)).unwrap_err();
        assert_eq!(flaw, Flaw { at: limits::PATTERN_DEPTH, kind: FlawKind::TooDeep });
    }

    proptest! {
        #[test]
        fn every_text_is_read_or_refused_and_as_serde_json_does(text in "[\\[\\]{}:,\"\\\\a-fu0-9.eE+\\- \ntrue]{0,40}") {
            let ours = parse(&text);
            // A number beyond a double's range is JSON, and nothing that serde_json holds.
            if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert_eq!(plain(&ours.unwrap()), theirs);
            } else if let Ok(node) = ours {
                prop_assert!(format!("{node:?}").contains("Number"), "{}", text);
            }
        }

        #[test]
        fn a_place_is_never_outside_the_text(text in "\\PC{0,40}") {
            if let Err(flaw) = parse(&text) {
                prop_assert!(flaw.at <= text.len());
            }
        }
    }
}
