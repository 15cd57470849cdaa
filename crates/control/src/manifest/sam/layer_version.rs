//! `AWS::Serverless::LayerVersion` and `AWS::Lambda::LayerVersion`.

use std::path::Path;

use sonagi_model::{FunctionName, LayerName, layer::Retention};

use super::{
    super::{
        fields::Fields,
        layers::{self, DeclaredLayer, Said, Words},
        tree::{Node, Span},
    },
    resources::LayerType,
    template::{Resource, Template},
};

const WORDS: Words = Words {
    description: "Description",
    runtimes: "CompatibleRuntimes",
    architectures: "CompatibleArchitectures",
    license: "LicenseInfo",
};

pub(super) fn read(
    template: &Template<'_>,
    id: &str,
    resource: &Resource<'_>,
    kind: LayerType,
    root: &Path,
) -> Option<DeclaredLayer> {
    let report = template.report;
    let properties = template.within(id, || template.evaluate(&resource.properties))?;
    let place = match kind {
        LayerType::Serverless => "an AWS::Serverless::LayerVersion",
        LayerType::Lambda => "an AWS::Lambda::LayerVersion",
    };
    let fields = Fields::of(&properties, place, report)?.at(&resource.key.span);
    fields.has("LayerName");
    let said = Said::of(&fields, &WORDS, report);
    let (content, retention) = match kind {
        LayerType::Serverless => {
            let choices = [("Retain", Retention::Retain), ("Delete", Retention::Delete)];
            fields.note("PublishLambdaVersion", "every change of a function publishes a version");
            ("ContentUri", fields.choice("RetentionPolicy", &choices))
        }
        // What takes its place is another resource, and CloudFormation deletes the old one.
        LayerType::Lambda => {
            let kept = ["DeletionPolicy", "UpdateReplacePolicy"].into_iter().any(|policy| {
                resource
                    .node
                    .get(policy)
                    .and_then(Node::scalar)
                    .is_some_and(|said| said.starts_with("Retain"))
            });
            ("Content", Some(if kept { Retention::Retain } else { Retention::Delete }))
        }
    };
    let span = fields.span_of(content);
    let source = match fields.get(content) {
        Some(node) if node.map().is_some() => {
            report.problem(&span, format!("`{content}` in S3 is not supported yet: name a folder or a zip"));
            None
        }
        Some(_) => match fields.text(content) {
            Some(uri) if uri.contains("://") => {
                report.problem(&span, format!("{uri} is not supported yet: name a folder or a zip"));
                None
            }
            Some(uri) => layers::place(root, &uri, &span, report),
            None => None,
        },
        None => {
            fields.missing(content, &format!("such as `{content}: layers/{}`", id.to_ascii_lowercase()));
            None
        }
    };
    fields.finish();
    let metadata = resource.metadata.and_then(|node| template.evaluate(node));
    let method = metadata.as_ref().and_then(|node| node.entry("BuildMethod"));
    let method = method.and_then(|(_, node)| Some((node.scalar()?, &node.span)));
    let (name, source) = (template.layer_name(id, &resource.key.span)?, source?);
    let build = layers::build(method, &source, id, report);
    // Ids have letters and digits only, and may be longer.
    let key: String = id.chars().take(64).collect();
    Some(DeclaredLayer {
        name,
        key: FunctionName::new(&key).ok()?,
        source,
        line: report.line(resource.key.span.start),
        build,
        description: said.description,
        runtimes: said.runtimes,
        architectures: said.architectures,
        license: said.license,
        retention: retention.unwrap_or_default(),
    })
}

impl Template<'_> {
    /// A layer's name for Lambda: what it says, or its logical id.
    pub(super) fn layer_name(&self, id: &str, span: &Span) -> Option<LayerName> {
        let node = self.resources.get(id)?.properties.get("LayerName");
        let value = node.and_then(|node| self.outside(|| self.evaluate(node)));
        let text = match &value {
            Some(value) => value.scalar()?.to_owned(),
            None => id.to_owned(),
        };
        let span = node.map_or(span, |node| &node.span);
        LayerName::new(&text).map_err(|error| self.report.problem(span, error.to_string())).ok()
    }
}
