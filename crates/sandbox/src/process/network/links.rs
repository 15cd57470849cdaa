//! Interfaces, addresses and routes, as messages (`linux/rtnetlink.h`, `if_link.h`, `neighbour.h`).

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use super::{
    addresses::hardware,
    netlink::{CREATE_NEW, CREATE_OR_REPLACE, Message, Socket, attribute},
};

const LINK_NEW: u16 = 16;
const LINK_DELETE: u16 = 17;
const LINK_GET: u16 = 18;
const ADDRESS_NEW: u16 = 20;
const ADDRESS_GET: u16 = 22;
const ROUTE_NEW: u16 = 24;
const ROUTE_GET: u16 = 26;
const NEIGHBOUR_NEW: u16 = 28;
const NEIGHBOUR_DELETE: u16 = 29;

const INET: u8 = libc::AF_INET as u8;
const BRIDGE: u8 = libc::AF_BRIDGE as u8;

const UP: u32 = libc::IFF_UP as u32;
const LINK_ADDRESS: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_MASTER: u16 = 10;
const LINK_INFO: u16 = 18;
const LINK_NAMESPACE_PID: u16 = 19;
const LINK_NAMESPACE_FILE: u16 = 28;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const INFO_PORT_KIND: u16 = 4;
const INFO_PORT_DATA: u16 = 5;
const VETH_PEER: u16 = 1;
const PORT_LEARNING: u16 = 8;
const PORT_UNICAST_FLOOD: u16 = 9;
const PORT_MULTICAST_FLOOD: u16 = 27;
const PORT_BROADCAST_FLOOD: u16 = 30;
const PORT_ISOLATED: u16 = 33;

const PERMANENT: u16 = 0x80;
const NO_ARP: u16 = 0x40;
/// The entry belongs to the bridge that the interface is a port of.
const OF_THE_BRIDGE: u8 = 0x04;
const ROUTE_MAIN: u8 = 254;
const BY_THE_OPERATOR: u8 = 4;
const UNIVERSE: u8 = 0;
const UNICAST: u8 = 1;
const ON_LINK: u32 = 4;

/// The index of every namespace's loopback interface.
const LOOPBACK: u32 = 1;

/// What an environment's only interface is called in there.
pub(super) const INSIDE: &str = "eth0";

fn link(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut fixed = [0; 16];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
    fixed[12..16].copy_from_slice(&change.to_ne_bytes());
    fixed
}

fn neighbour(family: u8, index: u32, state: u16, flags: u8) -> [u8; 12] {
    let mut fixed = [0; 12];
    fixed[0] = family;
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..10].copy_from_slice(&state.to_ne_bytes());
    fixed[10] = flags;
    fixed
}

fn address(index: u32, address: Ipv4Addr, prefix: u8) -> Message {
    let [a, b, c, d] = index.to_ne_bytes();
    let fixed = [INET, prefix, 0, UNIVERSE, a, b, c, d];
    Message::new(ADDRESS_NEW, CREATE_NEW, &fixed).with(1, &address.octets()).with(2, &address.octets())
}

/// The index of the interface called `name`; none if there is none.
pub(super) fn index(socket: &Socket, name: &str) -> io::Result<Option<u32>> {
    let message = Message::new(LINK_GET, 0, &[0; 16]).with_text(LINK_NAME, name);
    match socket.ask(message, |body| Some(u32::from_ne_bytes(*body.get(4..)?.first_chunk()?))) {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        other => other,
    }
}

/// The names of all interfaces.
pub(super) fn names(socket: &Socket) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    socket.list(Message::new(LINK_GET, 0, &[0; 16]), |body| {
        names.extend(attribute(body, 16, LINK_NAME).map(text));
    })?;
    Ok(names)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').into()
}

/// The addresses that this machine has.
pub(super) fn own(socket: &Socket) -> io::Result<Vec<Ipv4Addr>> {
    const LOCAL: u16 = 2;
    let mut own = Vec::new();
    socket.list(Message::new(ADDRESS_GET, 0, &[INET, 0, 0, 0, 0, 0, 0, 0]), |body| {
        let octets = attribute(body, 8, LOCAL).and_then(<[u8]>::first_chunk::<4>);
        own.extend(octets.map(|octets| Ipv4Addr::from(*octets)));
    })?;
    Ok(own)
}

/// Ranges of addresses that this machine has, or knows a way to.
pub(super) fn ranges(socket: &Socket) -> io::Result<Vec<(Ipv4Addr, u8)>> {
    let mut ranges = Vec::new();
    let mut range = |body: &[u8], fixed| {
        let octets = attribute(body, fixed, 1).and_then(<[u8]>::first_chunk::<4>);
        ranges.extend(octets.zip(body.get(1)).map(|(octets, &prefix)| (Ipv4Addr::from(*octets), prefix)));
    };
    // Both begin with the family and the length of the prefix, and have the address as attribute 1.
    socket.list(Message::new(ADDRESS_GET, 0, &[INET, 0, 0, 0, 0, 0, 0, 0]), |body| range(body, 8))?;
    let all = [INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    socket.list(Message::new(ROUTE_GET, 0, &all), |body| range(body, 12))?;
    Ok(ranges)
}

/// The interface by which this machine would reach `destination`; none if it knows no way.
pub(super) fn way_to(socket: &Socket, destination: Ipv4Addr) -> io::Result<Option<String>> {
    const OUT: u16 = 4;
    let fixed = [INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let question = Message::new(ROUTE_GET, 0, &fixed).with(1, &destination.octets());
    let index = |body: &[u8]| attribute(body, 12, OUT)?.first_chunk().map(|index| u32::from_ne_bytes(*index));
    let Ok(Some(index)) = socket.ask(question, index) else { return Ok(None) };
    let question = Message::new(LINK_GET, 0, &link(index, 0, 0));
    socket.ask(question, |body| attribute(body, 16, LINK_NAME).map(text))
}

/// A bridge that is up and has `gateway`; its index.
pub(super) fn make_bridge(socket: &Socket, name: &str, gateway: Ipv4Addr, prefix: u8) -> io::Result<u32> {
    let make = Message::new(LINK_NEW, CREATE_NEW, &link(0, UP, UP))
        .with_text(LINK_NAME, name)
        .with(LINK_ADDRESS, &hardware(gateway))
        .nested(LINK_INFO, |info| info.with(INFO_KIND, b"bridge"));
    socket.carry_out(vec![make])?;
    let index = index(socket, name)?.ok_or(io::ErrorKind::NotFound)?;
    socket.carry_out(vec![address(index, gateway, prefix)])?;
    Ok(index)
}

/// Nothing goes through it any more.
pub(super) fn set_down(socket: &Socket, name: &str) -> io::Result<()> {
    match socket.carry_out(vec![Message::new(LINK_NEW, 0, &link(0, 0, UP)).with_text(LINK_NAME, name)]) {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        other => other,
    }
}

pub(super) fn remove(socket: &Socket, name: &str) -> io::Result<()> {
    match socket.carry_out(vec![Message::new(LINK_DELETE, 0, &[0; 16]).with_text(LINK_NAME, name)]) {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        other => other,
    }
}

/// One environment's end of a pair, and where it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port<'a> {
    pub(super) name: &'a str,
    pub(super) bridge: u32,
    pub(super) address: Ipv4Addr,
    pub(super) owner: Owner,
    pub(super) namespace: Namespace<'a>,
}

/// An environment's network namespace.
#[derive(Debug, Clone, Copy)]
pub(in crate::process) enum Namespace<'a> {
    /// Of this process.
    Process(i32),
    File(BorrowedFd<'a>),
}

/// Whose bridge it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Ours: nobody asks who has an address, everybody is told.
    Server,
    /// The operator's: others ask.
    Operator,
}

/// Makes the pair; the index of the end that is here. The end in there is down.
pub(super) fn make_port(socket: &Socket, port: &Port<'_>) -> io::Result<u32> {
    let make = Message::new(LINK_NEW, CREATE_NEW, &link(0, UP, UP))
        .with_text(LINK_NAME, port.name)
        .with_number(LINK_MASTER, port.bridge)
        .nested(LINK_INFO, |info| {
            info.with(INFO_KIND, b"veth").nested(INFO_DATA, |data| {
                data.nested(VETH_PEER, |peer| {
                    let peer = peer
                        .raw(&link(0, 0, 0))
                        .with_text(LINK_NAME, INSIDE)
                        .with(LINK_ADDRESS, &hardware(port.address));
                    match port.namespace {
                        Namespace::Process(pid) => peer.with_number(LINK_NAMESPACE_PID, pid.unsigned_abs()),
                        Namespace::File(file) => {
                            peer.with_number(LINK_NAMESPACE_FILE, file.as_raw_fd().unsigned_abs())
                        }
                    }
                })
            })
        });
    socket.carry_out(vec![make])?;
    let index = index(socket, port.name)?.ok_or(io::ErrorKind::NotFound)?;
    // Nothing is learnt: the bridge knows who is where, and no two ports talk. Nothing is sent to everybody, but for
    // the questions of others who has an address.
    let asked = match port.owner {
        Owner::Server => 0,
        Owner::Operator => 1,
    };
    let confine = Message::new(LINK_NEW, 0, &link(index, 0, 0)).nested(LINK_INFO, |info| {
        info.with(INFO_PORT_KIND, b"bridge").nested(INFO_PORT_DATA, |data| {
            [PORT_LEARNING, PORT_UNICAST_FLOOD, PORT_MULTICAST_FLOOD]
                .into_iter()
                .fold(data, |data, attribute| data.with(attribute, &[0]))
                .with(PORT_BROADCAST_FLOOD, &[asked])
                .with(PORT_ISOLATED, &[1])
        })
    });
    // Without `PERMANENT`, which would make it the machine's own address.
    let at_port =
        Message::new(NEIGHBOUR_NEW, CREATE_OR_REPLACE, &neighbour(BRIDGE, index, NO_ARP, OF_THE_BRIDGE))
            .with(2, &hardware(port.address));
    let known = Message::new(NEIGHBOUR_NEW, CREATE_OR_REPLACE, &neighbour(INET, port.bridge, PERMANENT, 0))
        .with(1, &port.address.octets())
        .with(2, &hardware(port.address));
    socket.carry_out(match port.owner {
        Owner::Server => vec![confine, at_port, known],
        Owner::Operator => vec![confine, at_port],
    })?;
    Ok(index)
}

/// Has the machine forget whose address it was.
pub(super) fn forget(socket: &Socket, bridge: u32, address: Ipv4Addr) -> io::Result<()> {
    let message =
        Message::new(NEIGHBOUR_DELETE, 0, &neighbour(INET, bridge, 0, 0)).with(1, &address.octets());
    socket.carry_out(vec![message])
}

/// In the environment's namespace: its address, and the way to everything, by whoever has it.
pub(super) fn set_up_inside(socket: &Socket, own: Ipv4Addr, gateway: Ipv4Addr) -> io::Result<()> {
    let index = index(socket, INSIDE)?.ok_or(io::ErrorKind::NotFound)?;
    let up = Message::new(LINK_NEW, 0, &link(index, UP, UP));
    // Nobody asks who has an address, and nobody would be answered.
    let known = Message::new(NEIGHBOUR_NEW, CREATE_OR_REPLACE, &neighbour(INET, index, PERMANENT, 0))
        .with(1, &gateway.octets())
        .with(2, &hardware(gateway));
    socket.carry_out(vec![up, address(index, own, 32), known, way(index, gateway)])
}

/// The same where others are asked who has an address, those of the `prefix` first bits of `own`; the rest is reached
/// by the `gateway`, if there is one. Names are asked of sockets in there, at `resolver`.
pub(super) fn set_up_among_others(
    socket: &Socket,
    own: (Ipv4Addr, u8),
    gateway: Option<Ipv4Addr>,
    resolver: Ipv4Addr,
) -> io::Result<()> {
    let index = index(socket, INSIDE)?.ok_or(io::ErrorKind::NotFound)?;
    let up = Message::new(LINK_NEW, 0, &link(index, UP, UP));
    let mut messages = vec![up, address(LOOPBACK, resolver, 32), address(index, own.0, own.1)];
    messages.extend(gateway.map(|gateway| way(index, gateway)));
    socket.carry_out(messages)
}

pub(super) fn loopback_up(socket: &Socket) -> io::Result<()> {
    socket.carry_out(vec![Message::new(LINK_NEW, 0, &link(LOOPBACK, UP, UP))])
}

/// In a machine's namespace: the interface that leads to the machine, with both ends' addresses.
pub(super) fn set_up_towards_machine(
    socket: &Socket,
    tap: u32,
    (own, prefix): (Ipv4Addr, u8),
    machine: Ipv4Addr,
) -> io::Result<()> {
    let named = Message::new(LINK_NEW, 0, &link(tap, 0, 0)).with(LINK_ADDRESS, &hardware(own));
    let up = Message::new(LINK_NEW, 0, &link(tap, UP, UP));
    let known = Message::new(NEIGHBOUR_NEW, CREATE_OR_REPLACE, &neighbour(INET, tap, PERMANENT, 0))
        .with(1, &machine.octets())
        .with(2, &hardware(machine));
    socket.carry_out(vec![named, up, address(tap, own, prefix), known])
}

fn way(index: u32, gateway: Ipv4Addr) -> Message {
    let mut fixed = [INET, 0, 0, 0, ROUTE_MAIN, BY_THE_OPERATOR, UNIVERSE, UNICAST, 0, 0, 0, 0];
    fixed[8..].copy_from_slice(&ON_LINK.to_ne_bytes());
    Message::new(ROUTE_NEW, CREATE_NEW, &fixed).with(5, &gateway.octets()).with_number(4, index)
}
