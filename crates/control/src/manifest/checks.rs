//! What both kinds of manifest check of a function before it may be deployed.

use std::collections::BTreeMap;

use sonagi_model::{
    FunctionName,
    api::Cors,
    function::{FunctionUrl, Runtime, WasmStart},
    limits,
};

use crate::releases::{SNAPSHOT_AND_PROVISIONED, snapshot_and_storage};

use super::{
    BuildKind, DeclaredFunction, FunctionDraft, WasmBuild,
    problem::{Report, did_you_mean},
    source,
    tree::Span,
};

/// Names that Lambda keeps for itself ("Defined runtime environment variables" in Lambda's developer guide).
const RESERVED: [&str; 17] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Where the parts of a function stand, for what is checked once all are read.
pub(super) struct Places {
    pub(super) handler: Span,
    pub(super) variables: Span,
    pub(super) tags: Span,
    pub(super) description: Span,
    pub(super) provisioned: Span,
    pub(super) storage: Span,
}

pub(super) fn check_function(declared: &DeclaredFunction, places: &Places, report: &Report) {
    let FunctionDraft { variables, tags, description, .. } = &declared.function;
    if let Err(wrong) = source::check_handler(declared) {
        match wrong.help {
            Some(help) => report.problem_with_help(&places.handler, wrong.message, help),
            None => report.problem(&places.handler, wrong.message),
        }
    }
    check_variables(variables, &places.variables, report);
    if tags.len() > limits::TAGS {
        report.problem(&places.tags, format!("more than {} tags", limits::TAGS));
    }
    if description.len() > limits::DESCRIPTION_SIZE {
        let message = format!("the description is longer than {} bytes", limits::DESCRIPTION_SIZE);
        report.problem(&places.description, message);
    }
    check_provisioned(&declared.function, &places.provisioned, report);
    let function = &declared.function;
    if !function.snap_start.is_none() && function.ephemeral_storage > limits::SNAPSHOT_STORAGE_MAX {
        let message = snapshot_and_storage(function.ephemeral_storage);
        report.problem_with_help(&places.storage, message, "lower it, or do without the snapshot");
    }
}

fn check_provisioned(function: &FunctionDraft, span: &Span, report: &Report) {
    let Some(provisioned) = function.provisioned_concurrency else { return };
    if let Some(reserved) = function.reserved_concurrency.filter(|&reserved| reserved < provisioned) {
        let message =
            format!("{provisioned} environments are provisioned, and {reserved} invocations may run at once");
        report.problem_with_help(span, message, "reserve as many as are provisioned, or more");
    }
    let snapshot = !function.snap_start.is_none()
        || function.wasm.as_ref().is_some_and(|wasm| wasm.start == WasmStart::Snapshot);
    if snapshot {
        report.problem(span, SNAPSHOT_AND_PROVISIONED);
    }
}

fn check_variables(variables: &BTreeMap<String, String>, span: &Span, report: &Report) {
    let mut size = 0;
    for (name, value) in variables {
        size += name.len() + value.len();
        if RESERVED.contains(&name.as_str()) {
            report
                .problem(span, format!("the variable `{name}` is set by Lambda itself and cannot be chosen"));
        }
        let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() > 1
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits && !RESERVED.contains(&name.as_str()) {
            report.problem(
                span,
                format!(
                    "{name:?} cannot name a variable: at least two letters, digits and `_`, a letter first"
                ),
            );
        }
        if value.contains('\0') {
            report.problem(span, format!("the variable `{name}` holds a zero byte"));
        }
    }
    if size > limits::VARIABLES_SIZE {
        let limit = limits::VARIABLES_SIZE;
        report.problem(span, format!("the variables hold {size} bytes, and the limit is {limit}"));
    }
}

pub(super) fn function_name(text: &str, span: &Span, report: &Report) -> Option<FunctionName> {
    FunctionName::new(text).map_err(|error| report.problem(span, error.to_string())).ok()
}

/// A runtime identifier, with a word for those that have gone or are not here yet.
pub(super) fn runtime(text: &str, span: &Span, report: &Report) -> Option<Runtime> {
    match text.parse::<Runtime>() {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let known: Vec<String> = Runtime::ALL.iter().map(ToString::to_string).collect();
            let other = ["java", "dotnet", "ruby", "go1", "nodejs"].iter().find(|it| text.starts_with(**it));
            match other {
                Some(&family) if family != "nodejs" => report.problem_with_help(
                    span,
                    format!("the runtime `{text}` is not supported yet"),
                    "use a `provided.al2023` runtime with a `bootstrap`, Python or Node.js",
                ),
                _ => match did_you_mean(text, known.iter().map(String::as_str)) {
                    Some(word) => {
                        let message = format!("`{text}` is not a runtime that Sonagi knows");
                        report.problem_with_help(span, message, format!("did you mean `{word}`?"));
                    }
                    None => report.problem(span, error.to_string()),
                },
            }
            None
        }
    }
}

/// How a folder of this runtime's code is built when nothing else is said.
pub(super) fn usual_build(runtime: Runtime) -> BuildKind {
    match runtime {
        Runtime::Python { .. } => BuildKind::Python,
        Runtime::Nodejs { .. } => BuildKind::Node,
        Runtime::Provided(_) => BuildKind::Copy,
        Runtime::Wasm => BuildKind::Wasm(WasmBuild::Inferred),
    }
}

/// Browsers refuse credentials together with "any origin", and so does AWS.
pub(super) fn check_cors(cors: &Cors, span: &Span, report: &Report) {
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        report.problem_with_help(
            span,
            "credentials cannot be allowed for every origin",
            "name the origins, as in `https://shop.example`",
        );
    }
}

/// A function's address may not have CORS rules that AWS would refuse.
pub(super) fn check_url(url: &FunctionUrl, span: &Span, report: &Report) {
    if let Some(cors) = &url.cors
        && cors.max_age.is_some_and(|seconds| seconds > 86_400)
    {
        report.problem(span, "CORS answers of a function URL may be kept for at most 86,400 seconds");
    }
}
