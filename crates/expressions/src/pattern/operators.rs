//! What one value must be: from a list's items to tests.

use std::net::Ipv6Addr;

use super::{Reason, cidr::Cidr, number::Number, values::Scalar, wildcard::Wildcard};
use crate::json::{Kind, Member, Node};

/// A reason and where it stands.
pub(super) type Mistake = (usize, Reason);

/// A field's list: one of the tests must pass.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaf {
    tests: Vec<Test>,
    /// `exists: false` is in the list.
    pub(super) absent: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Null,
    Bool(bool),
    Number(Number),
    /// A number that no event can hold.
    Never,
    Text(Box<str>),
    /// An address is the same however it is written.
    Address(Ipv6Addr),
    Prefix(Box<str>),
    Suffix(Box<str>),
    /// The next three hold lower case.
    PrefixFold(Box<str>),
    SuffixFold(Box<str>),
    Fold(Box<str>),
    Wildcard(Wildcard),
    Range {
        bottom: Option<Bound>,
        top: Option<Bound>,
    },
    Cidr(Cidr),
    Present,
    /// `anything-but`: there, and none of these.
    Not(Vec<Test>),
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    number: Number,
    included: bool,
}

impl Leaf {
    pub(super) fn parse(items: &[Node], at: usize) -> Result<Self, Mistake> {
        if items.is_empty() {
            return Err((at, Reason::EmptyArray));
        }
        let mut leaf = Self::default();
        for item in items {
            match &item.kind {
                Kind::Null => leaf.tests.push(Test::Null),
                Kind::Bool(value) => leaf.tests.push(Test::Bool(*value)),
                Kind::Number(text) => leaf.tests.push(Number::parse(text).map_or(Test::Never, Test::Number)),
                Kind::Text(text) => leaf.tests.push(Test::text(text)),
                Kind::Array(_) => return Err((item.at, Reason::Value)),
                Kind::Object(members) => match operator(members, item.at)? {
                    Some(test) => leaf.tests.push(test),
                    None => leaf.absent = true,
                },
            }
        }
        Ok(leaf)
    }

    pub(super) fn passes(&self, value: Scalar<'_>) -> bool {
        self.tests.iter().any(|test| test.passes(value))
    }

    pub(super) fn wildcards(&self) -> usize {
        self.tests.iter().map(Test::wildcards).sum()
    }
}

impl Test {
    fn text(text: &str) -> Self {
        match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Text(text.into()),
        }
    }

    fn passes(&self, value: Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Present, _) => true,
            (_, Scalar::Opaque) => false,
            (Self::Not(tests), _) => !tests.iter().any(|test| test.passes(value)),
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(wanted), Scalar::Bool(value)) => *wanted == value,
            (Self::Number(wanted), Scalar::Number(number)) => *wanted == number,
            (Self::Range { bottom, top }, Scalar::Number(number)) => {
                bottom.is_none_or(|bottom| {
                    number > bottom.number || (bottom.included && number == bottom.number)
                }) && top.is_none_or(|top| number < top.number || (top.included && number == top.number))
            }
            (test, Scalar::Text(text)) => test.passes_text(text),
            _ => false,
        }
    }

    fn passes_text(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => **wanted == *text,
            Self::Address(wanted) => text.parse() == Ok(*wanted),
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Suffix(suffix) => text.ends_with(&**suffix),
            Self::PrefixFold(prefix) => {
                let mut letters = folded(text);
                prefix.chars().all(|letter| letters.next() == Some(letter))
            }
            Self::SuffixFold(suffix) => {
                let mut letters = folded(text).rev();
                suffix.chars().rev().all(|letter| letters.next() == Some(letter))
            }
            Self::Fold(wanted) => folded(text).eq(wanted.chars()),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Cidr(cidr) => cidr.holds(text),
            Self::Present => true,
            Self::Not(tests) => !tests.iter().any(|test| test.passes_text(text)),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Never | Self::Range { .. } => false,
        }
    }

    fn wildcards(&self) -> usize {
        match self {
            Self::Wildcard(wildcard) => wildcard.stars(),
            Self::Not(tests) => tests.iter().map(Self::wildcards).sum(),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Never
            | Self::Text(_)
            | Self::Address(_)
            | Self::Prefix(_)
            | Self::Suffix(_)
            | Self::PrefixFold(_)
            | Self::SuffixFold(_)
            | Self::Fold(_)
            | Self::Range { .. }
            | Self::Cidr(_)
            | Self::Present => 0,
        }
    }
}

fn folded(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

fn fold(text: &str) -> Box<str> {
    folded(text).collect::<String>().into_boxed_str()
}

/// The one member of an operator's object.
fn only<'a>(members: &'a [Member], at: usize, of: &'static str) -> Result<&'a Member, Mistake> {
    match members {
        [] => Err((at, Reason::NoOperator { of })),
        [member] => Ok(member),
        [_, second, ..] => Err((second.at, Reason::TwoOperators)),
    }
}

/// None is `exists: false`.
fn operator(members: &[Member], at: usize) -> Result<Option<Test>, Mistake> {
    let member = only(members, at, "Match")?;
    let value = &member.value;
    let text = |operator| match &value.kind {
        Kind::Text(text) => Ok(text.as_str()),
        _ => Err((value.at, Reason::NotText { operator })),
    };
    Ok(Some(match member.name.as_str() {
        "exactly" => Test::Text(text("exact")?.into()),
        "prefix" => match &value.kind {
            Kind::Object(members) => Test::PrefixFold(ignoring_case(members, value.at, "prefix")?),
            _ => Test::Prefix(text("prefix")?.into()),
        },
        "suffix" => match &value.kind {
            Kind::Object(members) => Test::SuffixFold(ignoring_case(members, value.at, "suffix")?),
            _ => Test::Suffix(text("suffix")?.into()),
        },
        "equals-ignore-case" => Test::Fold(fold(text("equals-ignore-case")?)),
        "wildcard" => Test::Wildcard(wildcard(text("wildcard")?, value.at)?),
        "anything-but" => Test::Not(anything_but(value)?),
        "numeric" => match &value.kind {
            Kind::Array(items) => numeric(items, value.at)?,
            _ => return Err((value.at, Reason::NumericArray)),
        },
        // AWS names the wrong operator here; its users know the text.
        "cidr" => Test::Cidr(Cidr::parse(text("prefix")?).map_err(|reason| (value.at, reason))?),
        "exists" => match &value.kind {
            Kind::Bool(true) => Test::Present,
            Kind::Bool(false) => return Ok(None),
            _ => return Err((value.at, Reason::Exists)),
        },
        name => return Err((member.at, Reason::UnknownOperator { name: name.to_owned() })),
    }))
}

fn wildcard(text: &str, at: usize) -> Result<Wildcard, Mistake> {
    Wildcard::parse(text).map_err(|reason| (at, reason))
}

/// `{"prefix": {"equals-ignore-case": "text"}}`
fn ignoring_case(members: &[Member], at: usize, operator: &'static str) -> Result<Box<str>, Mistake> {
    let member = only(members, at, if operator == "prefix" { "Prefix" } else { "Suffix" })?;
    match (member.name.as_str(), &member.value.kind) {
        ("equals-ignore-case", Kind::Text(text)) => Ok(fold(text)),
        ("equals-ignore-case", _) => {
            Err((member.value.at, Reason::NotText { operator: "equals-ignore-case" }))
        }
        (name, _) => Err((member.at, Reason::Unsupported { operator, name: name.to_owned() })),
    }
}

fn anything_but(value: &Node) -> Result<Vec<Test>, Mistake> {
    let number = |text: &str, at| {
        let uncomparable = || (at, Reason::NumericUncomparable { number: text.to_owned() });
        Number::parse_exactly(text).map(Test::Number).ok_or_else(uncomparable)
    };
    match &value.kind {
        // What is excluded is excluded as it is written: AWS has no addresses here.
        Kind::Text(text) => Ok(vec![Test::Text(text.as_str().into())]),
        Kind::Number(text) => Ok(vec![number(text, value.at)?]),
        Kind::Array(items) => {
            let (mut tests, mut texts) = (Vec::new(), 0);
            for item in items {
                match &item.kind {
                    Kind::Text(text) => {
                        tests.push(Test::Text(text.as_str().into()));
                        texts += 1;
                    }
                    Kind::Number(text) => tests.push(number(text, item.at)?),
                    _ => return Err((item.at, Reason::AnythingButValue)),
                }
            }
            if tests.is_empty() || (texts != 0 && texts != tests.len()) {
                return Err((value.at, Reason::AnythingButMixed));
            }
            Ok(tests)
        }
        Kind::Object(members) => excluded(members, value.at),
        Kind::Null | Kind::Bool(_) => Err((value.at, Reason::AnythingBut)),
    }
}

/// `{"anything-but": {"prefix": …}}`, one or a list.
fn excluded(members: &[Member], at: usize) -> Result<Vec<Test>, Mistake> {
    let member = only(members, at, "Anything-But")?;
    let name = member.name.as_str();
    if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name) {
        return Err((member.at, Reason::Unsupported { operator: "anything-but", name: name.to_owned() }));
    }
    let one = |node: &Node| -> Result<Test, Mistake> {
        let Kind::Text(text) = &node.kind else {
            return Err((
                node.at,
                match name {
                    "equals-ignore-case" => Reason::AnythingButFoldValue,
                    "wildcard" => Reason::NotText { operator: "wildcard" },
                    _ => Reason::NotText { operator: "prefix/suffix" },
                },
            ));
        };
        match name {
            "prefix" | "suffix" if text.is_empty() => Err((node.at, Reason::EmptyAffix)),
            "prefix" => Ok(Test::Prefix(text.as_str().into())),
            "suffix" => Ok(Test::Suffix(text.as_str().into())),
            "wildcard" => Ok(Test::Wildcard(wildcard(text, node.at)?)),
            _ => Ok(Test::Fold(fold(text))),
        }
    };
    match &member.value.kind {
        Kind::Array(items) if items.is_empty() => Err((member.value.at, Reason::EmptyArray)),
        Kind::Array(items) => items.iter().map(one).collect(),
        Kind::Text(_) | Kind::Number(_) => Ok(vec![one(&member.value)?]),
        Kind::Null | Kind::Bool(_) | Kind::Object(_) => Err((member.value.at, Reason::AnythingBut)),
    }
}

/// `[">", 0, "<=", 5]`
fn numeric(items: &[Node], at: usize) -> Result<Test, Mistake> {
    let (first, rest) = items.split_first().ok_or((at, Reason::NumericMember { member: "]".into() }))?;
    let Kind::Text(operator) = &first.kind else {
        return Err((first.at, Reason::NumericMember { member: shown(first) }));
    };
    if !["=", "<", "<=", ">", ">="].contains(&operator.as_str()) {
        return Err((first.at, Reason::NumericOperator { operator: operator.clone() }));
    }
    let (number, rest) = bound(operator, rest, first.at)?;
    let included = operator.ends_with('=');
    match operator.as_str() {
        ">" | ">=" => {
            let bottom = Bound { number, included };
            let top = match rest.split_first() {
                None => None,
                Some((second, rest)) => Some(upper(second, rest, bottom)?),
            };
            Ok(Test::Range { bottom: Some(bottom), top })
        }
        _ if !rest.is_empty() => Err((rest[0].at, Reason::NumericTooMany)),
        "=" => Ok(Test::Number(number)),
        _ => Ok(Test::Range { bottom: None, top: Some(Bound { number, included }) }),
    }
}

fn upper(second: &Node, rest: &[Node], bottom: Bound) -> Result<Bound, Mistake> {
    let Kind::Text(operator) = &second.kind else {
        return Err((second.at, Reason::NumericBound { member: shown(second) }));
    };
    if !["<", "<="].contains(&operator.as_str()) {
        return Err((second.at, Reason::NumericSecondOperator { operator: operator.clone() }));
    }
    let (number, rest) = bound(operator, rest, second.at)?;
    if let Some(third) = rest.first() {
        return Err((third.at, Reason::NumericTooManyTerms));
    }
    if number <= bottom.number {
        return Err((second.at, Reason::NumericEmpty));
    }
    Ok(Bound { number, included: operator == "<=" })
}

fn bound<'a>(operator: &str, items: &'a [Node], at: usize) -> Result<(Number, &'a [Node]), Mistake> {
    let operator = if operator == "=" { "equals" } else { operator };
    let not_numeric = |at| (at, Reason::NumericValue { operator: operator.to_owned() });
    let (item, rest) = items.split_first().ok_or_else(|| not_numeric(at))?;
    let Kind::Number(text) = &item.kind else {
        return Err(not_numeric(item.at));
    };
    let uncomparable = || (item.at, Reason::NumericUncomparable { number: text.clone() });
    Ok((Number::parse_exactly(text).ok_or_else(uncomparable)?, rest))
}

fn shown(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "null".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(text) | Kind::Text(text) => text.clone(),
        Kind::Array(_) => "[".into(),
        Kind::Object(_) => "{".into(),
    }
}
