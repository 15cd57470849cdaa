//! A virtual machine's network: a namespace that is connected as an environment's is, and passes on what the machine sends.
//!
//! ```text
//!   machine                        its monitor's namespace                                     this machine
//!   eth0 198.19.255.2 ══ tap0 ══ tap0 198.19.255.1 ─► rules ─► masquerade ─► eth0 198.18.0.2 ══ pair ══ …
//! ```
//!
//! All that differs between two machines is on the namespace's other side. So a machine finds the same addresses in
//! whichever it is restored.

use std::{
    fs, io,
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use sonagi_model::{function::Network, network::Way};

use super::{
    Attachment, Inside, Namespace, Networks, NoNetwork, Walls, Whose,
    addresses::{RESOLVER, hardware},
    failed, links, namespace,
    netlink::Socket,
    policy::Policy,
    survey::{NO_FILTER, Tools},
    wall,
};
use crate::launcher;

pub(super) const NOT_ROOT: &str =
    "a virtual machine's network is made by root, with nft: run the server as root";

/// What else a machine's network takes.
pub(super) fn lacking(tools: &Tools) -> Option<String> {
    match tools {
        Tools::Helper(_) => Some(NOT_ROOT.into()),
        // Opening it makes nothing yet.
        Tools::Root(_) => fs::OpenOptions::new().read(true).write(true).open(namespace::DEVICE).err().map(|error| {
            let device = namespace::DEVICE;
            format!("a virtual machine's interface is made with {device}, which cannot be opened ({error}): `modprobe tun`")
        }),
    }
}

/// A network namespace with an interface for a machine, connected. Dropping it, after the machine's end, frees its address.
#[derive(Debug)]
pub struct Wire {
    // Before the address is given to another, nothing has it any more.
    namespace: OwnedFd,
    _attachment: Attachment,
}

impl Wire {
    /// The interface's name in its namespace, which a monitor opens.
    pub const TAP: &str = "tap0";
    /// The machine's own address, and the way to all others; the bits that both begin with.
    pub(crate) const MACHINE: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 2);
    pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 1);
    pub(crate) const PREFIX: u8 = 30;
    /// Whom the machine asks for names.
    pub(crate) const RESOLVER: Ipv4Addr = RESOLVER;

    /// The machine's hardware address, as it is written.
    pub fn hardware() -> String {
        hardware(Self::MACHINE).map(|byte| format!("{byte:02x}")).join(":")
    }

    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

impl Networks {
    /// What a machine is to be connected to whose monitor runs as `user`, none: as this program. Nothing, if its function
    /// asks for nothing, or does not insist on what cannot be had. Blocks for a moment.
    ///
    /// # Errors
    /// Why there is no network that the function insists on.
    pub fn wire(&self, network: &Network, user: Option<u32>) -> Result<Option<Wire>, NoNetwork> {
        let granted = self.granted(network, Whose::Machine);
        let granted = granted.map_err(|unknown| NoNetwork::Lacking(unknown.to_string()))?;
        let Some(grant) = granted else { return Ok(None) };
        if let Some(help) = self.lacking(grant, Whose::Machine) {
            return Err(NoNetwork::Lacking(help));
        }
        let made = namespace::in_a_new_one(move || furnish(user));
        let (namespace, mut room) = made.map_err(failed("make a virtual machine's network"))?;
        let policy = match self.named(grant).map(|network| (network, &network.way)) {
            // The machine's own rules see to it.
            None | Some((_, Way::Translated { .. })) => Policy::open(),
            Some((network, Way::Bridge { .. })) => Policy::named(network, &[]),
        };
        let filter = room.filter.take().ok_or_else(|| NoNetwork::Lacking(NO_FILTER.into()))?;
        wall::raise_before_machine(&filter, (room.tap, Wire::MACHINE), RESOLVER, &policy)
            .map_err(failed("load the rules of a virtual machine's network"))?;
        let attached = self.attach(grant, Namespace::File(namespace.as_fd()), room.inside)?;
        let Some(_attachment) = attached else { return Ok(None) };
        let own = (Wire::GATEWAY, Wire::PREFIX);
        links::set_up_towards_machine(&room.routes, room.tap, own, Wire::MACHINE)
            .map_err(failed("connect a virtual machine"))?;
        Ok(Some(Wire { namespace, _attachment }))
    }
}

/// What a namespace is connected with.
struct Room {
    inside: Inside,
    routes: Socket,
    filter: Option<Socket>,
    tap: u32,
}

/// In the namespace itself.
fn furnish(user: Option<u32>) -> io::Result<Room> {
    namespace::make_tap(Wire::TAP, user)?;
    fs::write("/proc/sys/net/ipv4/conf/all/forwarding", "1")?;
    // Absent where the kernel has no IPv6.
    let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    let routes = Socket::route()?;
    // First: while nothing has an address, the kernel takes that of the resolver's sockets for one of everybody's, and
    // answers from another.
    links::loopback_up(&routes)?;
    let mut files = launcher::network_sockets()?;
    let inside = Inside::of(&mut files, 0).ok_or(io::ErrorKind::InvalidData)?;
    let (inside, filter) = match inside.walls {
        Walls::ToRaise(filter) => (Inside { walls: Walls::Raised, ..inside }, Some(Socket::over(filter)?)),
        Walls::Raised | Walls::Impossible => (inside, None),
    };
    let tap = links::index(&routes, Wire::TAP)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(Room { inside, routes, filter, tap })
}
