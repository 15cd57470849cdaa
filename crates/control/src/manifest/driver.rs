//! What a function's environments are kept in: `driver` of ours, `Metadata: Sonagi: Driver` beside SAM's.

use sonagi_model::function::{DriverChoice, Runtime};

use super::{fields::Fields, problem::Report};

const CHOICES: [(&str, DriverChoice); 3] = [
    ("usual", DriverChoice::Usual),
    ("microvm", DriverChoice::Microvm),
    ("microvm-snapshot", DriverChoice::MicrovmSnapshot),
];

/// `driver = "microvm"` of all functions of an app.
pub(super) fn common(fields: &Fields<'_>) -> Option<DriverChoice> {
    fields.choice("driver", &CHOICES)
}

/// The same of one function; `common` is what its app says.
pub(super) fn native(
    fields: &Fields<'_>,
    runtime: Option<Runtime>,
    common: Option<DriverChoice>,
    report: &Report,
) -> DriverChoice {
    match runtime {
        Some(Runtime::Wasm) => refuse(fields, "driver", report),
        Some(Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_)) | None => {
            fields.choice("driver", &CHOICES).or(common).unwrap_or_default()
        }
    }
}

/// `Driver` in `Metadata: Sonagi`.
pub(super) fn sam(fields: &Fields<'_>) -> DriverChoice {
    fields.choice("Driver", &CHOICES).unwrap_or_default()
}

/// Of a WebAssembly function, which has its own walls.
pub(super) fn refuse(fields: &Fields<'_>, key: &'static str, report: &Report) -> DriverChoice {
    if let Some((name, _)) = fields.entry(key) {
        let message = format!("a WebAssembly function has no `{key}`");
        report.problem_with_help(
            &name.span,
            message,
            "it runs in the server's process, and needs none: leave it out",
        );
    }
    DriverChoice::Usual
}
