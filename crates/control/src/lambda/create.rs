//! `CreateFunction`.

use bytes::Bytes;
use sonagi_model::{
    AppName, Digest, FunctionName, LambdaName,
    function::{Function, Network, Package, ProvidedBase, Runtime},
    layer::Layer,
    limits,
};

use super::{
    Changed, CreateFunction, FunctionReference, Publish,
    constraint::{Violations, violated},
    settings::{Settings, parse_architecture},
};
use crate::{
    Control, Error, Result, Version,
    releases::{
        Change, check_tags,
        records::{AppRecord, Key, Origin},
    },
};

/// Names that are tried for a function's app before the change gives up.
const APP_NAMES: u32 = 8;

impl Control {
    /// Makes the function as an app of its own.
    pub async fn create_function(&self, request: CreateFunction) -> Result<Changed> {
        let name = self.new_name(&request.name)?;
        settings(&request, None).check()?;
        if request.package_type.as_deref() == Some("Image") {
            return Err(Error::Unsupported(
                "functions of package type Image are not supported: use a zip".into(),
            ));
        }
        let mut found = Violations::default();
        if let Some(kind) = &request.package_type {
            found.one_of("packageType", kind, &["Zip", "Image"]);
        }
        found.check()?;
        if request.runtime.is_none() || request.handler.is_none() {
            return Err(Error::Invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
                    .into(),
            ));
        }
        check_tags(&request.tags)?;
        // Before the code is looked at, as it may be large; the transaction checks it again.
        if self.live().function(name.as_str()).is_some() {
            return Err(exists(&name));
        }
        let layers = self.attached(request.layers.as_deref().unwrap_or_default(), &[]).await?;
        let package = self.store_code(request.code.clone()).await?;
        let function = build(&name, package, &request, &settings(&request, Some(&layers)))?;
        self.check_size(&function).await?;
        self.prepare(&function).await?;
        let publish = request.publish;
        let version = {
            let name = name.clone();
            self.change(move |change| create(change, &name, function.clone(), publish)).await?
        };
        self.changed(&name, version)
    }

    fn new_name(&self, text: &str) -> Result<LambdaName> {
        let (name, qualifier) = match FunctionReference::locate(self.arns(), text, None) {
            Ok(located) => located,
            // A reference that is well-formed but for its length.
            Err(Error::NoFunction { .. }) => return Err(too_long(text)),
            Err(other) => return Err(other),
        };
        match qualifier {
            None => Ok(name),
            Some(_) => Err(violated(
                "functionName",
                Some(text),
                "Member must satisfy regular expression pattern: a function's name or ARN without a qualifier",
            )),
        }
    }

    pub(crate) async fn store_code(&self, code: Bytes) -> Result<Package> {
        check_upload(&code)?;
        self.packages().put(code).await
    }

    pub(super) async fn try_code(&self, code: Bytes) -> Result<Package> {
        check_upload(&code)?;
        self.packages().check(code).await
    }
}

/// The limits of a zip within a request.
fn check_upload(code: &Bytes) -> Result<()> {
    if code.is_empty() {
        return Err(Error::BadPackage("Uploaded file must be a non-empty zip".into()));
    }
    if code.len() > limits::PACKAGE_SIZE {
        return Err(Error::RequestTooLarge(format!(
            "Zipped size must be smaller than {} bytes",
            limits::PACKAGE_SIZE
        )));
    }
    Ok(())
}

fn too_long(text: &str) -> Error {
    Error::Invalid(format!(
        "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must \
         have length less than or equal to 64"
    ))
}

pub(super) fn exists(name: &LambdaName) -> Error {
    Error::Exists(format!("Function already exist: {name}"))
}

fn settings<'a>(request: &'a CreateFunction, layers: Option<&'a [Layer]>) -> Settings<'a> {
    Settings {
        runtime: request.runtime.as_deref(),
        role: Some(&request.role),
        handler: request.handler.as_deref(),
        description: request.description.as_deref(),
        timeout: request.timeout,
        memory: request.memory,
        variables: request.variables.as_ref(),
        ephemeral_storage: request.ephemeral_storage,
        tracing: request.tracing.as_deref(),
        logging: request.logging.as_ref(),
        snap_start: request.snap_start.as_deref(),
        vpc: request.vpc.as_ref(),
        dead_letters: request.dead_letters.as_deref(),
        layers,
    }
}

fn build(
    name: &LambdaName,
    package: Package,
    request: &CreateFunction,
    settings: &Settings<'_>,
) -> Result<Function> {
    let own = FunctionName::new(name.as_str()).map_err(|_| too_long(name.as_str()))?;
    // Both are overwritten by the settings, which have them.
    let runtime = Runtime::Provided(ProvidedBase::Al2023);
    let mut function = Function::new(own, name.clone(), runtime, String::new(), package);
    function.network = Network::InternetIfPossible;
    settings.apply(&mut function)?;
    if let Some(architectures) = &request.architectures {
        function.architecture = parse_architecture(architectures)?;
    }
    function.tags = request.tags.clone();
    Ok(function)
}

fn create(
    change: &mut Change<'_>,
    name: &LambdaName,
    function: Function,
    publish: Publish,
) -> Result<Version> {
    if change.lookup(name)?.is_some() {
        return Err(exists(name));
    }
    let app = free_app_name(change, name)?;
    let mut content = sonagi_model::release::ReleaseContent::default();
    content.functions.insert(function.name.clone(), function);
    change.deploy(&app, content, Origin::Lambda)?;
    match publish {
        Publish::No => Ok(Version::Latest),
        Publish::Yes => super::version::publish(change, name, None),
    }
}

/// The function's name as a DNS label; with a short digest if an app has that name already.
fn free_app_name(change: &mut Change<'_>, name: &LambdaName) -> Result<AppName> {
    let label: String = name.as_str().to_ascii_lowercase().replace('_', "-");
    let label = label.trim_matches('-');
    for attempt in 0..APP_NAMES {
        let candidate = match attempt {
            0 => label.chars().take(63).collect::<String>(),
            _ => {
                let digest = Digest::of(format!("{name}/{attempt}").as_bytes()).to_string();
                format!("{}-{}", label.chars().take(54).collect::<String>(), &digest[..8])
            }
        };
        let Ok(app) = AppName::new(candidate.trim_matches('-')) else { continue };
        if change.store.get::<AppRecord>(&Key::App(app.clone()))?.is_none() {
            return Ok(app);
        }
    }
    Err(Error::Exists(format!(
        "no name is free for an app of the function {name}: choose another function name"
    )))
}
