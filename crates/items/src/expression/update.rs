use std::collections::BTreeMap;

use super::{
    ExpressionError, Path, Reason, Step, Substitutes, UpdateError, Which,
    condition::{Part, check_reserved, resolve, wrong_kind},
    projection::check_apart,
    syntax::{self, SECTIONS, WrittenAction, WrittenOperand, WrittenSum},
};
use crate::{Item, Kind, Value};

/// What is to be changed of an item (Developer Guide, "Using update expressions in DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub(crate) actions: Vec<(Path, Action)>,
    pub(crate) family: Family,
}

/// Which parameter an update is of: they have other words for the same mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    UpdateExpression,
    AttributeUpdates,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Set(Operand),
    Remove,
    /// A number, or the elements of a set; those of a list only in `AttributeUpdates`.
    Add(Value),
    /// The elements of a set.
    Delete(Value),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    IfNotExists(Path, Box<Operand>),
    ListAppend(Box<Operand>, Box<Operand>),
    Sum(Box<Operand>, Box<Operand>),
    Difference(Box<Operand>, Box<Operand>),
}

impl Action {
    pub(crate) fn put(value: Value) -> Self {
        Self::Set(Operand::Value(value))
    }
}

impl Update {
    pub fn parse(text: &str, substitutes: &Substitutes) -> Result<Self, ExpressionError> {
        read(text, substitutes).map_err(|reason| ExpressionError { of: Which::Update, reason })
    }

    /// The places that it changes.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(|(path, _)| path)
    }

    /// The item as it is after it. All values are taken of the item as it was before, wherever they stand.
    pub fn of(&self, item: &Item) -> Result<Item, UpdateError> {
        let mut after = item.clone();
        let mut set: Vec<(&Path, Value)> = Vec::new();
        let mut removed = Vec::new();
        for (path, action) in &self.actions {
            match action {
                Action::Set(operand) => set.push((path, operand.of(item)?)),
                Action::Remove => removed.push(path),
                Action::Add(value) => set.push((path, added(path.find(item), value, self.family)?)),
                Action::Delete(value) => match deleted(path.find(item), value, self.family)? {
                    Some(value) => set.push((path, value)),
                    None if path.find(item).is_some() => removed.push(path),
                    None => {}
                },
            }
        }
        // What is set behind a list's end is appended to it, in the order of the indexes.
        set.sort_by(|(one, _), (other, _)| order(one, other));
        for (path, value) in set {
            put(&mut after, path, value)?;
        }
        // From behind, so that an element is removed where it was.
        removed.sort_by(|one, other| order(other, one));
        for path in removed {
            remove(&mut after, path)?;
        }
        Ok(after)
    }
}

/// By the indexes of lists.
fn order(one: &Path, other: &Path) -> std::cmp::Ordering {
    let index = |step: &Step| match step {
        Step::Index(index) => *index,
        Step::Name(_) => 0,
    };
    one.steps.iter().map(index).cmp(other.steps.iter().map(index))
}

/// The place that a path leads to, all but its last step being there.
fn parent<'i>(item: &'i mut Item, path: &Path) -> Result<(&'i mut Value, Step), UpdateError> {
    let Some((last, steps)) = path.steps.split_last() else { return Err(UpdateError::Path) };
    let first = item.get_mut(&path.name).ok_or(UpdateError::Path)?;
    let place = steps.iter().try_fold(first, |value, step| match (step, value) {
        (Step::Name(name), Value::Map(map)) => map.get_mut(name),
        (Step::Index(index), Value::List(values)) => values.get_mut(*index),
        _ => None,
    });
    Ok((place.ok_or(UpdateError::Path)?, last.clone()))
}

fn put(item: &mut Item, path: &Path, value: Value) -> Result<(), UpdateError> {
    if path.steps.is_empty() {
        item.insert(path.name.clone(), value);
        return Ok(());
    }
    match parent(item, path)? {
        (Value::Map(map), Step::Name(name)) => drop(map.insert(name, value)),
        (Value::List(values), Step::Index(index)) => match values.get_mut(index) {
            Some(place) => *place = value,
            None => values.push(value),
        },
        _ => return Err(UpdateError::Path),
    }
    Ok(())
}

/// What is not there is removed already, if what it would lie in is there.
fn remove(item: &mut Item, path: &Path) -> Result<(), UpdateError> {
    if path.steps.is_empty() {
        item.remove(&path.name);
        return Ok(());
    }
    match parent(item, path)? {
        (Value::Map(map), Step::Name(name)) => drop(map.remove(&name)),
        (Value::List(values), Step::Index(index)) => {
            if index < values.len() {
                values.remove(index);
            }
        }
        _ => return Err(UpdateError::Path),
    }
    Ok(())
}

fn added(before: Option<&Value>, value: &Value, family: Family) -> Result<Value, UpdateError> {
    Ok(match (before, value) {
        (None, value) => value.clone(),
        (Some(Value::Number(one)), Value::Number(other)) => {
            Value::Number(one.checked_add(*other).map_err(UpdateError::Number)?)
        }
        (Some(Value::Texts(one)), Value::Texts(other)) => Value::Texts(one | other),
        (Some(Value::Numbers(one)), Value::Numbers(other)) => Value::Numbers(one | other),
        (Some(Value::Binaries(one)), Value::Binaries(other)) => Value::Binaries(one | other),
        (Some(Value::List(one)), Value::List(other)) => Value::List([&one[..], other].concat()),
        _ => return Err(family.mismatch()),
    })
}

/// None if nothing is left.
fn deleted(before: Option<&Value>, value: &Value, family: Family) -> Result<Option<Value>, UpdateError> {
    Ok(match (before, value) {
        (None, _) => None,
        (Some(Value::Texts(one)), Value::Texts(other)) => {
            Some(one - other).filter(|set| !set.is_empty()).map(Value::Texts)
        }
        (Some(Value::Numbers(one)), Value::Numbers(other)) => {
            Some(one - other).filter(|set| !set.is_empty()).map(Value::Numbers)
        }
        (Some(Value::Binaries(one)), Value::Binaries(other)) => {
            Some(one - other).filter(|set| !set.is_empty()).map(Value::Binaries)
        }
        _ => return Err(family.mismatch()),
    })
}

impl Family {
    fn mismatch(self) -> UpdateError {
        match self {
            Self::UpdateExpression => UpdateError::Kind,
            Self::AttributeUpdates => UpdateError::Mismatch,
        }
    }
}

impl Operand {
    fn of(&self, item: &Item) -> Result<Value, UpdateError> {
        let sum = |one: &Self, other: &Self, of: fn(crate::Number, crate::Number) -> Result<_, _>| match (
            one.of(item)?,
            other.of(item)?,
        ) {
            (Value::Number(one), Value::Number(other)) => {
                of(one, other).map(Value::Number).map_err(UpdateError::Number)
            }
            _ => Err(UpdateError::Kind),
        };
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Path(path) => path.find(item).cloned().ok_or(UpdateError::NoAttribute),
            Self::IfNotExists(path, other) => path.find(item).cloned().map_or_else(|| other.of(item), Ok),
            Self::ListAppend(one, other) => match (one.of(item)?, other.of(item)?) {
                (Value::List(mut one), Value::List(mut other)) => {
                    one.append(&mut other);
                    Ok(Value::List(one))
                }
                _ => Err(UpdateError::Kind),
            },
            Self::Sum(one, other) => sum(one, other, crate::Number::checked_add),
            Self::Difference(one, other) => sum(one, other, crate::Number::checked_sub),
        }
    }

    fn resolve(written: &WrittenOperand, substitutes: &Substitutes) -> Result<Self, Reason> {
        match written {
            WrittenOperand::Path(path) => resolve(path, substitutes).map(Self::Path),
            WrittenOperand::Value(value) => substitutes.value(value).map(Self::Value),
            WrittenOperand::Inside(inside) => Self::resolve(inside, substitutes),
            WrittenOperand::Function(name, operands) => {
                let [one, other] = &operands[..] else {
                    return Err(Reason::Count { operator: name.clone(), count: operands.len() });
                };
                let other = Box::new(Self::resolve(other, substitutes)?);
                match (name.as_str(), Self::resolve(one, substitutes)?) {
                    ("if_not_exists", Self::Path(path)) => Ok(Self::IfNotExists(path, other)),
                    ("if_not_exists", _) => Err(Reason::NoPath(name.clone())),
                    (_, one) => {
                        one.check("list_append", Kind::L)?;
                        other.check("list_append", Kind::L)?;
                        Ok(Self::ListAppend(Box::new(one), other))
                    }
                }
            }
        }
    }

    fn sum(written: &WrittenSum, substitutes: &Substitutes) -> Result<Self, Reason> {
        let first = Self::resolve(&written.first, substitutes)?;
        let Some((sign, second)) = &written.second else { return Ok(first) };
        let second = Self::resolve(second, substitutes)?;
        first.check(sign, Kind::N)?;
        second.check(sign, Kind::N)?;
        let (first, second) = (Box::new(first), Box::new(second));
        Ok(if *sign == "+" { Self::Sum(first, second) } else { Self::Difference(first, second) })
    }

    /// That a value is of the type that it must be; what an item has is seen when it is there.
    fn check(&self, operator: &str, wanted: Kind) -> Result<(), Reason> {
        match self {
            Self::Value(value) if value.kind() != wanted => wrong_kind(operator, value.kind()),
            _ => Ok(()),
        }
    }
}

/// Checks one after the other, in the order in which DynamoDB tells mistakes.
fn read(text: &str, substitutes: &Substitutes) -> Result<Update, Reason> {
    let (sections, written) = syntax::update(text)?;
    let place = |action: &WrittenAction| match action {
        WrittenAction::Set(path, _)
        | WrittenAction::Remove(path)
        | WrittenAction::Add(path, _)
        | WrittenAction::Delete(path, _) => path.clone(),
    };
    let visit = |look: &mut dyn FnMut(Part<'_>) -> Result<(), Reason>| {
        written.iter().try_for_each(|action| {
            look(Part::Path(&place(action)))?;
            match action {
                WrittenAction::Set(_, WrittenSum { first, second }) => {
                    first.visit(look)?;
                    second.iter().try_for_each(|(_, second)| second.visit(look))
                }
                WrittenAction::Remove(_) => Ok(()),
                WrittenAction::Add(_, value) | WrittenAction::Delete(_, value) => look(Part::Value(value)),
            }
        })
    };
    visit(&mut |part| match part {
        Part::Path(path) => check_reserved(path),
        _ => Ok(()),
    })?;
    visit(&mut |part| match part {
        Part::Function { name, .. } if !["if_not_exists", "list_append"].contains(&name) => {
            Err(Reason::UnknownFunction(name.to_owned()))
        }
        _ => Ok(()),
    })?;
    let mut counts = BTreeMap::new();
    sections.iter().for_each(|section| *counts.entry(*section).or_insert(0) += 1);
    if let Some(section) =
        SECTIONS.into_iter().find(|section| counts.get(section).is_some_and(|count| *count > 1))
    {
        return Err(Reason::Section(section));
    }
    visit(&mut |part| match part {
        Part::Path(path) => resolve(path, substitutes).map(drop),
        _ => Ok(()),
    })?;
    visit(&mut |part| match part {
        Part::Value(value) => substitutes.value(value).map(drop),
        _ => Ok(()),
    })?;
    let paths =
        written.iter().map(|action| resolve(&place(action), substitutes)).collect::<Result<Vec<_>, _>>()?;
    check_apart(&paths)?;
    let actions = written.iter().map(|action| {
        Ok(match action {
            WrittenAction::Set(_, sum) => Action::Set(Operand::sum(sum, substitutes)?),
            WrittenAction::Remove(_) => Action::Remove,
            WrittenAction::Add(_, value) => {
                Action::Add(element("ADD", value, substitutes, &[Kind::N, Kind::Ss, Kind::Ns, Kind::Bs])?)
            }
            WrittenAction::Delete(_, value) => {
                Action::Delete(element("DELETE", value, substitutes, &[Kind::Ss, Kind::Ns, Kind::Bs])?)
            }
        })
    });
    let actions = actions.collect::<Result<Vec<_>, _>>()?;
    Ok(Update { actions: paths.into_iter().zip(actions).collect(), family: Family::UpdateExpression })
}

/// The value of ADD or DELETE.
fn element(
    action: &'static str,
    value: &str,
    substitutes: &Substitutes,
    allowed: &[Kind],
) -> Result<Value, Reason> {
    let value = substitutes.value(value)?;
    match allowed.contains(&value.kind()) {
        true => Ok(value),
        false => Err(Reason::ActionKind { action, kind: long_name(value.kind()) }),
    }
}

/// A type's name where messages spell it out.
fn long_name(kind: Kind) -> &'static str {
    match kind {
        Kind::S => "STRING",
        Kind::N => "NUMBER",
        Kind::B => "BINARY",
        Kind::Bool => "BOOLEAN",
        Kind::Null => "NULL",
        Kind::L => "LIST",
        Kind::M => "MAP",
        Kind::Ss => "STRING_SET",
        Kind::Ns => "NUMBER_SET",
        Kind::Bs => "BINARY_SET",
    }
}
