//! What environments may reach, as nftables rules.
//!
//! ```text
//!  environment ─► its port: only with its own addresses ─┬─► to this machine: the resolver, and nothing else
//!                                                        └─► onwards: to public addresses; comes from this machine's
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
use sonagi_model::limits;

use super::{
    addresses::{Piece, RESOLVER, hardware},
    netlink::{CREATE_NEW, Message, Socket},
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

/// Where no function gets: what is not of the internet, by the registries of RFC 6890 and those that came after it.
pub(super) const DENIED: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Of the cloud machines' platform, on every machine of one of them.
    "168.63.129.16/32",
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

/// Ports of the machine on which the resolver really listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolving {
    pub(super) udp: u16,
    pub(super) tcp: u16,
}

pub(super) fn text(piece: Piece, resolving: Resolving) -> String {
    let (bridge, number, gateway, range) = (bridge(piece), piece.0, piece.gateway(), piece.text());
    let Resolving { udp, tcp } = resolving;
    let denied = DENIED.join(", ");
    let (environments, connections) = (limits::NETWORK_ENVIRONMENTS, limits::NETWORK_CONNECTIONS);
    let forgotten = forgotten(piece);
    format!(
        r#"{forgotten}
table bridge {bridge} {{
  set members {{
    type iface_index . ether_addr . ipv4_addr
    size {environments}
  }}
  chain spoofed {{
    type filter hook prerouting priority -200; policy accept;
    iifname != "sgn{number}-*" accept
    ether type ip iif . ether saddr . ip saddr @members accept
    drop
  }}
}}
table inet {bridge} {{
  set connections {{
    type ipv4_addr
    size {environments}
    flags dynamic
  }}
  chain resolver {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "{bridge}" ip daddr {RESOLVER} udp dport 53 redirect to :{udp}
    iifname "{bridge}" ip daddr {RESOLVER} tcp dport 53 redirect to :{tcp}
  }}
  chain source {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {range} oifname != "{bridge}" masquerade
  }}
  chain input {{
    type filter hook input priority -10; policy accept;
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
  chain limited {{
    ct state invalid drop
    ct state != new return
    add @connections {{ ip saddr ct count {connections} }} return
    reject with icmp type admin-prohibited
  }}
  chain to_machine {{
    meta nfproto != ipv4 drop
    jump limited
    ip daddr {gateway} udp dport {udp} ct status dnat accept
    ip daddr {gateway} tcp dport {tcp} ct status dnat accept
    ct state established,related accept
    reject with icmp type admin-prohibited
  }}
  chain onwards {{
    meta nfproto != ipv4 drop
    oifname "{bridge}" reject with icmp type admin-prohibited
    ip daddr {{ {denied} }} reject with icmp type admin-prohibited
    fib daddr type != unicast reject with icmp type admin-prohibited
    jump limited
    accept
  }}
  chain back {{
    ct state established,related accept
    drop
  }}
}}
"#
    )
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

pub(super) fn change(socket: &Socket, piece: Piece, member: Member, to: Membership) -> io::Result<()> {
    // `linux/netfilter/nfnetlink.h` and `nf_tables.h`.
    const BATCH_BEGIN: u16 = 0x10;
    const BATCH_END: u16 = 0x11;
    const TABLES: u16 = 10;
    const ELEMENT_NEW: u16 = TABLES << 8 | 12;
    const ELEMENT_DELETE: u16 = TABLES << 8 | 14;
    const FAMILY_BRIDGE: u8 = 7;
    // The resource that the batch is about is in the network's order.
    let [high, low] = TABLES.to_be_bytes();
    let batch = |kind| Message::new(kind, 0, &[0, 0, high, low]);
    let (kind, flags) = match to {
        // Without the demand that it is new.
        Membership::Begins => (ELEMENT_NEW, CREATE_NEW & 0x400),
        Membership::Ends => (ELEMENT_DELETE, 0),
    };
    let message = Message::new(kind, flags, &[FAMILY_BRIDGE, 0, 0, 0])
        .with_text(1, &bridge(piece))
        .with_text(2, "members")
        .nested(3, |elements| {
            elements.nested(1, |element| element.nested(1, |key| key.with(1, &key_of(member))))
        });
    socket.transact(batch(BATCH_BEGIN), message, batch(BATCH_END))
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
    }

    #[test]
    fn what_cannot_be_loaded_is_said_in_a_line() {
        let error = load(Path::new("/bin/ls"), "").unwrap_err().to_string();
        assert!(error.starts_with("/bin/ls ended with exit status"), "{error}");
    }
}
