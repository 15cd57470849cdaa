//! What a manifest says of a WebAssembly function: one reading for both kinds, in their own words.

use std::collections::BTreeMap;

use sonagi_model::{
    function::{DriverChoice, OutboundRule, Reuse, Runtime, SnapStart, WasiVersion, Wasm, WasmStart},
    limits,
};

use super::{
    fields::{self, Fields},
    problem::Report,
    tree::{Data, Node, Span},
};
use crate::wasm;

/// The keys, as one kind of manifest writes them.
pub(super) struct Words {
    pub(super) runtime: &'static str,
    pub(super) wasi: &'static str,
    pub(super) snapshot: &'static str,
    pub(super) driver: &'static str,
    pub(super) reuse: &'static str,
    pub(super) requests: &'static str,
    pub(super) age: &'static str,
    pub(super) memory: &'static str,
    pub(super) config: &'static str,
    pub(super) keyvalue: &'static str,
    pub(super) outbound: &'static str,
}

pub(super) const NATIVE: Words = Words {
    runtime: "runtime = \"wasm\"",
    wasi: "wasi",
    snapshot: "snapshot_start",
    driver: "driver = \"microvm-snapshot\"",
    reuse: "reuse",
    requests: "requests",
    age: "age",
    memory: "memory",
    config: "config",
    keyvalue: "keyvalue",
    outbound: "outbound",
};

pub(super) const SAM: Words = Words {
    runtime: "Runtime: provided.wasm",
    wasi: "Wasi",
    snapshot: "SnapshotStart",
    driver: "Driver: microvm-snapshot",
    reuse: "Reuse",
    requests: "Requests",
    age: "Age",
    memory: "Memory",
    config: "Config",
    keyvalue: "KeyValue",
    outbound: "Outbound",
};

/// What is said; what is none is not said, or is wrong and reported.
#[derive(Default)]
pub(super) struct Said {
    pub(super) wasi: Option<WasiVersion>,
    pub(super) start: Option<WasmStart>,
    /// `Some(None)` says that nothing is reused.
    pub(super) reuse: Option<Option<Reuse>>,
    pub(super) config: BTreeMap<String, String>,
    pub(super) keyvalue: Vec<String>,
    pub(super) outbound: Vec<OutboundRule>,
}

impl Said {
    /// What makes a function's instances: of this there can be defaults.
    pub(super) fn common(fields: &Fields<'_>, words: &Words, report: &Report) -> Self {
        Self {
            wasi: fields.choice(words.wasi, &[("0.2", WasiVersion::P2), ("0.3", WasiVersion::P3)]),
            start: fields.flag(words.snapshot).map(|snapshot| match snapshot {
                true => WasmStart::Snapshot,
                false => WasmStart::Fresh,
            }),
            reuse: fields.get(words.reuse).and_then(|node| reuse(node, words, report)),
            config: config(fields, words, report),
            ..Self::default()
        }
    }

    /// All of it: what a function may reach, it alone can say.
    pub(super) fn whole(fields: &Fields<'_>, words: &Words, report: &Report) -> Self {
        Self {
            keyvalue: keyvalue(fields, words, report),
            outbound: outbound(fields, words, report),
            ..Self::common(fields, words, report)
        }
    }

    /// With `defaults` for what is not said.
    pub(super) fn over(self, defaults: &Self) -> Wasm {
        let mut config = defaults.config.clone();
        config.extend(self.config);
        Wasm {
            wasi: self.wasi.or(defaults.wasi).unwrap_or_default(),
            start: self.start.or(defaults.start).unwrap_or_default(),
            reuse: self.reuse.or(defaults.reuse).unwrap_or_default(),
            config,
            keyvalue: self.keyvalue,
            outbound: self.outbound,
        }
    }
}

/// Says at `place` that a snapshot cannot be taken of what is asked for.
pub(super) fn check_start(said: &Wasm, place: &Span, words: &Words, report: &Report) {
    if let Err(message) = wasm::start(said) {
        report.problem_with_help(
            place,
            message,
            format!("leave `{}` out, or `{}`", words.snapshot, words.wasi),
        );
    }
}

/// Whether the environments of what is no WebAssembly function are copies of one that was initialised.
pub(super) fn snap_start(
    fields: &Fields<'_>,
    words: &Words,
    (runtime, driver): (Runtime, DriverChoice),
    report: &Report,
) -> SnapStart {
    match (runtime, fields.flag(words.snapshot)) {
        (_, None | Some(false)) => SnapStart::None,
        (_, Some(true)) if SnapStart::is_for(runtime, driver) => SnapStart::All,
        (Runtime::Provided(_), Some(true)) => {
            let message = format!(
                "`{}` is for WebAssembly and Python functions, or for virtual machines, and this one's runtime is \
                 {runtime}",
                words.snapshot
            );
            let help = format!("say `{}`, or leave it out", words.driver);
            report.problem_with_help(&fields.span_of(words.snapshot), message, help);
            SnapStart::None
        }
        // Said with the other keys that it has no use for.
        (Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Wasm, Some(true)) => SnapStart::None,
    }
}

/// Says of each key that another runtime has no use for it.
pub(super) fn refuse(fields: &Fields<'_>, words: &Words, runtime: Runtime, report: &Report) {
    for key in [words.wasi, words.snapshot, words.reuse, words.config, words.keyvalue, words.outbound] {
        let others = if key == words.snapshot { " and Python" } else { "" };
        if key == words.snapshot && matches!(runtime, Runtime::Python { .. } | Runtime::Provided(_)) {
            // Read elsewhere.
            fields.has(key);
            continue;
        }
        if let Some((name, _)) = fields.entry(key) {
            report.problem_with_help(
                &name.span,
                format!("`{key}` is for WebAssembly{others} functions, and this one's runtime is {runtime}"),
                format!("say `{}`, or leave it out", words.runtime),
            );
        }
    }
}

/// `true` for the usual limits, `false` for none at all, or a map with some of them.
fn reuse(node: &Node, words: &Words, report: &Report) -> Option<Option<Reuse>> {
    let what = format!("`{}`", words.reuse);
    match &node.data {
        Data::Map(_) => {}
        Data::Bool(_) => return fields::flag(node, &what, report).map(|wanted| wanted.then(Reuse::default)),
        // What a template evaluated may be text.
        Data::Text(text) if ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)) => {
            return fields::flag(node, &what, report).map(|wanted| wanted.then(Reuse::default));
        }
        Data::Broken => return None,
        Data::Text(_) | Data::Null | Data::Number(_) | Data::List(_) => {
            report.problem_with_help(
                &node.span,
                format!("{what} must be true, false or a map, and is {}", node.kind()),
                format!("the map may have `{}`, `{}` and `{}`", words.requests, words.age, words.memory),
            );
            return None;
        }
    }
    let fields = Fields::of(node, what, report)?;
    let usual = Reuse::default();
    let number = |key, most, unit| fields.number32(key, 1..=most, unit);
    let reuse = Reuse {
        requests: number(words.requests, limits::REUSE_REQUESTS_MAX, " requests").unwrap_or(usual.requests),
        age: number(words.age, limits::REUSE_AGE_MAX, " seconds").unwrap_or(usual.age),
        memory: number(words.memory, limits::REUSE_MEMORY_MAX, " MB").unwrap_or(usual.memory),
    };
    fields.finish();
    Some(Some(reuse))
}

fn config(fields: &Fields<'_>, words: &Words, report: &Report) -> BTreeMap<String, String> {
    let config = fields.text_map(words.config).unwrap_or_default();
    if let Err(message) = wasm::config(&config) {
        report.problem(&fields.span_of(words.config), message);
    }
    config
}

/// The entries of a list, each with its place; the list itself is checked by `count`.
fn entries<'a>(
    fields: &Fields<'a>,
    key: &'static str,
    count: fn(usize) -> wasm::Check,
    report: &Report,
) -> Vec<(&'a Node, String)> {
    let Some(list) = fields.list(key) else { return Vec::new() };
    if let Err(message) = count(list.len()) {
        report.problem(&fields.span_of(key), message);
        return Vec::new();
    }
    let what = format!("an entry of `{key}`");
    list.iter().filter_map(|node| Some((node, fields::text(node, &what, report)?))).collect()
}

fn keyvalue(fields: &Fields<'_>, words: &Words, report: &Report) -> Vec<String> {
    let mut names = Vec::new();
    for (node, name) in entries(fields, words.keyvalue, wasm::store_count, report) {
        match wasm::store(&name) {
            Ok(()) => names.push(name),
            Err(message) => report.problem(&node.span, message),
        }
    }
    names
}

fn outbound(fields: &Fields<'_>, words: &Words, report: &Report) -> Vec<OutboundRule> {
    let mut rules = Vec::new();
    for (node, text) in entries(fields, words.outbound, wasm::rule_count, report) {
        match text.parse::<OutboundRule>() {
            Ok(rule) => rules.push(rule),
            Err(error) => report.problem(&node.span, error.to_string()),
        }
    }
    rules
}
