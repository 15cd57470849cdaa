use super::{
    ExpressionError, Path, Reason, Step, Substitutes, Which,
    condition::{check_reserved, resolve},
    syntax,
};
use crate::{Item, Value};

/// Which parts of an item are wanted (Developer Guide, "Using projection expressions in DynamoDB").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection(Vec<Path>);

impl Projection {
    pub fn parse(text: &str, substitutes: &Substitutes) -> Result<Self, ExpressionError> {
        read(text, substitutes).map_err(|reason| ExpressionError { of: Which::Projection, reason })
    }

    /// Whole attributes, as `AttributesToGet` names them.
    pub fn of_names(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| Path { name, steps: Vec::new() }).collect())
    }

    pub fn of_paths(paths: impl IntoIterator<Item = Path>) -> Self {
        Self(paths.into_iter().collect())
    }

    pub fn paths(&self) -> &[Path] {
        &self.0
    }

    /// What is there of what is wanted. What lies in maps and lists lies in such again; a list has what is wanted of it, in
    /// its order, and no gaps.
    pub fn of(&self, item: &Item) -> Item {
        let mut wanted = Wanted::default();
        for path in &self.0 {
            let mut place = wanted.below.entry(Step::Name(path.name.clone()).into()).or_default();
            for step in &path.steps {
                place = place.below.entry(step.clone().into()).or_default();
            }
            place.is_whole = true;
        }
        wanted.of_map(item)
    }
}

/// What is wanted at a place.
#[derive(Default)]
struct Wanted {
    is_whole: bool,
    below: std::collections::BTreeMap<Key, Wanted>,
}

/// A step, in the order in which a list has its elements.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Index(usize),
    Name(String),
}

impl From<Step> for Key {
    fn from(step: Step) -> Self {
        match step {
            Step::Name(name) => Self::Name(name),
            Step::Index(index) => Self::Index(index),
        }
    }
}

impl Wanted {
    fn of(&self, value: &Value) -> Option<Value> {
        if self.is_whole {
            return Some(value.clone());
        }
        match value {
            Value::Map(map) => {
                let found = self.of_map(map);
                (!found.is_empty()).then_some(Value::Map(found))
            }
            Value::List(values) => {
                let found = self.below.iter().filter_map(|(key, wanted)| match key {
                    Key::Index(index) => wanted.of(values.get(*index)?),
                    Key::Name(_) => None,
                });
                let found: Vec<_> = found.collect();
                (!found.is_empty()).then_some(Value::List(found))
            }
            _ => None,
        }
    }

    fn of_map(&self, map: &Item) -> Item {
        let found = self.below.iter().filter_map(|(key, wanted)| match key {
            Key::Name(name) => Some((name.clone(), wanted.of(map.get(name)?)?)),
            Key::Index(_) => None,
        });
        found.collect()
    }
}

fn read(text: &str, substitutes: &Substitutes) -> Result<Projection, Reason> {
    let written = syntax::paths(text)?;
    written.iter().try_for_each(check_reserved)?;
    let paths = written.iter().map(|path| resolve(path, substitutes)).collect::<Result<Vec<_>, _>>()?;
    check_apart(&paths)?;
    Ok(Projection(paths))
}

/// No path leads to, or through, where another does; and where two part, they part by steps of one kind.
pub(super) fn check_apart(paths: &[Path]) -> Result<(), Reason> {
    for (index, other) in paths.iter().enumerate() {
        for one in &paths[..index] {
            if one.name != other.name {
                continue;
            }
            let shared = one.steps.iter().zip(&other.steps).take_while(|(one, other)| one == other).count();
            let (shown, others) = (one.to_string(), other.to_string());
            match (one.steps.get(shared), other.steps.get(shared)) {
                (None, _) | (_, None) => return Err(Reason::Overlap { one: shown, other: others }),
                (Some(Step::Name(_)), Some(Step::Index(_))) | (Some(Step::Index(_)), Some(Step::Name(_))) => {
                    return Err(Reason::Conflict { one: shown, other: others });
                }
                (Some(_), Some(_)) => {}
            }
        }
    }
    Ok(())
}
