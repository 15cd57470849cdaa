//! A function's settings, from the words of a request to the values of the model.

use sonagi_model::{
    function::{
        Architecture, DriverChoice, Function, LogFormat, LogLevel, Network, Runtime, SnapStart, Tracing, Vpc,
        WasmStart,
    },
    layer::Layer,
    limits,
};

use super::{
    Logging, VpcConfig,
    arn::{self, Arn},
    constraint::{Violations, violated},
};
use crate::{Error, Result, layers, releases::check_variables, wasm};

const ROLE_PATTERN: &str = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";

/// What `CreateFunction` and `UpdateFunctionConfiguration` have in common. What is none was not given.
#[derive(Default)]
pub(super) struct Settings<'a> {
    pub(super) runtime: Option<&'a str>,
    pub(super) role: Option<&'a str>,
    pub(super) handler: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    pub(super) timeout: Option<i64>,
    pub(super) memory: Option<i64>,
    pub(super) variables: Option<&'a std::collections::BTreeMap<String, String>>,
    pub(super) ephemeral_storage: Option<i64>,
    pub(super) tracing: Option<&'a str>,
    pub(super) logging: Option<&'a Logging>,
    pub(super) snap_start: Option<&'a str>,
    pub(super) vpc: Option<&'a VpcConfig>,
    pub(super) dead_letters: Option<&'a str>,
    /// Looked up already.
    pub(super) layers: Option<&'a [Layer]>,
}

impl Settings<'_> {
    /// Lambda's rules for each value by itself.
    pub(super) fn check(&self) -> Result<()> {
        let mut found = Violations::default();
        if let Some(role) = self.role {
            found.pattern("role", role, is_role(role), ROLE_PATTERN);
        }
        if let Some(handler) = self.handler {
            found.longest("handler", handler, limits::HANDLER_SIZE);
            let fits =
                !handler.is_empty() && !handler.contains(|c: char| c.is_whitespace() || c.is_control());
            found.pattern("handler", handler, fits, r"[^\s]+");
        }
        if let Some(description) = self.description {
            found.longest("description", description, limits::DESCRIPTION_SIZE);
        }
        if let Some(timeout) = self.timeout {
            found.range("timeout", timeout, 1, limits::TIMEOUT_MAX);
        }
        if let Some(memory) = self.memory {
            found.range("memorySize", memory, limits::MEMORY_MIN, limits::MEMORY_MAX);
        }
        if let Some(size) = self.ephemeral_storage {
            let (least, most) = (limits::EPHEMERAL_STORAGE_MIN, limits::EPHEMERAL_STORAGE_MAX);
            found.range("ephemeralStorage.size", size, least, most);
        }
        if let Some(tracing) = self.tracing {
            found.one_of("tracingConfig.mode", tracing, &["Active", "PassThrough"]);
        }
        if let Some(apply_on) = self.snap_start {
            found.one_of("snapStart.applyOn", apply_on, &["PublishedVersions", "None"]);
        }
        if let Some(logging) = self.logging {
            check_logging(logging, &mut found);
        }
        if let Some(vpc) = self.vpc {
            found.most("vpcConfig.subnetIds", &vpc.subnets, limits::VPC_SUBNETS);
            found.most("vpcConfig.securityGroupIds", &vpc.security_groups, limits::VPC_SECURITY_GROUPS);
        }
        if let Some(arn) = self.dead_letters {
            found.pattern("deadLetterConfig.targetArn", arn, arn::is_resource(arn), arn::RESOURCE_PATTERN);
        }
        found.check()?;
        if let Some(runtime) = self.runtime {
            parse_runtime(runtime)?;
        }
        if let Some(variables) = self.variables {
            check_variables(variables)?;
        }
        match self.dead_letters {
            None | Some("") => Ok(()),
            Some(arn) => check_dead_letters(arn),
        }
    }

    /// Writes what was given into `function`. Only after [`check`](Self::check).
    pub(super) fn apply(&self, function: &mut Function) -> Result<()> {
        if let Some(runtime) = self.runtime {
            function.runtime = parse_runtime(runtime)?;
        }
        if self.role.is_some_and(|role| role != function.role) {
            // They were the other role's.
            function.permissions.clear();
        }
        set(&mut function.role, self.role);
        set(&mut function.handler, self.handler);
        set(&mut function.description, self.description);
        // The ranges were checked: the numbers fit.
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        function.timeout = self.timeout.map_or(function.timeout, number);
        function.memory = self.memory.map_or(function.memory, number);
        function.ephemeral_storage = self.ephemeral_storage.map_or(function.ephemeral_storage, number);
        if let Some(variables) = self.variables {
            function.variables = variables.clone();
        }
        if let Some(layers) = self.layers {
            function.layers = layers.to_vec();
        }
        if let Some(tracing) = self.tracing {
            function.tracing = if tracing == "Active" { Tracing::Active } else { Tracing::PassThrough };
        }
        if let Some(logging) = self.logging {
            apply_logging(logging, function)?;
        }
        if let Some(arn) = self.dead_letters {
            function.dead_letters = Some(arn.to_owned()).filter(|arn| !arn.is_empty());
        }
        if let Some(vpc) = self.vpc {
            let VpcConfig { subnets, security_groups } = vpc.clone();
            function.network = match subnets.is_empty() && security_groups.is_empty() {
                true => Network::InternetIfPossible,
                false if function.runtime == Runtime::Wasm => {
                    return Err(Error::Unsupported(
                        "a WebAssembly function has no VPC: what it may reach is in `outbound` of its manifest".into(),
                    ));
                }
                false => Network::Vpc(Vpc { subnets, security_groups }),
            };
        }
        self.apply_wasm(function)
    }

    /// What the other settings leave of a function is a WebAssembly function whole, or none at all.
    fn apply_wasm(&self, function: &mut Function) -> Result<()> {
        let snapshot = self.snap_start.map(|apply_on| apply_on == "PublishedVersions");
        match function.runtime {
            Runtime::Wasm => {
                function.network = Network::None;
                function.driver = DriverChoice::Usual;
                function.snap_start = SnapStart::None;
                let wasm = function.wasm.get_or_insert_default();
                wasm.start = match snapshot {
                    Some(true) => WasmStart::Snapshot,
                    Some(false) => WasmStart::Fresh,
                    None => wasm.start,
                };
            }
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                function.snap_start = match snapshot {
                    Some(true) => SnapStart::PublishedVersions,
                    Some(false) => SnapStart::None,
                    None => function.snap_start,
                };
                check_snap_start(function)?;
                if function.wasm.take().is_some() {
                    function.network = Network::InternetIfPossible;
                }
            }
        }
        layers::check_runtime(function).and_then(|()| wasm::check(function)).map_err(Error::Invalid)
    }
}

/// Standard queues and topics alone (Lambda Developer Guide, "Adding a dead-letter queue"); Lambda's text is not documented.
pub(crate) fn check_dead_letters(arn: &str) -> Result<()> {
    let fits = Arn::parse(arn).is_some_and(|read| {
        matches!(read.service, "sqs" | "sns") && read.is_named() && !read.resource.ends_with(".fifo")
    });
    if fits {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "The dead letter ARN {arn} is invalid: it must be that of a standard queue or topic."
    )))
}

/// What Lambda refuses; its text for the storage is not documented.
fn check_snap_start(function: &Function) -> Result<()> {
    let refused = |what: String| {
        Err(Error::Invalid(format!("{what} is not supported for SnapStart enabled functions.")))
    };
    if function.snap_start.is_none() {
        return Ok(());
    }
    if !SnapStart::is_for(function.runtime, function.driver) {
        return refused(function.runtime.to_string());
    }
    if function.ephemeral_storage > limits::SNAPSHOT_STORAGE_MAX {
        return refused(format!("EphemeralStorage of more than {} MB", limits::SNAPSHOT_STORAGE_MAX));
    }
    Ok(())
}

fn set(to: &mut String, from: Option<&str>) {
    if let Some(from) = from {
        from.clone_into(to);
    }
}

const LEVELS: [LogLevel; 6] =
    [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error, LogLevel::Fatal];

fn check_logging(logging: &Logging, found: &mut Violations) {
    if let Some(format) = &logging.format {
        found.one_of("loggingConfig.logFormat", format, &["JSON", "Text"]);
    }
    if let Some(level) = &logging.application_level {
        found.one_of("loggingConfig.applicationLogLevel", level, &LEVELS.map(LogLevel::as_str));
    }
    if let Some(level) = &logging.system_level {
        found.one_of("loggingConfig.systemLogLevel", level, &["DEBUG", "INFO", "WARN"]);
    }
}

fn apply_logging(logging: &Logging, function: &mut Function) -> Result<()> {
    match logging.format.as_deref() {
        Some("JSON") => function.log_format = LogFormat::Json,
        Some(_) => {
            function.log_format = LogFormat::Text;
            function.log_level = LogLevel::default();
        }
        None => {}
    }
    let levels = logging.application_level.is_some() || logging.system_level.is_some();
    if levels && function.log_format == LogFormat::Text {
        return Err(Error::Invalid(
            "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or \
             change the LogFormat to \"JSON\" and try again."
                .into(),
        ));
    }
    if let Some(level) = &logging.application_level {
        let found = LEVELS.into_iter().find(|known| known.as_str() == level);
        function.log_level = found.unwrap_or_default();
    }
    if logging.system_level.as_deref().is_some_and(|level| level != "INFO") {
        return Err(Error::Unsupported(
            "LoggingConfig.SystemLogLevel other than INFO is not supported yet: leave it out".into(),
        ));
    }
    let group = format!("/aws/lambda/{}", function.lambda_name);
    if logging.group.as_ref().is_some_and(|given| *given != group) {
        return Err(Error::Unsupported(format!(
            "LoggingConfig.LogGroup other than {group} is not supported yet: leave it out"
        )));
    }
    Ok(())
}

/// Runtimes that Lambda has and Sonagi does not, by how they begin.
const ELSEWHERE: [&str; 5] = ["java", "dotnet", "ruby", "go1.x", "nodejs"];

fn parse_runtime(text: &str) -> Result<Runtime> {
    text.parse().map_err(|_| {
        let known = Runtime::ALL.map(|runtime| runtime.to_string()).join(", ");
        if ELSEWHERE.iter().any(|family| text.starts_with(family)) {
            return Error::Unsupported(format!("the runtime {text} is not supported here: use one of {known}"));
        }
        Error::Invalid(format!(
            "Value {text} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{known}] \
             or be a valid ARN"
        ))
    })
}

pub(super) fn parse_architecture(given: &[String]) -> Result<Architecture> {
    let shown = || format!("[{}]", given.join(", "));
    match given {
        [one] => match one.as_str() {
            "x86_64" => Ok(Architecture::X86_64),
            "arm64" => Ok(Architecture::Arm64),
            _ => Err(violated(
                "architectures",
                Some(&shown()),
                "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must \
                 not be null]",
            )),
        },
        [] => {
            Err(violated("architectures", Some("[]"), "Member must have length greater than or equal to 1"))
        }
        [..] => {
            Err(violated("architectures", Some(&shown()), "Member must have length less than or equal to 1"))
        }
    }
}

fn is_role(text: &str) -> bool {
    let path = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let partition = partition.is_empty()
        || partition
            .strip_prefix("aws")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'));
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    partition && account && resource.strip_prefix("role").is_some_and(path)
}
