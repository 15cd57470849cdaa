//! What there is on the host that a function must not reach.
#![expect(unsafe_code, reason = "shared memory by key has no safe interface")]

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram, UnixListener},
    },
    path::Path,
};

use serde_json::{Value, json};

pub(super) const SECRET: &str = "the host's secret";
/// Loopback ports of every environment that the platform itself has put there.
const PLATFORM_PORTS: [u16; 1] = [9001];

/// Gone when dropped.
pub(super) struct Host {
    folder: tempfile::TempDir,
    port: TcpListener,
    datagrams: UdpSocket,
    abstract_name: String,
    abstract_socket: UnixListener,
    abstract_datagrams: UnixDatagram,
    path_socket: UnixListener,
    key: i32,
    segment: i32,
    mounts: String,
}

impl Host {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), SECRET).unwrap();
        let port = TcpListener::bind("[::]:0").unwrap();
        port.set_nonblocking(true).unwrap();
        let datagrams = UdpSocket::bind(port.local_addr().unwrap()).unwrap();
        datagrams.set_nonblocking(true).unwrap();
        let id = std::process::id();
        let abstract_name = format!("sonagi-host-{id}");
        let name = |name: &str| SocketAddr::from_abstract_name(name).unwrap();
        let abstract_socket = UnixListener::bind_addr(&name(&abstract_name)).unwrap();
        abstract_socket.set_nonblocking(true).unwrap();
        let abstract_datagrams =
            UnixDatagram::bind_addr(&name(&format!("{abstract_name}-datagrams"))).unwrap();
        abstract_datagrams.set_nonblocking(true).unwrap();
        let path_socket = UnixListener::bind(folder.path().join("socket")).unwrap();
        path_socket.set_nonblocking(true).unwrap();
        let key = id as i32;
        // SAFETY: makes a segment, and touches no memory of ours.
        let segment = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | 0o666) };
        assert!(segment >= 0);
        let mounts = mounts();
        Self {
            folder,
            port,
            datagrams,
            abstract_name,
            abstract_socket,
            abstract_datagrams,
            path_socket,
            key,
            segment,
            mounts,
        }
    }

    /// What the attempts aim at. `data` is the platform's data folder.
    pub(super) fn event(&self, attempt: &str, data: &Path) -> Value {
        let port = self.port.local_addr().unwrap().port();
        let names = ["", "-datagrams"].map(|end| format!("{}{end}", self.abstract_name));
        let mut names = names.to_vec();
        names.push(NEIGHBOURS_SOCKET.into());
        json!({
            "attempt": attempt,
            "host": fs::read_link("/proc/self/ns/pid").unwrap(),
            "secret": self.folder.path().join("secret"),
            "data": data.join("secret"),
            "folders": [self.folder.path(), data],
            "hidden": [self.folder.path(), data],
            "neighbours_file": NEIGHBOURS_FILE,
            "pids": family(),
            "platform": addresses().iter().map(|address| format!("{address}:{port}")).collect::<Vec<_>>(),
            "neighbour": [format!("127.0.0.1:{NEIGHBOURS_PORT}"), format!("0.0.0.0:{NEIGHBOURS_PORT}")],
            "metadata": ["169.254.169.254:80", "169.254.170.2:80", "[fd00:ec2::254]:80"],
            "outside": ["1.1.1.1:443", "8.8.8.8:53", "[2606:4700:4700::1111]:443", "224.0.0.1:9", "255.255.255.255:9"],
            "own_ports": PLATFORM_PORTS,
            "abstract_names": names,
            "socket_paths": [self.folder.path().join("socket"), "/run/docker.sock", "/run/dbus/system_bus_socket"],
            "keys": [self.key],
            "identifiers": [self.segment],
        })
    }

    /// Nobody has come, and everything is as it was.
    pub(super) fn untouched(&self) {
        let nobody =
            |what: &str, kind: ErrorKind| assert_eq!(kind, ErrorKind::WouldBlock, "{what} was reached");
        nobody("the port", self.port.accept().unwrap_err().kind());
        nobody("the datagrams' port", self.datagrams.recv(&mut [0; 16]).unwrap_err().kind());
        nobody("the abstract socket", self.abstract_socket.accept().unwrap_err().kind());
        nobody("the abstract datagrams", self.abstract_datagrams.recv(&mut [0; 16]).unwrap_err().kind());
        nobody("the socket", self.path_socket.accept().unwrap_err().kind());
        assert_eq!(fs::read_to_string(self.folder.path().join("secret")).unwrap(), SECRET);
        assert_eq!(mounts(), self.mounts);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: removes the segment that `new` made, and touches no memory of ours.
        unsafe { libc::shmctl(self.segment, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

pub(super) const NEIGHBOURS_PORT: u16 = 7_777;
pub(super) const NEIGHBOURS_SOCKET: &str = "sonagi-neighbour";
pub(super) const NEIGHBOURS_FILE: &str = "/tmp/neighbour";

/// Addresses of this machine, as they are written before a port.
fn addresses() -> BTreeSet<String> {
    let mut found: BTreeSet<String> =
        ["127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::]"].map(Into::into).into();
    // Sends nothing: the kernel only looks which address it would use.
    for (from, to) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
        let chosen = UdpSocket::bind(from).and_then(|socket| {
            socket.connect(to)?;
            socket.local_addr()
        });
        if let Ok(address) = chosen {
            let text = address.ip().to_string();
            found.insert(if address.is_ipv6() { format!("[{text}]") } else { text });
        }
    }
    found
}

/// This process, its parent and all that is below it: the launcher, and the environments, by the host's numbers.
fn family() -> BTreeSet<u32> {
    let this = std::process::id();
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat[stat.rfind(')')? + 2..].split(' ').nth(1)?.parse().ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, parent))
        })
        .collect();
    let mut found = BTreeSet::from([this]);
    loop {
        let more: Vec<u32> =
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            break;
        }
    }
    found.extend(parents.iter().find(|(pid, _)| *pid == this).map(|(_, parent)| *parent));
    // Such a number may be the probe's own, inside.
    found.retain(|pid| *pid > 100);
    found
}
