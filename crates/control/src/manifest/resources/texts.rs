//! Texts in languages of their own, parsed where they stand.

use std::collections::BTreeMap;

use sonagi_expressions::{
    pattern::{Dialect, Pattern},
    schedule::{self, Expression, Zone},
    transform::{InputPath, Transformer},
};

use super::{
    super::{problem::Report, tree::Node},
    Json,
};

/// An event pattern or a filter, as JSON.
pub(in super::super) fn pattern(node: &Node, dialect: Dialect, report: &Report) -> Option<String> {
    let json = Json::of(node)?;
    let error = match Pattern::parse(&json.text, dialect) {
        Ok(_) => return Some(json.text),
        Err(error) => error,
    };
    match (json.span(error.offset()), error.reason().help()) {
        (Some(span), Some(help)) => report.problem_with_help(span, error.reason().to_string(), help),
        (Some(span), None) => report.problem(span, error.reason().to_string()),
        (None, _) => report.problem(&node.span, error.text()),
    }
    None
}

/// When something runs.
pub(in super::super) fn schedule(node: &Node, dialect: schedule::Dialect, report: &Report) -> Option<String> {
    let text = super::super::fields::text(node, "a schedule", report)?;
    match Expression::parse(&text, dialect) {
        Ok(_) => Some(text),
        Err(error) => {
            report.problem(&node.span, error.to_string());
            None
        }
    }
}

pub(in super::super) fn zone(node: &Node, report: &Report) -> Option<String> {
    let text = super::super::fields::text(node, "a time zone", report)?;
    match Zone::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            report.problem(&node.span, error.to_string());
            None
        }
    }
}

pub(in super::super) fn path(node: &Node, report: &Report) -> Option<String> {
    let text = super::super::fields::text(node, "a path", report)?;
    match InputPath::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            report.problem(&node.span, error.to_string());
            None
        }
    }
}

/// A time in ISO 8601, with or without a zone.
pub(in super::super) fn is_time(text: &str) -> bool {
    let local = text.strip_suffix('Z').unwrap_or(text);
    let local = local.split_once('+').map_or(local, |(local, _)| local);
    let local = local.split_once('.').map_or(local, |(local, _)| local);
    Expression::parse(&format!("at({local})"), schedule::Dialect::Scheduler).is_ok()
}

/// Whether an input transformer is one.
pub(in super::super) fn transformer(
    paths: &BTreeMap<String, String>,
    template: &str,
    node: &Node,
    report: &Report,
) {
    if let Err(error) = Transformer::parse(paths, template) {
        report.problem(&node.span, error.to_string());
    }
}
