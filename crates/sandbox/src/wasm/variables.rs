//! A guest's environment variables: those of Lambda that make sense to a component, and the function's own.

use std::collections::BTreeMap;

use sonagi_model::function::LogFormat;

use crate::EnvironmentSpec;

/// "Defined runtime environment variables" (Lambda Developer Guide); there is no Runtime API and no folder to name.
pub(super) fn of(spec: &EnvironmentSpec) -> Vec<(String, String)> {
    let mut all: BTreeMap<String, String> = spec.variables.clone();
    let mut set = |name: &str, value: &str| {
        all.insert(name.into(), value.into());
    };
    set("AWS_REGION", &spec.region);
    set("AWS_DEFAULT_REGION", &spec.region);
    set("AWS_ACCESS_KEY_ID", &spec.credentials.access_key_id);
    set("AWS_SECRET_ACCESS_KEY", &spec.credentials.secret_access_key);
    set("AWS_SESSION_TOKEN", &spec.credentials.session_token);
    set("AWS_ENDPOINT_URL", &spec.endpoint);
    set("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", spec.runtime));
    set("AWS_LAMBDA_FUNCTION_NAME", &spec.function_name);
    set("AWS_LAMBDA_FUNCTION_VERSION", &spec.version);
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &spec.memory.to_string());
    set("AWS_LAMBDA_LOG_GROUP_NAME", &spec.log_group);
    set(
        "AWS_LAMBDA_LOG_FORMAT",
        match spec.log_format {
            LogFormat::Text => "Text",
            LogFormat::Json => "JSON",
        },
    );
    set("_HANDLER", &spec.handler);
    set("TZ", ":UTC");
    all.into_iter().collect()
}
