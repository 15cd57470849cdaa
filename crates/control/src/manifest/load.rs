//! Which file, and which reader for it.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{AppName, api::Api, limits, release::Output, resource::Resource};

use super::{
    Context, DeclaredFunction, DeclaredLayer, Manifest, ManifestError, native, problem::Report, sam, toml,
    yaml,
};

/// The names that a folder is searched for, the first that is there wins.
const NAMES: [&str; 4] = ["sonagi.toml", "template.yaml", "template.yml", "template.json"];

/// What a reader found; worth something only if the report stayed clean.
pub(super) struct Loaded {
    pub(super) app: AppName,
    pub(super) functions: Vec<DeclaredFunction>,
    pub(super) layers: Vec<DeclaredLayer>,
    pub(super) apis: Vec<Api>,
    pub(super) outputs: BTreeMap<String, Output>,
    pub(super) resources: BTreeMap<String, Resource>,
}

/// Reads a manifest: a file, or a folder that holds one (`sonagi.toml`, `template.yaml`, `template.yml`,
/// `template.json`, in this order). `parameters` are those of a SAM template.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(
    path: &Path,
    parameters: &BTreeMap<String, String>,
    context: &Context,
) -> Result<Manifest, ManifestError> {
    let path = find(path)?;
    let text = read_text(&path, limits::MANIFEST_SIZE)?;
    // The file's folder exists, since the file was just read.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root = folder
        .canonicalize()
        .map_err(|cause| ManifestError::whole(path.clone(), format!("open its folder: {cause}"), None))?;

    let report = Report::new(text.clone());
    let loaded = if path.extension().is_some_and(|end| end == "toml") {
        if let Some(name) = parameters.keys().next() {
            report.problem(&(0..0), format!("sonagi.toml has no parameters, and {name:?} was given"));
        }
        toml::parse(&text, &report).and_then(|tree| native::read(&root, &tree, context, &report))
    } else {
        let tree = yaml::parse(&text, &report);
        if tree.is_none() && report.is_clean() {
            report.problem(&(0..0), "the template is empty");
        }
        tree.and_then(|tree| sam::read(&root, &tree, parameters, context, &report))
    };
    if loaded.is_none() && report.is_clean() {
        report.problem(&(0..0), "the manifest declares nothing that can be deployed");
    }
    let notes = report.finish(path.clone())?;
    let Some(Loaded { app, mut functions, mut layers, apis, outputs, resources }) = loaded else {
        return Err(ManifestError::whole(path, "the manifest declares nothing".into(), None));
    };
    functions.sort_by(|one, other| one.function.name.cmp(&other.function.name));
    layers.sort_by(|one, other| one.name.cmp(&other.name));
    // Absolute, as the sources are: changes are reported under absolute names.
    let mut files = vec![root.join(path.file_name().unwrap_or_default())];
    files.extend(functions.iter().map(|function| function.source.clone()));
    files.extend(layers.iter().map(|layer| layer.source.clone()));
    files.sort();
    files.dedup();
    Ok(Manifest { app, path, root, files, functions, layers, apis, outputs, resources, notes })
}

fn find(path: &Path) -> Result<PathBuf, ManifestError> {
    if path.is_dir() {
        let found = NAMES.iter().map(|name| path.join(name)).find(|file| file.is_file());
        return found.ok_or_else(|| {
            let help = format!("it wants one of {}; `sonagi new` makes one", NAMES.join(", "));
            ManifestError::whole(path.into(), "there is no manifest in this folder".into(), Some(help))
        });
    }
    let end = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if !["toml", "yaml", "yml", "json", "template"].contains(&end.as_str()) {
        let help = "it wants a sonagi.toml, or a SAM template in YAML or JSON".to_owned();
        return Err(ManifestError::whole(path.into(), "this is not a manifest".into(), Some(help)));
    }
    Ok(path.into())
}

/// A file's text, of `most` bytes.
pub(crate) fn read_text(path: &Path, most: usize) -> Result<Arc<str>, ManifestError> {
    let whole = |message: String| ManifestError::whole(path.into(), message, None);
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => whole("there is no such file".into()),
        _ => whole(format!("read it: {cause}")),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(whole(format!("the manifest is larger than {most} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count() + 1;
        whole(format!("the manifest is not UTF-8 text: line {line} holds something else"))
    })?;
    // A byte order mark is no part of the text.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
}
