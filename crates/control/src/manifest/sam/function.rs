//! `AWS::Serverless::Function`.

use std::{collections::BTreeMap, path::Path};

use sonagi_model::{
    AliasName, LambdaName,
    api::Cors,
    function::{
        Architecture, DriverChoice, FunctionUrl, InvokeMode, LogFormat, LogLevel, Mapping, RecursiveLoop,
        Runtime, SnapStart, Tracing, UrlAuth, Wasm, WasmStart,
    },
    limits,
};

use super::{
    super::{
        BuildKind, DeclaredFunction, Esbuild, FunctionDraft, WasmBuild,
        checks::{self, Places},
        driver,
        fields::Fields,
        names, native, network,
        permissions::grant,
        problem::Report,
        resources::Declared,
        source,
        tree::{Data, Key, Node, Span},
        wasm::{self, Said},
    },
    asynchronous, layers,
    permissions::{self, Roles},
    template::{Resource, Template},
};
use crate::wasm::USUAL_HANDLER;

pub(super) const PLACE: &str = "an AWS::Serverless::Function";

/// Properties that are accepted and do nothing here, and why.
const WITHOUT_EFFECT: [(&str, &str); 12] = [
    ("AssumeRolePolicyDocument", "the function alone has its role"),
    ("PermissionsBoundary", "boundaries are not kept: the function may all that its policies allow"),
    ("RolePath", "roles have no paths"),
    ("CodeSigningConfigArn", "signatures of code are not checked"),
    ("KmsKeyArn", "variables are not encrypted with a key of your own"),
    ("SourceKMSKeyArn", "code is not encrypted with a key of your own"),
    ("RuntimeManagementConfig", "the runtime is what this machine has"),
    ("PropagateTags", "tags stay where they are"),
    ("VersionDescription", "published versions have no description"),
    ("VersionDeletionPolicy", "published versions are kept"),
    ("AutoPublishAliasAllProperties", "every change publishes a version"),
    ("AutoPublishCodeSha256", "every change publishes a version"),
];

const UNSUPPORTED: [&str; 8] = [
    "FileSystemConfigs",
    "ImageConfig",
    "ImageUri",
    "DurableConfig",
    "CapacityProviderConfig",
    "MultiTenancyConfig",
    "TenancyConfig",
    "PublishToLatestPublished",
];

pub(super) fn read(
    template: &Template<'_>,
    roles: &Roles<'_>,
    name: &str,
    resource: &Resource<'_>,
    root: &Path,
    things: &mut Declared,
) -> Option<DeclaredFunction> {
    let report = template.report;
    let key = resource.key;
    // Events and layers are evaluated where they are read: they do not bind the function to an order.
    let apart = ["Events", "FunctionName", "Policies"];
    let properties = template.within(name, || without(&resource.properties, &apart, template));
    let fields = Fields::of(&properties, PLACE, report)?.at(&key.span);
    for property in apart {
        fields.has(property);
    }
    let image = fields.text("PackageType").as_deref() == Some("Image") || fields.has("ImageUri");
    if image {
        let span = fields.span_of("PackageType");
        let message = "functions from container images (`PackageType: Image`) are not supported yet";
        report.problem_with_help(&span, message, "say `PackageType: Zip`, with `Runtime` and `Handler`");
    } else {
        fields.choice("PackageType", &[("Zip", ())]);
    }
    let function_name = checks::function_name(name, &key.span, report);
    let lambda_name = lambda_name(template, name, resource);
    let runtime = match fields.entry("Runtime") {
        Some((_, node)) => fields.text("Runtime").and_then(|text| checks::runtime(&text, &node.span, report)),
        None => {
            if !stands(&resource.properties, "Runtime") && !image {
                fields.missing("Runtime", "such as `Runtime: python3.13`, here or in `Globals`");
            }
            None
        }
    };
    let build_properties = resource.metadata.and_then(|node| template.evaluate(node));
    let (folder, build) = code(template, &fields, key, root, runtime, name, build_properties.as_ref());
    let handler = match fields.text("Handler") {
        Some(handler) => handler,
        None if matches!(runtime, Some(Runtime::Provided(_))) => "bootstrap".into(),
        None if runtime == Some(Runtime::Wasm) => USUAL_HANDLER.into(),
        None => {
            if runtime.is_some() && !stands(&resource.properties, "Handler") {
                fields.missing("Handler", "such as `Handler: app.handler`");
            }
            String::new()
        }
    };
    let variables = fields.fields("Environment").map(|environment| {
        let variables = environment.text_map("Variables").unwrap_or_default();
        environment.finish();
        variables
    });
    let alias = fields.text("AutoPublishAlias").and_then(|text| {
        let alias = AliasName::new(&text);
        alias.map_err(|error| report.problem(&fields.span_of("AutoPublishAlias"), error.to_string())).ok()
    });
    let url = url(template, &fields, name, alias.clone());
    let (log_format, log_level) = logging(&fields, report);
    let tracing = fields.choice(
        "Tracing",
        &[
            ("Active", Tracing::Active),
            ("PassThrough", Tracing::PassThrough),
            ("Disabled", Tracing::PassThrough),
        ],
    );
    if tracing == Some(Tracing::Active) {
        fields.note("Tracing", "the trace header is passed on, and no traces are collected");
    }
    let architecture = architecture(&fields, report);
    let storage = storage(&fields, resource, runtime, report);
    let (wasm, driver) = own_settings(&fields, build_properties.as_ref(), runtime, report);
    let snap_start = snap_start(&fields, build_properties.as_ref(), runtime, driver, report);
    let layers = fields.get("Layers").map(|node| layers::read(template, node, runtime, report));
    let (layers, extras) = layers.unwrap_or_default();
    deployment(&fields, report);
    let network = network::sam(&fields, runtime, report);
    for (property, why) in WITHOUT_EFFECT {
        fields.note(property, why);
    }
    for property in UNSUPPORTED {
        match image && property.starts_with("Image") {
            // Said above, for all of them.
            true => {
                fields.has(property);
            }
            false => fields.unsupported(property, ""),
        }
    }
    let memory = fields.number32("MemorySize", limits::MEMORY_MIN..=limits::MEMORY_MAX, " MB");
    let timeout = fields.number32("Timeout", 1..=limits::TIMEOUT_MAX, " seconds");
    let reserved = fields.number32(
        "ReservedConcurrentExecutions",
        0..=limits::ACCOUNT_CONCURRENCY_MAX,
        " invocations at once",
    );
    let provisioned = fields.fields("ProvisionedConcurrencyConfig").and_then(|config| {
        let range = 1..=limits::ACCOUNT_CONCURRENCY_MAX;
        let executions = config.number32("ProvisionedConcurrentExecutions", range, " environments");
        if !config.has("ProvisionedConcurrentExecutions") {
            config.missing("ProvisionedConcurrentExecutions", "how many environments are to be ready");
        }
        config.finish();
        executions
    });
    if provisioned.is_some() && alias.is_none() && !stands(&resource.properties, "AutoPublishAlias") {
        let message = "`ProvisionedConcurrencyConfig` is for what is published";
        let help = "say `AutoPublishAlias` too, such as `AutoPublishAlias: live`";
        report.problem_with_help(&fields.span_of("ProvisionedConcurrencyConfig"), message, help);
    }
    let role =
        fields.text("Role").unwrap_or_else(|| template.role_arn(&format!("{}-{name}Role", template.app)));
    let mut permissions = permissions::read(template, roles, name, &resource.properties, &role);
    let asked = asynchronous::read(template, name, &fields, things);
    if !template.has_own_role(name) {
        asked.grants.into_iter().for_each(|document| grant(&mut permissions, document));
    }
    let loops = [("Terminate", RecursiveLoop::Terminate), ("Allow", RecursiveLoop::Allow)];
    let recursive_loop = fields.choice("RecursiveLoop", &loops).unwrap_or_default();
    let description = fields.text("Description").unwrap_or_default();
    let tags = fields.text_map("Tags").unwrap_or_default();
    let places = Places {
        handler: fields.span_of("Handler"),
        variables: fields.span_of("Environment"),
        tags: fields.span_of("Tags"),
        description: fields.span_of("Description"),
        provisioned: fields.span_of("ProvisionedConcurrencyConfig"),
        storage: fields.span_of("EphemeralStorage"),
    };
    fields.finish();

    let (function_name, lambda_name, runtime, folder) = (function_name?, lambda_name?, runtime?, folder?);
    let mut variables = variables.unwrap_or_default();
    if let BuildKind::Esbuild(options) = &build
        && options.sourcemap == Some(true)
    {
        // As `sam build` does, so that stack traces show the source's lines.
        let node_options = variables.entry("NODE_OPTIONS".into()).or_default();
        if !node_options.contains("--enable-source-maps") {
            let space = if node_options.is_empty() { "" } else { " " };
            node_options.push_str(space);
            node_options.push_str("--enable-source-maps");
        }
    }
    let function = FunctionDraft {
        description,
        layers,
        architecture,
        memory: memory.unwrap_or(limits::MEMORY_DEFAULT),
        timeout: timeout.unwrap_or(limits::TIMEOUT_DEFAULT),
        ephemeral_storage: storage.unwrap_or(limits::EPHEMERAL_STORAGE_MIN),
        network,
        driver,
        snap_start,
        wasm,
        variables,
        role,
        permissions,
        reserved_concurrency: reserved,
        provisioned_concurrency: provisioned,
        url,
        publish_alias: alias,
        log_format,
        log_level,
        tracing: tracing.unwrap_or_default(),
        tags,
        dead_letters: asked.dead_letters,
        asynchronous: asked.asynchronous,
        recursive_loop,
        ..FunctionDraft::new(function_name, lambda_name, runtime, handler)
    };
    let line = report.line(key.span.start);
    let declared = DeclaredFunction { function, source: folder, line, build, extras };
    if !declared.function.handler.is_empty() {
        checks::check_function(&declared, &places, report);
    }
    Some(declared)
}

/// Adds the mappings that a function's events became, and what its role must allow for them.
pub(super) fn wake(
    function: &mut FunctionDraft,
    mappings: Vec<(Mapping, Span)>,
    template: &Template<'_>,
    things: &mut Declared,
) {
    if !mappings.is_empty() && !template.has_own_role(function.name.as_str()) {
        permissions::grant_managed(&mut function.permissions, "AWSLambdaSQSQueueExecutionRole", template);
    }
    for (mapping, span) in mappings {
        things.wakes(&mapping.source, function.timeout, &span);
        function.mappings.push(mapping);
    }
}

/// The properties without some, evaluated. Those without an effect keep their place and lose their value: they may
/// name what is not here.
fn without(properties: &Node, keys: &[&str], template: &Template<'_>) -> Node {
    let entries = properties.map().unwrap_or_default().iter();
    let entries = entries.filter(|(key, _)| !keys.contains(&key.text.as_str())).filter_map(|(key, value)| {
        let ignored = WITHOUT_EFFECT.iter().any(|(name, _)| *name == key.text);
        let value = if ignored { Node::text(&value.span, "") } else { template.evaluate(value)? };
        Some((key.clone(), value))
    });
    Node::new(properties.span.clone(), Data::Map(entries.collect()))
}

/// Whether the key stands there, so that whatever is wrong with its value is reported already.
fn stands(properties: &Node, key: &str) -> bool {
    properties.get(key).is_some_and(|node| node.data != Data::Null)
}

fn lambda_name(template: &Template<'_>, name: &str, resource: &Resource<'_>) -> Option<LambdaName> {
    let text = template.lambda_name(name, &resource.key.span)?;
    let node = resource.properties.get("FunctionName");
    let span = node.map_or(&resource.key.span, |node| &node.span);
    LambdaName::new(&text).map_err(|error| template.report.problem(span, error.to_string())).ok()
}

fn code(
    template: &Template<'_>,
    fields: &Fields<'_>,
    key: &Key,
    root: &Path,
    runtime: Option<Runtime>,
    name: &str,
    metadata: Option<&Node>,
) -> (Option<std::path::PathBuf>, BuildKind) {
    let report = template.report;
    let usual = runtime.map_or(BuildKind::Copy, checks::usual_build);
    if let Some(text) = fields.text("InlineCode") {
        fields.has("CodeUri");
        let file = match runtime {
            Some(Runtime::Python { .. }) => "index.py",
            Some(Runtime::Nodejs { .. }) => "index.js",
            Some(Runtime::Provided(_) | Runtime::Wasm) | None => {
                if runtime.is_some() {
                    report.problem(
                        &fields.span_of("InlineCode"),
                        "inline code is for Python and Node.js alone",
                    );
                }
                "index"
            }
        };
        return (Some(root.to_owned()), BuildKind::Inline { file: file.into(), text });
    }
    let span = fields.span_of("CodeUri");
    let uri = match fields.get("CodeUri") {
        Some(node) if node.map().is_some() => {
            report.problem(&span, "code in S3 is not supported yet: name a folder");
            return (None, usual);
        }
        Some(_) => fields.text("CodeUri").unwrap_or_else(|| ".".into()),
        None => ".".into(),
    };
    if uri.contains("://") {
        report.problem(&span, format!("code at {uri} is not supported yet: name a folder"));
        return (None, usual);
    }
    let folder = match source::resolve(root, &uri) {
        Ok(folder) => folder,
        Err(wrong) => {
            match wrong.help {
                Some(help) => report.problem_with_help(&span, wrong.message, help),
                None => report.problem(&span, wrong.message),
            }
            return (None, usual);
        }
    };
    if runtime == Some(Runtime::Wasm) && folder.is_file() && source::is_component(&folder) {
        return (Some(folder), BuildKind::Wasm(WasmBuild::Ready));
    }
    if folder.is_file() {
        if !uri.ends_with(".zip") && !uri.ends_with(".jar") {
            report.problem(&span, format!("`CodeUri` {uri:?} is neither a folder nor a zip"));
        }
        return (Some(folder), BuildKind::Zip);
    }
    let build = match metadata {
        Some(metadata) if runtime == Some(Runtime::Wasm) => wasm_method(metadata, key, usual, report),
        Some(metadata) => build_method(metadata, &folder, key, name, usual, report),
        None => usual,
    };
    (Some(folder), build)
}

/// `Metadata`: `BuildMethod` of a WebAssembly function, in the words of `sonagi.toml`.
fn wasm_method(metadata: &Node, key: &Key, usual: BuildKind, report: &Report) -> BuildKind {
    let Some(fields) = Fields::of(metadata, "`Metadata`", report) else { return usual };
    if fields.flag("SkipBuild") == Some(true) {
        return BuildKind::Wasm(WasmBuild::Ready);
    }
    let Some(method) = fields.text("BuildMethod") else { return usual };
    if method == "makefile" {
        return BuildKind::Makefile { target: key.text.clone() };
    }
    if let Some((_, build)) = WasmBuild::NAMED.iter().find(|(known, _)| *known == method) {
        return BuildKind::Wasm(*build);
    }
    let known: Vec<&str> = WasmBuild::NAMED.iter().map(|(known, _)| *known).collect();
    let message = format!("the build method `{method}` is not one of makefile, {}", known.join(", "));
    report.problem(&fields.span_of("BuildMethod"), message);
    usual
}

/// `Metadata`: `BuildMethod` and `BuildProperties` ("Building Lambda functions" in the SAM developer guide).
fn build_method(
    metadata: &Node,
    folder: &Path,
    key: &Key,
    name: &str,
    usual: BuildKind,
    report: &Report,
) -> BuildKind {
    // Other tools keep their own keys here, so unknown ones are none of our business.
    let Some(fields) = Fields::of(metadata, "`Metadata`", report) else { return usual };
    if fields.flag("SkipBuild") == Some(true) {
        return BuildKind::Copy;
    }
    let Some(method) = fields.text("BuildMethod") else { return usual };
    match method.as_str() {
        "esbuild" => {
            let Some(options) = fields.fields("BuildProperties") else {
                report.problem(
                    &fields.span_of("BuildMethod"),
                    "esbuild wants `BuildProperties` with `EntryPoints`",
                );
                return usual;
            };
            let esbuild = Esbuild {
                entry_points: options.texts("EntryPoints").unwrap_or_default(),
                minify: options.flag("Minify"),
                target: options.text("Target"),
                sourcemap: options.flag("Sourcemap"),
                sources_content: options.flag("SourcesContent"),
                external: options.texts("External").unwrap_or_default(),
                format: options.text("Format"),
                out_extension: options.texts("OutExtension").unwrap_or_default(),
                main_fields: list_or_commas(&options, "MainFields"),
                loader: options.texts("Loader").unwrap_or_default(),
                banner: pairs(&options, "Banner"),
                footer: pairs(&options, "Footer"),
                define: pairs(&options, "Define"),
                keep_names: options.flag("KeepNames"),
            };
            options.note("UseNpmCi", "`npm ci` is used when there is a lock file");
            if !options.has("EntryPoints") {
                options.missing("EntryPoints", "such as `EntryPoints: [app.ts]`");
            }
            native::check_entries(&esbuild, Some(folder), &options.span_of("EntryPoints"), report);
            options.finish();
            BuildKind::Esbuild(esbuild)
        }
        "makefile" => {
            if !folder.join("Makefile").is_file() {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                let message = format!("`BuildMethod: makefile` wants a `Makefile`, which is not in `{name}`");
                report.problem(&fields.span_of("BuildMethod"), message);
            }
            BuildKind::Makefile { target: name.into() }
        }
        family if family.starts_with("python") => BuildKind::Python,
        family if family.starts_with("nodejs") => BuildKind::Node,
        other => {
            let message = format!("the build method `{other}` is not supported yet");
            let help = format!("use `makefile` with a target `build-{}`", key.text);
            report.problem_with_help(&fields.span_of("BuildMethod"), message, help);
            usual
        }
    }
}

fn list_or_commas(fields: &Fields<'_>, key: &'static str) -> Vec<String> {
    match fields.get(key) {
        Some(node) if node.list().is_none() => {
            let text = fields.text(key).unwrap_or_default();
            text.split(',').map(|part| part.trim().to_owned()).collect()
        }
        _ => fields.texts(key).unwrap_or_default(),
    }
}

/// `key=value` pairs, from a list of them or a map.
fn pairs(fields: &Fields<'_>, key: &'static str) -> Vec<String> {
    match fields.get(key) {
        Some(node) if node.map().is_some() => {
            let map: BTreeMap<_, _> = fields.text_map(key).unwrap_or_default();
            map.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        }
        _ => fields.texts(key).unwrap_or_default(),
    }
}

fn url(
    template: &Template<'_>,
    fields: &Fields<'_>,
    name: &str,
    alias: Option<AliasName>,
) -> Option<FunctionUrl> {
    let span = fields.span_of("FunctionUrlConfig");
    let config = fields.fields("FunctionUrlConfig")?;
    let auth = config.choice("AuthType", &[("NONE", UrlAuth::None), ("AWS_IAM", UrlAuth::AwsIam)]);
    if !config.has("AuthType") {
        config.missing("AuthType", "NONE or AWS_IAM");
    }
    let modes = [("BUFFERED", InvokeMode::Buffered), ("RESPONSE_STREAM", InvokeMode::ResponseStream)];
    let mode = config.choice("InvokeMode", &modes).unwrap_or_default();
    let cors = config.fields("Cors").map(|cors| {
        let rules = Cors {
            allow_origins: cors.texts("AllowOrigins").unwrap_or_default(),
            allow_methods: cors.texts("AllowMethods").unwrap_or_default(),
            allow_headers: cors.texts("AllowHeaders").unwrap_or_default(),
            expose_headers: cors.texts("ExposeHeaders").unwrap_or_default(),
            allow_credentials: cors.flag("AllowCredentials").unwrap_or_default(),
            max_age: cors.number32("MaxAge", 0..=86_400, " seconds"),
        };
        cors.finish();
        rules
    });
    config.finish();
    let id = names::url_id(&template.app, name);
    let url = FunctionUrl { id, auth: auth?, mode, cors, qualifier: alias };
    checks::check_url(&url, &span, template.report);
    Some(url)
}

/// A WebAssembly function has none; what `Globals` say is for the others.
fn storage(
    fields: &Fields<'_>,
    resource: &Resource<'_>,
    runtime: Option<Runtime>,
    report: &Report,
) -> Option<u32> {
    let storage = fields.fields("EphemeralStorage")?;
    let range = limits::EPHEMERAL_STORAGE_MIN..=limits::EPHEMERAL_STORAGE_MAX;
    let size = storage.number32("Size", range, " MB");
    storage.finish();
    if runtime != Some(Runtime::Wasm) {
        return size;
    }
    let own = resource.node.get("Properties").and_then(|own| own.entry("EphemeralStorage"));
    if let Some((key, _)) = own.filter(|_| size.is_some_and(|size| size != limits::EPHEMERAL_STORAGE_MIN)) {
        let message = "a WebAssembly function has no /tmp";
        report.problem_with_help(&key.span, message, "leave `EphemeralStorage` out");
    }
    None
}

/// `Metadata: Sonagi:`, since the resource type has no place for these. `SnapStart` means the same as
/// `SnapshotStart`, as in Lambda's API.
fn own_settings(
    fields: &Fields<'_>,
    metadata: Option<&Node>,
    runtime: Option<Runtime>,
    report: &Report,
) -> (Option<Wasm>, DriverChoice) {
    let words = &wasm::SAM;
    let sonagi = metadata.and_then(|node| node.entry("Sonagi"));
    let said =
        sonagi.and_then(|(key, node)| Some(Fields::of(node, "`Metadata: Sonagi`", report)?.at(&key.span)));
    if let Some(runtime) = runtime.filter(|&runtime| runtime != Runtime::Wasm) {
        let driver = said.map_or(DriverChoice::Usual, |said| {
            wasm::refuse(&said, words, runtime, report);
            let driver = driver::sam(&said);
            said.finish();
            driver
        });
        return (None, driver);
    }
    let snap_start = fields.fields("SnapStart").and_then(|snap_start| {
        let choices = [("None", WasmStart::Fresh), ("PublishedVersions", WasmStart::Snapshot)];
        let start = snap_start.choice("ApplyOn", &choices);
        snap_start.finish();
        start
    });
    let usual = Said { start: snap_start, ..Said::default() };
    let mut place = fields.span_of("SnapStart");
    let said = said.map_or_else(Said::default, |said| {
        let all = Said::whole(&said, words, report);
        driver::refuse(&said, "Driver", report);
        if said.has(words.snapshot) {
            place = said.span_of(words.snapshot);
        }
        said.finish();
        all
    });
    let wasm = said.over(&usual);
    wasm::check_start(&wasm, &place, words, report);
    (runtime.map(|_| wasm), DriverChoice::Usual)
}

/// `SnapStart` of what is no WebAssembly function, or `Metadata: Sonagi: SnapshotStart`, which copies `$LATEST` too.
fn snap_start(
    fields: &Fields<'_>,
    metadata: Option<&Node>,
    runtime: Option<Runtime>,
    driver: DriverChoice,
    report: &Report,
) -> SnapStart {
    let Some(runtime) = runtime.filter(|&runtime| runtime != Runtime::Wasm) else { return SnapStart::None };
    let said = fields.fields("SnapStart").and_then(|snap_start| {
        let choices = [("None", SnapStart::None), ("PublishedVersions", SnapStart::PublishedVersions)];
        let said = snap_start.choice("ApplyOn", &choices);
        snap_start.finish();
        said
    });
    let said = said.unwrap_or_default();
    // As Lambda would, whatever it runs in here.
    if !said.is_none() && !SnapStart::is_for(runtime, DriverChoice::Usual) {
        let message = format!("{runtime} is not supported for SnapStart enabled functions");
        report.problem_with_help(
            &fields.span_of("SnapStart"),
            message,
            "it is for Python and WebAssembly: leave it out",
        );
        return SnapStart::None;
    }
    let sonagi = metadata.and_then(|node| node.entry("Sonagi"));
    let sonagi =
        sonagi.and_then(|(key, node)| Some(Fields::of(node, "`Metadata: Sonagi`", report)?.at(&key.span)));
    let all = sonagi.map(|sonagi| wasm::snap_start(&sonagi, &wasm::SAM, (runtime, driver), report));
    match all {
        Some(SnapStart::All) => SnapStart::All,
        Some(SnapStart::None | SnapStart::PublishedVersions) | None => said,
    }
}

fn logging(fields: &Fields<'_>, report: &Report) -> (LogFormat, LogLevel) {
    use LogLevel::{Debug, Error, Fatal, Info, Trace, Warn};
    let Some(config) = fields.fields("LoggingConfig") else { return Default::default() };
    let format = config.choice("LogFormat", &[("Text", LogFormat::Text), ("JSON", LogFormat::Json)]);
    let levels = [
        ("TRACE", Trace),
        ("DEBUG", Debug),
        ("INFO", Info),
        ("WARN", Warn),
        ("ERROR", Error),
        ("FATAL", Fatal),
    ];
    let level = config.choice("ApplicationLogLevel", &levels);
    config.note("SystemLogLevel", "the platform's own lines are always written");
    config.note("LogGroup", "each function has a log of its own");
    if level.is_some() && format != Some(LogFormat::Json) {
        let span = config.span_of("ApplicationLogLevel");
        report.problem_with_help(&span, "`ApplicationLogLevel` is for JSON logs", "say `LogFormat: JSON`");
    }
    config.finish();
    (format.unwrap_or_default(), level.unwrap_or_default())
}

fn architecture(fields: &Fields<'_>, report: &Report) -> Architecture {
    let Some(list) = fields.texts("Architectures") else { return Architecture::X86_64 };
    match list.as_slice() {
        [one] if one == "x86_64" => Architecture::X86_64,
        [one] if one == "arm64" => Architecture::Arm64,
        _ => {
            let span = fields.span_of("Architectures");
            report.problem(&span, "`Architectures` is a list of one: x86_64 or arm64");
            Architecture::X86_64
        }
    }
}

/// Shifting traffic bit by bit is not done; shifting it at once is what a deployment does anyway.
fn deployment(fields: &Fields<'_>, report: &Report) {
    let Some(node) = fields.get("DeploymentPreference") else { return };
    let at_once = node.get("Type").and_then(Node::scalar).is_none_or(|kind| kind == "AllAtOnce");
    let off = node.get("Enabled").and_then(Node::scalar) == Some("false");
    let checked = ["Alarms", "Hooks"].iter().any(|key| node.get(key).is_some());
    if off || at_once && !checked {
        report.note(&node.span, "`DeploymentPreference`: a deployment moves all traffic at once");
    } else {
        report.problem(
            &node.span,
            "`DeploymentPreference` that shifts traffic or checks it is not supported yet",
        );
    }
}
