//! `sonagi.toml`: ours. `docs/manifest.md` is its reference.

mod buses;
mod queues;
mod things;
mod triggers;

use std::{collections::BTreeMap, path::Path};

use sonagi_model::{
    AliasName, AppName,
    api::{Api, ApiKind, Cors, PayloadFormat, Route},
    function::{
        Architecture, DriverChoice, FunctionUrl, InvokeMode, LogFormat, LogLevel, RecursiveLoop, Runtime,
        SnapStart, Tracing, UrlAuth, Wasm,
    },
    limits,
};

use super::{
    BuildKind, Context, DeclaredFunction, Esbuild, FunctionDraft, WasmBuild, checks,
    checks::Places,
    driver,
    fields::{self, Fields},
    layers::native as layers,
    load::Loaded,
    names, network, permissions,
    problem::Report,
    resources::Declared,
    routes, source,
    tree::{Data, Key, Node, Span},
    wasm::{self, NATIVE, Said},
};
use crate::wasm::USUAL_HANDLER;

pub(super) use things::{Sort, Things};
use triggers::Outcomes;

/// The name of the one API that a `sonagi.toml` has.
const API: &str = "api";

pub(super) fn read(root: &Path, tree: &Node, context: &Context, report: &Report) -> Option<Loaded> {
    let top = Fields::of(tree, "sonagi.toml", report)?;
    let app = app(&top, root, context, report)?;
    let things = Things::of(tree, &app, context);
    let defaults = Defaults::read(&top, report);
    let mut reader = Reader {
        root,
        app: &app,
        things: &things,
        declared: Declared::default(),
        context,
        report,
        defaults,
        api: api(&top, &app, report),
        spans: Vec::new(),
        layers: layers::Names::new(),
    };
    let layers = top.get("layer").and_then(|node| table(node, "`layer`", report)).unwrap_or_default();
    reader.layers = layers::names(layers, &app);
    let declared_layers = layers::read(layers, root, &reader.layers, report);
    let mut functions = Vec::new();
    if let Some(entries) = top.get("function").and_then(|node| table(node, "`function`", report)) {
        for (key, node) in entries {
            functions.extend(reader.function(key, node));
        }
        if entries.len() > limits::FUNCTIONS_PER_APP {
            let message = format!("more than {} functions in one app", limits::FUNCTIONS_PER_APP);
            report.problem(&top.span_of("function"), message);
        }
    }
    if !reader.others(&top) && !top.has("function") {
        top.missing("function", "declare one as `[function.hello]` with its `runtime`");
    }
    let Reader { api, spans, declared, .. } = reader;
    let resources = declared.finish(report);
    routes::check_api(&api, &spans, report);
    if api.routes.is_empty() && top.has("api") {
        report.problem_with_help(
            &top.span_of("api"),
            "there is an `[api]`, and no function has `routes`",
            "give a function `routes = [\"GET /\"]`",
        );
    }
    top.finish();
    let apis = if api.routes.is_empty() { Vec::new() } else { vec![api] };
    Some(Loaded { app, functions, layers: declared_layers, apis, outputs: BTreeMap::new(), resources })
}

fn app(top: &Fields<'_>, root: &Path, context: &Context, report: &Report) -> Option<AppName> {
    let said = top.text("app");
    if let Some(name) = &context.name {
        return Some(name.clone());
    }
    match said {
        Some(name) => match AppName::new(&name) {
            Ok(name) => Some(name),
            Err(error) => {
                report.problem(&top.span_of("app"), error.to_string());
                // Go on under some name, so that the other problems are found as well.
                names::app_of_folder(root)
            }
        },
        None => names::app_of_folder(root),
    }
}

fn table<'a>(node: &'a Node, what: &str, report: &Report) -> Option<&'a [(Key, Node)]> {
    let map = node.map();
    if map.is_none() {
        report.problem(&node.span, format!("{what} must be a table, and is {}", node.kind()));
    }
    map
}

/// `[defaults]`: what every function has unless it says otherwise.
#[derive(Default)]
struct Defaults {
    runtime: Option<Runtime>,
    memory: Option<u32>,
    timeout: Option<u32>,
    tmp: Option<u32>,
    env: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    log_format: Option<LogFormat>,
    log_level: Option<LogLevel>,
    architecture: Option<Architecture>,
    driver: Option<DriverChoice>,
    /// For the app's WebAssembly functions.
    wasm: Said,
}

impl Defaults {
    fn read(top: &Fields<'_>, report: &Report) -> Self {
        let node = top.get("defaults");
        let Some(fields) = node.and_then(|node| Fields::of(node, "`[defaults]`", report)) else {
            return Self::default();
        };
        let defaults = Self {
            runtime: fields
                .text("runtime")
                .and_then(|text| checks::runtime(&text, &fields.span_of("runtime"), report)),
            memory: memory(&fields),
            timeout: timeout(&fields),
            tmp: tmp(&fields),
            env: fields.text_map("env").unwrap_or_default(),
            tags: fields.text_map("tags").unwrap_or_default(),
            log_format: log_format(&fields),
            log_level: log_level(&fields),
            architecture: architecture(&fields),
            driver: driver::common(&fields),
            wasm: Said::common(&fields, &NATIVE, report),
        };
        fields.finish();
        defaults
    }
}

fn memory(fields: &Fields<'_>) -> Option<u32> {
    fields.number32("memory", limits::MEMORY_MIN..=limits::MEMORY_MAX, " MB")
}

fn timeout(fields: &Fields<'_>) -> Option<u32> {
    fields.number32("timeout", 1..=limits::TIMEOUT_MAX, " seconds")
}

fn tmp(fields: &Fields<'_>) -> Option<u32> {
    fields.number32("tmp", limits::EPHEMERAL_STORAGE_MIN..=limits::EPHEMERAL_STORAGE_MAX, " MB")
}

fn log_format(fields: &Fields<'_>) -> Option<LogFormat> {
    fields.choice("log_format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
}

fn log_level(fields: &Fields<'_>) -> Option<LogLevel> {
    use LogLevel::{Debug, Error, Fatal, Info, Trace, Warn};
    let levels = [
        ("trace", Trace),
        ("debug", Debug),
        ("info", Info),
        ("warn", Warn),
        ("error", Error),
        ("fatal", Fatal),
    ];
    fields.choice("log_level", &levels)
}

fn architecture(fields: &Fields<'_>) -> Option<Architecture> {
    fields.choice("architecture", &[("x86_64", Architecture::X86_64), ("arm64", Architecture::Arm64)])
}

fn api(top: &Fields<'_>, app: &AppName, report: &Report) -> Api {
    let mut api = Api {
        id: names::api_id(app, API),
        name: API.into(),
        kind: ApiKind::Http,
        stage: "$default".into(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: Vec::new(),
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    };
    let Some(node) = top.get("api") else { return api };
    let Some(fields) = Fields::of(node, "`[api]`", report) else { return api };
    api.kind =
        fields.choice("kind", &[("http", ApiKind::Http), ("rest", ApiKind::Rest)]).unwrap_or(ApiKind::Http);
    let rest = api.kind == ApiKind::Rest;
    api.stage = fields.text("stage").unwrap_or_else(|| if rest { "Prod" } else { "$default" }.into());
    check_stage(&api, &fields.span_of("stage"), report);
    api.stage_variables = fields.text_map("variables").unwrap_or_default();
    api.cors = cors(&fields, report);
    if rest {
        api.binary_media_types = fields.texts("binary_media_types").unwrap_or_default();
        api.minimum_compression_size = fields.number("minimum_compression_size", 0..=10_485_760, " bytes");
    } else if fields.has("binary_media_types") || fields.has("minimum_compression_size") {
        report.problem_with_help(
            &node.span,
            "`binary_media_types` and `minimum_compression_size` are for REST APIs",
            "say `kind = \"rest\"`, or leave them out",
        );
    }
    fields.finish();
    api
}

pub(super) fn check_stage(api: &Api, span: &Span, report: &Report) {
    let word = !api.stage.is_empty()
        && api.stage.len() <= 128
        && api.stage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let default = api.kind == ApiKind::Http && api.stage == "$default";
    if !word && !default {
        report.problem(span, format!("{:?} cannot name a stage: letters, digits, `-` and `_`", api.stage));
    }
}

/// `cors = true`, or a table.
fn cors(fields: &Fields<'_>, report: &Report) -> Option<Cors> {
    let node = fields.get("cors")?;
    if let Data::Bool(allow) = node.data {
        let any = || vec!["*".to_owned()];
        return allow.then(|| Cors {
            allow_origins: any(),
            allow_methods: any(),
            allow_headers: any(),
            ..Cors::default()
        });
    }
    let fields = Fields::of(node, "`cors`", report)?;
    let cors = Cors {
        allow_origins: fields.texts("origins").unwrap_or_else(|| vec!["*".into()]),
        allow_methods: fields.texts("methods").unwrap_or_else(|| vec!["*".into()]),
        allow_headers: fields.texts("headers").unwrap_or_default(),
        expose_headers: fields.texts("expose").unwrap_or_default(),
        allow_credentials: fields.flag("credentials").unwrap_or_default(),
        max_age: fields.number32("max_age", 0..=86_400, " seconds"),
    };
    fields.finish();
    checks::check_cors(&cors, &node.span, report);
    Some(cors)
}

struct Reader<'a> {
    root: &'a Path,
    app: &'a AppName,
    context: &'a Context,
    report: &'a Report,
    defaults: Defaults,
    api: Api,
    /// One place for each of the API's routes.
    spans: Vec<Span>,
    things: &'a Things<'a>,
    declared: Declared,
    layers: layers::Names<'a>,
}

impl Reader<'_> {
    /// Everything beside functions; whether there is any.
    fn others(&mut self, top: &Fields<'_>) -> bool {
        type Read = fn(&Key, &Node, &Things<'_>, &mut Declared, &Report);
        let readers: [(&str, Read); 5] = [
            ("queue", queues::queue),
            ("topic", queues::topic),
            ("bus", buses::bus),
            ("rule", buses::rule),
            ("schedule", buses::schedule),
        ];
        let mut any = false;
        for (word, read) in readers {
            let entries = top.get(word).and_then(|node| table(node, &format!("`{word}`"), self.report));
            for (key, node) in entries.unwrap_or_default() {
                any = true;
                read(key, node, self.things, &mut self.declared, self.report);
            }
        }
        any
    }

    fn function(&mut self, key: &Key, node: &Node) -> Option<DeclaredFunction> {
        let report = self.report;
        let fields = Fields::of(node, format!("function `{}`", key.text), report)?;
        // A table's own place is its header, which may be far; the key is what people look for.
        let fields = fields.at(&key.span);
        let name = checks::function_name(&key.text, &key.span, report);
        let runtime = match fields.text("runtime") {
            Some(text) => checks::runtime(&text, &fields.span_of("runtime"), report),
            None if fields.has("runtime") => None,
            None => {
                if self.defaults.runtime.is_none() {
                    fields.missing("runtime", "such as `runtime = \"python3.13\"`, here or in `[defaults]`");
                }
                self.defaults.runtime
            }
        };
        let usual = runtime.map_or("", |runtime| match runtime {
            Runtime::Python { .. } => "app.handler",
            Runtime::Nodejs { .. } => "index.handler",
            Runtime::Provided(_) => "bootstrap",
            Runtime::Wasm => USUAL_HANDLER,
        });
        let handler = fields.text("handler").unwrap_or_else(|| usual.into());
        let code = fields.text("code").unwrap_or_else(|| key.text.clone());
        let folder = match source::resolve(self.root, &code) {
            Ok(folder) => Some(folder),
            Err(wrong) => {
                let span = fields.span_of("code");
                let help = wrong.help.unwrap_or_else(|| "name the folder as `code = \"src\"`".into());
                report.problem_with_help(&span, wrong.message, help);
                None
            }
        };
        let build = self.build(&fields, &key.text, runtime, folder.as_deref());
        let layers = layers::of_function(&fields, runtime, &self.layers, self.context, report);
        let mut variables = self.defaults.env.clone();
        variables.extend(fields.text_map("env").unwrap_or_default());
        let mut tags = self.defaults.tags.clone();
        tags.extend(fields.text_map("tags").unwrap_or_default());
        let alias = fields.text("alias").and_then(|text| {
            let alias = AliasName::new(&text);
            alias.map_err(|error| report.problem(&fields.span_of("alias"), error.to_string())).ok()
        });
        let url = self.url(&fields, &key.text, alias.clone());
        let tracing = fields
            .choice("tracing", &[("active", Tracing::Active), ("pass_through", Tracing::PassThrough)])
            .unwrap_or_default();
        let places = Places {
            handler: fields.span_of("handler"),
            variables: fields.span_of("env"),
            tags: fields.span_of("tags"),
            description: fields.span_of("description"),
            provisioned: fields.span_of("provisioned_concurrency"),
            storage: match fields.has("tmp") {
                true => fields.span_of("tmp"),
                false => fields.span_of(NATIVE.snapshot),
            },
        };
        let memory = memory(&fields).or(self.defaults.memory).unwrap_or(limits::MEMORY_DEFAULT);
        let timeout = timeout(&fields).or(self.defaults.timeout).unwrap_or(limits::TIMEOUT_DEFAULT);
        let (wasm, storage) = self.wasm_and_storage(&fields, runtime);
        let network = network::native(&fields, runtime, report);
        let driver = driver::native(&fields, runtime, self.defaults.driver, report);
        let snap_start = match runtime {
            Some(Runtime::Wasm) | None => SnapStart::None,
            Some(runtime) => wasm::snap_start(&fields, &NATIVE, (runtime, driver), report),
        };
        let description = fields.text("description").unwrap_or_default();
        let architecture = architecture(&fields).or(self.defaults.architecture);
        let log_format = log_format(&fields).or(self.defaults.log_format).unwrap_or_default();
        let log_level = log_level(&fields).or(self.defaults.log_level).unwrap_or_default();
        let reserved = fields.number32(
            "reserved_concurrency",
            0..=limits::ACCOUNT_CONCURRENCY_MAX,
            " invocations at once",
        );
        let provisioned =
            fields.number32("provisioned_concurrency", 1..=limits::ACCOUNT_CONCURRENCY_MAX, " environments");
        let role = fields.text("role").unwrap_or_else(|| {
            format!("arn:aws:iam::{}:role/{}-{}", self.context.account, self.app, key.text)
        });
        let permissions = permissions::native(&fields, self.things, report);
        for (name, value) in self.things.variables() {
            variables.entry(name).or_insert(value);
        }
        let outcomes = Outcomes::read(&fields, self.things, report);
        let loops = [("stop", RecursiveLoop::Terminate), ("allow", RecursiveLoop::Allow)];
        let recursive_loop = fields.choice("loops", &loops).unwrap_or_default();
        let on = fields.list("on").unwrap_or_default();
        let about = (alias.as_ref(), timeout);
        let wakes = triggers::read(key, on, about, self.things, &mut self.declared, report);
        if let Some(name) = &name {
            self.routes(&fields, name, alias.as_ref());
        } else {
            fields.get("routes");
        }
        fields.finish();

        let (name, runtime, folder) = (name?, runtime?, folder?);
        let lambda_name = names::lambda_name(self.app, &key.text)?;
        let mut function = FunctionDraft {
            description,
            layers,
            architecture: architecture.unwrap_or(Architecture::X86_64),
            memory,
            timeout,
            ephemeral_storage: storage,
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
            tracing,
            tags,
            recursive_loop,
            ..FunctionDraft::new(name, lambda_name, runtime, handler)
        };
        outcomes.give(&mut function);
        wakes.give(&mut function);
        let line = report.line(key.span.start);
        let extras = Default::default();
        let declared = DeclaredFunction { function, source: folder, line, build, extras };
        checks::check_function(&declared, &places, report);
        Some(declared)
    }

    /// What WebAssembly functions alone have, and what all others alone have.
    fn wasm_and_storage(&self, fields: &Fields<'_>, runtime: Option<Runtime>) -> (Option<Wasm>, u32) {
        let report = self.report;
        let none = limits::EPHEMERAL_STORAGE_MIN;
        if let Some(runtime) = runtime.filter(|&runtime| runtime != Runtime::Wasm) {
            wasm::refuse(fields, &NATIVE, runtime, report);
            return (None, tmp(fields).or(self.defaults.tmp).unwrap_or(none));
        }
        if let (Some(_), Some((key, _))) = (runtime, fields.entry("tmp")) {
            report.problem_with_help(&key.span, "a WebAssembly function has no /tmp", "leave `tmp` out");
        }
        fields.has("tmp");
        let wasm = Said::whole(fields, &NATIVE, report).over(&self.defaults.wasm);
        if let Err(message) = crate::wasm::config(&wasm.config) {
            report.problem(&fields.span_of(NATIVE.config), message);
        }
        wasm::check_start(&wasm, &fields.span_of(NATIVE.snapshot), &NATIVE, report);
        (runtime.map(|_| wasm), none)
    }

    /// `build = "none"`, `"makefile"`, `{ esbuild = … }`, or a WebAssembly function's language.
    fn build(
        &self,
        fields: &Fields<'_>,
        name: &str,
        runtime: Option<Runtime>,
        folder: Option<&Path>,
    ) -> BuildKind {
        let usual = match folder {
            Some(file)
                if file.is_file() && !(runtime == Some(Runtime::Wasm) && source::is_component(file)) =>
            {
                BuildKind::Zip
            }
            _ => runtime.map_or(BuildKind::Copy, checks::usual_build),
        };
        let Some(node) = fields.get("build") else { return usual };
        if runtime == Some(Runtime::Wasm) {
            return self.wasm_build(node, name, usual);
        }
        if let Some(fields) = node.map().and_then(|_| Fields::of(node, "`build`", self.report)) {
            let Some(options) = fields.fields("esbuild") else {
                fields.finish();
                return usual;
            };
            let esbuild = Esbuild {
                entry_points: options.texts("entry").unwrap_or_default(),
                minify: options.flag("minify"),
                target: options.text("target"),
                sourcemap: options.flag("sourcemap"),
                external: options.texts("external").unwrap_or_default(),
                format: options.text("format"),
                out_extension: options.texts("out_extension").unwrap_or_default(),
                ..Esbuild::default()
            };
            if !options.has("entry") {
                options.missing("entry", "such as `entry = [\"index.ts\"]`");
            }
            check_entries(&esbuild, folder, &node.span, self.report);
            options.finish();
            fields.finish();
            return BuildKind::Esbuild(esbuild);
        }
        match fields::text(node, "`build`", self.report).as_deref() {
            Some("none") => BuildKind::Copy,
            Some("makefile") => BuildKind::Makefile { target: name.into() },
            Some("auto") | None => usual,
            Some(other) => {
                let message = format!("`build` is {other:?}, which is not one of auto, none, makefile");
                let help = "for TypeScript write `build = { esbuild = { entry = [\"index.ts\"] } }`";
                self.report.problem_with_help(&node.span, message, help);
                usual
            }
        }
    }

    fn wasm_build(&self, node: &Node, name: &str, usual: BuildKind) -> BuildKind {
        let Some(word) = fields::text(node, "`build`", self.report) else { return usual };
        if word == "makefile" {
            return BuildKind::Makefile { target: name.into() };
        }
        if let Some((_, build)) = WasmBuild::NAMED.iter().find(|(known, _)| *known == word) {
            return BuildKind::Wasm(*build);
        }
        if word != "auto" {
            let known: Vec<&str> = WasmBuild::NAMED.iter().map(|(known, _)| *known).collect();
            let message =
                format!("`build` is {word:?}, which is not one of auto, makefile, {}", known.join(", "));
            self.report.problem(&node.span, message);
        }
        usual
    }

    fn url(&self, fields: &Fields<'_>, name: &str, alias: Option<AliasName>) -> Option<FunctionUrl> {
        let node = fields.get("url")?;
        let mut url = FunctionUrl {
            id: names::url_id(self.app, name),
            auth: UrlAuth::None,
            mode: InvokeMode::Buffered,
            cors: None,
            qualifier: alias,
        };
        if let Data::Bool(wanted) = node.data {
            return wanted.then_some(url);
        }
        let fields = Fields::of(node, "`url`", self.report)?;
        let auth = fields.choice("auth", &[("none", UrlAuth::None), ("iam", UrlAuth::AwsIam)]);
        url.auth = auth.unwrap_or(UrlAuth::None);
        if fields.flag("stream") == Some(true) {
            url.mode = InvokeMode::ResponseStream;
        }
        url.cors = cors(&fields, self.report);
        fields.finish();
        checks::check_url(&url, &node.span, self.report);
        Some(url)
    }

    /// Entries are texts, or tables with `route`, `timeout` (milliseconds) and `payload`.
    fn routes(&mut self, fields: &Fields<'_>, name: &sonagi_model::FunctionName, alias: Option<&AliasName>) {
        for node in fields.list("routes").unwrap_or_default() {
            let mut payload = match self.api.kind {
                ApiKind::Http => PayloadFormat::V2,
                ApiKind::Rest => PayloadFormat::V1,
            };
            let mut timeout = None;
            let text = if node.map().is_some() {
                let Some(fields) = Fields::of(node, "a route", self.report) else { continue };
                let text = fields.text("route");
                if !fields.has("route") {
                    fields.missing("route", "such as `route = \"GET /\"`");
                }
                timeout = fields.number32("timeout", 50..=longest(self.api.kind), " milliseconds");
                let choices = [("1.0", PayloadFormat::V1), ("2.0", PayloadFormat::V2)];
                let asked = fields.choice("payload", &choices);
                if self.api.kind == ApiKind::Rest && asked == Some(PayloadFormat::V2) {
                    self.report.problem(&fields.span_of("payload"), "a REST API sends payload 1.0 alone");
                }
                payload = asked.unwrap_or(payload);
                fields.finish();
                text
            } else {
                fields::text(node, "a route", self.report)
            };
            let Some(text) = text else { continue };
            let checked = routes::route(&text)
                .and_then(|(method, path)| routes::check_path(&path, self.api.kind).map(|()| (method, path)));
            match checked {
                Ok((method, path)) => {
                    let function = name.clone();
                    let alias = alias.cloned();
                    self.api.routes.push(Route { method, path, function, alias, payload, timeout });
                    self.spans.push(node.span.clone());
                }
                Err(message) => self.report.problem(&node.span, message),
            }
        }
    }
}

/// Milliseconds.
pub(super) fn longest(kind: ApiKind) -> u32 {
    let limit = match kind {
        ApiKind::Http => limits::HTTP_API_TIMEOUT,
        ApiKind::Rest => limits::REST_API_TIMEOUT,
    };
    u32::try_from(limit.as_millis()).unwrap_or(u32::MAX)
}

/// The entry points of esbuild must be there.
pub(super) fn check_entries(esbuild: &Esbuild, folder: Option<&Path>, span: &Span, report: &Report) {
    for entry in &esbuild.entry_points {
        let Some(folder) = folder else { return };
        let leaves = Path::new(entry).components().any(|part| part == std::path::Component::ParentDir);
        let ends = ["", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".mts", ".cts"];
        if leaves || !ends.iter().any(|end| folder.join(format!("{entry}{end}")).is_file()) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            report.problem(span, format!("the entry point {entry:?} is not in `{name}`"));
        }
    }
}
