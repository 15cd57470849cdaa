//! What one value must be: from a list's items to tests.

use super::{Reason, cidr::Cidr, number::Number, several::Tests, values::Scalar, wildcard::Wildcard};
use crate::json::{Kind, Member, Node};

/// A reason and where it stands.
pub(super) type Mistake = (usize, Reason);

/// A field's list: one of the tests must pass.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaf {
    tests: Tests,
    /// `exists: false` is in the list.
    pub(super) absent: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Null,
    Bool(bool),
    /// The next two hold lower case.
    PrefixFold(Box<str>),
    SuffixFold(Box<str>),
    Wildcard(Wildcard),
    Range {
        bottom: Option<Bound>,
        top: Option<Bound>,
    },
    Cidr(Cidr),
    Present,
    /// `anything-but`: there, and none of these.
    Not(Tests),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    number: Number,
    included: bool,
}

impl Leaf {
    pub(super) fn parse(items: &[Node], at: usize) -> Result<Self, Mistake> {
        if items.is_empty() {
            return Err((at, Reason::EmptyArray));
        }
        let mut leaf = Self::default();
        let tests = &mut leaf.tests;
        for item in items {
            match &item.kind {
                Kind::Null => tests.others.push(Test::Null),
                Kind::Bool(value) => tests.others.push(Test::Bool(*value)),
                // One that no event can hold passes nothing.
                Kind::Number(text) => tests.numbers.extend(Number::parse(text)),
                Kind::Text(text) => match text.parse() {
                    Ok(address) => tests.addresses.push(address),
                    Err(_) => tests.texts.push(text.as_str().into()),
                },
                Kind::Array(_) => return Err((item.at, Reason::Value)),
                Kind::Object(members) => leaf.absent |= operator(members, item.at, tests)? == Wants::Absence,
            }
        }
        tests.settle();
        Ok(leaf)
    }

    pub(super) fn passes(&self, value: Scalar<'_>) -> bool {
        self.tests.one_passes(value)
    }

    pub(super) fn wildcards(&self) -> usize {
        self.tests.wildcards()
    }
}

impl Test {
    pub(super) fn passes(&self, value: Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Present, _) => true,
            (_, Scalar::Opaque) => false,
            (Self::Not(tests), _) => !tests.one_passes(value),
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(wanted), Scalar::Bool(value)) => *wanted == value,
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
            Self::PrefixFold(prefix) => {
                let mut letters = folded(text);
                prefix.chars().all(|letter| letters.next() == Some(letter))
            }
            Self::SuffixFold(suffix) => {
                let mut letters = folded(text).rev();
                suffix.chars().rev().all(|letter| letters.next() == Some(letter))
            }
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Cidr(cidr) => cidr.holds(text),
            Self::Present => true,
            Self::Not(tests) => !tests.one_passes(Scalar::Text(text)),
            Self::Null | Self::Bool(_) | Self::Range { .. } => false,
        }
    }

    pub(super) fn wildcards(&self) -> usize {
        match self {
            Self::Wildcard(wildcard) => wildcard.stars(),
            Self::Not(tests) => tests.wildcards(),
            Self::Null
            | Self::Bool(_)
            | Self::PrefixFold(_)
            | Self::SuffixFold(_)
            | Self::Range { .. }
            | Self::Cidr(_)
            | Self::Present => 0,
        }
    }
}

/// What a list wants besides its tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Value,
    Absence,
}

pub(super) fn folded(text: &str) -> impl DoubleEndedIterator<Item = char> {
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

fn operator(members: &[Member], at: usize, tests: &mut Tests) -> Result<Wants, Mistake> {
    let member = only(members, at, "Match")?;
    let value = &member.value;
    let text = |operator| match &value.kind {
        Kind::Text(text) => Ok(text.as_str()),
        _ => Err((value.at, Reason::NotText { operator })),
    };
    match member.name.as_str() {
        "exactly" => tests.texts.push(text("exact")?.into()),
        "prefix" => match &value.kind {
            Kind::Object(members) => {
                tests.others.push(Test::PrefixFold(ignoring_case(members, value.at, "prefix")?));
            }
            _ => tests.prefixes.push(text("prefix")?.into()),
        },
        "suffix" => match &value.kind {
            Kind::Object(members) => {
                tests.others.push(Test::SuffixFold(ignoring_case(members, value.at, "suffix")?));
            }
            _ => tests.suffixes.push(text("suffix")?.into()),
        },
        "equals-ignore-case" => tests.folds.push(fold(text("equals-ignore-case")?)),
        "wildcard" => tests.others.push(Test::Wildcard(wildcard(text("wildcard")?, value.at)?)),
        "anything-but" => tests.others.push(Test::Not(anything_but(value)?)),
        "numeric" => match &value.kind {
            Kind::Array(items) => numeric(items, value.at, tests)?,
            _ => return Err((value.at, Reason::NumericArray)),
        },
        // AWS names the wrong operator here; its users know the text.
        "cidr" => {
            let cidr = Cidr::parse(text("prefix")?).map_err(|reason| (value.at, reason))?;
            tests.others.push(Test::Cidr(cidr));
        }
        "exists" => match &value.kind {
            Kind::Bool(true) => tests.others.push(Test::Present),
            Kind::Bool(false) => return Ok(Wants::Absence),
            _ => return Err((value.at, Reason::Exists)),
        },
        name => return Err((member.at, Reason::UnknownOperator { name: name.to_owned() })),
    }
    Ok(Wants::Value)
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

fn anything_but(value: &Node) -> Result<Tests, Mistake> {
    let mut tests = Tests::default();
    let number = |text: &str, at| {
        let uncomparable = || (at, Reason::NumericUncomparable { number: text.to_owned() });
        Number::parse_exactly(text).ok_or_else(uncomparable)
    };
    match &value.kind {
        // What is excluded is excluded as it is written: AWS has no addresses here.
        Kind::Text(text) => tests.texts.push(text.as_str().into()),
        Kind::Number(text) => tests.numbers.push(number(text, value.at)?),
        Kind::Array(items) => {
            for item in items {
                match &item.kind {
                    Kind::Text(text) => tests.texts.push(text.as_str().into()),
                    Kind::Number(text) => tests.numbers.push(number(text, item.at)?),
                    _ => return Err((item.at, Reason::AnythingButValue)),
                }
            }
            if tests.texts.is_empty() == tests.numbers.is_empty() {
                return Err((value.at, Reason::AnythingButMixed));
            }
        }
        Kind::Object(members) => excluded(members, value.at, &mut tests)?,
        Kind::Null | Kind::Bool(_) => return Err((value.at, Reason::AnythingBut)),
    }
    tests.settle();
    Ok(tests)
}

/// `{"anything-but": {"prefix": …}}`, one or a list.
fn excluded(members: &[Member], at: usize, tests: &mut Tests) -> Result<(), Mistake> {
    let member = only(members, at, "Anything-But")?;
    let name = member.name.as_str();
    if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name) {
        return Err((member.at, Reason::Unsupported { operator: "anything-but", name: name.to_owned() }));
    }
    let mut one = |node: &Node| -> Result<(), Mistake> {
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
            "prefix" | "suffix" if text.is_empty() => return Err((node.at, Reason::EmptyAffix)),
            "prefix" => tests.prefixes.push(text.as_str().into()),
            "suffix" => tests.suffixes.push(text.as_str().into()),
            "wildcard" => tests.others.push(Test::Wildcard(wildcard(text, node.at)?)),
            _ => tests.folds.push(fold(text)),
        }
        Ok(())
    };
    match &member.value.kind {
        Kind::Array(items) if items.is_empty() => Err((member.value.at, Reason::EmptyArray)),
        Kind::Array(items) => items.iter().try_for_each(one),
        Kind::Text(_) | Kind::Number(_) => one(&member.value),
        Kind::Null | Kind::Bool(_) | Kind::Object(_) => Err((member.value.at, Reason::AnythingBut)),
    }
}

/// `[">", 0, "<=", 5]`
fn numeric(items: &[Node], at: usize, tests: &mut Tests) -> Result<(), Mistake> {
    let (first, rest) = items.split_first().ok_or((at, Reason::NumericMember { member: "]".into() }))?;
    let Kind::Text(operator) = &first.kind else {
        return Err((first.at, Reason::NumericMember { member: shown(first) }));
    };
    if !["=", "<", "<=", ">", ">="].contains(&operator.as_str()) {
        return Err((first.at, Reason::NumericOperator { operator: operator.clone() }));
    }
    let (number, rest) = bound(operator, rest, first.at)?;
    let included = operator.ends_with('=');
    let (bottom, top) = match operator.as_str() {
        ">" | ">=" => {
            let bottom = Bound { number, included };
            let top = match rest.split_first() {
                None => None,
                Some((second, rest)) => Some(upper(second, rest, bottom)?),
            };
            (Some(bottom), top)
        }
        _ if !rest.is_empty() => return Err((rest[0].at, Reason::NumericTooMany)),
        "=" => {
            tests.numbers.push(number);
            return Ok(());
        }
        _ => (None, Some(Bound { number, included })),
    };
    tests.others.push(Test::Range { bottom, top });
    Ok(())
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
