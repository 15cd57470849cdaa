"""The network: the platform's ports, the neighbours', the machine's, the world's; and what is no network at all."""

import ctypes
import errno
import fcntl
import socket
import struct

from attempt import C, Refused


def be_the_neighbour(a):
    kept = []

    def listen(family, address):
        one = socket.socket(family)
        one.bind(address)
        one.listen()
        kept.append(one)

    a.way("port", lambda: listen(socket.AF_INET, ("0.0.0.0", a.event["own_ports"][0])))
    a.way("abstract", lambda: listen(socket.AF_UNIX, "\0" + a.event["abstract"]))
    a.way("file", lambda: open(a.event["neighbours_file"], "w").write("the neighbour's"))
    be_the_neighbour.kept = kept


def connect_all(a, what):
    def stream(family, address):
        with socket.socket(family) as one:
            one.settimeout(0.5)
            one.connect(address)

    def datagram(family, address):
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.sendto(b"probe", address)
            # A refusal comes with the next call.
            one.connect(address)
            one.send(b"probe")
            one.send(b"probe")

    for text in a.event.get(what, []):
        host, port = text.rsplit(":", 1)
        address = (host.strip("[]"), int(port))
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        a.way(f"stream {text}", lambda: stream(family, address))
        a.way(f"datagram {text}", lambda: datagram(family, address))


def connect_to_the_platform(a):
    connect_all(a, "platform")


def connect_to_the_neighbour(a):
    connect_all(a, "neighbour")


def metadata_address(a):
    connect_all(a, "metadata")


def outside(a):
    connect_all(a, "outside")


def scan_loopback(a):
    open_ports = 0
    for port in range(1, 65_536):
        with socket.socket() as one:
            failed = one.connect_ex(("127.0.0.1", port))
            itself = not failed and one.getsockname() == one.getpeername()
        if failed == errno.ECONNREFUSED or itself:
            continue
        if not failed and port in a.event["own_ports"]:
            open_ports += 1
        elif failed:
            a.way(port, lambda: (_ for _ in ()).throw(OSError(failed, "")))
        else:
            a.way(port, lambda: "open")

    # All of the known ones are, or the others would be closed because nothing works at all.
    def known():
        if open_ports == len(a.event["own_ports"]):
            raise Refused("known")
        return open_ports

    a.way("known ports", known)


def unix_sockets(a):
    def stream(address):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(address)

    def datagram(address):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(b"probe", address)

    for name in a.event.get("abstract_names", []):
        a.way(f"@{name}", lambda: stream("\0" + name))
        a.way(f"@{name} datagram", lambda: datagram("\0" + name))
    for path in a.event.get("socket_paths", []):
        a.way(path, lambda: stream(path))


def special_sockets(a):
    stream, gram, raw, packets = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET
    sockets = [
        ("raw icmp", socket.AF_INET, raw, 1),
        ("raw ip", socket.AF_INET, raw, 255),
        ("raw icmp6", socket.AF_INET6, raw, 58),
        ("packet", 17, raw, 0x300),
        ("packet datagram", 17, gram, 0x300),
        ("old packet", socket.AF_INET, 10, 0x300),
        ("sctp", socket.AF_INET, packets, 132),
        ("sctp stream", socket.AF_INET, stream, 132),
        ("smc", socket.AF_INET, stream, 256),
        ("tunnel", socket.AF_INET, gram, 115),
        ("virtual machine", 40, stream, 0),
        ("crypto", 38, packets, 0),
    ]
    sockets += [(f"netlink {protocol}", 16, raw, protocol) for protocol in range(1, 23)]
    rest = set(range(3, 46)) - {10, 16}
    sockets += [(f"family {family}", family, kind, 0) for family in rest for kind in (stream, gram, raw, packets)]
    for name, family, kind, protocol in sockets:
        a.call(name, "socket", family, kind, protocol)


def change_the_network(a):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        lo = bytearray(b"lo".ljust(16, b"\0") + bytes([2, 0, 0, 0, 10, 1, 2, 3]).ljust(24, b"\0"))
        for name, request in [
            ("flags", 0x8914), ("address", 0x8916), ("size", 0x8922), ("route", 0x890B), ("bridge", 0x89A0),
            ("name", 0x8923), ("neighbour", 0x8955),
        ]:  # fmt: skip
            a.way(name, lambda: fcntl.ioctl(one, request, lo))
        for name, level, option, value in [
            ("transparent", socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1),
            ("mark", socket.SOL_SOCKET, socket.SO_MARK, 1),
            ("firewall", socket.IPPROTO_IP, 64, 1),
            ("force buffer", socket.SOL_SOCKET, 32, 1),
            ("priority", socket.SOL_SOCKET, socket.SO_PRIORITY, 7),
        ]:
            a.way(name, lambda: one.setsockopt(level, option, value))

    def ask(kind, body):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
            route.send(struct.pack("IHHII", 16 + len(body), kind, 0x405, 1, 0) + body)
            error = struct.unpack_from("i", route.recv(256), 16)[0]
            if error:
                raise OSError(-error, "")

    a.way("link", lambda: ask(16, struct.pack("BBHiII", 0, 0, 0, 1, 0, 1)))
    a.way("new address", lambda: ask(20, struct.pack("BBBBI", 2, 8, 0, 0, 1) + bytes([8, 0, 2, 0, 10, 1, 2, 3])))
    a.way("new route", lambda: ask(24, struct.pack("8BI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack("HHI", 8, 4, 1)))


def shared_memory(a):
    for key in a.event.get("keys", []):
        a.call(f"memory {key}", "shmget", key, 0, 0)
        a.call(f"semaphores {key}", "semget", key, 0, 0)
        a.call(f"messages {key}", "msgget", key, 0)
    C.shmat.restype = ctypes.c_long
    for identifier in a.event.get("identifiers", []):
        a.call(f"attach {identifier}", "shmat", identifier, None, 0o10000)


ATTEMPTS = [
    connect_to_the_platform,
    connect_to_the_neighbour,
    metadata_address,
    outside,
    be_the_neighbour,
    scan_loopback,
    unix_sockets,
    special_sockets,
    change_the_network,
    shared_memory,
]
