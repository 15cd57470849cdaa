//! The file in which an operator declares networks for functions; `docs/isolation.md` is its reference.
//!
//! ```toml
//! [network.office]
//! allow = ["10.20.0.0/16", "192.168.7.5/32:5432"]
//! ```

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use sonagi_model::{
    NetworkName, limits,
    network::{Addresses, Destination, METADATA, NamedNetwork, Networks, Range, ToInternet, Way},
};

use crate::manifest::{Data, Fields, ManifestError, Node, Report, read_text, toml};

/// Where functions lead nowhere, whatever an operator says: this machine's own loopback addresses, what is sent to
/// many, and what environments have among themselves.
const NEVER: [(Range, &str); 5] = [
    (Range::new(Ipv4Addr::UNSPECIFIED, 8), "of no network"),
    (Range::new(Ipv4Addr::LOCALHOST, 8), "the function's own"),
    (Range::new(Ipv4Addr::new(198, 18, 0, 0), 15), "those of environments"),
    (Range::new(Ipv4Addr::new(224, 0, 0, 0), 4), "of groups"),
    (Range::new(Ipv4Addr::new(240, 0, 0, 0), 4), "reserved"),
];

/// Reads the file.
///
/// # Errors
/// Everything that is wrong with it, at once, each with its line.
pub fn read(path: &Path) -> Result<Networks, ManifestError> {
    let text = read_text(path, limits::NETWORKS_SIZE)?;
    let report = Report::new(text.clone());
    let networks = toml::parse(&text, &report).map(|tree| all(&tree, &report)).unwrap_or_default();
    report.finish(path.into())?;
    Ok(networks)
}

fn all(tree: &Node, report: &Report) -> Networks {
    let mut networks: Vec<NamedNetwork> = Vec::new();
    let Some(top) = Fields::of(tree, "the file", report) else { return Networks::default() };
    if !top.has("network") {
        top.missing("network", "declare one as `[network.office]` with its `allow`");
    }
    let tables = top.get("network").and_then(Node::map).unwrap_or_default();
    for (key, node) in tables {
        let Some(fields) = Fields::of(node, format!("network `{}`", key.text), report) else { continue };
        let fields = fields.at(&key.span);
        let name = NetworkName::new(&key.text);
        if let Err(error) = &name {
            report.problem(&key.span, error.to_string());
        }
        // Under some name, so that the other problems are found as well.
        let name = name.or_else(|_| NetworkName::new("unnamed"));
        let network = name.ok().and_then(|name| one(name, &fields, report));
        fields.finish();
        let Some(network) = network else { continue };
        for other in &networks {
            if let Some(id) = network.subnets.iter().find(|id| other.subnets.contains(id)) {
                let message = format!("the subnet {id:?} belongs to the network `{}` already", other.name);
                report.problem(&key.span, message);
            }
            let taken = addresses(&network).zip(addresses(other));
            if let Some((own, theirs)) = taken
                && own.first <= theirs.last
                && theirs.first <= own.last
            {
                let message = format!("it has addresses that the network `{}` has already", other.name);
                report.problem(&key.span, message);
            }
        }
        networks.push(network);
    }
    if let Some(node) = top.get("network")
        && node.map().is_none()
    {
        report.problem(&node.span, format!("`network` must be a table, and is {}", node.kind()));
    }
    if networks.len() > limits::NETWORKS {
        report.problem(&tree.span, format!("more than {} networks", limits::NETWORKS));
    }
    top.finish();
    Networks(networks)
}

fn addresses(network: &NamedNetwork) -> Option<Addresses> {
    match &network.way {
        Way::Translated { .. } => None,
        Way::Bridge { addresses, .. } => Some(*addresses),
    }
}

fn one(name: NetworkName, fields: &Fields<'_>, report: &Report) -> Option<NamedNetwork> {
    let allow = entries(fields, "allow", report)
        .into_iter()
        .filter_map(|(node, text)| destination(&text).map_err(|wrong| report.problem(&node.span, wrong)).ok())
        .collect::<Vec<_>>();
    let internet = match fields.flag("internet") {
        Some(true) => ToInternet::Yes,
        Some(false) | None => ToInternet::No,
    };
    if !fields.has("allow") && internet == ToInternet::No {
        fields.missing("allow", "such as `allow = [\"10.20.0.0/16\"]`, or `internet = true`");
    }
    if allow.len() > limits::NETWORK_RANGES {
        report.problem(&fields.span_of("allow"), format!("more than {} ranges", limits::NETWORK_RANGES));
    }
    let dns = entries(fields, "dns", report)
        .into_iter()
        .filter_map(|(node, text)| {
            let wrong = |_| report.problem(&node.span, format!("{text:?} is no address of a name server"));
            text.parse::<IpAddr>().map_err(wrong).ok()
        })
        .collect::<Vec<_>>();
    if dns.len() > limits::RESOLVERS {
        report.problem(&fields.span_of("dns"), format!("more than {} name servers", limits::RESOLVERS));
    }
    let way = way(fields, report);
    let ids = |key| {
        let ids: Vec<String> = entries(fields, key, report).into_iter().map(|(_, id)| id).collect();
        if ids.len() > limits::NETWORK_IDS {
            report.problem(&fields.span_of(key), format!("more than {} ids", limits::NETWORK_IDS));
        }
        ids
    };
    let (subnets, security_groups) = (ids("subnets"), ids("security-groups"));
    let vpc = fields.text("vpc").unwrap_or_else(|| NamedNetwork::usual_vpc(&name));
    Some(NamedNetwork { name, allow, internet, way: way?, dns, vpc, subnets, security_groups })
}

/// The texts of a list, each with its place.
fn entries<'a>(fields: &Fields<'a>, key: &'static str, report: &Report) -> Vec<(&'a Node, String)> {
    let what = format!("an entry of `{key}`");
    let list = fields.list(key).unwrap_or_default();
    list.iter()
        .filter_map(|node| match &node.data {
            Data::Text(text) => Some((node, text.clone())),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) | Data::Broken => {
                report.problem(&node.span, format!("{what} must be text, and is {}", node.kind()));
                None
            }
        })
        .collect()
}

fn destination(text: &str) -> Result<Destination, String> {
    let destination: Destination = text.parse()?;
    let range = destination.range;
    if let Some(metadata) = METADATA.iter().find(|metadata| range.within(**metadata)) {
        return Err(format!(
            "{range} is of {metadata}, where clouds keep their machines' secrets: no function gets there"
        ));
    }
    if let Some((_, why)) = NEVER.iter().find(|(never, _)| range.within(*never)) {
        return Err(format!("no function gets to {range}: these addresses are {why}"));
    }
    Ok(destination)
}

fn way(fields: &Fields<'_>, report: &Report) -> Option<Way> {
    let address = fields.text("address");
    let gateway = fields.text("gateway");
    let Some(bridge) = fields.text("bridge") else {
        if gateway.is_some() {
            let message =
                "`gateway` is for a network with a `bridge`: without one the machine is the gateway";
            report.problem(&fields.span_of("gateway"), message);
        }
        let source = match address.as_deref().map(str::parse) {
            Some(Err(_)) => {
                report.problem_with_help(
                    &fields.span_of("address"),
                    "without a `bridge` the `address` is a single one of this machine's",
                    "write it as \"10.20.0.50\", or name the `bridge` that functions are connected to",
                );
                None
            }
            Some(Ok(source)) => Some(source),
            None => None,
        };
        return Some(Way::Translated { source });
    };
    // As `IFNAMSIZ` and the kernel's `dev_valid_name` have it.
    let fits = |c: u8| c.is_ascii_graphic() && !matches!(c, b'/' | b':' | b'"' | b'\\');
    if bridge.is_empty()
        || bridge.len() > 15
        || matches!(bridge.as_str(), "." | "..")
        || !bridge.bytes().all(fits)
    {
        report.problem(&fields.span_of("bridge"), format!("{bridge:?} cannot be an interface's name"));
    }
    let Some(address) = address else {
        let help = "such as `address = \"10.20.0.50-10.20.0.99/24\"`: one for each environment at a time";
        fields.missing("address", help);
        return None;
    };
    let problem = |wrong| report.problem(&fields.span_of("address"), wrong);
    let addresses = row(&address).map_err(problem).ok()?;
    let gateway = match gateway.as_deref().map(str::parse::<Ipv4Addr>) {
        None => None,
        Some(Ok(gateway))
            if addresses.range().contains(gateway) && !addresses.iter().any(|own| own == gateway) =>
        {
            Some(gateway)
        }
        Some(_) => {
            let message =
                format!("`gateway` must be an address of {} that is not handed out", addresses.range());
            report.problem(&fields.span_of("gateway"), message);
            None
        }
    };
    Some(Way::Bridge { bridge, addresses, gateway })
}

/// `10.20.0.50/24`, or `10.20.0.50-10.20.0.99/24`.
fn row(text: &str) -> Result<Addresses, String> {
    let wrong = || {
        format!(
            "{text:?} is neither an address with the size of its network (\"10.20.0.50/24\") nor the first and the last \
             of some (\"10.20.0.50-10.20.0.99/24\")"
        )
    };
    let (addresses, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let (first, last) = addresses.split_once('-').unwrap_or((addresses, addresses));
    let prefix: u8 = prefix.parse().ok().filter(|bits| (8..=31).contains(bits)).ok_or_else(wrong)?;
    let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) else {
        return Err(wrong());
    };
    let range = Range::new(first, prefix);
    if last < first || !range.contains(last) {
        return Err(wrong());
    }
    let end = Ipv4Addr::from_bits(range.first().to_bits() | !range.mask().to_bits());
    if prefix < 31 && (first == range.first() || last == end) {
        return Err(format!(
            "{text:?} holds the first or the last address of {range}, which nobody can have"
        ));
    }
    let addresses = Addresses { first, last, prefix };
    if addresses.count() > limits::NETWORK_ADDRESSES {
        return Err(format!("{text:?} is more than {} addresses", limits::NETWORK_ADDRESSES));
    }
    Ok(addresses)
}
