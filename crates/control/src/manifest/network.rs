//! What a function reaches beyond the platform: `network` of ours, `VpcConfig` of SAM's.

use sonagi_model::function::{Network, Runtime};

use super::{
    fields::Fields,
    problem::Report,
    tree::{Data, Node},
};

/// `network = "none"` or `"internet"`.
pub(super) fn native(fields: &Fields<'_>, runtime: Option<Runtime>, report: &Report) -> Network {
    let Some((key, node)) = fields.entry("network") else { return Network::None };
    if runtime == Some(Runtime::Wasm) {
        let message = "a WebAssembly function has no `network`";
        report.problem_with_help(&key.span, message, "list the hosts that it may reach in `outbound`");
        return Network::None;
    }
    if node.list().is_some() {
        let help = "\"internet\" is all public addresses, \"none\" is nothing";
        report.problem_with_help(&node.span, "networks by name are not there yet", help);
        return Network::None;
    }
    fields.choice("network", &[("none", Network::None), ("internet", Network::Internet)]).unwrap_or_default()
}

/// Without a `VpcConfig` a function has the internet, as on Lambda; one with empty lists is none.
pub(super) fn sam(fields: &Fields<'_>, runtime: Option<Runtime>, report: &Report) -> Network {
    if let Some((key, node)) = fields.entry("VpcConfig")
        && !is_empty(node)
    {
        let help =
            "without `VpcConfig` the function reaches the internet, as on Lambda, and no private network";
        report.problem_with_help(&key.span, "`VpcConfig` names networks, which are not there yet", help);
    }
    usual(runtime)
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

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Null | Data::Broken => true,
        Data::Bool(_) | Data::Number(_) => false,
        Data::Text(text) => text.is_empty(),
        Data::List(items) => items.iter().all(is_empty),
        // `Ipv6AllowedForDualStack: false` says nothing either.
        Data::Map(entries) => {
            entries.iter().all(|(_, value)| is_empty(value) || value.scalar() == Some("false"))
        }
    }
}
