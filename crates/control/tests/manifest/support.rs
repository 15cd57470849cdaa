//! An app in a temporary folder.

use std::{collections::BTreeMap, fs, path::PathBuf};

use sonagi_control::manifest::{self, Context, Manifest, ManifestError};

pub(crate) struct App {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
    given: BTreeMap<String, String>,
}

impl App {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        fs::create_dir_all(&root).unwrap();
        Self { _folder: folder, root, given: BTreeMap::new() }
    }

    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn given(mut self, pairs: &[(&str, &str)]) -> Self {
        self.given = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        self
    }

    pub(crate) fn load(&self) -> Result<Manifest, ManifestError> {
        manifest::load(&self.root, &self.given, &Context::default())
    }

    /// `line:column: message (help)`, in order.
    pub(crate) fn problems(&self) -> Vec<String> {
        let Err(error) = self.load() else { return Vec::new() };
        let line = |problem: &manifest::Problem| {
            let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}:{}: {}{help}", problem.line, problem.column, problem.message)
        };
        error.problems.iter().map(line).collect()
    }
}

/// One function that may be of any runtime, in a manifest of ours that says `before` and has these keys.
pub(crate) fn native(before: &str, runtime: &str, keys: &str) -> App {
    let text = format!("{before}[function.hello]\nruntime = \"{runtime}\"\n{keys}\n");
    of_any_runtime().with("sonagi.toml", &text)
}

/// The same in a template, whose lines end with `rest`.
pub(crate) fn sam(runtime: &str, rest: &str) -> App {
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      CodeUri: hello\n      Handler: app.handler\n      Runtime: {runtime}\n{rest}"
    );
    of_any_runtime().with("template.yaml", &text)
}

fn of_any_runtime() -> App {
    App::new("shop").with("hello/app.py", "").with("hello/function.wasm", "(component)")
}

pub(crate) const TEMPLATE: &str = include_str!("../fixtures/rest.yaml");
