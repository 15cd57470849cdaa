//! What is wrong with a manifest: every problem at once, each with its place.

use std::{
    cell::{Cell, RefCell},
    fmt,
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use sonagi_model::{Fault, FaultKind, limits};

use super::Note;

/// A manifest that cannot be deployed.
#[derive(Debug, Clone)]
pub struct ManifestError {
    pub path: PathBuf,
    /// The manifest's text; empty when it could not be read.
    pub source_text: Arc<str>,
    /// All of them (up to [`limits::MANIFEST_PROBLEMS`]), in the order of their places. Never empty.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Bytes of the text.
    pub span: Range<usize>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let Problem { message, help, line, column, .. } = problem;
            write!(f, "{}:{line}:{column}: {message}", self.path.display())?;
            if let Some(help) = help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ManifestError {}

impl Fault for ManifestError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
}

impl ManifestError {
    /// Something that concerns the file as a whole.
    pub(crate) fn whole(path: PathBuf, message: String, help: Option<String>) -> Self {
        let problem = Problem { message, help, span: 0..0, line: 1, column: 1 };
        Self { path, source_text: "".into(), problems: vec![problem] }
    }
}

/// Collects problems and notes while a manifest is read.
pub(crate) struct Report {
    text: Arc<str>,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    notes: RefCell<Vec<Note>>,
    /// While set, nothing is collected: for looking at a value a second time.
    muted: Cell<bool>,
}

impl Report {
    pub(crate) fn new(text: Arc<str>) -> Self {
        let bytes = text.as_bytes();
        let mut lines = vec![0];
        for (at, &byte) in bytes.iter().enumerate() {
            if byte == b'\n' || byte == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
                lines.push(at + 1);
            }
        }
        Self { text, lines, problems: RefCell::default(), notes: RefCell::default(), muted: Cell::new(false) }
    }

    pub(crate) fn problem(&self, span: &Range<usize>, message: impl Into<String>) {
        self.add(span, message.into(), None);
    }

    pub(crate) fn problem_with_help(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(span, message.into(), Some(help.into()));
    }

    fn add(&self, span: &Range<usize>, message: String, help: Option<String>) {
        if self.muted.get() {
            return;
        }
        let (line, column) = self.position(span.start);
        let end = span.end.clamp(span.start, self.text.len().max(span.start));
        let problem = Problem { message, help, span: span.start..end, line, column };
        let mut problems = self.problems.borrow_mut();
        if problems.len() < limits::MANIFEST_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(crate) fn note(&self, span: &Range<usize>, message: impl Into<String>) {
        if self.muted.get() {
            return;
        }
        let note = Note { message: message.into(), line: self.line(span.start) };
        let mut notes = self.notes.borrow_mut();
        if notes.len() < limits::MANIFEST_PROBLEMS && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Runs `work` without collecting what it reports.
    pub(crate) fn quietly<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.muted.replace(true);
        let result = work();
        self.muted.set(before);
        result
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|&start| start <= at)
    }

    /// Line and column, both from 1.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let start = self.lines[line - 1];
        let before = self.text.get(start..at.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The byte of a place that is given as a line from 1 and a column in characters from 0.
    pub(crate) fn byte(&self, line: usize, column: usize) -> usize {
        let Some(&start) = self.lines.get(line.saturating_sub(1)) else { return self.text.len() };
        let rest = self.text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    pub(crate) fn finish(self, path: PathBuf) -> Result<Vec<Note>, ManifestError> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            let mut notes = self.notes.into_inner();
            notes.sort_by_key(|note| note.line);
            return Ok(notes);
        }
        problems.sort_by_key(|problem| problem.span.start);
        Err(ManifestError { path, source_text: self.text, problems })
    }
}

/// Words that are compared with one typo.
const WORDS: usize = 1_000;

/// The known word that someone most likely meant.
pub(crate) fn did_you_mean<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let got = got.to_ascii_lowercase();
    known
        .into_iter()
        .take(WORDS)
        .map(|word| (strsim::damerau_levenshtein(&got, &word.to_ascii_lowercase()), word))
        .filter(|&(distance, word)| distance <= (word.len().max(got.len()) / 3).max(1))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}
