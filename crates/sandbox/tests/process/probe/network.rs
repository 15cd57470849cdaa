//! The network: the platform's ports, the neighbours', the machine's, the world's; and what is no network at all.

use std::{
    net::{SocketAddr, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixDatagram, UnixListener, UnixStream},
    },
    time::Duration,
};

use crate::{
    attempt::{Attempt, Named, Refusal, Tried},
    sys::call,
};

pub(crate) const ATTEMPTS: &[Named] = &[
    ("be_the_neighbour", be_the_neighbour),
    ("connect_to_the_platform", |attempt| connect_all(attempt, "platform")),
    ("connect_to_the_neighbour", |attempt| connect_all(attempt, "neighbour")),
    ("metadata_address", |attempt| connect_all(attempt, "metadata")),
    ("outside", |attempt| connect_all(attempt, "outside")),
    ("scan_loopback", scan_loopback),
    ("unix_sockets", unix_sockets),
    ("special_sockets", special_sockets),
    ("change_the_network", change_the_network),
    ("shared_memory", shared_memory),
];

const PATIENCE: Duration = Duration::from_millis(500);
const PORTS: std::ops::RangeInclusive<u16> = 1..=u16::MAX;

/// Opens what others are to find closed, and leaves it open: a port, an abstract socket, a file, shared memory.
fn be_the_neighbour(attempt: &mut Attempt<'_>) {
    let port = attempt.numbers("own_ports").first().copied().unwrap_or_default() as u16;
    let listener = std::net::TcpListener::bind(("0.0.0.0", port)).map(std::mem::forget);
    attempt.way("port", listener.map(|()| String::new()).map_err(Refusal::from));
    let name = UnixAddress::from_abstract_name(attempt.text("abstract"));
    let socket = name.and_then(|name| UnixListener::bind_addr(&name)).map(std::mem::forget);
    attempt.way("abstract", socket.map(|()| String::new()).map_err(Refusal::from));
    let file = std::fs::write(attempt.text("neighbours_file"), "the neighbour's");
    attempt.way("file", file.map(|()| String::new()).map_err(Refusal::from));
}

fn connect(address: SocketAddr) -> Tried {
    TcpStream::connect_timeout(&address, PATIENCE)?;
    Ok("connected".into())
}

/// Done if the kernel takes the datagram.
fn send(address: SocketAddr) -> Tried {
    let socket = UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.send_to(b"probe", address)?;
    // A refusal comes with the next call.
    socket.connect(address)?;
    socket.send(b"probe")?;
    socket.send(b"probe")?;
    Ok("sent".into())
}

fn connect_all(attempt: &mut Attempt<'_>, what: &str) {
    for text in attempt.texts(what) {
        let Ok(address) = text.parse() else {
            attempt.way(text, Ok("not an address".into()));
            continue;
        };
        attempt.way(format!("stream {text}"), connect(address));
        attempt.way(format!("datagram {text}"), send(address));
    }
}

/// Nothing but what the platform itself put there listens on the loopback interface.
fn scan_loopback(attempt: &mut Attempt<'_>) {
    let own = attempt.numbers("own_ports");
    let mut open = 0;
    for port in PORTS {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) if own.contains(&u64::from(port)) => open += 1,
            // A socket that meets itself, because the port was its own.
            Ok(stream) if stream.local_addr().ok() == stream.peer_addr().ok() => {}
            Ok(_) => attempt.way(port, Ok("open".into())),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(error) => attempt.way(port, Err(error.into())),
        }
    }
    // All of the known ones are, or the others would be closed because nothing works at all.
    attempt
        .way("known ports", if open == own.len() { Err("known".into()) } else { Ok(format!("{open} open")) });
}

fn unix_sockets(attempt: &mut Attempt<'_>) {
    for name in attempt.texts("abstract_names") {
        let Ok(address) = UnixAddress::from_abstract_name(name) else { continue };
        let stream = UnixStream::connect_addr(&address).map(|_| "connected".to_owned());
        attempt.way(format!("@{name}"), stream.map_err(Refusal::from));
        let datagram = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(b"probe", &address));
        attempt.way(format!("@{name} datagram"), datagram.map(|_| "sent".into()).map_err(Refusal::from));
    }
    for path in attempt.texts("socket_paths") {
        let stream = UnixStream::connect(path).map(|_| "connected".to_owned());
        attempt.way(path, stream.map_err(Refusal::from));
    }
}

const STREAM: i32 = libc::SOCK_STREAM;
const DATAGRAM: i32 = libc::SOCK_DGRAM;
const RAW: i32 = libc::SOCK_RAW;
const PACKETS: i32 = libc::SOCK_SEQPACKET;

const SOCKETS: [(&str, i32, i32, i32); 36] = [
    ("raw icmp", libc::AF_INET, RAW, libc::IPPROTO_ICMP),
    ("raw ip", libc::AF_INET, RAW, libc::IPPROTO_RAW),
    ("raw tcp", libc::AF_INET, RAW, libc::IPPROTO_TCP),
    ("raw icmp6", libc::AF_INET6, RAW, libc::IPPROTO_ICMPV6),
    ("packet", libc::AF_PACKET, RAW, 0x0300),
    ("packet datagram", libc::AF_PACKET, DATAGRAM, 0x0300),
    ("old packet", libc::AF_INET, 10, 0x0300),
    ("sctp", libc::AF_INET, PACKETS, libc::IPPROTO_SCTP),
    ("dccp", libc::AF_INET, libc::SOCK_DCCP, libc::IPPROTO_DCCP),
    ("sctp stream", libc::AF_INET, STREAM, libc::IPPROTO_SCTP),
    ("smc", libc::AF_INET, STREAM, 256),
    ("tunnel", libc::AF_INET, DATAGRAM, 115),
    ("virtual machine", libc::AF_VSOCK, STREAM, 0),
    ("crypto", libc::AF_ALG, PACKETS, 0),
    ("netlink sockets", libc::AF_NETLINK, RAW, 4),
    ("netlink xfrm", libc::AF_NETLINK, RAW, 6),
    ("netlink security", libc::AF_NETLINK, RAW, 7),
    ("netlink audit", libc::AF_NETLINK, RAW, 9),
    ("netlink connector", libc::AF_NETLINK, DATAGRAM, 11),
    ("netlink netfilter", libc::AF_NETLINK, RAW, 12),
    ("netlink events", libc::AF_NETLINK, DATAGRAM, 15),
    ("netlink generic", libc::AF_NETLINK, RAW, 16),
    ("netlink crypto", libc::AF_NETLINK, RAW, 21),
    ("bluetooth", 31, RAW, 1),
    ("can", 29, RAW, 1),
    ("x25", 9, PACKETS, 0),
    ("ax25", 3, PACKETS, 0),
    ("appletalk", 5, DATAGRAM, 0),
    ("key", 15, RAW, 2),
    ("llc", 26, DATAGRAM, 0),
    ("tipc", 30, PACKETS, 0),
    ("rds", 21, PACKETS, 0),
    ("ieee802154", 36, DATAGRAM, 0),
    ("kcm", 41, DATAGRAM, 0),
    ("qipcrtr", 42, DATAGRAM, 0),
    ("express data path", 44, RAW, 0),
];

fn special_sockets(attempt: &mut Attempt<'_>) {
    for (name, family, kind, protocol) in SOCKETS {
        attempt.call(name, libc::SYS_socket, [family as usize, kind as usize, protocol as usize]);
        // The same in another dress: flags in the kind.
        let kind = (kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as usize;
        attempt.call(
            format!("{name} with flags"),
            libc::SYS_socket,
            [family as usize, kind, protocol as usize],
        );
    }
    let mut pair = [0_i32; 2];
    let pair = pair.as_mut_ptr() as usize;
    attempt.call("pair tipc", libc::SYS_socketpair, [30, PACKETS as usize, 0, pair]);
    // The upper half of a register is not part of an int: a filter must not be fooled by it.
    attempt.call(
        "packet, upper half",
        libc::SYS_socket,
        [libc::AF_PACKET as usize | 1 << 32, RAW as usize, 0x0300],
    );
    attempt.call(
        "raw, upper half",
        libc::SYS_socket,
        [libc::AF_INET as usize | 1 << 40, RAW as usize | 1 << 33, 1],
    );
}

#[repr(C)]
struct Interface {
    name: [u8; 16],
    rest: [u8; 24],
}

fn change_the_network(attempt: &mut Attempt<'_>) {
    let socket = match call(libc::SYS_socket, [libc::AF_INET as usize, DATAGRAM as usize, 0]) {
        Ok(socket) => socket as usize,
        Err(refusal) => return attempt.way("socket", Err(refusal)),
    };
    let mut interface = Interface { name: [0; 16], rest: [0; 24] };
    interface.name[..2].copy_from_slice(b"lo");
    // AF_INET, port 0, 10.1.2.3; read as flags it is "down".
    interface.rest[..8].copy_from_slice(&[2, 0, 0, 0, 10, 1, 2, 3]);
    let pointer = (&raw mut interface) as usize;
    let requests = [
        ("flags", libc::SIOCSIFFLAGS),
        ("address", libc::SIOCSIFADDR),
        ("size", libc::SIOCSIFMTU),
        ("route", libc::SIOCADDRT),
        ("bridge", 0x89a0),
        ("name", libc::SIOCSIFNAME),
        ("neighbour", libc::SIOCSARP),
    ];
    for (name, request) in requests {
        attempt.call(name, libc::SYS_ioctl, [socket, request as usize, pointer]);
    }
    let transparent = 1_u32;
    let number = (&raw const transparent) as usize;
    let options = [
        ("transparent", libc::IPPROTO_IP, libc::IP_TRANSPARENT, number, 4),
        ("mark", libc::SOL_SOCKET, libc::SO_MARK, number, 4),
        ("firewall", libc::IPPROTO_IP, 64, number, 4),
        ("force buffer", libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, number, 4),
        ("priority", libc::SOL_SOCKET, libc::SO_PRIORITY, (&raw const PRIORITY) as usize, 4),
    ];
    for (name, level, option, value, size) in options {
        attempt.call(name, libc::SYS_setsockopt, [socket, level as usize, option as usize, value, size]);
    }
    let _ = call(libc::SYS_close, [socket]);
    route_messages(attempt);
}

static PRIORITY: u32 = 7;

/// The route socket may be asked, and tells; it must not obey.
fn route_messages(attempt: &mut Attempt<'_>) {
    let socket = match call(libc::SYS_socket, [libc::AF_NETLINK as usize, RAW as usize, 0]) {
        Ok(socket) => socket as usize,
        Err(refusal) => return attempt.way("route socket", Err(refusal)),
    };
    // RTM_NEWLINK: bring interface 1 down. RTM_NEWADDR: 10.1.2.3/8 on it. RTM_NEWROUTE: a default way through it.
    let link = [&[0, 0, 0, 0][..], &1_u32.to_ne_bytes(), &0_u32.to_ne_bytes(), &1_u32.to_ne_bytes()].concat();
    let address =
        [&[2, 8, 0, 0][..], &1_u32.to_ne_bytes(), &[8, 0, 2, 0, 10, 1, 2, 3], &[8, 0, 1, 0, 10, 1, 2, 3]]
            .concat();
    let route =
        [&[2, 0, 0, 0, 254, 3, 0, 1][..], &0_u32.to_ne_bytes(), &[8, 0, 4, 0], &1_u32.to_ne_bytes()].concat();
    for (name, kind, body) in [("link", 16_u16, link), ("new address", 20, address), ("new route", 24, route)]
    {
        // NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
        let flags = 0x405_u16;
        let size = (16 + body.len()) as u32;
        let head =
            [&size.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[1, 0, 0, 0], &[0; 4]];
        let message = [head.concat(), body].concat();
        let sent = call(libc::SYS_sendto, [socket, message.as_ptr() as usize, message.len(), 0, 0, 0]);
        let mut reply = [0_u8; 256];
        let got = sent.and_then(|_| {
            call(
                libc::SYS_recvfrom,
                [socket, reply.as_mut_ptr() as usize, reply.len(), libc::MSG_DONTWAIT as usize, 0, 0],
            )
        });
        let said = got.and_then(|_| {
            let error = i32::from_ne_bytes([reply[16], reply[17], reply[18], reply[19]]);
            if error == 0 { Ok("obeyed".into()) } else { Err(Refusal(crate::sys::name_of(-error))) }
        });
        attempt.way(name, said);
    }
    let _ = call(libc::SYS_close, [socket]);
}

/// Memory, semaphores and message queues of the host, by key.
fn shared_memory(attempt: &mut Attempt<'_>) {
    for key in attempt.numbers("keys") {
        attempt.call(format!("memory {key}"), libc::SYS_shmget, [key as usize, 0, 0]);
        attempt.call(format!("semaphores {key}"), libc::SYS_semget, [key as usize, 0, 0]);
        attempt.call(format!("messages {key}"), libc::SYS_msgget, [key as usize, 0]);
    }
    for identifier in attempt.numbers("identifiers") {
        attempt.call(
            format!("attach {identifier}"),
            libc::SYS_shmat,
            [identifier as usize, 0, libc::SHM_RDONLY as usize],
        );
    }
}
