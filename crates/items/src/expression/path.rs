use std::fmt;

use crate::{Item, Value};

/// Where a value is in an item: `a.b[1].c`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    /// The attribute.
    pub name: String,
    /// What leads on from it.
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    /// What is there; a step that does not fit what it meets leads nowhere.
    pub fn find<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let first = item.get(&self.name)?;
        self.steps.iter().try_fold(first, |value, step| match (step, value) {
            (Step::Name(name), Value::Map(map)) => map.get(name),
            (Step::Index(index), Value::List(values)) => values.get(*index),
            _ => None,
        })
    }
}

/// As messages have it: `[a, b, [1]]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.name)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
