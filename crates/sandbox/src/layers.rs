//! The AWS SDKs that functions expect to be there, as on Lambda: installed once, kept, and shared read-only.
//!
//! Start reading at [`Layers::ensure`]. Always true here:
//! - a layer's folder is whole or not there: it is made beside its place and renamed into it;
//! - of several processes that want the same layer one installs it and the others wait for that one;
//! - a machine without the tool or the network gets an error that says what to do, and everything else works.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::{FlockOperation, flock};
use sonagi_model::{Fault, FaultKind};

/// boto3 and all that it needs, as it was resolved when it was pinned.
const BOTO3: Pins = Pins {
    version: "1.42.0",
    requirements: &[
        "boto3==1.42.0",
        "botocore==1.41.6",
        "jmespath==1.0.1",
        "python-dateutil==2.9.0.post0",
        "s3transfer==0.16.1",
        "six==1.17.0",
    ],
};

/// The last that runs on Python 3.8.
const BOTO3_FOR_3_8: Pins = Pins {
    version: "1.37.38",
    requirements: &[
        "boto3==1.37.38",
        "botocore==1.37.38",
        "jmespath==1.0.1",
        "python-dateutil==2.9.0.post0",
        "s3transfer==0.11.5",
        "six==1.17.0",
    ],
};

/// botocore holds Python 3.9 and older to the first generation of it.
const URLLIB3_BEFORE_3_10: &str = "urllib3==1.26.20";
const URLLIB3: &str = "urllib3==2.5.0";

/// A release of the AWS SDK for JavaScript that has every package below, all for Node 18 and later.
const AWS_SDK_VERSION: &str = "3.758.0";
const AWS_SDK_PACKAGES: [&str; 19] = [
    "client-cloudwatch",
    "client-cloudwatch-logs",
    "client-cognito-identity-provider",
    "client-dynamodb",
    "client-eventbridge",
    "client-kinesis",
    "client-lambda",
    "client-s3",
    "client-scheduler",
    "client-secrets-manager",
    "client-sfn",
    "client-sns",
    "client-sqs",
    "client-ssm",
    "client-sts",
    "lib-dynamodb",
    "lib-storage",
    "s3-request-presigner",
    "util-dynamodb",
];

/// What the installers may see of the caller's environment: where they find themselves, their settings, the way out.
const KEPT_VARIABLES: [&str; 12] = [
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NETRC",
];
const KEPT_PREFIXES: [&str; 4] = ["PIP_", "NPM_CONFIG_", "XDG_", "LC_"];
/// Settings that would send the installation elsewhere.
const DROPPED_VARIABLES: [&str; 8] = [
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_DRY_RUN",
    "NPM_CONFIG_PREFIX",
    "NPM_CONFIG_GLOBAL",
];

/// Bytes of an installer's own words that an error repeats: the last ones.
const DETAIL_SIZE: usize = 2 << 10;

struct Pins {
    version: &'static str,
    requirements: &'static [&'static str],
}

/// The layers of one cache folder.
#[derive(Debug, Clone)]
pub struct Layers {
    cache: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// Whose SDK.
#[derive(Debug, Clone, Copy)]
pub enum Family<'a> {
    /// `python3.<minor>`; its pip installs.
    Python { interpreter: &'a Path, minor: u8 },
    /// Every Node; this npm installs.
    Node { npm: &'a Path },
}

#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error(
        "{tool} is missing, which installs {what}: install it ({help}), or put the SDK into the function's own package"
    )]
    ToolMissing { what: String, tool: String, help: &'static str },
    #[error(
        "{what} could not be installed. It comes from its registry once and is kept: connect this machine to the \
         network (or configure pip's or npm's proxy or mirror) and start again. Functions that do not import it, or \
         bring it in their own package, run without.\n{detail}"
    )]
    Install { what: String, detail: String },
    #[error("{doing} {}", .path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

impl Fault for LayerError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::ToolMissing { .. } | Self::Install { .. } => FaultKind::Unavailable,
            Self::Io { .. } => FaultKind::Internal,
        }
    }
}

impl Layers {
    /// Layers below `cache`. The installers see of `environment`, which is the caller's own, what they need to
    /// reach their registries.
    pub fn new(cache: PathBuf, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let environment =
            environment.into_iter().filter(|(name, _)| is_kept(&name.to_string_lossy())).collect();
        Self { cache, environment }
    }

    /// The folder of an installed layer, to be given to the runtime client as `sonagi_guest::SDK_VARIABLE`.
    pub fn installed(&self, family: Family<'_>) -> Option<PathBuf> {
        let folder = family.search_path(&self.cache.join(family.name()));
        folder.is_dir().then_some(folder)
    }

    /// Installs the layer unless it is there; returns its folder as [`installed`](Self::installed) does. Blocks for
    /// as long as the registry takes, seconds to minutes: call it on a thread that may. `progress` is told what is
    /// being done, in words for the user.
    pub fn ensure(&self, family: Family<'_>, progress: &dyn Fn(&str)) -> Result<PathBuf, LayerError> {
        if let Some(folder) = self.installed(family) {
            return Ok(folder);
        }
        let name = family.name();
        fs::create_dir_all(&self.cache).map_err(failed("create the folder", &self.cache))?;
        let _lock = self.lock(&name, progress)?;
        if let Some(folder) = self.installed(family) {
            return Ok(folder);
        }
        let draft = self.cache.join(format!(".{name}.draft"));
        remove(&draft)?;
        fs::create_dir(&draft).map_err(failed("create the folder", &draft))?;
        progress(&format!("installing {} (once)", family.what()));
        self.install(family, &draft).inspect_err(|_| {
            // What is left of it is removed by the next try at the latest.
            let _ = remove(&draft);
        })?;
        protect(&draft).map_err(failed("make read-only", &draft))?;
        let place = self.cache.join(&name);
        fs::rename(&draft, &place).map_err(failed("move into place", &place))?;
        Ok(family.search_path(&place))
    }

    fn lock(&self, name: &str, progress: &dyn Fn(&str)) -> Result<File, LayerError> {
        let path = self.cache.join(format!(".{name}.lock"));
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                progress("waiting for another process that installs the same");
                flock(&file, FlockOperation::LockExclusive)
                    .map_err(|errno| failed("lock", &path)(errno.into()))?;
                Ok(file)
            }
            Err(errno) => Err(failed("lock", &path)(errno.into())),
        }
    }

    fn install(&self, family: Family<'_>, draft: &Path) -> Result<(), LayerError> {
        let (mut command, tool, help) = match family {
            Family::Python { interpreter, minor } => {
                let mut command = Command::new(interpreter);
                // Byte-compiles for this interpreter, so that imports are fast; runs no package's own code.
                command
                    .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                    .args(["--no-deps", "--only-binary", ":all:", "--compile", "--retries", "2", "--target"])
                    .arg(draft)
                    .args(requirements(minor));
                (command, "pip", "apt-get install python3-pip, or python3 -m ensurepip")
            }
            Family::Node { npm } => {
                let manifest = draft.join("package.json");
                fs::write(&manifest, node_manifest()).map_err(failed("write", &manifest))?;
                let mut command = Command::new(npm);
                command
                    .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"])
                    .args(["--no-update-notifier", "--loglevel=error", "--fetch-retries=1", "--global=false"])
                    .arg("--prefix")
                    .arg(draft);
                (command, "npm", "apt-get install npm, or from nodejs.org")
            }
        };
        let missing = |tool: String| LayerError::ToolMissing { what: family.what(), tool, help };
        let output = command
            .current_dir(draft)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => missing(family.program().display().to_string()),
                _ => failed("start", family.program())(cause),
            })?;
        if output.status.success() {
            return Ok(());
        }
        let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.trim().is_empty() {
            said = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        if said.contains("No module named pip") {
            return Err(missing(format!("{tool} for {}", family.program().display())));
        }
        Err(LayerError::Install {
            what: family.what(),
            detail: format!("{tool} ended with {}: {}", output.status, tail(said.trim())),
        })
    }
}

impl Family<'_> {
    fn name(&self) -> String {
        match self {
            Self::Python { minor, .. } => format!("python3.{minor}-boto3-{}", pins(*minor).version),
            Self::Node { .. } => format!("node-aws-sdk-{AWS_SDK_VERSION}"),
        }
    }

    fn what(&self) -> String {
        match self {
            Self::Python { minor, .. } => {
                format!("the AWS SDK for Python 3.{minor} (boto3 {})", pins(*minor).version)
            }
            Self::Node { .. } => format!("the AWS SDK for JavaScript ({AWS_SDK_VERSION})"),
        }
    }

    fn program(&self) -> &Path {
        match self {
            Self::Python { interpreter, .. } => interpreter,
            Self::Node { npm } => npm,
        }
    }

    fn search_path(&self, layer: &Path) -> PathBuf {
        match self {
            Self::Python { .. } => layer.to_owned(),
            Self::Node { .. } => layer.join("node_modules"),
        }
    }
}

fn pins(minor: u8) -> &'static Pins {
    if minor <= 8 { &BOTO3_FOR_3_8 } else { &BOTO3 }
}

fn requirements(minor: u8) -> impl Iterator<Item = &'static str> {
    let urllib3 = if minor < 10 { URLLIB3_BEFORE_3_10 } else { URLLIB3 };
    pins(minor).requirements.iter().copied().chain([urllib3])
}

fn node_manifest() -> String {
    let dependencies: serde_json::Map<String, serde_json::Value> = AWS_SDK_PACKAGES
        .iter()
        .map(|package| (format!("@aws-sdk/{package}"), AWS_SDK_VERSION.into()))
        .collect();
    serde_json::json!({ "private": true, "dependencies": dependencies }).to_string()
}

fn is_kept(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    if DROPPED_VARIABLES.contains(&upper.as_str()) {
        return false;
    }
    KEPT_VARIABLES.contains(&upper.as_str())
        || KEPT_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || upper.ends_with("_PROXY")
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> LayerError + 'a {
    move |cause| LayerError::Io { doing, path: path.to_owned(), cause }
}

/// Removes a folder, read-only as it may be.
fn remove(folder: &Path) -> Result<(), LayerError> {
    if !folder.exists() {
        return Ok(());
    }
    set_modes(folder, 0o700, 0o600)
        .and_then(|()| fs::remove_dir_all(folder))
        .map_err(failed("remove", folder))
}

fn protect(folder: &Path) -> io::Result<()> {
    set_modes(folder, 0o555, 0o444)
}

fn set_modes(folder: &Path, folders: u32, files: u32) -> io::Result<()> {
    // Going in needs the right to; giving it up comes last.
    fs::set_permissions(folder, fs::Permissions::from_mode(folders | 0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            set_modes(&entry.path(), folders, files)?;
        } else if kind.is_file() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(files))?;
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(folders))
}

fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(DETAIL_SIZE);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, thread};

    use super::*;

    /// An installer that needs no network: a script in the place of an interpreter or of npm.
    struct Stand {
        folder: tempfile::TempDir,
        program: PathBuf,
    }

    impl Stand {
        fn new(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("program");
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            Self { folder, program }
        }

        fn layers(&self) -> Layers {
            let environment =
                [("PATH", "/usr/bin:/bin"), ("AWS_SECRET_ACCESS_KEY", "hidden"), ("https_proxy", "p")];
            Layers::new(self.cache(), environment.map(|(name, value)| (name.into(), value.into())))
        }

        fn cache(&self) -> PathBuf {
            self.folder.path().join("cache")
        }

        fn python(&self) -> Family<'_> {
            Family::Python { interpreter: &self.program, minor: 11 }
        }
    }

    const INSTALL: &str =
        "while [ \"$1\" != --target ]; do shift; done; env > \"$2/env\"; echo x >> ../../runs";

    #[test]
    fn a_layer_is_installed_once_and_is_read_only() {
        let stand = Stand::new(INSTALL);
        let said = Mutex::new(Vec::new());
        let folder = stand
            .layers()
            .ensure(stand.python(), &|text| said.lock().unwrap().push(text.to_owned()))
            .unwrap();
        assert_eq!(folder.file_name().unwrap(), "python3.11-boto3-1.42.0");
        assert_eq!(*said.lock().unwrap(), ["installing the AWS SDK for Python 3.11 (boto3 1.42.0) (once)"]);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o555);
        assert_eq!(fs::metadata(folder.join("env")).unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(stand.layers().installed(stand.python()), Some(folder.clone()));
        assert_eq!(stand.layers().ensure(stand.python(), &|_| panic!("it is there")).unwrap(), folder);
        set_modes(&folder, 0o700, 0o600).unwrap();
    }

    #[test]
    fn the_installer_sees_its_settings_and_no_secrets() {
        let stand = Stand::new(INSTALL);
        let folder = stand.layers().ensure(stand.python(), &|_| {}).unwrap();
        let seen = fs::read_to_string(folder.join("env")).unwrap();
        assert!(seen.contains("https_proxy=p") && !seen.contains("hidden"), "{seen}");
        set_modes(&folder, 0o700, 0o600).unwrap();
        assert!(is_kept("npm_config_registry") && is_kept("PIP_INDEX_URL") && is_kept("NO_PROXY"));
        assert!(!is_kept("PIP_TARGET") && !is_kept("npm_config_prefix") && !is_kept("AWS_PROFILE"));
    }

    #[test]
    fn of_several_that_want_a_layer_one_installs_it() {
        let stand = Stand::new(INSTALL);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| stand.layers().ensure(stand.python(), &|_| {}).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(stand.folder.path().join("runs")).unwrap(), "x\n");
        set_modes(&stand.layers().installed(stand.python()).unwrap(), 0o700, 0o600).unwrap();
    }

    #[test]
    fn a_failure_says_what_to_do_and_leaves_nothing() {
        let stand = Stand::new("echo 'could not reach the index' >&2; exit 1");
        let error = stand.layers().ensure(stand.python(), &|_| {}).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Unavailable);
        let text = error.to_string();
        assert!(
            text.contains("connect this machine to the network") && text.contains("could not reach"),
            "{text}"
        );
        assert_eq!(stand.layers().installed(stand.python()), None);
        let left: Vec<_> =
            fs::read_dir(stand.cache()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".python3.11-boto3-1.42.0.lock"]);
    }

    #[test]
    fn a_missing_tool_is_named_with_how_to_get_it() {
        let stand = Stand::new("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
        let text = stand.layers().ensure(stand.python(), &|_| {}).unwrap_err().to_string();
        assert!(text.starts_with("pip for ") && text.contains("python3-pip"), "{text}");
        let npm = Path::new("/nowhere/npm");
        let text = stand.layers().ensure(Family::Node { npm }, &|_| {}).unwrap_err().to_string();
        assert!(text.starts_with("/nowhere/npm is missing"), "{text}");
    }
}
