//! What a machine lacks to give environments a network.

use std::{net::Ipv4Addr, path::PathBuf};

use rustix::thread::CapabilitySet;
use sonagi_model::network::{NamedNetwork, ToInternet, Way};

use super::{helper, links, netlink::Socket, rules};

/// Any address of the internet's: what is asked about it goes no further than this machine's routes.
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

pub(super) const NO_FILTER: &str = "this machine's kernel has no packet filter for environments: load the module nf_tables (`modprobe nf_tables`)";

pub(super) fn no_bridge(name: &str) -> String {
    format!(
        "this machine has no bridge {name}: make it (`ip link add {name} type bridge`), or correct the file of networks"
    )
}

/// What networks are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tools {
    /// By root, with nft.
    Root(PathBuf),
    /// By an ordinary user.
    Helper(helper::Program),
}

impl Tools {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Root(_) => "nftables",
            Self::Helper(program) => program.name(),
        }
    }
}

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    Internet,
    Named(&'a NamedNetwork),
}

/// What makes it, where the machine has all that is needed.
///
/// # Errors
/// What is lacking, and what to do about it.
pub(super) fn fit(wanted: Wanted<'_>) -> Result<Tools, String> {
    let tools = tools()?;
    match (&tools, wanted) {
        (Tools::Root(_), Wanted::Internet) => forwards(SOMEWHERE)?,
        (Tools::Root(_), Wanted::Named(network)) => has(network)?,
        (Tools::Helper(_), Wanted::Internet) => {}
        (Tools::Helper(program), Wanted::Named(network)) => match network.way {
            Way::Translated { source: None } => {}
            Way::Translated { source: Some(_) } | Way::Bridge { .. } => {
                return Err(format!(
                    "the network {} has a {}, which a server that runs as root alone can give functions, not {}: start \
                     it as root, or as a service with packaging/sonagi.service",
                    network.name,
                    if matches!(network.way, Way::Bridge { .. }) { "bridge" } else { "static address" },
                    program.name()
                ));
            }
        },
    }
    Ok(tools)
}

/// What root needs for any network, if this process may use it.
pub(super) fn of_root() -> Result<PathBuf, String> {
    rules::program().ok_or_else(|| {
        "the program nft is missing, which keeps functions out of private networks: install nftables (apt-get \
         install nftables)"
            .into()
    })
}

pub(super) fn is_root() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::NET_ADMIN))
}

fn tools() -> Result<Tools, String> {
    if is_root() {
        return of_root().map(Tools::Root);
    }
    let program = helper::Program::find().ok_or_else(|| {
        "a server that does not run as root gives functions a network by pasta or slirp4netns, and this machine has \
         neither: install passt (apt-get install passt) or slirp4netns, or start the server as root"
            .to_owned()
    })?;
    // Opening it makes nothing yet.
    match std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(Tools::Helper(program)),
        Err(error) => Err(format!(
            "{} makes a function's network with /dev/net/tun, which this user cannot open ({error}): `modprobe tun`, \
             and `chmod 0666 /dev/net/tun` as root, which is what most systems have",
            program.name()
        )),
    }
}

/// Whether the machine has what a network needs, as root.
fn has(network: &NamedNetwork) -> Result<(), String> {
    match &network.way {
        Way::Bridge { bridge, .. } => match std::fs::exists(format!("/sys/class/net/{bridge}/bridge")) {
            Ok(true) => return Ok(()),
            // The folder may not be this network namespace's: the kernel is asked when it is used.
            Ok(false) | Err(_) => {
                let found = Socket::route().and_then(|socket| links::index(&socket, bridge));
                return if found.is_ok_and(|found| found.is_some()) {
                    Ok(())
                } else {
                    Err(no_bridge(bridge))
                };
            }
        },
        Way::Translated { source: Some(source) } => {
            let own = Socket::route().and_then(|socket| links::own(&socket));
            let own =
                own.map_err(|error| format!("the kernel does not tell this machine's addresses: {error}"))?;
            if !own.contains(source) {
                return Err(format!(
                    "the network {} has the address {source}, and no interface of this machine has it: give it one \
                     (`ip addr add {source}/32 dev …`), or correct the file of networks",
                    network.name
                ));
            }
        }
        Way::Translated { source: None } => {}
    }
    let internet = (network.internet == ToInternet::Yes).then_some(SOMEWHERE);
    network.allow.iter().map(|to| to.range.first()).chain(internet).try_for_each(forwards)
}

/// Whether the machine passes on what comes back from `destination`.
fn forwards(destination: Ipv4Addr) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the kernel does not tell this machine's routes: {error}");
    let way = links::way_to(&Socket::route().map_err(failed)?, destination).map_err(failed)?;
    // Without a way the machine reaches nothing itself, and functions reach as much.
    let Some(interface) = way.filter(|interface| interface != "lo") else { return Ok(()) };
    let setting = format!("/proc/sys/net/ipv4/conf/{interface}/forwarding");
    match std::fs::read_to_string(&setting) {
        Ok(value) if value.trim() == "0" => Err(format!(
            "this machine does not forward what comes in at {interface}, its way to {}: `sysctl -w \
             net.ipv4.conf.{interface}.forwarding=1` has it do so (or net.ipv4.ip_forward=1 for all interfaces; \
             a line in /etc/sysctl.d keeps it)",
            if destination == SOMEWHERE { "the internet".to_owned() } else { destination.to_string() }
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{setting} cannot be read: {error}")),
    }
}
