//! `[layer.x]` of `sonagi.toml`, and `layers` of its functions.

use std::{collections::BTreeMap, path::Path};

use sonagi_model::{
    AppName, LayerName,
    function::Runtime,
    layer::{Layer, Retention},
    limits,
};

use super::{DeclaredLayer, Said, Words};
use crate::manifest::{
    Context, checks,
    fields::{self, Fields},
    problem::{Report, did_you_mean},
    tree::{Key, Node},
};

const WORDS: Words = Words {
    description: "description",
    runtimes: "runtimes",
    architectures: "architectures",
    license: "license",
};

/// The layers of a manifest by their keys.
pub(in crate::manifest) type Names<'a> = BTreeMap<&'a str, LayerName>;

pub(in crate::manifest) fn names<'a>(entries: &'a [(Key, Node)], app: &AppName) -> Names<'a> {
    let name = |key: &'a Key| Some((key.text.as_str(), LayerName::new(&format!("{app}-{}", key.text)).ok()?));
    entries.iter().filter_map(|(key, _)| name(key)).collect()
}

pub(in crate::manifest) fn read(
    entries: &[(Key, Node)],
    root: &Path,
    names: &Names<'_>,
    report: &Report,
) -> Vec<DeclaredLayer> {
    if entries.len() > limits::LAYERS_PER_APP
        && let Some((key, _)) = entries.first()
    {
        report.problem(&key.span, format!("more than {} layers in one app", limits::LAYERS_PER_APP));
    }
    entries.iter().filter_map(|(key, node)| layer(key, node, root, names, report)).collect()
}

fn layer(key: &Key, node: &Node, root: &Path, names: &Names<'_>, report: &Report) -> Option<DeclaredLayer> {
    let fields = Fields::of(node, format!("layer `{}`", key.text), report)?.at(&key.span);
    let called = checks::function_name(&key.text, &key.span, report);
    let code = fields.text("code").unwrap_or_else(|| key.text.clone());
    let source = super::place(root, &code, &fields.span_of("code"), report);
    let method = fields.text("build");
    let place = fields.span_of("build");
    let Said { description, runtimes, architectures, license } = Said::of(&fields, &WORDS, report);
    let retention =
        fields.choice("retention", &[("retain", Retention::Retain), ("delete", Retention::Delete)]);
    fields.finish();
    let source = source?;
    let build = super::build(method.as_deref().map(|method| (method, &place)), &source, &key.text, report);
    Some(DeclaredLayer {
        name: names.get(key.text.as_str())?.clone(),
        key: called?,
        source,
        line: report.line(key.span.start),
        build,
        description,
        runtimes,
        architectures,
        license,
        retention: retention.unwrap_or_default(),
    })
}

/// `layers` of a function: keys of layers, and ARNs of layer versions.
pub(in crate::manifest) fn of_function(
    function: &Fields<'_>,
    runtime: Option<Runtime>,
    names: &Names<'_>,
    context: &Context,
    report: &Report,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    for node in function.list("layers").unwrap_or_default() {
        let Some(text) = fields::text(node, "a layer", report) else { continue };
        let arn = match names.get(text.as_str()) {
            Some(name) => super::own_arn(context, name),
            None if text.starts_with("arn:") => text,
            None => {
                let message = format!("there is no layer `{text}`");
                match did_you_mean(&text, names.keys().copied()) {
                    Some(word) => {
                        report.problem_with_help(&node.span, message, format!("did you mean `{word}`?"));
                    }
                    None => {
                        let help = format!("declare it as `[layer.{text}]`, or name a layer version's ARN");
                        report.problem_with_help(&node.span, message, help);
                    }
                }
                continue;
            }
        };
        layers.push((Layer { arn, package: None }, node.span.clone()));
    }
    super::check(layers, runtime, ("layers", &function.span_of("layers")), context, report)
}
