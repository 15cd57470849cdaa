//! What a function's manifest grants to its credentials.
//!
//! ```text
//! sonagi.toml: permissions ──► short ──────────┐
//! SAM: Policies, roles ──► sam::permissions ───┼──► policy (checked, with its place) ──► Collected ──► FunctionDraft
//!                            └─► tables ───────┘
//! ```
//!
//! Start reading at [`Collected`]. The language is [`sonagi_model::policy`]; `docs/permissions.md` is its reference.

mod short;
mod tables;

use std::collections::BTreeMap;

use sonagi_model::{
    limits,
    policy::{Document, Effect, PolicyError, Purpose, Raw, Scope, Statement, Step, Version},
};

use super::{
    Context,
    fields::Fields,
    problem::{Report, did_you_mean},
    tree::{Data, Key, Node, Span},
};

pub(super) use short::read as native;
use tables::{managed, templates};

/// A function's policies, while they are collected.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Collected {
    inline: Vec<Document>,
    managed: Vec<Document>,
}

impl Collected {
    pub(super) fn inline(&mut self, document: Document) {
        self.inline.push(document);
    }

    /// A policy that AWS manages, by its name. Says whether it is known.
    pub(super) fn managed_by_aws(&mut self, name: &str, context: &Context) -> bool {
        let document = managed().get(name).and_then(|entry| entry.expand(&BTreeMap::new(), context).ok());
        let known = document.is_some();
        document.into_iter().for_each(|document| self.managed(document));
        known
    }

    /// The same policy twice is the policy.
    pub(super) fn managed(&mut self, document: Document) {
        if !self.managed.contains(&document) {
            self.managed.push(document);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.inline.extend(other.inline);
        other.managed.into_iter().for_each(|document| self.managed(document));
    }

    /// One of SAM's policy templates, with the values of its parameters.
    pub(super) fn template(&mut self, (key, values): (&Key, &Node), context: &Context, report: &Report) {
        let Some(entry) = templates().get(&key.text) else {
            let message = format!("there is no policy template `{}`", key.text);
            match did_you_mean(&key.text, templates().names()) {
                Some(word) => report.problem_with_help(&key.span, message, format!("did you mean `{word}`?")),
                None => report.problem_with_help(
                    &key.span,
                    message,
                    "a policy is a template's name with its parameters, a document with `Statement`, or a managed policy",
                ),
            }
            return;
        };
        let Some(fields) = Fields::of(values, format!("the policy template `{}`", key.text), report) else {
            return;
        };
        let fields = fields.at(&key.span);
        let mut given = BTreeMap::new();
        for &parameter in &entry.parameters {
            if let Some(value) = fields.text(parameter) {
                given.insert(parameter, value);
            } else if !fields.has(parameter) {
                fields.missing(parameter, "the template needs all of its parameters");
            }
        }
        let complete = given.len() == entry.parameters.len();
        let span = values.map().and_then(|entries| entries.first()).map_or(&key.span, |(_, node)| &node.span);
        fields.finish();
        if complete {
            match entry.expand(&given, context) {
                Ok(document) => self.inline(document),
                Err(error) => report.problem(span, error.mistake.to_string()),
            }
        }
    }

    /// All of them, if they are within IAM's limits for a role.
    pub(super) fn finish(self, span: &Span, report: &Report) -> Vec<Document> {
        let inline: usize = self.inline.iter().map(Document::size).sum();
        if inline > limits::INLINE_POLICIES_SIZE {
            let most = limits::INLINE_POLICIES_SIZE;
            let message =
                format!("the inline policies have {inline} bytes together, and {most} are possible");
            report.problem_with_help(
                span,
                message,
                "join statements, use wildcards, or make a managed policy",
            );
        }
        if self.managed.len() > limits::MANAGED_POLICIES {
            let (got, most) = (self.managed.len(), limits::MANAGED_POLICIES);
            report.problem(span, format!("{got} managed policies are attached, and {most} are possible"));
        }
        let all = [self.inline, self.managed].concat();
        if all.len() > limits::FUNCTION_POLICIES {
            let (got, most) = (all.len(), limits::FUNCTION_POLICIES);
            report.problem(span, format!("there are {got} policies, and {most} are possible"));
        }
        all
    }
}

/// A policy with one statement, which allows.
pub(super) fn allow(actions: &[&str], resource: &str) -> Document {
    let statement = Statement {
        sid: None,
        effect: Effect::Allow,
        principals: None,
        actions: Scope::Only(actions.iter().map(|action| (*action).to_owned()).collect()),
        resources: Some(Scope::Only(vec![resource.to_owned()])),
        conditions: Vec::new(),
    };
    Document { version: Version::Second, id: None, statements: vec![statement] }
}

/// What lets a function reach a destination of its events.
pub(super) fn to_send(arn: &str) -> Document {
    let action = match arn.split(':').nth(2) {
        Some("sns") => "sns:Publish",
        Some("lambda") => "lambda:InvokeFunction",
        Some("events") => "events:PutEvents",
        Some(_) | None => "sqs:SendMessage",
    };
    allow(&[action], arn)
}

/// Adds a policy, once.
pub(super) fn grant(permissions: &mut Vec<Document>, document: Document) {
    if !permissions.contains(&document) {
        permissions.push(document);
    }
}

/// A policy's document, as it stands in a manifest after everything in it was evaluated. What is wrong is reported at
/// its place, and nothing is for what is broken already.
pub(super) fn policy(node: &Node, report: &Report) -> Option<Document> {
    let document = Document::read(&raw(node)?, Purpose::Identity);
    document.map_err(|error| report.problem(&place(node, &error), error.to_string())).ok()
}

/// A managed policy's.
pub(super) fn managed_policy(node: &Node, report: &Report) -> Option<Document> {
    let document = policy(node, report)?;
    let (got, most) = (document.size(), limits::MANAGED_POLICY_SIZE);
    if got > most {
        report.problem(&node.span, format!("the managed policy has {got} bytes, and {most} are possible"));
    }
    Some(document)
}

fn place(node: &Node, error: &PolicyError) -> Span {
    let mut here = node;
    for step in &error.place.0 {
        let next = match step {
            Step::Key(key) => here.get(key),
            Step::Item(index) => here.list().and_then(|items| items.get(*index)),
        };
        // A single statement needs no list.
        here = next.unwrap_or(here);
    }
    here.span.clone()
}

fn raw(node: &Node) -> Option<Raw> {
    Some(match &node.data {
        Data::Null => Raw::Null,
        Data::Bool(flag) => Raw::Bool(*flag),
        // YAML has numbers where JSON would have texts: a version, an account.
        Data::Number(text) | Data::Text(text) => Raw::Text(text.clone()),
        Data::List(items) => Raw::List(items.iter().map(raw).collect::<Option<_>>()?),
        Data::Map(entries) => {
            let entry = |(key, value): &(Key, Node)| Some((key.text.clone(), raw(value)?));
            Raw::Map(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        Data::Broken => return None,
    })
}
