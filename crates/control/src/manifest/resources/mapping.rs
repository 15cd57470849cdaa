//! Event source mappings, by the rules of Lambda's `CreateEventSourceMapping`.

use sonagi_expressions::pattern::Dialect;
use sonagi_model::{AliasName, AppName, function::Mapping, limits};

use super::{
    super::{
        names,
        problem::Report,
        tree::{Node, Span},
    },
    texts,
};

/// A queue that wakes a function, as a manifest says it.
#[derive(Default)]
pub(in super::super) struct Source {
    /// Its ARN.
    pub(in super::super) arn: String,
    pub(in super::super) enabled: Option<bool>,
    pub(in super::super) batch: Option<u32>,
    pub(in super::super) window: Option<u32>,
    pub(in super::super) filters: Vec<String>,
    pub(in super::super) concurrency: Option<u32>,
    pub(in super::super) partial: bool,
}

impl Source {
    /// A filter is a pattern.
    pub(in super::super) fn filter(&mut self, node: &Node, report: &Report) {
        if self.filters.len() == limits::MAPPING_FILTERS {
            let most = limits::MAPPING_FILTERS;
            return report.problem(&node.span, format!("more than {most} filters for one event source"));
        }
        self.filters.extend(texts::pattern(node, Dialect::Mapping, report));
    }

    /// `name` tells it from the app's other mappings.
    pub(in super::super) fn mapping(
        self,
        app: &AppName,
        name: &str,
        alias: Option<&AliasName>,
        span: &Span,
        report: &Report,
    ) -> Mapping {
        let fifo = self.arn.ends_with(".fifo");
        let (batch, window) = (self.batch.unwrap_or(limits::MAPPING_BATCH_AT_ONCE), self.window.unwrap_or(0));
        if fifo && batch > limits::MAPPING_BATCH_AT_ONCE {
            let most = limits::MAPPING_BATCH_AT_ONCE;
            report.problem(span, format!("a FIFO queue gives {most} messages at once, not {batch}"));
        } else if fifo && window > 0 {
            report.problem(span, "events of a FIFO queue do not wait for more: leave the window out");
        } else if batch > limits::MAPPING_BATCH_AT_ONCE && window == 0 {
            let message = format!("an event of {batch} messages needs a window to wait for them");
            report.problem_with_help(span, message, "give it a window of 1 second or more");
        }
        Mapping {
            id: names::mapping_id(app, name),
            source: self.arn,
            qualifier: alias.map(ToString::to_string),
            enabled: self.enabled.unwrap_or(true),
            batch,
            window,
            filters: self.filters,
            concurrency: self.concurrency,
            partial: self.partial,
        }
    }
}
