//! What a failure has to do with where the function runs, and what to do about it: a line in the function's log.
//!
//! The failure's text is the function's own, so it is taken for a hint and for nothing more: only files of its package
//! are looked at.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{
    Clock, RequestId,
    function::LogFormat,
    invocation::FunctionFailure,
    logs::{LogLine, LogSink},
};

use super::bootstrap::{HOST, built_for};
use crate::EnvironmentSpec;

/// Bytes of a failure that is looked at.
const FAILURE_SIZE: usize = 64 << 10;
/// Files of a folder that are looked at.
const NEIGHBOURS: usize = 10_000;

pub(crate) struct Hints {
    code: PathBuf,
    seen_as: PathBuf,
    format: LogFormat,
    logs: Arc<dyn LogSink>,
    clock: Arc<dyn Clock>,
}

impl Hints {
    pub(crate) fn new(spec: &EnvironmentSpec, seen_as: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            code: spec.code.clone(),
            seen_as,
            format: spec.log_format,
            logs: Arc::clone(&spec.logs),
            clock,
        }
    }

    /// Says what there is to say.
    pub(super) fn of(&self, request: Option<RequestId>, failure: &FunctionFailure) {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Payload {
            error_message: String,
        }
        if failure.payload.len() > FAILURE_SIZE {
            return;
        }
        let payload = serde_json::from_slice::<Payload>(&failure.payload);
        let Some(hint) = payload.ok().and_then(|payload| self.find(&payload.error_message)) else { return };
        let at = self.clock.now();
        let text = match self.format {
            LogFormat::Text => format!("HINT {hint}"),
            LogFormat::Json => {
                serde_json::json!({ "timestamp": at.to_string(), "level": "WARN", "message": hint })
                    .to_string()
            }
        };
        self.logs.line(LogLine { at, request, text: text.into() });
    }

    fn find(&self, message: &str) -> Option<String> {
        // Python says the first, Node the second.
        if message.contains("Read-only file system") || message.contains("EROFS") {
            return Some(format!(
                "a function can write to /tmp and nowhere else, as on Lambda; its package in {} is read-only",
                self.seen_as.display()
            ));
        }
        const LINKER: [&str; 3] = ["wrong ELF class", "cannot open shared object file", "invalid ELF header"];
        if LINKER.iter().any(|words| message.contains(words)) {
            return message.split(['\'', '"', ':', ' ', '\n']).find_map(|word| self.library(word));
        }
        let name = message.split("No module named '").nth(1)?.split('\'').next()?;
        self.module(name)
    }

    /// Of a library that the dynamic linker did not take.
    fn library(&self, word: &str) -> Option<String> {
        let name = Path::new(word).file_name()?.to_str()?;
        if !(name.ends_with(".so") || name.contains(".so.") || name.ends_with(".node")) {
            return None;
        }
        match self.file(Path::new(word)) {
            Some(file) => self.foreign(&file),
            None if word == name => Some(format!(
                "the library {name} is neither on this machine nor in the package: put it into {}, where libraries \
                 are looked for",
                self.seen_as.join("lib").display()
            )),
            None => None,
        }
    }

    /// Of a module of Python's that is there, but for another processor or another Python.
    fn module(&self, name: &str) -> Option<String> {
        let mut parts: Vec<&str> = name.split('.').collect();
        let last = parts.pop()?;
        let folder = self.file(&self.seen_as.join(parts.iter().collect::<PathBuf>()))?;
        let fits = |name: &str| {
            name.strip_prefix(last).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".so"))
        };
        let entries = fs::read_dir(folder).ok()?.take(NEIGHBOURS).flatten();
        let file = entries
            .map(|entry| entry.path())
            .find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(fits))?;
        self.foreign(&file).or_else(|| {
            Some(format!(
                "{} is built for another Python than the one that runs this function: build the package for its \
                 runtime",
                self.shown(&file)
            ))
        })
    }

    fn foreign(&self, file: &Path) -> Option<String> {
        let built_for = built_for(file).filter(|built_for| *built_for != HOST)?;
        Some(format!(
            "{} is built for {built_for}, and this machine is {HOST}: build the package for {HOST}",
            self.shown(file)
        ))
    }

    /// A file or folder of the package, by the name that the function has for it.
    fn file(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(&self.seen_as).ok()?;
        let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
        let file = self.code.join(inside);
        (plain && file.exists()).then_some(file)
    }

    fn shown(&self, file: &Path) -> String {
        let inside = file.strip_prefix(&self.code).unwrap_or(file);
        self.seen_as.join(inside).display().to_string()
    }
}
