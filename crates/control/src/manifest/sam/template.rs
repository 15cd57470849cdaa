//! A template's sections, and what evaluating them needs to remember.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, HashSet},
};

use sonagi_model::{AppName, api::ApiKind};

use super::{
    super::{
        Context,
        problem::Report,
        tree::{Key, Node},
    },
    resources::Kind,
};

/// SAM's names for the APIs that exist because events name none.
pub(super) const IMPLICIT_REST: &str = "ServerlessRestApi";
pub(super) const IMPLICIT_HTTP: &str = "ServerlessHttpApi";

pub(super) struct Template<'a> {
    pub(super) report: &'a Report,
    pub(super) context: &'a Context,
    pub(super) app: AppName,
    pub(super) parameters: BTreeMap<String, Node>,
    pub(super) mappings: &'a [(Key, Node)],
    pub(super) conditions: BTreeMap<&'a str, (&'a Key, &'a Node)>,
    pub(super) resources: BTreeMap<&'a str, Resource<'a>>,
    /// Which of the implicit APIs exist.
    pub(super) implicit: HashSet<ApiKind>,
    pub(super) memory: Memory,
}

pub(super) struct Resource<'a> {
    pub(super) key: &'a Key,
    pub(super) kind: Kind,
    /// The whole resource, as it stands there.
    pub(super) node: &'a Node,
    /// Its properties with the template's `Globals` merged in.
    pub(super) properties: Node,
    pub(super) metadata: Option<&'a Node>,
}

/// How far the value of something with a name is known.
#[derive(Debug, Clone)]
pub(super) enum State<T> {
    /// It is being evaluated: whoever meets this has found a circle.
    Running,
    Known(T),
    /// It cannot be known, and why is reported.
    Broken,
}

/// What was found out while evaluating.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) conditions: RefCell<BTreeMap<String, State<bool>>>,
    pub(super) names: RefCell<BTreeMap<String, State<String>>>,
    /// The ids of the template's own APIs.
    pub(super) apis: OnceCell<HashSet<String>>,
    /// How many conditions and names wait for each other.
    pub(super) depth: Cell<usize>,
    /// Bytes produced so far.
    pub(super) produced: Cell<usize>,
    /// The resource whose properties are evaluated, if references out of it bind it to an order.
    pub(super) current: RefCell<Option<String>>,
    /// Whether what is evaluated is a policy.
    pub(super) granting: Cell<bool>,
    /// Who refers to whom.
    pub(super) edges: RefCell<BTreeSet<(String, String)>>,
}

impl<'a> Template<'a> {
    /// Runs `work` with references noted as `resource`'s.
    pub(super) fn within<T>(&self, resource: &str, work: impl FnOnce() -> T) -> T {
        let before = self.memory.current.replace(Some(resource.to_owned()));
        let result = work();
        self.memory.current.replace(before);
        result
    }

    /// Runs `work` with references noted as nobody's.
    pub(super) fn outside<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.memory.current.take();
        let result = work();
        self.memory.current.replace(before);
        result
    }

    pub(super) fn depends(&self, on: &str) {
        if let Some(current) = &*self.memory.current.borrow() {
            self.memory.edges.borrow_mut().insert((current.clone(), on.to_owned()));
        }
    }

    /// The resource, if its condition lets it exist.
    pub(super) fn active(&self, name: &str) -> Option<&Resource<'a>> {
        let resource = self.resources.get(name)?;
        self.exists(resource).then_some(resource)
    }

    pub(super) fn exists(&self, resource: &Resource<'_>) -> bool {
        match resource.node.get("Condition") {
            None => true,
            Some(node) => match node.scalar() {
                Some(name) => self.condition(name, &node.span).unwrap_or(true),
                None => {
                    self.report.problem(&node.span, "a resource's `Condition` is the name of a condition");
                    true
                }
            },
        }
    }

    pub(super) fn implicit_api(&self, name: &str) -> Option<ApiKind> {
        match name {
            IMPLICIT_HTTP if self.implicit.contains(&ApiKind::Http) => Some(ApiKind::Http),
            IMPLICIT_REST if self.implicit.contains(&ApiKind::Rest) => Some(ApiKind::Rest),
            _ => None,
        }
    }
}
