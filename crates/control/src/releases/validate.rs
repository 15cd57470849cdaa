//! What a release may hold, whoever made it.

use std::collections::{BTreeMap, BTreeSet};

use sonagi_model::{
    function::{Function, SnapStart},
    limits,
    policy::{Document, Purpose},
    release::ReleaseContent,
};

use crate::{Error, Result, lambda, layers, wasm};

/// Names that Lambda sets itself ("Defined runtime environment variables", reserved).
const RESERVED: [&str; 18] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

pub(crate) const SNAPSHOT_AND_PROVISIONED: &str = "a function that starts from a snapshot cannot have provisioned concurrency, as on Lambda: choose one of the two";

pub(crate) fn snapshot_and_storage(size: u32) -> String {
    let most = limits::SNAPSHOT_STORAGE_MAX;
    format!("/tmp has {size} MB, and a function that starts from a snapshot may have {most}, as on Lambda")
}

/// Checks the content of a release that comes from outside.
pub(crate) fn check_content(content: &ReleaseContent) -> Result<()> {
    let invalid = |text: String| Err(Error::Invalid(text));
    if content.functions.len() > limits::FUNCTIONS_PER_APP {
        return invalid(format!(
            "the app has {} functions; the most is {}",
            content.functions.len(),
            limits::FUNCTIONS_PER_APP
        ));
    }
    layers::check_brought(content)?;
    let mut lambda_names = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (name, function) in &content.functions {
        if *name != function.name {
            return invalid(format!("the function {name} calls itself {}", function.name));
        }
        if !lambda_names.insert(&function.lambda_name) {
            return invalid(format!("two functions have the Lambda name {}", function.lambda_name));
        }
        check_function(function).map_err(|error| match error {
            Error::Invalid(text) => Error::Invalid(format!("function {name}: {text}")),
            other => other,
        })?;
        if let Some(url) = &function.url {
            check_id(&url.id.0)?;
            if !ids.insert(&url.id.0) {
                return invalid(format!("two APIs or function URLs have the id {}", url.id));
            }
        }
    }
    for api in &content.apis {
        check_id(&api.id.0)?;
        if !ids.insert(&api.id.0) {
            return invalid(format!("two APIs or function URLs have the id {}", api.id));
        }
        if api.routes.len() > limits::ROUTES_PER_API {
            return invalid(format!(
                "the API {} has {} routes; the most is {}",
                api.name,
                api.routes.len(),
                limits::ROUTES_PER_API
            ));
        }
        for route in &api.routes {
            if !content.functions.contains_key(&route.function) {
                return invalid(format!(
                    "the route {} {} leads to the function {}, which the app does not have",
                    route.method, route.path, route.function
                ));
            }
        }
    }
    Ok(())
}

fn check_id(id: &str) -> Result<()> {
    let fits =
        (1..=63).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(Error::Invalid(format!("{id:?} is not an id: it wants 1 to 63 lower-case letters and digits")))
}

/// A handler is passed on as an environment variable.
fn unprintable(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn check_function(function: &Function) -> Result<()> {
    let within = |what: &str, value: u32, least: u32, most: u32, unit: &str| {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Error::Invalid(format!("{what} is {value} {unit}; it must be from {least} to {most}")))
    };
    within("the memory", function.memory, limits::MEMORY_MIN, limits::MEMORY_MAX, "MB")?;
    within("the timeout", function.timeout, 1, limits::TIMEOUT_MAX, "s")?;
    let (least, most) = (limits::EPHEMERAL_STORAGE_MIN, limits::EPHEMERAL_STORAGE_MAX);
    within("the ephemeral storage", function.ephemeral_storage, least, most, "MB")?;
    let handler = &function.handler;
    if handler.is_empty() || handler.len() > limits::HANDLER_SIZE || handler.contains(unprintable) {
        return Err(Error::Invalid(format!(
            "the handler {handler:?} must have 1 to {} characters and no spaces",
            limits::HANDLER_SIZE
        )));
    }
    if function.description.chars().count() > limits::DESCRIPTION_SIZE {
        return Err(Error::Invalid(format!(
            "the description is longer than {} characters",
            limits::DESCRIPTION_SIZE
        )));
    }
    wasm::check(function).map_err(Error::Invalid)?;
    layers::check_runtime(function).map_err(Error::Invalid)?;
    if !function.snap_start.is_none() && !SnapStart::is_for(function.runtime, function.driver) {
        return Err(Error::Invalid(format!("{} does not start from a snapshot", function.runtime)));
    }
    if !function.snap_start.is_none() && function.ephemeral_storage > limits::SNAPSHOT_STORAGE_MAX {
        return Err(Error::Invalid(snapshot_and_storage(function.ephemeral_storage)));
    }
    if let Some(executions) = function.provisioned_concurrency {
        within(
            "the provisioned concurrency",
            executions,
            1,
            limits::ACCOUNT_CONCURRENCY_MAX,
            "environments",
        )?;
        if lambda::starts_from_snapshot(function) {
            return Err(Error::Invalid(SNAPSHOT_AND_PROVISIONED.into()));
        }
    }
    if let Some(declared) = &function.asynchronous {
        lambda::check_asynchronous(declared)?;
    }
    if let Some(arn) = &function.dead_letters {
        lambda::check_dead_letters(arn)?;
    }
    for mapping in &function.mappings {
        lambda::check_mapping(mapping)?;
    }
    check_permissions(&function.permissions)?;
    check_tags(&function.tags)?;
    check_variables(&function.variables)
}

fn check_permissions(permissions: &[Document]) -> Result<()> {
    let (count, most) = (permissions.len(), limits::FUNCTION_POLICIES);
    if count > most {
        return Err(Error::Invalid(format!("there are {count} policies; the most is {most}")));
    }
    let (size, most) =
        (permissions.iter().map(Document::size).sum::<usize>(), limits::FUNCTION_POLICIES_SIZE);
    if size > most {
        return Err(Error::Invalid(format!("the policies have {size} bytes; the most is {most}")));
    }
    for (index, document) in permissions.iter().enumerate() {
        document
            .check(Purpose::Identity)
            .map_err(|error| Error::Invalid(format!("policy {index}: {error}")))?;
    }
    Ok(())
}

/// Lambda's rules for environment variables, with Lambda's words.
pub(crate) fn check_variables(variables: &BTreeMap<String, String>) -> Result<()> {
    let reserved = reserved_names(variables.keys().map(String::as_str));
    if !reserved.is_empty() {
        return Err(Error::Invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used \
             in this request: {}",
            reserved.join(", ")
        )));
    }
    for (name, value) in variables {
        let mut letters = name.bytes();
        let fits = name.len() >= 2
            && letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits {
            return Err(Error::Constraint(format!(
                "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map \
                 keys must satisfy constraint: [Member must satisfy regular expression pattern: \
                 [a-zA-Z]([a-zA-Z0-9_])+] (got {name:?})"
            )));
        }
        if value.contains('\0') {
            return Err(Error::Invalid(format!(
                "the value of the environment variable {name} has a zero byte"
            )));
        }
    }
    // Lambda measures the variables as compact JSON, and shows it.
    let measured = serde_json::to_string(variables).unwrap_or_default();
    if measured.len() > limits::VARIABLES_SIZE {
        return Err(Error::Invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    Ok(())
}

/// Those of `names` that may not be set.
fn reserved_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.filter(|name| RESERVED.contains(name)).collect()
}

/// Lambda's rules for tags ("Tag restrictions").
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    if tags.len() > limits::TAGS {
        return Err(Error::Invalid("Number of tags exceeds resource tag limit.".into()));
    }
    for (key, value) in tags {
        if !(1..=limits::TAG_KEY_SIZE).contains(&key.chars().count()) {
            return Err(Error::Invalid(format!(
                "the tag key {key:?} must have 1 to {} characters",
                limits::TAG_KEY_SIZE
            )));
        }
        if value.chars().count() > limits::TAG_VALUE_SIZE {
            return Err(Error::Invalid(format!(
                "the value of the tag {key:?} is longer than {} characters",
                limits::TAG_VALUE_SIZE
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::Invalid(format!(
                "the tag key {key:?} begins with \"aws:\", which is reserved for AWS"
            )));
        }
    }
    Ok(())
}
