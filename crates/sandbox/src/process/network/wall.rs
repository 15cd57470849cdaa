//! Rules in an environment's own namespace, as messages (`linux/netfilter/nf_tables.h`): where packets do not go through
//! the machine's own rules, or not through those that know connections.
//!
//! The function has no capability, so nothing of it can change them. They hold for every packet that it sends, however
//! the packet's way was found: a route that refuses would not do, since a socket that is bound to an interface
//! (`SO_BINDTODEVICE`, which needs no capability) is taken past such routes.

use std::{io, net::Ipv4Addr};

use sonagi_model::{
    limits,
    network::{Destination, Ports, Range},
};

use super::{
    netlink::{Message, Socket},
    policy::{Policy, Verdict},
};

const TABLES: u16 = 10;
const TABLE_NEW: u16 = TABLES << 8;
const CHAIN_NEW: u16 = TABLES << 8 | 3;
const RULE_NEW: u16 = TABLES << 8 | 6;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
const FAMILY_INET: u8 = 1;
/// `enum nf_inet_hooks`.
const HOOK_INPUT: u32 = 1;
const HOOK_FORWARD: u32 = 2;
const HOOK_OUTPUT: u32 = 3;
const HOOK_LEAVING: u32 = 4;
const TABLE: &str = "sonagi";

/// `linux/netfilter.h`; the only registers and keys that are used.
const ACCEPT: u32 = 1;
const DROP: u32 = 0;
const REGISTER: u32 = 1;
const META_IIF: u32 = 4;
const META_OIF: u32 = 5;
const META_FAMILY: u32 = 15;
const META_PROTOCOL: u32 = 16;
const LOOPBACK: u32 = 1;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
const AT_MOST: u32 = 3;
const AT_LEAST: u32 = 5;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
/// Where an IPv4 header has its addresses, and a TCP or UDP header its own.
const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const DESTINATION_PORT: u32 = 2;
/// Bits of a connection's state.
const ESTABLISHED: u32 = 2;
const RELATED: u32 = 4;
const NEW: u32 = 8;
/// Of a count: that it is larger.
const ABOVE: u32 = 1;

/// Has the namespace that `socket` was made in follow `policy`: what leaves by any interface but loopback is IPv4 and
/// goes where the policy says; what comes in answers it.
pub(super) fn raise(socket: &Socket, policy: &Policy) -> io::Result<()> {
    let mut messages = vec![
        Message::new(TABLE_NEW, CREATE, &family()).with_text(1, TABLE),
        chain("out", HOOK_OUTPUT),
        chain("in", HOOK_INPUT),
    ];
    messages.push(rule("out", vec![meta(META_OIF), equal(&LOOPBACK.to_ne_bytes()), verdict(ACCEPT)]));
    messages.push(rule("out", vec![meta(META_FAMILY), compare(NOT_EQUAL, &[libc::AF_INET as u8]), reject()]));
    // Before the rest: what has been let out goes on.
    messages.push(rule("out", [state(ESTABLISHED | RELATED), vec![verdict(ACCEPT)]].concat()));
    let too_many =
        Expression("connlimit", data().with_big(1, limits::NETWORK_CONNECTIONS).with_big(2, ABOVE));
    messages.push(rule("out", [state(NEW), vec![too_many, reject()]].concat()));
    for step in &policy.steps {
        for matches in destination(&step.to) {
            messages.push(rule("out", [matches, vec![outcome(step.verdict)]].concat()));
        }
    }
    messages.push(rule("out", vec![outcome(policy.otherwise)]));
    messages.push(rule("in", vec![meta(META_IIF), equal(&LOOPBACK.to_ne_bytes()), verdict(ACCEPT)]));
    messages.push(rule("in", [state(ESTABLISHED | RELATED), vec![verdict(ACCEPT)]].concat()));
    socket.transact(messages)
}

/// Has a namespace pass on what the virtual machine with the address `machine` sends, which comes in at the interface
/// numbered `tap`, as the namespace's own: where `policy` says. What comes in answers it. Of the namespace itself the
/// machine reaches the resolver, if it is there.
pub(super) fn raise_before_machine(
    socket: &Socket,
    (tap, machine): (u32, Ipv4Addr),
    resolver: Ipv4Addr,
    policy: &Policy,
) -> io::Result<()> {
    const SOURCE_NAT: u32 = 100;
    let tap = tap.to_ne_bytes();
    let too_many = || {
        let count = data().with_big(1, limits::NETWORK_CONNECTIONS).with_big(2, ABOVE);
        [state(NEW), vec![Expression("connlimit", count), reject()]].concat()
    };
    let sent_by_machine = || vec![load(NETWORK_HEADER, SOURCE, 4), equal(&machine.octets())];
    let ipv4 = libc::AF_INET as u8;
    let leaving = Message::new(CHAIN_NEW, CREATE, &family())
        .with_text(1, TABLE)
        .with_text(3, "leaving")
        .nested(4, |at| at.with_big(1, HOOK_LEAVING).with_big(2, SOURCE_NAT))
        .with_big(5, ACCEPT)
        .with_text(7, "nat");
    let mut messages = vec![
        Message::new(TABLE_NEW, CREATE, &family()).with_text(1, TABLE),
        chain("onwards", HOOK_FORWARD),
        chain("in", HOOK_INPUT),
        leaving,
    ];
    let mut onwards = |expressions| messages.push(rule("onwards", expressions));
    onwards(vec![meta(META_FAMILY), compare(NOT_EQUAL, &[ipv4]), verdict(DROP)]);
    onwards([state(ESTABLISHED | RELATED), vec![verdict(ACCEPT)]].concat());
    onwards(vec![meta(META_IIF), compare(NOT_EQUAL, &tap), verdict(DROP)]);
    onwards(vec![load(NETWORK_HEADER, SOURCE, 4), compare(NOT_EQUAL, &machine.octets()), verdict(DROP)]);
    onwards(too_many());
    for step in &policy.steps {
        for matches in destination(&step.to) {
            onwards([matches, vec![outcome(step.verdict)]].concat());
        }
    }
    onwards(vec![outcome(policy.otherwise)]);
    let mut inside = |expressions| messages.push(rule("in", expressions));
    inside(vec![meta(META_IIF), equal(&LOOPBACK.to_ne_bytes()), verdict(ACCEPT)]);
    inside([state(ESTABLISHED | RELATED), vec![verdict(ACCEPT)]].concat());
    let from_machine = || [vec![meta(META_IIF), equal(&tap)], sent_by_machine()].concat();
    inside([from_machine(), too_many()].concat());
    let asked = Destination { range: Range::one(resolver), ports: Some(Ports { first: 53, last: 53 }) };
    for matches in destination(&asked) {
        inside([from_machine(), matches, vec![verdict(ACCEPT)]].concat());
    }
    inside([from_machine(), vec![reject()]].concat());
    messages.push(rule("leaving", [sent_by_machine(), vec![Expression("masq", data())]].concat()));
    socket.transact(messages)
}

fn family() -> [u8; 4] {
    [FAMILY_INET, 0, 0, 0]
}

/// A chain of packets at `hook`, which drops what its rules do not accept.
fn chain(name: &str, hook: u32) -> Message {
    Message::new(CHAIN_NEW, CREATE, &family())
        .with_text(1, TABLE)
        .with_text(3, name)
        .nested(4, |at| at.with_big(1, hook).with_big(2, 0))
        .with_big(5, DROP)
        .with_text(7, "filter")
}

/// One expression: its name, and what it is about.
#[derive(Debug, Clone)]
struct Expression(&'static str, Message);

fn rule(chain: &str, expressions: Vec<Expression>) -> Message {
    let message = Message::new(RULE_NEW, CREATE | APPEND, &family()).with_text(1, TABLE).with_text(2, chain);
    message.nested(4, |list| {
        expressions.into_iter().fold(list, |list, Expression(name, data)| {
            list.nested(1, |one| one.with_text(1, name).nested(2, |inside| inside.raw(data.attributes())))
        })
    })
}

fn data() -> Message {
    Message::new(0, 0, &[])
}

fn meta(key: u32) -> Expression {
    Expression("meta", data().with_big(1, REGISTER).with_big(2, key))
}

fn compare(how: u32, value: &[u8]) -> Expression {
    let data = data().with_big(1, REGISTER).with_big(2, how);
    Expression("cmp", data.nested(3, |operand| operand.with(1, value)))
}

fn equal(value: &[u8]) -> Expression {
    compare(EQUAL, value)
}

fn load(header: u32, offset: u32, size: u32) -> Expression {
    let data = data().with_big(1, REGISTER).with_big(2, header).with_big(3, offset).with_big(4, size);
    Expression("payload", data)
}

fn masked(mask: [u8; 4]) -> Expression {
    let data = data().with_big(1, REGISTER).with_big(2, REGISTER).with_big(3, 4);
    let data = data.nested(4, |value| value.with(1, &mask)).nested(5, |value| value.with(1, &[0; 4]));
    Expression("bitwise", data)
}

/// The connection is in one of the states.
fn state(states: u32) -> Vec<Expression> {
    const STATE: u32 = 0;
    let known = Expression("ct", data().with_big(1, REGISTER).with_big(2, STATE));
    vec![known, masked(states.to_ne_bytes()), compare(NOT_EQUAL, &[0; 4])]
}

fn verdict(code: u32) -> Expression {
    let data = data().with_big(1, 0).nested(2, |value| value.nested(2, |verdict| verdict.with_big(1, code)));
    Expression("immediate", data)
}

/// Tells the sender at once.
fn reject() -> Expression {
    const ANY_UNREACHABLE: u32 = 2;
    const PROHIBITED: u8 = 3;
    Expression("reject", data().with_big(1, ANY_UNREACHABLE).with(2, &[PROHIBITED]))
}

fn outcome(wanted: Verdict) -> Expression {
    match wanted {
        Verdict::Reject => reject(),
        Verdict::Accept => verdict(ACCEPT),
    }
}

/// What a packet must be to go there: one of these.
fn destination(to: &Destination) -> Vec<Vec<Expression>> {
    let range = vec![
        load(NETWORK_HEADER, DESTINATION, 4),
        masked(to.range.mask().octets()),
        equal(&to.range.first().octets()),
    ];
    let Some(ports) = to.ports else { return vec![range] };
    [libc::IPPROTO_TCP, libc::IPPROTO_UDP]
        .map(|protocol| {
            let port = vec![
                meta(META_PROTOCOL),
                equal(&[protocol as u8]),
                load(TRANSPORT_HEADER, DESTINATION_PORT, 2),
                compare(AT_LEAST, &ports.first.to_be_bytes()),
                compare(AT_MOST, &ports.last.to_be_bytes()),
            ];
            [range.clone(), port].concat()
        })
        .into()
}
