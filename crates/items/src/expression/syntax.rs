//! What stands in an expression, before anything is looked up.

use sonagi_model::limits;

use super::{
    Reason,
    token::{Token, TokenKind, mistake, tokens},
};

/// A condition as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Or(Box<Written>, Box<Written>),
    And(Box<Written>, Box<Written>),
    Not(Box<Written>),
    Inside(Box<Written>),
    Comparison(WrittenOperand, String, WrittenOperand),
    Between(WrittenOperand, WrittenOperand, WrittenOperand),
    In(WrittenOperand, Vec<WrittenOperand>),
    Function(String, Vec<WrittenOperand>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenOperand {
    Path(WrittenPath),
    Value(String),
    Function(String, Vec<WrittenOperand>),
    /// In parentheses.
    Inside(Box<WrittenOperand>),
}

/// Names as they are written, `#` included, and indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenPath {
    pub(super) name: String,
    pub(super) steps: Vec<WrittenStep>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenStep {
    Name(String),
    Index(usize),
}

/// An action of an update as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenAction {
    Set(WrittenPath, WrittenSum),
    Remove(WrittenPath),
    /// With a value.
    Add(WrittenPath, String),
    Delete(WrittenPath, String),
}

/// An operand, or two with their sum's or difference's sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenSum {
    pub(super) first: WrittenOperand,
    pub(super) second: Option<(&'static str, WrittenOperand)>,
}

pub(super) const SECTIONS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

/// The sections that are there, in order, each as often as it is there, and their actions.
pub(super) fn update(text: &str) -> Result<(Vec<&'static str>, Vec<WrittenAction>), Reason> {
    let mut reader = Reader::new(text)?;
    let (mut sections, mut actions) = (Vec::new(), Vec::new());
    loop {
        let Some(section) = SECTIONS.into_iter().find(|section| reader.keyword(section)) else {
            return reader.wrong();
        };
        sections.push(section);
        actions.push(reader.action(section)?);
        while reader.mark(",") {
            actions.push(reader.action(section)?);
        }
        if reader.end().is_ok() {
            return Ok((sections, actions));
        }
    }
}

pub(super) fn condition(text: &str) -> Result<Written, Reason> {
    let mut reader = Reader::new(text)?;
    let written = reader.or()?;
    reader.end()?;
    Ok(written)
}

pub(super) fn paths(text: &str) -> Result<Vec<WrittenPath>, Reason> {
    let mut reader = Reader::new(text)?;
    let mut paths = vec![reader.path()?];
    while reader.mark(",") {
        paths.push(reader.path()?);
    }
    reader.end()?;
    Ok(paths)
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Result<Self, Reason> {
        if text.trim().is_empty() {
            return Err(Reason::Empty);
        }
        if text.len() > limits::EXPRESSION_SIZE {
            return Err(Reason::TooLong(text.len()));
        }
        Ok(Self { text, tokens: tokens(text), at: 0, depth: 0 })
    }

    fn token(&self) -> Token<'t> {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next_is(&self, text: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.text == text)
    }

    fn wrong<T>(&self) -> Result<T, Reason> {
        Err(mistake(self.text, &self.tokens, self.at))
    }

    fn mark(&mut self, mark: &str) -> bool {
        let there = self.token().kind == TokenKind::Mark && self.token().text == mark;
        self.at += usize::from(there);
        there
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let there = self.token().kind == TokenKind::Word && self.token().text.eq_ignore_ascii_case(keyword);
        self.at += usize::from(there);
        there
    }

    fn want(&mut self, mark: &str) -> Result<(), Reason> {
        if self.mark(mark) { Ok(()) } else { self.wrong() }
    }

    fn end(&self) -> Result<(), Reason> {
        if self.token().kind == TokenKind::End { Ok(()) } else { self.wrong() }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Reason>) -> Result<T, Reason> {
        if self.depth == limits::EXPRESSION_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn or(&mut self) -> Result<Written, Reason> {
        let mut left = self.and()?;
        while self.keyword("OR") {
            left = Written::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Written, Reason> {
        let mut left = self.not()?;
        while self.keyword("AND") {
            left = Written::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Written, Reason> {
        if self.keyword("NOT") {
            return self.deeper(|reader| Ok(Written::Not(Box::new(reader.not()?))));
        }
        self.one()
    }

    /// In parentheses may be a condition, or an operand of one.
    fn one(&mut self) -> Result<Written, Reason> {
        if self.token().text == "(" {
            let (at, depth) = (self.at, self.depth);
            if let Ok(operand) = self.operand()
                && let Some(written) = self.about(operand)?
            {
                return Ok(written);
            }
            (self.at, self.depth) = (at, depth);
            self.want("(")?;
            let inside = self.deeper(Self::or)?;
            self.want(")")?;
            return Ok(Written::Inside(Box::new(inside)));
        }
        let operand = self.operand()?;
        if let WrittenOperand::Function(name, operands) = &operand
            && !self.goes_on()
        {
            return Ok(Written::Function(name.clone(), operands.clone()));
        }
        match self.about(operand)? {
            Some(written) => Ok(written),
            None => self.wrong(),
        }
    }

    /// Whether something is said about the operand that was just read.
    fn goes_on(&self) -> bool {
        let token = self.token();
        token.kind == TokenKind::Comparison
            || token.kind == TokenKind::Word
                && ["BETWEEN", "IN"].iter().any(|word| token.text.eq_ignore_ascii_case(word))
    }

    /// None if nothing is said about it.
    fn about(&mut self, operand: WrittenOperand) -> Result<Option<Written>, Reason> {
        if self.token().kind == TokenKind::Comparison {
            let comparison = self.token().text.to_owned();
            self.at += 1;
            return Ok(Some(Written::Comparison(operand, comparison, self.operand()?)));
        }
        if self.keyword("BETWEEN") {
            let lower = self.operand()?;
            if !self.keyword("AND") {
                return self.wrong();
            }
            return Ok(Some(Written::Between(operand, lower, self.operand()?)));
        }
        if self.keyword("IN") {
            self.want("(")?;
            let mut operands = vec![self.operand()?];
            while self.mark(",") {
                operands.push(self.operand()?);
            }
            self.want(")")?;
            return Ok(Some(Written::In(operand, operands)));
        }
        Ok(None)
    }

    fn action(&mut self, section: &str) -> Result<WrittenAction, Reason> {
        let path = self.path()?;
        match section {
            "SET" => {
                if !(self.token().kind == TokenKind::Comparison && self.token().text == "=") {
                    return self.wrong();
                }
                self.at += 1;
                let first = self.operand()?;
                let sign = ["+", "-"].into_iter().find(|sign| self.token().text == *sign);
                let second = match sign {
                    Some(sign) => {
                        self.at += 1;
                        Some((sign, self.operand()?))
                    }
                    None => None,
                };
                Ok(WrittenAction::Set(path, WrittenSum { first, second }))
            }
            "REMOVE" => Ok(WrittenAction::Remove(path)),
            "ADD" => Ok(WrittenAction::Add(path, self.value()?)),
            _ => Ok(WrittenAction::Delete(path, self.value()?)),
        }
    }

    fn value(&mut self) -> Result<String, Reason> {
        let token = self.token();
        if token.kind != TokenKind::Value {
            return self.wrong();
        }
        self.at += 1;
        Ok(token.text.to_owned())
    }

    fn operand(&mut self) -> Result<WrittenOperand, Reason> {
        let token = self.token();
        match token.kind {
            TokenKind::Value => {
                self.at += 1;
                Ok(WrittenOperand::Value(token.text.to_owned()))
            }
            TokenKind::Word if self.next_is("(") && !is_keyword(token.text) => {
                self.at += 2;
                let operands = self.deeper(|reader| {
                    let mut operands = Vec::new();
                    if reader.mark(")") {
                        return Ok(operands);
                    }
                    loop {
                        operands.push(reader.operand()?);
                        if reader.mark(")") {
                            return Ok(operands);
                        }
                        reader.want(",")?;
                    }
                })?;
                Ok(WrittenOperand::Function(token.text.to_owned(), operands))
            }
            TokenKind::Word | TokenKind::Name => self.path().map(WrittenOperand::Path),
            TokenKind::Mark if token.text == "(" => {
                self.at += 1;
                let inside = self.deeper(Self::operand)?;
                self.want(")")?;
                Ok(WrittenOperand::Inside(Box::new(inside)))
            }
            TokenKind::Digits
            | TokenKind::Comparison
            | TokenKind::Mark
            | TokenKind::Strange
            | TokenKind::End => self.wrong(),
        }
    }

    fn name(&mut self) -> Result<String, Reason> {
        let token = self.token();
        let fits = match token.kind {
            TokenKind::Name => true,
            TokenKind::Word => !is_keyword(token.text),
            _ => false,
        };
        if !fits {
            return self.wrong();
        }
        self.at += 1;
        Ok(token.text.to_owned())
    }

    fn path(&mut self) -> Result<WrittenPath, Reason> {
        let name = self.name()?;
        let mut steps = Vec::new();
        loop {
            if self.mark(".") {
                steps.push(WrittenStep::Name(self.name()?));
            } else if self.mark("[") {
                let token = self.token();
                // More than any list has is as good as more than that.
                let index = token.text.parse().unwrap_or(usize::MAX);
                if token.kind != TokenKind::Digits {
                    return self.wrong();
                }
                self.at += 1;
                self.want("]")?;
                steps.push(WrittenStep::Index(index));
            } else {
                return Ok(WrittenPath { name, steps });
            }
        }
    }
}

/// Words that end an operand wherever they stand.
fn is_keyword(word: &str) -> bool {
    ["AND", "OR", "NOT", "BETWEEN", "IN"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
