//! Telling a person, or a machine, what went wrong.

use std::{fmt, process::ExitCode};

use miette::{Diagnostic, GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};
use serde_json::json;
use sonagi_control::manifest::{ManifestError, Problem};

use crate::output::{self, Shape};

/// Prints `error` on the standard error and gives the exit code that says so.
pub(crate) fn failure(error: &anyhow::Error, shape: Shape) -> ExitCode {
    match (error.downcast_ref::<ManifestError>(), shape) {
        (Some(manifest), Shape::Human) => manifest_for_people(manifest),
        (Some(manifest), Shape::Json) => manifest_for_machines(manifest),
        (None, Shape::Human) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
        }
        (None, Shape::Json) => {
            let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
            // The exit code still tells if even this cannot be written.
            let _ = output::json(&json!({ "error": { "message": error.to_string(), "causes": causes } }));
        }
    }
    ExitCode::FAILURE
}

/// Prints every problem of a manifest with the line it is on.
pub(crate) fn manifest_for_people(error: &ManifestError) {
    let handler = GraphicalReportHandler::new();
    let source = NamedSource::new(error.path.display().to_string(), error.source_text.to_string());
    for problem in &error.problems {
        let mut text = String::new();
        let seen = Seen { problem, source: &source };
        if handler.render_report(&mut text, &seen).is_ok() {
            eprint!("{text}");
        } else {
            eprintln!(
                "error: {}:{}:{}: {}",
                error.path.display(),
                problem.line,
                problem.column,
                problem.message
            );
        }
    }
    let (file, count) = (error.path.display(), error.problems.len());
    eprintln!("error: {file} has {}; nothing was deployed", Counted(count));
}

fn manifest_for_machines(error: &ManifestError) {
    let problems: Vec<_> = error
        .problems
        .iter()
        .map(|problem| {
            json!({ "message": problem.message, "help": problem.help, "line": problem.line, "column": problem.column })
        })
        .collect();
    let _ = output::json(&json!({
        "error": { "message": error.to_string(), "file": error.path.display().to_string(), "problems": problems }
    }));
}

struct Counted(usize);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("a problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// One problem as miette sees it.
struct Seen<'a> {
    problem: &'a Problem,
    source: &'a NamedSource<String>,
}

impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Seen<'_> {}

impl Diagnostic for Seen<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}
