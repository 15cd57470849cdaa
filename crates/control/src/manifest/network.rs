//! What a function reaches beyond the platform: `network` of ours, `VpcConfig` of SAM's.

use sonagi_model::{
    NetworkName,
    function::{Network, Runtime, Vpc},
};

use super::{
    fields::{self, Fields},
    problem::Report,
};

/// `network = "none"`, `"internet"`, or the name of one that the server's operator has declared.
pub(super) fn native(fields: &Fields<'_>, runtime: Option<Runtime>, report: &Report) -> Network {
    let Some((key, node)) = fields.entry("network") else { return Network::None };
    if runtime == Some(Runtime::Wasm) {
        let message = "a WebAssembly function has no `network`";
        report.problem_with_help(&key.span, message, "list the hosts that it may reach in `outbound`");
        return Network::None;
    }
    if node.list().is_some() {
        let help = "write its name alone, such as `network = \"office\"`";
        report.problem_with_help(&node.span, "a function has one network", help);
        return Network::None;
    }
    let Some(text) = fields::text(node, "`network`", report) else { return Network::None };
    match text.as_str() {
        "none" => Network::None,
        "internet" => Network::Internet,
        name => {
            // Which names there are, the server knows; what is nearly one of ours was hardly meant to be one.
            if strsim::damerau_levenshtein(name, "internet") == 1 {
                let message = format!("`network` is {name:?}, which is nearly \"internet\"");
                report.problem_with_help(&node.span, message, "did you mean internet?");
                return Network::None;
            }
            match NetworkName::new(name) {
                Ok(name) => Network::Named(name),
                Err(error) => {
                    report.problem(&node.span, error.to_string());
                    Network::None
                }
            }
        }
    }
}

/// Without a `VpcConfig` a function has the internet, as on Lambda; one with empty lists is none.
pub(super) fn sam(fields: &Fields<'_>, runtime: Option<Runtime>, report: &Report) -> Network {
    let Some(vpc) = fields.fields("VpcConfig") else { return usual(runtime) };
    let ids = |key| {
        let ids = vpc.texts(key).unwrap_or_default();
        ids.into_iter().filter(|id| !id.is_empty()).collect::<Vec<_>>()
    };
    let (subnets, security_groups) = (ids("SubnetIds"), ids("SecurityGroupIds"));
    if vpc.flag("Ipv6AllowedForDualStack") == Some(true) {
        let message = "`Ipv6AllowedForDualStack` cannot be true: functions have IPv4 alone";
        report.problem_with_help(&vpc.span_of("Ipv6AllowedForDualStack"), message, "leave it out");
    }
    vpc.finish();
    if subnets.is_empty() && security_groups.is_empty() {
        return usual(runtime);
    }
    let span = fields.span_of("VpcConfig");
    if subnets.is_empty() || security_groups.is_empty() {
        let message = "`SubnetIds` and `SecurityGroupIds` of `VpcConfig` must be there both, or neither";
        report.problem(&span, message);
        return usual(runtime);
    }
    if runtime == Some(Runtime::Wasm) {
        let message = "a WebAssembly function has no `VpcConfig`";
        report.problem_with_help(&span, message, "list the hosts that it may reach in `Outbound`");
        return Network::None;
    }
    Network::Vpc(Vpc { subnets, security_groups })
}

/// What functions have that were written for Lambda.
pub(super) fn usual(runtime: Option<Runtime>) -> Network {
    match runtime {
        Some(Runtime::Wasm) | None => Network::None,
        Some(Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_)) => {
            Network::InternetIfPossible
        }
    }
}
