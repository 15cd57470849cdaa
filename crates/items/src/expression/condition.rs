use std::cmp::Ordering;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    ExpressionError, Path, Reason, Step, Substitutes, Which,
    reserved::is_reserved,
    syntax::{self, Written, WrittenOperand, WrittenPath, WrittenStep},
};
use crate::{Item, Kind, Number, Value};

/// A condition or a filter (Developer Guide, "Condition and filter expressions, operators, and functions in DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(pub(crate) Test);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Or(Box<Test>, Box<Test>),
    And(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Comparison(Comparison, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Operand),
    IsMissing(Operand),
    Type(Operand, Operand),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    Size(Box<Operand>),
}

/// What an operand is of an item.
enum Found<'a> {
    Value(&'a Value),
    Size(usize),
}

impl Condition {
    pub fn parse(text: &str, of: Which, substitutes: &Substitutes) -> Result<Self, ExpressionError> {
        read(text, substitutes).map(Self).map_err(|reason| ExpressionError { of, reason })
    }

    /// The attributes that it asks of.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.names(&mut names);
        names
    }

    /// Whether it holds of an item; of one that is not there, it is asked of an empty one.
    pub fn holds(&self, item: &Item) -> bool {
        self.0.holds(item)
    }
}

/// Checks one after the other, in the order in which DynamoDB tells mistakes.
fn read(text: &str, substitutes: &Substitutes) -> Result<Test, Reason> {
    let written = syntax::condition(text)?;
    written.visit(&mut |part| match part {
        Part::Doubled => Err(Reason::Parentheses),
        _ => Ok(()),
    })?;
    written.visit(&mut |part| match part {
        Part::Function { name, .. } if arity(name).is_none() => Err(Reason::UnknownFunction(name.to_owned())),
        _ => Ok(()),
    })?;
    written.visit(&mut |part| match part {
        // `size` is a value, and all others are conditions.
        Part::Function { name, is_operand, .. } if is_operand != (name == "size") => {
            Err(Reason::MisusedFunction(name.to_owned()))
        }
        _ => Ok(()),
    })?;
    written.visit(&mut |part| match part {
        Part::Path(path) => check_reserved(path),
        _ => Ok(()),
    })?;
    written.visit(&mut |part| match part {
        Part::Path(path) => resolve(path, substitutes).map(drop),
        Part::Value(value) => substitutes.value(value).map(drop),
        _ => Ok(()),
    })?;
    written.visit(&mut |part| match part {
        Part::Function { name, operands, .. } if arity(name) != Some(operands.len()) => {
            Err(Reason::Count { operator: name.to_owned(), count: operands.len() })
        }
        _ => Ok(()),
    })?;
    let test = Test::of(&written, substitutes)?;
    test.check_distinct()?;
    test.check_kinds()?;
    Ok(test)
}

/// Functions and how many operands they have.
fn arity(function: &str) -> Option<usize> {
    match function {
        "attribute_exists" | "attribute_not_exists" | "size" => Some(1),
        "attribute_type" | "begins_with" | "contains" => Some(2),
        _ => None,
    }
}

pub(super) fn check_reserved(path: &WrittenPath) -> Result<(), Reason> {
    let steps = path.steps.iter().filter_map(|step| match step {
        WrittenStep::Name(name) => Some(name),
        WrittenStep::Index(_) => None,
    });
    match std::iter::once(&path.name).chain(steps).find(|name| !name.starts_with('#') && is_reserved(name)) {
        Some(name) => Err(Reason::Reserved(name.clone())),
        None => Ok(()),
    }
}

pub(super) fn resolve(path: &WrittenPath, substitutes: &Substitutes) -> Result<Path, Reason> {
    let name = |written: &String| match written.starts_with('#') {
        true => substitutes.name(written),
        false => Ok(written.clone()),
    };
    let step = |step: &WrittenStep| match step {
        WrittenStep::Name(written) => name(written).map(Step::Name),
        WrittenStep::Index(index) => Ok(Step::Index(*index)),
    };
    Ok(Path { name: name(&path.name)?, steps: path.steps.iter().map(step).collect::<Result<_, _>>()? })
}

/// What is looked at of what is written.
pub(super) enum Part<'w> {
    /// Parentheses around parentheses.
    Doubled,
    Function {
        name: &'w str,
        operands: &'w [WrittenOperand],
        is_operand: bool,
    },
    Path(&'w WrittenPath),
    Value(&'w str),
}

pub(super) type Look<'l> = &'l mut dyn FnMut(Part<'_>) -> Result<(), Reason>;

impl Written {
    fn visit(&self, look: Look<'_>) -> Result<(), Reason> {
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.visit(look)?;
                right.visit(look)
            }
            Self::Not(inside) => inside.visit(look),
            Self::Inside(inside) => {
                if matches!(**inside, Self::Inside(_)) {
                    look(Part::Doubled)?;
                }
                inside.visit(look)
            }
            Self::Comparison(left, _, right) => {
                left.visit(look)?;
                right.visit(look)
            }
            Self::Between(operand, lower, upper) => {
                [operand, lower, upper].into_iter().try_for_each(|operand| operand.visit(look))
            }
            Self::In(operand, operands) => {
                operand.visit(look)?;
                operands.iter().try_for_each(|operand| operand.visit(look))
            }
            Self::Function(name, operands) => {
                look(Part::Function { name, operands, is_operand: false })?;
                operands.iter().try_for_each(|operand| operand.visit(look))
            }
        }
    }
}

impl WrittenOperand {
    pub(super) fn visit(&self, look: Look<'_>) -> Result<(), Reason> {
        match self {
            Self::Path(path) => look(Part::Path(path)),
            Self::Value(value) => look(Part::Value(value)),
            Self::Function(name, operands) => {
                look(Part::Function { name, operands, is_operand: true })?;
                operands.iter().try_for_each(|operand| operand.visit(look))
            }
            Self::Inside(inside) => {
                if matches!(**inside, Self::Inside(_)) {
                    look(Part::Doubled)?;
                }
                inside.visit(look)
            }
        }
    }
}

impl Comparison {
    fn of(text: &str) -> Self {
        match text {
            "=" => Self::Equal,
            "<>" => Self::Unequal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            _ => Self::AtLeast,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    fn wants_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }
}

impl Operand {
    fn of(written: &WrittenOperand, substitutes: &Substitutes) -> Result<Self, Reason> {
        match written {
            WrittenOperand::Path(path) => resolve(path, substitutes).map(Self::Path),
            WrittenOperand::Value(value) => substitutes.value(value).map(Self::Value),
            WrittenOperand::Inside(inside) => Self::of(inside, substitutes),
            WrittenOperand::Function(name, operands) => match &operands[..] {
                [operand] => Ok(Self::Size(Box::new(Self::of(operand, substitutes)?))),
                _ => Err(Reason::Count { operator: name.clone(), count: operands.len() }),
            },
        }
    }

    /// Its type, if that does not depend on the item.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Path(_) => None,
            Self::Value(value) => Some(value.kind()),
            Self::Size(_) => Some(Kind::N),
        }
    }

    /// The attribute that it is, or is a part of.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(&path.name),
            Self::Value(_) => None,
            Self::Size(operand) => operand.name(),
        }
    }

    fn find<'a>(&'a self, item: &'a Item) -> Option<Found<'a>> {
        match self {
            Self::Path(path) => path.find(item).map(Found::Value),
            Self::Value(value) => Some(Found::Value(value)),
            Self::Size(operand) => operand.find(item).and_then(|found| match found {
                Found::Value(value) => length(value).map(Found::Size),
                Found::Size(_) => None,
            }),
        }
    }

    fn check_size(&self) -> Result<(), Reason> {
        let Self::Size(operand) = self else { return Ok(()) };
        match operand.kind() {
            Some(kind @ (Kind::N | Kind::Bool | Kind::Null)) => wrong_kind("size", kind),
            _ => operand.check_size(),
        }
    }
}

/// What `size` is of a value: bytes, letters or elements.
fn length(value: &Value) -> Option<usize> {
    Some(match value {
        Value::Text(text) => text.chars().count(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(values) => values.len(),
        Value::Map(map) => map.len(),
        Value::Texts(texts) => texts.len(),
        Value::Numbers(numbers) => numbers.len(),
        Value::Binaries(binaries) => binaries.len(),
        Value::Number(_) | Value::Bool(_) | Value::Null => return None,
    })
}

pub(super) fn wrong_kind(operator: &str, kind: Kind) -> Result<(), Reason> {
    Err(Reason::Kind { operator: operator.to_owned(), kind: kind.as_str() })
}

impl Found<'_> {
    fn number(&self) -> Option<Number> {
        match self {
            Self::Value(Value::Number(number)) => Some(*number),
            Self::Value(_) => None,
            Self::Size(size) => Some(Number::from(i64::try_from(*size).unwrap_or(i64::MAX))),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(one), Self::Value(other)) => one == other,
            (one, other) => one.number().is_some_and(|number| Some(number) == other.number()),
        }
    }

    /// None if they are not of one type that has an order.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Value(Value::Text(one)), Self::Value(Value::Text(other))) => Some(one.cmp(other)),
            (Self::Value(Value::Binary(one)), Self::Value(Value::Binary(other))) => Some(one.cmp(other)),
            (one, other) => Some(one.number()?.cmp(&other.number()?)),
        }
    }
}

impl Test {
    fn of(written: &Written, substitutes: &Substitutes) -> Result<Self, Reason> {
        let test = |written: &Written| Self::of(written, substitutes).map(Box::new);
        let operand = |written: &WrittenOperand| Operand::of(written, substitutes);
        Ok(match written {
            Written::Or(left, right) => Self::Or(test(left)?, test(right)?),
            Written::And(left, right) => Self::And(test(left)?, test(right)?),
            Written::Not(inside) => Self::Not(test(inside)?),
            Written::Inside(inside) => *test(inside)?,
            Written::Comparison(left, text, right) => {
                Self::Comparison(Comparison::of(text), operand(left)?, operand(right)?)
            }
            Written::Between(value, lower, upper) => {
                Self::Between(operand(value)?, operand(lower)?, operand(upper)?)
            }
            Written::In(value, operands) => {
                Self::In(operand(value)?, operands.iter().map(operand).collect::<Result<_, _>>()?)
            }
            Written::Function(name, operands) => match (name.as_str(), &operands[..]) {
                ("attribute_exists", [one]) => Self::Exists(operand(one)?),
                ("attribute_not_exists", [one]) => Self::IsMissing(operand(one)?),
                ("attribute_type", [one, other]) => Self::Type(operand(one)?, operand(other)?),
                ("begins_with", [one, other]) => Self::BeginsWith(operand(one)?, operand(other)?),
                ("contains", [one, other]) => Self::Contains(operand(one)?, operand(other)?),
                _ => return Err(Reason::Count { operator: name.clone(), count: operands.len() }),
            },
        })
    }

    /// Its operator and operands, of a test that has such.
    pub(super) fn operands(&self) -> (&'static str, Vec<&Operand>) {
        match self {
            Self::Or(..) | Self::And(..) | Self::Not(_) => ("", Vec::new()),
            Self::Comparison(comparison, left, right) => (comparison.as_str(), vec![left, right]),
            Self::Between(value, lower, upper) => ("BETWEEN", vec![value, lower, upper]),
            Self::In(value, operands) => ("IN", std::iter::once(value).chain(operands).collect()),
            Self::Exists(operand) => ("attribute_exists", vec![operand]),
            Self::IsMissing(operand) => ("attribute_not_exists", vec![operand]),
            Self::Type(operand, kind) => ("attribute_type", vec![operand, kind]),
            Self::BeginsWith(operand, beginning) => ("begins_with", vec![operand, beginning]),
            Self::Contains(operand, part) => ("contains", vec![operand, part]),
        }
    }

    fn names<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.names(into);
                right.names(into);
            }
            Self::Not(inside) => inside.names(into),
            other => into.extend(other.operands().1.into_iter().filter_map(Operand::name)),
        }
    }

    fn each(&self, look: &mut dyn FnMut(&Self) -> Result<(), Reason>) -> Result<(), Reason> {
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.each(look)?;
                right.each(look)
            }
            Self::Not(inside) => inside.each(look),
            other => look(other),
        }
    }

    fn check_distinct(&self) -> Result<(), Reason> {
        self.each(&mut |test| {
            let (operator, operands) = test.operands();
            match operands.split_first() {
                Some((Operand::Path(first), rest))
                    if rest.iter().any(|operand| matches!(operand, Operand::Path(path) if path == first)) =>
                {
                    Err(Reason::NotDistinct { operator: operator.to_owned(), path: first.to_string() })
                }
                _ => Ok(()),
            }
        })
    }

    fn check_kinds(&self) -> Result<(), Reason> {
        self.each(&mut |test| {
            let (operator, operands) = test.operands();
            operands.iter().try_for_each(|operand| operand.check_size())?;
            match test {
                Self::Exists(operand) | Self::IsMissing(operand) | Self::Type(operand, _)
                    if !matches!(operand, Operand::Path(_)) =>
                {
                    Err(Reason::NoPath(operator.to_owned()))
                }
                Self::Type(_, kind) => match kind {
                    Operand::Value(Value::Text(name)) if Kind::of(name).is_none() => {
                        Err(Reason::NoKind(name.clone()))
                    }
                    Operand::Value(Value::Text(_)) | Operand::Path(_) => Ok(()),
                    other => wrong_kind(operator, other.kind().unwrap_or(Kind::N)),
                },
                Self::BeginsWith(..) => check_kinds(operator, &operands, &[Kind::S, Kind::B]),
                Self::Comparison(comparison, ..) if comparison.wants_order() => {
                    check_kinds(operator, &operands, &[Kind::S, Kind::N, Kind::B])
                }
                Self::Between(_, lower, upper) => {
                    check_kinds(operator, &operands, &[Kind::S, Kind::N, Kind::B])?;
                    check_bounds(lower, upper)
                }
                _ => Ok(()),
            }
        })
    }

    fn holds(&self, item: &Item) -> bool {
        let both = |one: &Operand, other: &Operand, holds: fn(&Found<'_>, &Found<'_>) -> bool| {
            let (Some(one), Some(other)) = (one.find(item), other.find(item)) else { return false };
            holds(&one, &other)
        };
        let same = |one: &Operand, other: &Operand| both(one, other, |one, other| one.is(other));
        let order = |one: &Operand, other: &Operand| one.find(item)?.order(&other.find(item)?);
        match self {
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Not(inside) => !inside.holds(item),
            Self::Comparison(comparison, left, right) => match comparison {
                Comparison::Equal => same(left, right),
                // Also where there is nothing.
                Comparison::Unequal => !same(left, right),
                Comparison::Less => order(left, right).is_some_and(Ordering::is_lt),
                Comparison::AtMost => order(left, right).is_some_and(Ordering::is_le),
                Comparison::Greater => order(left, right).is_some_and(Ordering::is_gt),
                Comparison::AtLeast => order(left, right).is_some_and(Ordering::is_ge),
            },
            Self::Between(value, lower, upper) => {
                order(lower, value).is_some_and(Ordering::is_le)
                    && order(value, upper).is_some_and(Ordering::is_le)
            }
            Self::In(value, operands) => operands.iter().any(|operand| same(value, operand)),
            Self::Exists(operand) => operand.find(item).is_some(),
            Self::IsMissing(operand) => operand.find(item).is_none(),
            Self::Type(operand, kind) => both(operand, kind, |value, kind| match (value, kind) {
                (Found::Value(value), Found::Value(Value::Text(kind))) => value.kind().as_str() == kind,
                _ => false,
            }),
            Self::BeginsWith(operand, beginning) => {
                both(operand, beginning, |whole, part| match (whole, part) {
                    (Found::Value(Value::Text(whole)), Found::Value(Value::Text(part))) => {
                        whole.starts_with(part.as_str())
                    }
                    (Found::Value(Value::Binary(whole)), Found::Value(Value::Binary(part))) => {
                        whole.starts_with(part)
                    }
                    _ => false,
                })
            }
            Self::Contains(operand, part) => both(operand, part, contains),
        }
    }
}

fn check_kinds(operator: &str, operands: &[&Operand], allowed: &[Kind]) -> Result<(), Reason> {
    let wrong = operands.iter().filter_map(|operand| operand.kind()).find(|kind| !allowed.contains(kind));
    wrong.map_or(Ok(()), |kind| wrong_kind(operator, kind))
}

/// None if they are not of one type that has an order.
pub(crate) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    Found::Value(one).order(&Found::Value(other))
}

fn check_bounds(lower: &Operand, upper: &Operand) -> Result<(), Reason> {
    let (Operand::Value(one), Operand::Value(other)) = (lower, upper) else { return Ok(()) };
    let (lower, upper) = (shown(one), shown(other));
    if one.kind() != other.kind() {
        return Err(Reason::BoundKinds { lower, upper });
    }
    match order(one, other) {
        Some(Ordering::Greater) => Err(Reason::Bounds { lower, upper }),
        _ => Ok(()),
    }
}

/// `S:text`
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Binary(bytes) => STANDARD.encode(bytes),
        // No bound is of such a type.
        _ => String::new(),
    };
    format!("{}:{text}", value.kind().as_str())
}

fn contains(whole: &Found<'_>, part: &Found<'_>) -> bool {
    let Found::Value(whole) = whole else { return false };
    match (whole, part) {
        (Value::Text(whole), Found::Value(Value::Text(part))) => whole.contains(part.as_str()),
        (Value::Binary(whole), Found::Value(Value::Binary(part))) => {
            part.is_empty() || whole.windows(part.len()).any(|window| window == &part[..])
        }
        (Value::Texts(texts), Found::Value(Value::Text(text))) => texts.contains(text),
        (Value::Binaries(binaries), Found::Value(Value::Binary(binary))) => binaries.contains(binary),
        (Value::Numbers(numbers), number) => number.number().is_some_and(|number| numbers.contains(&number)),
        (Value::List(values), part) => values.iter().any(|value| Found::Value(value).is(part)),
        _ => false,
    }
}
