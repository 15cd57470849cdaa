//! What environments may reach, as nftables rules.
//!
//! ```text
//!  environment ─► its port: only with its own addresses ─┬─► to this machine: the resolver, and nothing else
//!                                                        └─► onwards: to public addresses, or where its network leads;
//!                                                            comes from this machine's
//!  environment ◄── answers to what it began, and nothing else
//! ```
//!
//! Two tables of one server, made by `nft` at once and whole, and removed by it. Which addresses are behind which port
//! is a set, to which an environment's start adds without `nft`.

use std::{
    io::{self, Read, Write},
    net::Ipv4Addr,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, PidfdFlags},
};
use sonagi_model::{
    limits,
    network::{Destination, Networks, Ports, Range, Way},
};

use super::{
    addresses::{Piece, RESOLVER, hardware},
    netlink::{CREATE_NEW, Message, Socket},
    policy::{self, DENIED, Policy, Verdict},
};

/// Where systems have it. Not from `PATH`: it is run as root.
const PLACES: [&str; 6] = [
    "/usr/sbin/nft",
    "/sbin/nft",
    "/usr/bin/nft",
    "/usr/local/sbin/nft",
    "/run/current-system/sw/bin/nft",
    "/usr/local/bin/nft",
];

/// The program, if this machine has it.
pub(super) fn program() -> Option<PathBuf> {
    PLACES.map(PathBuf::from).into_iter().find(|path| path.is_file())
}

/// The names of what belongs to one piece of the addresses.
pub(super) fn bridge(piece: Piece) -> String {
    format!("sonagi{}", piece.0)
}

pub(super) fn port(piece: Piece, place: super::addresses::Place) -> String {
    format!("sgn{}-{}", piece.0, place.0)
}

/// The port on an operator's bridge of who has the address with that number in the network's row.
pub(super) fn other_port(piece: Piece, network: usize, number: usize) -> String {
    format!("sgb{}-{network}-{number}", piece.0)
}

/// Ports of the machine on which the resolver really listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolving {
    pub(super) udp: u16,
    pub(super) tcp: u16,
}

/// All rules of a server with the piece, whose functions may have the networks `declared`.
pub(super) fn text(piece: Piece, resolving: Resolving, declared: &Networks) -> String {
    let (bridge, number, gateway, range) = (bridge(piece), piece.0, piece.gateway(), piece.text());
    let Resolving { udp, tcp } = resolving;
    let denied = DENIED.map(|range| range.to_string()).join(", ");
    let (environments, connections) = (limits::NETWORK_ENVIRONMENTS, limits::NETWORK_CONNECTIONS);
    let forgotten = forgotten(piece);
    let Named { bridge_chains, sets, chains, source, input, to_machine, onwards, leaving } =
        named(&bridge, declared);
    format!(
        r#"{forgotten}
table bridge {bridge} {{
  set members {{
    type iface_index . ether_addr . ipv4_addr
    size {environments}
  }}
{bridge_chains}
  chain spoofed {{
    type filter hook prerouting priority -200; policy accept;
    iifname != "sgn{number}-*" accept
    ether type ip iif . ether saddr . ip saddr @members accept
    drop
  }}
  chain leaving {{
{leaving}
    drop
  }}
  chain others {{
    type filter hook prerouting priority -200; policy accept;
    iifname != "sgb{number}-*" accept
    ether type arp iif . arp saddr ether . arp saddr ip @members accept
    ether type ip iif . ether saddr . ip saddr @members jump leaving
    drop
  }}
}}
table inet {bridge} {{
  set connections {{
    type ipv4_addr
    size {environments}
    flags dynamic
  }}
{sets}
  chain resolver {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "{bridge}" ip daddr {RESOLVER} udp dport 53 redirect to :{udp}
    iifname "{bridge}" ip daddr {RESOLVER} tcp dport 53 redirect to :{tcp}
  }}
  chain source {{
    type nat hook postrouting priority srcnat; policy accept;
{source}
    ip saddr {range} oifname != "{bridge}" masquerade
  }}
  chain limited {{
    ct state invalid drop
    ct state != new return
    add @connections {{ ip saddr ct count {connections} }} return
    reject with icmp type admin-prohibited
  }}
{chains}
  chain to_machine {{
    meta nfproto != ipv4 drop
    jump limited
    ip daddr {gateway} udp dport {udp} ct status dnat accept
    ip daddr {gateway} tcp dport {tcp} ct status dnat accept
    ct state established,related accept
{to_machine}
    reject with icmp type admin-prohibited
  }}
  chain onwards {{
    meta nfproto != ipv4 drop
    oifname "{bridge}" reject with icmp type admin-prohibited
{onwards}
    ip daddr {{ {denied} }} reject with icmp type admin-prohibited
    fib daddr type != unicast reject with icmp type admin-prohibited
    jump limited
    accept
  }}
  chain back {{
    ct state established,related accept
    drop
  }}
  chain input {{
    type filter hook input priority -10; policy accept;
{input}
    iifname "{bridge}" jump to_machine
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{bridge}" jump onwards
    oifname "{bridge}" jump back
  }}
  chain output {{
    type filter hook output priority -10; policy accept;
    oifname "{bridge}" jump back
  }}
}}
"#
    )
}

/// The set of the addresses that environments in a network have.
pub(super) fn set(network: usize) -> String {
    format!("n{network}")
}

/// What is for declared networks, by the place that it has.
#[derive(Debug, Default)]
struct Named {
    bridge_chains: String,
    leaving: String,
    sets: String,
    chains: String,
    source: String,
    input: String,
    to_machine: String,
    onwards: String,
}

fn named(own: &str, declared: &Networks) -> Named {
    const REJECT: &str = "reject with icmp type admin-prohibited";
    let mut all = Named::default();
    for (number, network) in declared.0.iter().enumerate() {
        let set = set(number);
        let size = limits::NETWORK_ENVIRONMENTS;
        let new_set = format!("  set {set} {{\n    type ipv4_addr\n    size {size}\n  }}\n");
        all.sets += &new_set;
        // The machine's own addresses are told apart by where packets arrive.
        let steps = Policy::named(network, &[]);
        match &network.way {
            Way::Translated { source } => {
                let explicit: String = policy::explicit(network).map(|to| fits(&to) + "accept\n").collect();
                let explicit = explicit.replace("    ip", &format!("    ip saddr @{set} ip"));
                all.to_machine += &explicit;
                all.onwards += &format!("    ip saddr @{set} goto to_{set}\n");
                all.chains += &format!(
                    "  chain to_{set} {{\n    fib daddr type != unicast {REJECT}\n    jump limited\n{}  }}\n",
                    text_of(&steps, REJECT)
                );
                if let Some(source) = source {
                    all.source += &format!("    ip saddr @{set} oifname != \"{own}\" snat ip to {source}\n");
                }
            }
            Way::Bridge { bridge, .. } => {
                let explicit: String = policy::explicit(network).map(|to| fits(&to) + "accept\n").collect();
                all.chains += &format!(
                    "  chain machine_{set} {{\n    ct state established,related accept\n{explicit}    {REJECT}\n  }}\n"
                );
                all.input += &format!("    iifname \"{bridge}\" ip saddr @{set} jump machine_{set}\n");
                all.bridge_chains += &new_set;
                all.bridge_chains += &format!("  chain to_{set} {{\n{}  }}\n", text_of(&steps, "drop"));
                all.leaving += &format!("    ip saddr @{set} goto to_{set}\n");
            }
        }
    }
    all
}

/// A policy's steps, in a family of rules that refuses by `refusal`.
fn text_of(policy: &Policy, refusal: &str) -> String {
    let word = |verdict| match verdict {
        Verdict::Accept => "accept",
        Verdict::Reject => refusal,
    };
    let steps: String =
        policy.steps.iter().map(|step| format!("{}{}\n", fits(&step.to), word(step.verdict))).collect();
    steps + "    " + word(policy.otherwise) + "\n"
}

fn fits(to: &Destination) -> String {
    let ports =
        to.ports.map(|Ports { first, last }| format!("meta l4proto {{ tcp, udp }} th dport {first}-{last} "));
    // `nft` knows no range of all addresses.
    let half = |half| format!("    ip daddr {half} {}", ports.clone().unwrap_or_default());
    match to.range {
        Range::EVERYTHING => half("0.0.0.0-255.255.255.255".to_owned()),
        range => half(range.to_string()),
    }
}

/// Removes the tables, whether they are there or not.
pub(super) fn forgotten(piece: Piece) -> String {
    let bridge = bridge(piece);
    ["inet", "bridge"]
        .map(|family| format!("add table {family} {bridge}\ndelete table {family} {bridge}\n"))
        .concat()
}

/// Has the machine follow `rules`: all of them or, with an error, none.
pub(super) fn load(program: &Path, rules: &str) -> io::Result<()> {
    let mut child = Command::new(program)
        .args(["-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that reads nothing has ended, and says below why.
        let _ = input.write_all(rules.as_bytes());
    }
    let pid = Pid::from_child(&child);
    let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty()).is_ok_and(|handle| {
        let timeout = Timespec { tv_sec: limits::NFT_TIMEOUT.as_secs() as i64, tv_nsec: 0 };
        rustix::event::poll(&mut [PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)], Some(&timeout))
            .is_ok_and(|ready| ready > 0)
    });
    if !ended {
        let _ = child.kill();
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    let mut complaint = String::new();
    if let Some(errors) = child.stderr.take() {
        let _ = errors.take(limits::NFT_COMPLAINT_SIZE).read_to_string(&mut complaint);
    }
    let first = complaint.lines().next().unwrap_or("no word of why");
    Err(io::Error::other(format!("{} ended with {status}: {first}", program.display())))
}

/// Who is behind a port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The port's index.
    pub(super) port: u32,
    pub(super) address: Ipv4Addr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Begins,
    Ends,
}

/// Adds to sets, or takes away, all at once.
pub(super) fn change(socket: &Socket, piece: Piece, elements: &[Element], to: Membership) -> io::Result<()> {
    // `linux/netfilter/nf_tables.h`.
    const TABLES: u16 = 10;
    const ELEMENT_NEW: u16 = TABLES << 8 | 12;
    const ELEMENT_DELETE: u16 = TABLES << 8 | 14;
    let (kind, flags) = match to {
        // Without the demand that it is new.
        Membership::Begins => (ELEMENT_NEW, CREATE_NEW & 0x400),
        Membership::Ends => (ELEMENT_DELETE, 0),
    };
    let message = |element: &Element| {
        Message::new(kind, flags, &[element.family, 0, 0, 0])
            .with_text(1, &bridge(piece))
            .with_text(2, &element.set)
            .nested(3, |list| list.nested(1, |one| one.nested(1, |key| key.with(1, &element.key))))
    };
    socket.transact(elements.iter().map(message).collect())
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    family: u8,
    set: String,
    key: Vec<u8>,
}

const FAMILY_INET: u8 = 1;
const FAMILY_BRIDGE: u8 = 7;

impl Element {
    /// Who is behind which port.
    pub(super) fn member(member: Member) -> Self {
        Self { family: FAMILY_BRIDGE, set: "members".into(), key: key_of(member).into() }
    }

    /// Whose address is of a network.
    pub(super) fn of_network(network: usize, address: Ipv4Addr) -> Self {
        Self { family: FAMILY_INET, set: set(network), key: address.octets().into() }
    }

    /// The same for an operator's bridge.
    pub(super) fn of_bridge(network: usize, address: Ipv4Addr) -> Self {
        Self { family: FAMILY_BRIDGE, ..Self::of_network(network, address) }
    }
}

/// Each part is filled up to four bytes.
fn key_of(member: Member) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&member.port.to_ne_bytes());
    key[4..10].copy_from_slice(&hardware(member.address));
    key[12..].copy_from_slice(&member.address.octets());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_written_as_the_set_has_it() {
        // As `nft add element` sends `1 . 02:00:c6:12:00:05 . 198.18.0.5`.
        let mut wanted = [0, 0, 0, 0, 2, 0, 0xc6, 0x12, 0, 5, 0, 0, 0xc6, 0x12, 0, 5];
        wanted[..4].copy_from_slice(&1_u32.to_ne_bytes());
        assert_eq!(key_of(Member { port: 1, address: Ipv4Addr::new(198, 18, 0, 5) }), wanted);
    }

    #[test]
    fn names_are_as_short_as_interfaces_names_must_be() {
        use super::super::addresses::{PIECES, Place};
        let last = Piece(PIECES - 1);
        assert!(bridge(last).len() < libc::IFNAMSIZ);
        assert!(port(last, Place(limits::NETWORK_ENVIRONMENTS - 1)).len() < libc::IFNAMSIZ);
        assert!(other_port(last, limits::NETWORKS - 1, limits::NETWORK_ADDRESSES - 1).len() < libc::IFNAMSIZ);
    }

    #[test]
    fn what_cannot_be_loaded_is_said_in_a_line() {
        let error = load(Path::new("/bin/ls"), "").unwrap_err().to_string();
        assert!(error.starts_with("/bin/ls ended with exit status"), "{error}");
    }
}
