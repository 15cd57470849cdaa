//! From a pattern's JSON to one tree of fields, which knows of each the ways through the `$or`s that have it.

use std::collections::HashMap;

use sonagi_model::limits;

use super::{
    Dialect, PatternError, Reason, Scope,
    operators::{Leaf, Mistake},
    ways::Ways,
};
use crate::json::{self, Kind, Member, Node};

/// A pattern that was read and can be matched. See [the module](super) for what it means.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub(super) names: Box<[Box<str>]>,
    pub(super) leaves: Box<[Leaf]>,
    pub(super) tree: Tree,
    /// Names of the longest path.
    pub(super) depth: usize,
}

/// The fields of all ways through the `$or`s, of which one must match. Most patterns have one way.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Few(Field<1>),
    Many(Box<Field<{ limits::PATTERN_COMBINATIONS.div_ceil(u64::BITS as usize) }>>),
}

/// A field that ways name, or that others lie below. The first one has no name: it is the event.
#[derive(Debug, Clone, Default)]
pub(super) struct Field<const WORDS: usize> {
    pub(super) name: u32,
    /// Lists of values, and which ways have each.
    pub(super) leaves: Vec<(u32, Ways<WORDS>)>,
    pub(super) below: Vec<Self>,
    /// The ways that have something below.
    pub(super) inside: Ways<WORDS>,
    /// Those of them in which all that lies below may also be kept by what is not there.
    pub(super) open: Ways<WORDS>,
    /// Something lies below the fields below, so that a key with a dot may name it.
    pub(super) deep: bool,
}

/// How a pattern names a key at its top: what a poller must know of a message's body that may or may not be JSON
/// (Lambda Developer Guide, "Using event filtering with an Amazon SQS event source").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Not at all.
    Unnamed,
    /// With a list of values: `{"body": ["text"]}`.
    Values,
    /// With fields below it, in one of its `$or`s at least: `{"body": {"kind": ["text"]}}`.
    Fields,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// Limits: [`BUS_PATTERN_SIZE`](limits::BUS_PATTERN_SIZE), [`MAPPING_PATTERN_SIZE`](limits::MAPPING_PATTERN_SIZE),
    /// [`SUBSCRIPTION_PATTERN_SIZE`](limits::SUBSCRIPTION_PATTERN_SIZE) and the others there that begin with `PATTERN_`
    /// and `SUBSCRIPTION_`.
    ///
    /// A key that appears twice has the second one's values, as it is on AWS. `$or` is an operator if every `$or` in the
    /// pattern is followed by an array of two objects or more, and no field in them has an operator's name; otherwise it
    /// is a field's name (`aws/event-ruler`, "The \"$or\" Primitive"). An empty filter policy is one that everything
    /// matches.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, PatternError> {
        compile(text, dialect).map_err(|(at, reason)| PatternError::new(dialect, text, at, reason))
    }

    /// One that nothing matches.
    pub fn nothing() -> Self {
        Self { names: Box::default(), leaves: Box::default(), tree: Tree::Few(Field::default()), depth: 0 }
    }

    /// How it names a key at its top.
    pub fn shape(&self, key: &str) -> Shape {
        match &self.tree {
            Tree::Few(root) => self.shape_in(root, key),
            Tree::Many(root) => self.shape_in(root, key),
        }
    }

    fn shape_in<const WORDS: usize>(&self, root: &Field<WORDS>, key: &str) -> Shape {
        match root.below.iter().find(|field| &*self.names[field.name as usize] == key) {
            None => Shape::Unnamed,
            Some(field) if field.below.is_empty() => Shape::Values,
            Some(_) => Shape::Fields,
        }
    }
}

fn compile(text: &str, dialect: Dialect) -> Result<Pattern, Mistake> {
    check_size(text, dialect)?;
    let root = json::parse(text).map_err(|flaw| (flaw.at, Reason::of(flaw.kind)))?;
    let Kind::Object(members) = &root.kind else {
        return Err((root.at, Reason::NotAnObject));
    };
    let operator = compile_object(members, root.at, dialect, OrMeans::Operator);
    let mistake = match operator {
        Ok(pattern) => return Ok(pattern),
        Err(mistake) => mistake,
    };
    let field = compile_object(members, root.at, dialect, OrMeans::Field);
    match (field, &mistake.1) {
        (Ok(pattern), _) => Ok(pattern),
        // Read as a field's values it makes no sense at all, so that it was meant as an operator.
        (Err((_, Reason::UnknownOperator { .. })), _) => Err(mistake),
        (Err(other), Reason::OrArray | Reason::OrOne | Reason::OrObject | Reason::OrReserved { .. }) => {
            Err(other)
        }
        (Err(_), _) => Err(mistake),
    }
}

/// What `$or` is, in the whole pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OrMeans {
    Operator,
    Field,
}

fn compile_object(
    members: &[Member],
    at: usize,
    dialect: Dialect,
    or_means: OrMeans,
) -> Result<Pattern, Mistake> {
    if let Dialect::Subscription(scope) = dialect {
        check_policy(members, scope, or_means)?;
    }
    let mut compiler = Compiler {
        dialect,
        or_means,
        names: HashMap::new(),
        paths: HashMap::new(),
        leaves: Vec::new(),
        path: Vec::new(),
    };
    let mut rules = vec![Rule::default()];
    if !(members.is_empty() && matches!(dialect, Dialect::Subscription(_))) {
        compiler.object(members, at, Place::Top, &mut rules)?;
    }
    if compiler.leaves.iter().map(Leaf::wildcards).sum::<usize>() > limits::PATTERN_WILDCARDS {
        return Err((at, Reason::Wildcards));
    }
    Ok(compiler.finish(&rules))
}

fn check_size(text: &str, dialect: Dialect) -> Result<(), Mistake> {
    let (size, limit, unit) = match dialect {
        Dialect::Bus => (text.chars().count(), limits::BUS_PATTERN_SIZE, "characters"),
        Dialect::Mapping => (text.chars().count(), limits::MAPPING_PATTERN_SIZE, "characters"),
        Dialect::Subscription(_) => (text.len(), limits::SUBSCRIPTION_PATTERN_SIZE, "bytes"),
    };
    if size > limit { Err((0, Reason::TooLong { size, limit, unit })) } else { Ok(()) }
}

/// SNS Developer Guide, "Filter policy constraints".
fn check_policy(members: &[Member], scope: Scope, or_means: OrMeans) -> Result<(), Mistake> {
    if let Some(sixth) = members.get(limits::SUBSCRIPTION_KEYS) {
        return Err((sixth.at, Reason::Keys));
    }
    if scope == Scope::Attributes {
        check_flat(members, or_means)?;
    }
    let at = members.first().map_or(0, |member| member.at);
    match combinations(members, or_means, 1, 1) {
        Some(count) if count <= limits::SUBSCRIPTION_COMBINATIONS => Ok(()),
        _ => Err((at, Reason::PolicyCombinations)),
    }
}

fn check_flat(members: &[Member], or_means: OrMeans) -> Result<(), Mistake> {
    for member in members {
        if let Some(alternatives) = alternatives(member, or_means)? {
            alternatives.iter().try_for_each(|(members, _)| check_flat(members, or_means))?;
        } else if let Kind::Object(_) = &member.value.kind {
            return Err((member.value.at, Reason::Nested));
        }
    }
    Ok(())
}

/// The numbers of values, each times how deep it lies, multiplied; the alternatives of an `$or` are added. None if that
/// is more than a number holds.
fn combinations(members: &[Member], or_means: OrMeans, depth: usize, before: usize) -> Option<usize> {
    members.iter().try_fold(before, |count, member| {
        // What is no `$or` though it should be is told by whoever reads the values.
        if let Ok(Some(alternatives)) = alternatives(member, or_means) {
            return alternatives.into_iter().try_fold(0_usize, |sum, (members, _)| {
                sum.checked_add(combinations(members, or_means, depth, count)?)
            });
        }
        match &member.value.kind {
            Kind::Object(members) => combinations(members, or_means, depth + 1, count),
            Kind::Array(items) => count.checked_mul(items.len().max(1))?.checked_mul(depth),
            _ => Some(count),
        }
    })
}

type Alternative<'a> = (&'a [Member], usize);

/// The alternatives of an `$or`; none if this is none.
fn alternatives(member: &Member, or_means: OrMeans) -> Result<Option<Vec<Alternative<'_>>>, Mistake> {
    if member.name != "$or" || or_means == OrMeans::Field {
        return Ok(None);
    }
    let Kind::Array(items) = &member.value.kind else {
        return Err((member.value.at, Reason::OrArray));
    };
    let object = |item: &'_ Node| match &item.kind {
        Kind::Object(_) => Ok(()),
        _ => Err((item.at, Reason::OrObject)),
    };
    items.iter().try_for_each(object)?;
    if items.len() < 2 {
        return Err((member.value.at, Reason::OrOne));
    }
    let objects = items.iter().filter_map(|item| match &item.kind {
        Kind::Object(members) => Some((members.as_slice(), item.at)),
        _ => None,
    });
    Ok(Some(objects.collect()))
}

/// `aws/event-ruler`, `Constants.RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP`.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    InsideOr,
}

/// The paths of one way through the `$or`s, with their leaves.
#[derive(Debug, Clone, Default)]
struct Rule(Vec<(u32, u32)>);

impl Rule {
    fn put(&mut self, path: u32, leaf: u32) {
        match self.0.iter_mut().find(|(known, _)| *known == path) {
            Some(known) => known.1 = leaf,
            None => self.0.push((path, leaf)),
        }
    }
}

struct Compiler {
    dialect: Dialect,
    or_means: OrMeans,
    names: HashMap<Box<str>, u32>,
    paths: HashMap<Vec<u32>, u32>,
    leaves: Vec<Leaf>,
    /// Where the reader is.
    path: Vec<u32>,
}

impl Compiler {
    fn object(
        &mut self,
        members: &[Member],
        at: usize,
        place: Place,
        rules: &mut Vec<Rule>,
    ) -> Result<(), Mistake> {
        if members.is_empty() {
            return Err((at, Reason::EmptyObject));
        }
        for member in members {
            if let Some(alternatives) = alternatives(member, self.or_means)? {
                self.or(&alternatives, member.at, rules)?;
                continue;
            }
            if place == Place::InsideOr && RESERVED.contains(&member.name.as_str()) {
                return Err((member.at, Reason::OrReserved { name: member.name.clone() }));
            }
            let outside = self.path.len();
            self.enter(&member.name);
            if self.path.len() > limits::PATTERN_DEPTH {
                return Err((member.at, Reason::TooDeep));
            }
            match &member.value.kind {
                Kind::Object(members) => self.object(members, member.value.at, place, rules)?,
                Kind::Array(items) => self.leaf(items, member.value.at, rules)?,
                _ => return Err((member.value.at, Reason::NotAList { key: member.name.clone() })),
            }
            self.path.truncate(outside);
        }
        Ok(())
    }

    fn or(
        &mut self,
        alternatives: &[Alternative<'_>],
        at: usize,
        rules: &mut Vec<Rule>,
    ) -> Result<(), Mistake> {
        let before = std::mem::take(rules);
        for (members, alternative) in alternatives {
            let mut own = before.clone();
            self.object(members, *alternative, Place::InsideOr, &mut own)?;
            rules.append(&mut own);
            check_rules(rules, at)?;
        }
        Ok(())
    }

    fn leaf(&mut self, items: &[Node], at: usize, rules: &mut [Rule]) -> Result<(), Mistake> {
        let leaf = self.leaves.len() as u32;
        self.leaves.push(Leaf::parse(items, at)?);
        let next = self.paths.len() as u32;
        let path = *self.paths.entry(self.path.clone()).or_insert(next);
        for rule in &mut *rules {
            rule.put(path, leaf);
        }
        check_rules(rules, at)
    }

    /// A key with dots is the same as keys in each other; an attribute's name is one, whatever is in it.
    fn enter(&mut self, name: &str) {
        match self.dialect {
            Dialect::Subscription(Scope::Attributes) => self.step(name),
            Dialect::Bus | Dialect::Mapping | Dialect::Subscription(Scope::Body) => {
                name.split('.').for_each(|step| self.step(step));
            }
        }
    }

    fn step(&mut self, name: &str) {
        let next = self.names.len() as u32;
        self.path.push(*self.names.entry(name.into()).or_insert(next));
    }

    fn finish(self, rules: &[Rule]) -> Pattern {
        let mut names = vec![Box::<str>::default(); self.names.len()];
        for (name, index) in self.names {
            names[index as usize] = name;
        }
        let depth = self.paths.keys().map(Vec::len).max().unwrap_or(0);
        let mut paths = vec![Vec::new(); self.paths.len()];
        for (path, index) in self.paths {
            paths[index as usize] = path;
        }
        let leaves = self.leaves.into_boxed_slice();
        let tree = match rules.len() <= u64::BITS as usize {
            true => Tree::Few(Field::of(rules, &paths, &leaves)),
            false => Tree::Many(Box::new(Field::of(rules, &paths, &leaves))),
        };
        Pattern { names: names.into_boxed_slice(), leaves, tree, depth }
    }
}

fn check_rules(rules: &[Rule], at: usize) -> Result<(), Mistake> {
    let fields: usize = rules.iter().map(|rule| rule.0.len()).sum();
    if rules.len() > limits::PATTERN_COMBINATIONS || fields > limits::PATTERN_FIELDS {
        return Err((at, Reason::Combinations));
    }
    Ok(())
}

impl<const WORDS: usize> Field<WORDS> {
    fn of(rules: &[Rule], paths: &[Vec<u32>], leaves: &[Leaf]) -> Self {
        let mut root = Self::default();
        for (way, rule) in rules.iter().enumerate() {
            // An empty filter policy has a way without fields.
            root.inside.add(way);
            for (path, leaf) in &rule.0 {
                root.insert(&paths[*path as usize], *leaf, way);
            }
        }
        root.settle(leaves);
        root
    }

    fn insert(&mut self, path: &[u32], leaf: u32, way: usize) {
        let Some((name, rest)) = path.split_first() else {
            let known = self.leaves.iter().position(|(known, _)| *known == leaf);
            let index = known.unwrap_or_else(|| {
                self.leaves.push((leaf, Ways::default()));
                self.leaves.len() - 1
            });
            return self.leaves[index].1.add(way);
        };
        self.inside.add(way);
        let known = self.below.iter().position(|field| field.name == *name);
        let index = known.unwrap_or_else(|| {
            self.below.push(Self { name: *name, ..Self::default() });
            self.below.len() - 1
        });
        self.below[index].insert(rest, leaf, way);
    }

    fn settle(&mut self, leaves: &[Leaf]) {
        self.open = self.inside;
        for field in &mut self.below {
            field.settle(leaves);
            self.open = self.open.but(field.inside.but(field.open));
            for (leaf, ways) in &field.leaves {
                if !leaves.get(*leaf as usize).is_some_and(|leaf| leaf.absent) {
                    self.open = self.open.but(*ways);
                }
            }
        }
        self.below.shrink_to_fit();
        self.deep = self.below.iter().any(|field| !field.below.is_empty());
    }
}
