//! What a machine lacks to give environments the internet.

use std::{net::Ipv4Addr, path::PathBuf};

use rustix::thread::CapabilitySet;

use super::{links, netlink::Socket, rules};

/// Any address of the internet's: what is asked about it goes no further than this machine's routes.
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

/// The program that makes rules, where the machine has all that is needed.
///
/// # Errors
/// What is lacking, and what to do about it.
pub(super) fn fit() -> Result<PathBuf, String> {
    let program = tools()?;
    forwards()?;
    Ok(program)
}

/// The same, if this process may use it.
pub(super) fn tools() -> Result<PathBuf, String> {
    let may =
        rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::NET_ADMIN));
    if !may {
        return Err("only a server that runs as root can give functions the internet: start it as root, or as a \
                    service with packaging/sonagi.service (a way without root, by pasta or slirp4netns, is not \
                    there yet)"
            .into());
    }
    rules::program().ok_or_else(|| {
        "the program nft is missing, which keeps functions out of private networks: install nftables (apt-get \
         install nftables)"
            .into()
    })
}

/// Whether the machine passes answers on. Asked before each start: it may have moved to another network.
pub(super) fn forwards() -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the kernel does not tell this machine's routes: {error}");
    let way = links::way_to(&Socket::route().map_err(failed)?, SOMEWHERE).map_err(failed)?;
    // Without a way the machine reaches nothing itself, and functions reach as much.
    let Some(interface) = way else { return Ok(()) };
    let setting = format!("/proc/sys/net/ipv4/conf/{interface}/forwarding");
    match std::fs::read_to_string(&setting) {
        Ok(value) if value.trim() == "0" => Err(format!(
            "this machine does not forward what comes in at {interface}, its way to the internet: `sysctl -w \
             net.ipv4.conf.{interface}.forwarding=1` has it do so (or net.ipv4.ip_forward=1 for all interfaces; \
             a line in /etc/sysctl.d keeps it)"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{setting} cannot be read: {error}")),
    }
}
