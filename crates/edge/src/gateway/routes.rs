//! From a method and a path to a route, by the rules of API Gateway.
//!
//! HTTP APIs ("Create routes for HTTP APIs in API Gateway", section "Routing API requests"): a full match comes
//! before a greedy one, and `$default` comes last; among full matches a literal segment beats a variable from the
//! left on; a route of the method beats one of `ANY`. A path that only other methods have is no match, so that a
//! wider route may take it.
//!
//! REST APIs: the path alone selects the resource, the most specific first; then the method selects within it.
//! A trailing slash means nothing there, as in `sam local`; in an HTTP API it does.
//!
//! The table is a tree over path segments, built once per release. A look-up visits a node at most once per kind
//! of match, so its cost is bounded by the routes, not by the request.

use std::collections::HashMap;

use sonagi_model::api::{Api, ApiKind};

use super::{percent::decode, told::Told};

/// The routes of one API, ready to be asked.
#[derive(Debug)]
pub(super) struct Router {
    kind: ApiKind,
    nodes: Vec<Node>,
    /// For each route of the API, the names of its variables in the order of its path.
    variables: Vec<Vec<Box<str>>>,
    /// The route of `$default`.
    default: Option<usize>,
    told: Told,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, usize>,
    variable: Option<usize>,
    here: Methods,
    greedy: Methods,
}

/// Routes of one path, by method.
#[derive(Debug, Default)]
struct Methods {
    named: Vec<(Box<str>, usize)>,
    any: Option<usize>,
}

impl Methods {
    fn is_empty(&self) -> bool {
        self.named.is_empty() && self.any.is_none()
    }

    fn find(&self, method: &str) -> Option<usize> {
        self.named.iter().find(|(name, _)| **name == *method).map(|&(_, route)| route).or(self.any)
    }

    fn add(&mut self, method: &str, route: usize) {
        if method == "ANY" || method == "*" {
            self.any.get_or_insert(route);
        } else if !self.named.iter().any(|(name, _)| **name == *method) {
            self.named.push((method.into(), route));
        }
    }
}

/// What a path led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Routed<'p> {
    Route(Match<'p>),
    /// REST alone: the resource exists and has no such method. The methods that it has, sorted.
    NoMethod(Vec<String>),
    NoRoute,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'p> {
    /// The route's place in the API.
    pub(super) route: usize,
    /// The variables' values as they are in the path, still encoded, in the order of the route's path.
    pub(super) values: Vec<&'p str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Without greedy variables.
    Full,
    /// With them.
    Greedy,
}

impl Router {
    pub(super) fn new(api: &Api) -> Self {
        let mut router = Self {
            kind: api.kind,
            nodes: vec![Node::default()],
            variables: Vec::with_capacity(api.routes.len()),
            default: None,
            told: Told::default(),
        };
        for (index, route) in api.routes.iter().enumerate() {
            let mut variables = Vec::new();
            if route.path == "$default" {
                router.default.get_or_insert(index);
            } else {
                router.add(&route.method, &route.path, index, &mut variables);
            }
            router.variables.push(variables);
        }
        router.told = Told::of(api, &router.variables);
        router
    }

    fn add(&mut self, method: &str, path: &str, route: usize, variables: &mut Vec<Box<str>>) {
        let mut at = 0;
        for segment in split(self.kind, path) {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) if name.ends_with('+') => {
                    variables.push(name.trim_end_matches('+').into());
                    self.nodes[at].greedy.add(method, route);
                    return;
                }
                Some(name) => {
                    variables.push(name.into());
                    at = match self.nodes[at].variable {
                        Some(next) => next,
                        None => {
                            let next = self.push();
                            self.nodes[at].variable = Some(next);
                            next
                        }
                    };
                }
                None => {
                    at = match self.nodes[at].literals.get(segment) {
                        Some(&next) => next,
                        None => {
                            let next = self.push();
                            self.nodes[at].literals.insert(segment.into(), next);
                            next
                        }
                    };
                }
            }
        }
        self.nodes[at].here.add(method, route);
    }

    fn push(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The names of a route's variables, in the order of its path.
    pub(super) fn variables(&self, route: usize) -> &[Box<str>] {
        &self.variables[route]
    }

    /// What functions that are given HTTP are told of the API and its routes.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// Finds the route of `method` and `path`; the path begins with a slash and is still encoded.
    pub(super) fn find<'p>(&self, method: &str, path: &'p str) -> Routed<'p> {
        let path = match self.kind {
            ApiKind::Http => path,
            ApiKind::Rest if path.len() > 1 => path.strip_suffix('/').unwrap_or(path),
            ApiKind::Rest => path,
        };
        let mut values = Vec::new();
        let rest = path.strip_prefix('/').unwrap_or(path);
        match self.kind {
            ApiKind::Http => {
                let found = [Pass::Full, Pass::Greedy].into_iter().find_map(|pass| {
                    values.clear();
                    self.walk(0, Some(rest), pass, &mut values, &|methods| methods.find(method).is_some())
                });
                match found.and_then(|methods| methods.find(method)) {
                    Some(route) => Routed::Route(Match { route, values }),
                    None => match self.default {
                        Some(route) => Routed::Route(Match { route, values: Vec::new() }),
                        None => Routed::NoRoute,
                    },
                }
            }
            ApiKind::Rest => {
                let Some(methods) =
                    self.walk(0, Some(rest), Pass::Greedy, &mut values, &|methods| !methods.is_empty())
                else {
                    return match self.default {
                        Some(route) => Routed::Route(Match { route, values: Vec::new() }),
                        None => Routed::NoRoute,
                    };
                };
                match methods.find(method) {
                    Some(route) => Routed::Route(Match { route, values }),
                    None => {
                        let mut names: Vec<_> =
                            methods.named.iter().map(|(name, _)| name.to_string()).collect();
                        names.sort_unstable();
                        Routed::NoMethod(names)
                    }
                }
            }
        }
    }

    /// Goes down from `node` along `rest` (none: the path has ended), the most specific way first.
    fn walk<'p, 's>(
        &'s self,
        node: usize,
        rest: Option<&'p str>,
        pass: Pass,
        values: &mut Vec<&'p str>,
        accepts: &dyn Fn(&Methods) -> bool,
    ) -> Option<&'s Methods> {
        let node = &self.nodes[node];
        let Some(rest) = rest else {
            return accepts(&node.here).then_some(&node.here);
        };
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        if let Some(&next) = node.literals.get(decode(segment).as_ref())
            && let Some(found) = self.walk(next, after, pass, values, accepts)
        {
            return Some(found);
        }
        if let Some(next) = node.variable
            && !segment.is_empty()
        {
            values.push(segment);
            if let Some(found) = self.walk(next, after, pass, values, accepts) {
                return Some(found);
            }
            values.pop();
        }
        // A greedy variable takes what is left, which must be something: the parent is a route of its own.
        if pass == Pass::Greedy && !rest.is_empty() && accepts(&node.greedy) {
            values.push(rest);
            return Some(&node.greedy);
        }
        None
    }
}

fn split(kind: ApiKind, path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = match kind {
        ApiKind::Http => path,
        ApiKind::Rest => path.strip_suffix('/').unwrap_or(path),
    };
    path.split('/')
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
