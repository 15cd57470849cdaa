//! External extensions: the programs in `/opt/extensions`, and what they are started with.

use std::{ffi::OsString, fs, io, path::Path, time::Duration};

use sonagi_guest::{LAYERS_VARIABLE, SDK_VARIABLE};
use sonagi_model::limits;

use super::isolation;
use crate::{EnvironmentSpec, StartFailure, ending, launcher::Extensions};

const FOLDER: &str = "extensions";
pub(crate) const LAUNCH_ERROR: &str = "Extension.LaunchError";

/// What an extension is not told ("Configuring extensions": "Environment variables"), besides all that begins with an
/// underscore.
const HIDDEN: [&str; 9] = [
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    LAYERS_VARIABLE,
    SDK_VARIABLE,
];

/// The names of those that the function's layers hold.
pub(crate) async fn find(spec: &EnvironmentSpec) -> Result<Vec<String>, StartFailure> {
    let Some(opt) = &spec.opt else { return Ok(Vec::new()) };
    let folder = opt.folder.join(FOLDER);
    let failed = |cause| StartFailure::Machine { doing: "look for a function's extensions", cause };
    let listed = tokio::task::spawn_blocking(move || list(&folder)).await;
    let names = listed.map_err(io::Error::from).and_then(|names| names).map_err(failed)?;
    if names.len() > limits::EXTENSIONS {
        let message = format!("Extension limit ({}) reached", limits::EXTENSIONS);
        return Err(not_launched(&message));
    }
    Ok(names)
}

/// Of those, what is to be started where a runtime has these variables.
pub(crate) fn launched(names: &[String], variables: &[(OsString, OsString)]) -> Extensions {
    if names.is_empty() {
        return Extensions::default();
    }
    let folder = Path::new(isolation::OPT).join(FOLDER);
    let shown = |(name, _): &&(OsString, OsString)| {
        name.to_str().is_none_or(|name| !name.starts_with('_') && !HIDDEN.contains(&name))
    };
    Extensions {
        programs: names.iter().map(|name| folder.join(name)).collect(),
        variables: variables.iter().filter(shown).cloned().collect(),
    }
}

/// An extension could not be started.
pub(crate) fn not_launched(message: &str) -> StartFailure {
    StartFailure::Init {
        failure: ending::init(LAUNCH_ERROR, message),
        create: Duration::ZERO,
        init: Duration::ZERO,
    }
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_told_what_lambda_tells_it() {
        let all: Vec<(OsString, OsString)> = [
            "_HANDLER",
            "AWS_REGION",
            "AWS_EXECUTION_ENV",
            "GREETING",
            "AWS_LAMBDA_RUNTIME_API",
            SDK_VARIABLE,
        ]
        .map(|name| (name.into(), "x".into()))
        .into();
        let launched = launched(&["a".into()], &all);
        let names: Vec<_> = launched.variables.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["AWS_REGION", "GREETING", "AWS_LAMBDA_RUNTIME_API"]);
        assert_eq!(launched.programs, [Path::new("/opt/extensions/a")]);
        assert_eq!(super::launched(&[], &all), Extensions::default());
    }

    #[test]
    fn what_lies_in_the_folder_and_is_no_folder_is_an_extension() {
        let opt = tempfile::tempdir().unwrap();
        let folder = opt.path().join(FOLDER);
        assert_eq!(list(&folder).unwrap(), [""; 0]);
        fs::create_dir_all(folder.join("library")).unwrap();
        fs::write(folder.join("b"), "").unwrap();
        fs::write(folder.join("a"), "").unwrap();
        assert_eq!(list(&folder).unwrap(), ["a", "b"]);
    }
}
