//! The variables that a function's process sees: those of the Lambda Developer Guide, "Using Lambda environment
//! variables", "Defined runtime environment variables", and the function's own. Nothing of the server's.
//!
//! Three layers, each winning over the one before: what Lambda defines and a function may change, the function's
//! own, and what is reserved. `_X_AMZN_TRACE_ID` is not here: it changes with each invocation, and the runtime
//! clients set it.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use sonagi_guest::{LAYERS_VARIABLE, SDK_VARIABLE};
use sonagi_model::function::{LogFormat, Runtime};

use crate::{EnvironmentSpec, Initialization};

/// What varies with the machine and the environment.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// `AWS_LAMBDA_RUNTIME_API`
    pub(crate) runtime_api: &'a str,
    /// `AWS_ENDPOINT_URL`
    pub(crate) endpoint: &'a str,
    /// `LAMBDA_TASK_ROOT`
    pub(crate) task_root: &'a Path,
    /// Where the layers are.
    pub(crate) opt: &'a Path,
    /// `LAMBDA_RUNTIME_DIR`: where the runtime client is.
    pub(crate) runtime_dir: &'a Path,
    /// The folder of the interpreter.
    pub(crate) interpreter_dir: Option<&'a Path>,
    /// The layer with the AWS SDK.
    pub(crate) sdk: Option<&'a Path>,
    /// The environment's folder for temporary files, where `/tmp` is not its own.
    pub(crate) temporary: Option<&'a Path>,
    pub(crate) language: &'static str,
}

pub(crate) fn variables(spec: &EnvironmentSpec, around: &Surroundings<'_>) -> Vec<(OsString, OsString)> {
    let mut all = defaults(spec, around);
    all.extend(spec.variables.iter().map(|(name, value)| (name.clone(), value.into())));
    for (name, value) in reserved(spec, around) {
        match value {
            Some(value) => all.insert(name.into(), value),
            // Reserved, and not defined here: a function cannot define it either.
            None => all.remove(name),
        };
    }
    all.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn defaults(spec: &EnvironmentSpec, around: &Surroundings<'_>) -> BTreeMap<String, OsString> {
    let task = around.task_root.as_os_str();
    let opt = around.opt.as_os_str();
    let runtime = around.runtime_dir.as_os_str();
    let join = |parts: &[&std::ffi::OsStr], between: &str| parts.join(std::ffi::OsStr::new(between));
    let mut path = OsString::new();
    if let Some(folder) = around.interpreter_dir {
        path.push(folder);
        path.push(":");
    }
    path.push("/usr/local/bin:/usr/bin:/bin:");
    path.push(join(&[opt, "bin".as_ref()], "/"));
    let libraries = [
        "/lib64:/usr/lib64".as_ref(),
        runtime,
        &join(&[runtime, "lib".as_ref()], "/"),
        task,
        &join(&[task, "lib".as_ref()], "/"),
        &join(&[opt, "lib".as_ref()], "/"),
    ];
    let mut all: BTreeMap<String, OsString> = [
        ("LANG", around.language.into()),
        ("PATH", path),
        ("LD_LIBRARY_PATH", join(&libraries, ":")),
        ("TZ", ":UTC".into()),
        ("AWS_ENDPOINT_URL", around.endpoint.into()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into()),
        ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000".into()),
        (LAYERS_VARIABLE, opt.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(temporary) = around.temporary {
        all.insert("TMPDIR".into(), temporary.into());
    }
    if let Some(sdk) = around.sdk {
        all.insert(SDK_VARIABLE.into(), sdk.into());
    }
    match spec.runtime {
        Runtime::Python { .. } => {
            all.insert("PYTHONPATH".into(), runtime.into());
        }
        Runtime::Nodejs { major } => {
            let modules = [
                &join(&[opt, format!("nodejs/node{major}/node_modules").as_ref()], "/"),
                &join(&[opt, "nodejs/node_modules".as_ref()], "/"),
                &*join(&[runtime, "node_modules".as_ref()], "/"),
            ];
            all.insert("NODE_PATH".into(), join(&modules, ":"));
        }
        Runtime::Provided(_) | Runtime::Wasm => {}
    }
    all
}

fn reserved(spec: &EnvironmentSpec, around: &Surroundings<'_>) -> Vec<(&'static str, Option<OsString>)> {
    let text = |text: &str| Some(OsString::from(text));
    // Not defined for OS-only runtimes.
    let execution = match spec.runtime {
        Runtime::Python { .. } | Runtime::Nodejs { .. } => text(&format!("AWS_Lambda_{}", spec.runtime)),
        Runtime::Provided(_) | Runtime::Wasm => None,
    };
    let (format, level) = match spec.log_format {
        LogFormat::Text => ("Text", None),
        LogFormat::Json => ("JSON", text(spec.log_level.as_str())),
    };
    // "Monitoring for Lambda SnapStart": the names of the log group and stream are not available.
    let of_one = |name: &str| match spec.initialization {
        Initialization::OnDemand | Initialization::Provisioned => text(name),
        Initialization::SnapStart => None,
    };
    vec![
        ("_HANDLER", text(&spec.handler)),
        ("_X_AMZN_TRACE_ID", None),
        ("AWS_DEFAULT_REGION", text(&spec.region)),
        ("AWS_REGION", text(&spec.region)),
        ("AWS_EXECUTION_ENV", execution),
        ("AWS_LAMBDA_FUNCTION_NAME", text(&spec.function_name)),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text(&spec.memory.to_string())),
        ("AWS_LAMBDA_FUNCTION_VERSION", text(&spec.version)),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", text(spec.initialization.as_str())),
        ("AWS_LAMBDA_LOG_GROUP_NAME", of_one(&spec.log_group)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", of_one(&spec.log_stream)),
        ("AWS_LAMBDA_LOG_FORMAT", text(format)),
        ("AWS_LAMBDA_LOG_LEVEL", level),
        // The guide names both spellings of the first.
        ("AWS_ACCESS_KEY", text(&spec.credentials.access_key_id)),
        ("AWS_ACCESS_KEY_ID", text(&spec.credentials.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", text(&spec.credentials.secret_access_key)),
        ("AWS_SESSION_TOKEN", text(&spec.credentials.session_token)),
        ("AWS_LAMBDA_RUNTIME_API", text(around.runtime_api)),
        ("LAMBDA_TASK_ROOT", Some(around.task_root.into())),
        ("LAMBDA_RUNTIME_DIR", Some(around.runtime_dir.into())),
    ]
}

/// `en_US.UTF-8` as on Lambda, or `C.UTF-8` where the machine has no such locale.
pub(super) fn language() -> &'static str {
    let archive = || std::fs::read("/usr/lib/locale/locale-archive").unwrap_or_default();
    let name = b"en_US.utf8";
    if Path::new("/usr/lib/locale/en_US.utf8").exists()
        || archive().windows(name.len()).any(|window| window == name)
    {
        "en_US.UTF-8"
    } else {
        "C.UTF-8"
    }
}
