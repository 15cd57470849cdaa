//! Layers: those that a manifest declares, and those that its functions have.

pub(super) mod native;

use std::path::{Path, PathBuf};

use sonagi_model::{
    FunctionName, LayerName,
    function::{Architecture, Runtime},
    layer::{Layer, OF_THIS_RELEASE, Retention},
    limits,
};

use super::{
    Context,
    fields::Fields,
    problem::{Report, did_you_mean},
    source,
    tree::Span,
};
use crate::layers::{NO_LAYERS, Number, VersionReference, is_runtime, runtime_names};

/// A layer that a manifest declares.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredLayer {
    pub name: LayerName,
    /// Its key in the manifest, or its logical id: what messages call it.
    pub key: FunctionName,
    /// The folder (or, for [`LayerBuild::Zip`], the file) that holds it; an absolute path.
    pub source: PathBuf,
    /// Where the manifest declares it, from 1.
    pub line: usize,
    pub build: LayerBuild,
    pub description: String,
    pub runtimes: Vec<String>,
    pub architectures: Vec<Architecture>,
    pub license: String,
    pub retention: Retention,
}

/// How a layer's source becomes its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerBuild {
    /// The folder as it is: what is in it is seen in `/opt`.
    Copy,
    /// A zip that is there already.
    Zip,
    /// The folder with the packages that its `requirements.txt` or its `package.json` asks for, in the folder of the
    /// layer where the runtime looks for modules.
    Modules(Runtime),
    /// What `make build-<target>` leaves in `$ARTIFACTS_DIR`.
    Makefile { target: String },
}

/// The ARN of the version that a release brings itself.
pub(super) fn own_arn(context: &Context, name: &LayerName) -> String {
    format!("arn:aws:lambda:{}:{}:layer:{name}:{OF_THIS_RELEASE}", context.region, context.account)
}

/// A function's layers, each with its place.
pub(super) type Placed = Vec<(Layer, Span)>;

/// What a function's layers must be together. `key` is what names them.
pub(super) fn check(
    layers: Placed,
    runtime: Option<Runtime>,
    key: (&str, &Span),
    context: &Context,
    report: &Report,
) -> Vec<Layer> {
    let (key, span) = key;
    if runtime == Some(Runtime::Wasm) && !layers.is_empty() {
        report.problem_with_help(span, NO_LAYERS, format!("leave `{key}` out"));
        return Vec::new();
    }
    if layers.len() > limits::LAYERS {
        let message = format!("the function has {} layers, and the most is {}", layers.len(), limits::LAYERS);
        report.problem_with_help(span, message, "put several into one");
    }
    let mut seen: Vec<LayerName> = Vec::new();
    for (layer, span) in &layers {
        let Some(reference) = VersionReference::parse(&layer.arn) else {
            let message = format!("{:?} is no layer version's ARN", layer.arn);
            let help = "it ends with `:layer:`, a name, `:` and a number";
            report.problem_with_help(span, message, help);
            continue;
        };
        let elsewhere = match reference.number {
            Number::OfThisRelease => None,
            Number::Of(_) if reference.account != context.account.as_str() => Some("account"),
            Number::Of(_) if reference.region != context.region.as_str() => Some("region"),
            Number::Of(_) => None,
        };
        if let Some(place) = elsewhere {
            let message = format!("the layer {} cannot be had here: it is of another {place}", layer.arn);
            report.problem_with_help(span, message, "declare a layer of your own with its files");
        }
        if seen.contains(&reference.name) {
            let message = format!("two versions of the layer {} in one function", reference.name);
            report.problem_with_help(span, message, "as on Lambda, it may have one");
        }
        seen.push(reference.name);
    }
    layers.into_iter().map(|(layer, _)| layer).collect()
}

/// What both kinds of manifest say of a layer, under their own keys.
pub(super) struct Words {
    pub(super) description: &'static str,
    pub(super) runtimes: &'static str,
    pub(super) architectures: &'static str,
    pub(super) license: &'static str,
}

pub(super) struct Said {
    pub(super) description: String,
    pub(super) runtimes: Vec<String>,
    pub(super) architectures: Vec<Architecture>,
    pub(super) license: String,
}

impl Said {
    pub(super) fn of(fields: &Fields<'_>, words: &Words, report: &Report) -> Self {
        let shorter = |key: &'static str, most: usize| {
            let text = fields.text(key).unwrap_or_default();
            if text.chars().count() > most {
                report.problem(&fields.span_of(key), format!("`{key}` is longer than {most} characters"));
            }
            text
        };
        let runtimes = fields.texts(words.runtimes).unwrap_or_default();
        let span = fields.span_of(words.runtimes);
        if runtimes.len() > limits::LAYER_RUNTIMES {
            report.problem(&span, format!("a layer names at most {} runtimes", limits::LAYER_RUNTIMES));
        }
        for wrong in runtimes.iter().filter(|runtime| !is_runtime(runtime)) {
            let message = format!("`{wrong}` is no runtime of Lambda's");
            let known: Vec<String> = runtime_names().collect();
            match did_you_mean(wrong, known.iter().map(String::as_str)) {
                Some(word) => report.problem_with_help(&span, message, format!("did you mean `{word}`?")),
                None => report.problem(&span, message),
            }
        }
        let architectures = fields.texts(words.architectures).unwrap_or_default();
        let architectures = architectures.iter().filter_map(|text| {
            let known = [Architecture::X86_64, Architecture::Arm64];
            let found = known.into_iter().find(|known| known.as_str() == text);
            if found.is_none() {
                let span = fields.span_of(words.architectures);
                report.problem(&span, format!("`{text}` is not one of x86_64, arm64"));
            }
            found
        });
        Self {
            architectures: architectures.collect(),
            description: shorter(words.description, limits::DESCRIPTION_SIZE),
            license: shorter(words.license, limits::LAYER_LICENSE_SIZE),
            runtimes,
        }
    }
}

/// A layer's folder or zip.
pub(super) fn place(root: &Path, text: &str, span: &Span, report: &Report) -> Option<PathBuf> {
    let found = match source::resolve(root, text) {
        Ok(found) => found,
        Err(wrong) => {
            match wrong.help {
                Some(help) => report.problem_with_help(span, wrong.message, help),
                None => report.problem(span, wrong.message),
            }
            return None;
        }
    };
    if found.is_file() && found.extension().is_none_or(|end| end != "zip" && end != "jar") {
        report.problem(span, format!("{text:?} is neither a folder nor a zip"));
        return None;
    }
    Some(found)
}

/// How a layer is built that says `method`: a runtime's identifier, or `makefile`.
pub(super) fn build(
    method: Option<(&str, &Span)>,
    found: &Path,
    target: &str,
    report: &Report,
) -> LayerBuild {
    let usual = if found.is_file() { LayerBuild::Zip } else { LayerBuild::Copy };
    let Some((method, span)) = method else { return usual };
    if found.is_file() {
        report.problem_with_help(span, "a zip is not built", "name a folder, or leave this out");
        return usual;
    }
    match method.parse() {
        Ok(runtime @ (Runtime::Python { .. } | Runtime::Nodejs { .. })) => LayerBuild::Modules(runtime),
        Ok(Runtime::Provided(_) | Runtime::Wasm) | Err(_) if method != "makefile" => {
            let message = format!("a layer is not built by `{method}`");
            let help = "use makefile, or a runtime such as python3.13 or nodejs24.x";
            report.problem_with_help(span, message, help);
            usual
        }
        Ok(_) | Err(_) => {
            if !found.join("Makefile").is_file() {
                let name = found.file_name().unwrap_or_default().to_string_lossy();
                report.problem(span, format!("makefile wants a `Makefile`, which is not in `{name}`"));
            }
            LayerBuild::Makefile { target: target.into() }
        }
    }
}
