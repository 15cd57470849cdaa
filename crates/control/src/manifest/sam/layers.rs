//! A function's `Layers`. Those of Powertools are the same packages as in the public registries, and come from there.

use std::collections::BTreeSet;

use sonagi_model::{function::Runtime, layer::Layer};

use super::{
    super::{layers, problem::Report, tree::Node},
    evaluate,
    template::Template,
};

/// The accounts that publish Powertools ("Lambda Layer" in Powertools for AWS Lambda's documentation).
const PYTHON_ACCOUNT: &str = "017000801446";
const NODE_ACCOUNT: &str = "094274105915";

/// The layers of `list`, and the packages that some of them stand for.
pub(super) fn read(
    template: &Template<'_>,
    list: &Node,
    runtime: Option<Runtime>,
    report: &Report,
) -> (Vec<Layer>, BTreeSet<String>) {
    let (mut found, mut extras) = (Vec::new(), BTreeSet::new());
    let Some(value) = template.evaluate(list) else { return Default::default() };
    let Some(items) = value.list() else {
        if !value.is_broken() && evaluate::call(&value).is_none() {
            report.problem(&value.span, "`Layers` must be a list of ARNs");
        }
        return Default::default();
    };
    for item in items {
        if item.is_broken() {
            // It is reported already.
            continue;
        }
        let Some(arn) = item.scalar() else {
            template.wrong(item, "a layer is the text of its ARN");
            continue;
        };
        let parts: Vec<&str> = arn.split(':').collect();
        let packages = match (parts.as_slice(), runtime) {
            (["arn", _, "lambda", _, PYTHON_ACCOUNT, "layer", name, _], Some(Runtime::Python { .. }))
                if name.starts_with("AWSLambdaPowertoolsPythonV3-") =>
            {
                &["aws-lambda-powertools[all]>=3,<4"][..]
            }
            (["arn", _, "lambda", _, PYTHON_ACCOUNT, "layer", name, _], Some(Runtime::Python { .. }))
                if name.starts_with("AWSLambdaPowertoolsPythonV2") =>
            {
                &["aws-lambda-powertools[all]>=2,<3"][..]
            }
            (
                ["arn", _, "lambda", _, NODE_ACCOUNT, "layer", "AWSLambdaPowertoolsTypeScriptV2", _],
                Some(Runtime::Nodejs { .. }),
            ) => &[
                "@aws-lambda-powertools/logger@2",
                "@aws-lambda-powertools/metrics@2",
                "@aws-lambda-powertools/tracer@2",
                "@aws-lambda-powertools/parameters@2",
                "@aws-lambda-powertools/idempotency@2",
                "@aws-lambda-powertools/batch@2",
                "@aws-lambda-powertools/parser@2",
            ][..],
            _ => {
                found.push((Layer { arn: arn.to_owned(), package: None }, item.span.clone()));
                continue;
            }
        };
        let message = format!(
            "instead of the layer {}, the same packages come from the public registry: {}",
            parts.get(6).copied().unwrap_or_default(),
            packages.join(", ")
        );
        report.note(&item.span, message);
        extras.extend(packages.iter().map(|&package| package.to_owned()));
    }
    let layers = layers::check(found, runtime, ("Layers", &list.span), template.context, report);
    (layers, extras)
}
