//! A machine with a network of its own for a test, and an internet that it is connected to: two namespaces, with this
//! machine's network out of sight.
//!
//! ```text
//!  the test's thread                     a thread that is the internet
//!  up0 93.184.215.10/24 ═══ pair ═══ far0 93.184.215.1/24; 93.184.216.34, 10.0.0.5, 169.254.169.254, OFFICE
//!
//!  br-office (if it is asked for)    another thread, which is an office
//!  off0 ════════════════════════════ pair ═══ desk0 10.30.0.1/24
//! ```
#![expect(unsafe_code, reason = "a thread leaves its namespaces by a system call that has no safe wrapper")]

use std::{
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    process::Command,
    sync::mpsc,
    thread,
};

pub(crate) const PUBLIC: &str = "93.184.216.34";
pub(crate) const UPLINK: &str = "93.184.215.10";
/// Reached by the machine, and by no function.
pub(crate) const PRIVATE: [&str; 2] = ["10.0.0.5", "169.254.169.254"];
/// Of private networks too: what a named network may lead to.
pub(crate) const OFFICE: [&str; 2] = ["10.20.0.5", "192.168.7.5"];
/// On the office's bridge.
pub(crate) const DESK: &str = "10.30.0.1";

/// Whether the machine passes on what comes in from the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarding {
    On,
    Off,
}

/// Runs `test` on such a machine, in a runtime of one thread.
pub(crate) fn on_a_machine<F: Future<Output = ()>>(
    forwarding: Forwarding,
    test: impl FnOnce() -> F + Send + 'static,
) {
    let thread = thread::spawn(move || {
        unshare(libc::CLONE_NEWNET | libc::CLONE_NEWNS);
        run("mount --make-rprivate /");
        let resolvers = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&resolvers, format!("nameserver {PUBLIC}\n")).unwrap();
        run(&format!("chmod 644 {}", resolvers.path().display()));
        run(&format!("mount --bind {} /etc/resolv.conf", resolvers.path().display()));
        run("ip link set lo up");
        let (internet, connected) = internet();
        run(&format!("ip link add up0 type veth peer name far0 netns {internet}"));
        connected.recv().unwrap();
        run(&format!("ip addr add {UPLINK}/24 dev up0"));
        run("ip link set up0 up");
        run("ip route add default via 93.184.215.1");
        if forwarding == Forwarding::On {
            std::fs::write("/proc/sys/net/ipv4/conf/up0/forwarding", "1").unwrap();
        }
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn unshare(flags: i32) {
    // SAFETY: the flags name namespaces, which no type of Rust's relies on; only this thread leaves them.
    assert_eq!(unsafe { libc::unshare(flags) }, 0, "this test needs root");
}

/// What a command says; it must succeed.
pub(crate) fn run(line: &str) -> String {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts the internet; the number of its thread, and whether it is connected. It ends with the test's process.
fn internet() -> (i32, mpsc::Receiver<()>) {
    let (ready, is_ready) = mpsc::channel();
    let (connected, is_connected) = mpsc::channel();
    thread::spawn(move || {
        unshare(libc::CLONE_NEWNET);
        ready.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        run("ip link set lo up");
        for address in [&[PUBLIC][..], &PRIVATE, &OFFICE].concat() {
            run(&format!("ip addr add {address}/32 dev lo"));
        }
        while !run("ip -br link").contains("far0@") {
            thread::yield_now();
        }
        run("ip addr add 93.184.215.1/24 dev far0");
        run("ip link set far0 up");
        let other = UdpSocket::bind((OFFICE[0], 53)).unwrap();
        thread::spawn(move || {
            let mut query = [0; 4096];
            loop {
                let (size, from) = other.recv_from(&mut query).unwrap();
                other.send_to(&answer(&query[..size], OFFICE[0]), from).unwrap();
            }
        });
        let names = UdpSocket::bind((PUBLIC, 53)).unwrap();
        let names_too = TcpListener::bind((PUBLIC, 53)).unwrap();
        thread::spawn(move || {
            let mut query = [0; 4096];
            loop {
                let (size, from) = names.recv_from(&mut query).unwrap();
                names.send_to(&answer(&query[..size], PUBLIC), from).unwrap();
            }
        });
        thread::spawn(move || {
            for stream in names_too.incoming() {
                let mut stream = stream.unwrap();
                let mut size = [0; 2];
                stream.read_exact(&mut size).unwrap();
                let mut query = vec![0; usize::from(u16::from_be_bytes(size))];
                stream.read_exact(&mut query).unwrap();
                let answer = answer(&query, PUBLIC);
                stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        let site = TcpListener::bind("0.0.0.0:80").unwrap();
        let other = TcpListener::bind("0.0.0.0:81").unwrap();
        thread::spawn(move || tell(&other));
        connected.send(()).unwrap();
        tell(&site);
    });
    (is_ready.recv().unwrap(), is_connected)
}

/// Tells everybody who comes which address it comes from.
fn tell(site: &TcpListener) {
    for stream in site.incoming() {
        let mut stream = stream.unwrap();
        let peer = stream.peer_addr().unwrap().ip().to_string();
        let _ = stream.write_all(peer.as_bytes());
    }
}

/// Makes a bridge of the machine's, `br-office`, and a machine behind it.
pub(crate) fn office() {
    let (ready, is_ready) = mpsc::channel();
    let (connected, is_connected) = mpsc::channel();
    thread::spawn(move || {
        unshare(libc::CLONE_NEWNET);
        ready.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        while !run("ip -br link").contains("desk0@") {
            thread::yield_now();
        }
        run(&format!("ip addr add {DESK}/24 dev desk0"));
        run("ip link set desk0 up");
        let (site, other) =
            (TcpListener::bind("0.0.0.0:80").unwrap(), TcpListener::bind("0.0.0.0:81").unwrap());
        thread::spawn(move || tell(&other));
        // Connects to whatever address it is sent, and says what it hears there.
        let door = UdpSocket::bind("0.0.0.0:82").unwrap();
        thread::spawn(move || {
            let mut text = [0; 100];
            loop {
                let (size, from) = door.recv_from(&mut text).unwrap();
                let address = format!("{}:7000", std::str::from_utf8(&text[..size]).unwrap());
                let soon = std::time::Duration::from_millis(500);
                let reached = std::net::TcpStream::connect_timeout(&address.parse().unwrap(), soon).is_ok();
                door.send_to(if reached { b"reached" } else { b"failed " }, from).unwrap();
            }
        });
        connected.send(()).unwrap();
        tell(&site);
    });
    let office: i32 = is_ready.recv().unwrap();
    run("ip link add br-office type bridge");
    run("ip link set br-office up");
    run(&format!("ip link add off0 type veth peer name desk0 netns {office}"));
    run("ip link set off0 master br-office up");
    is_connected.recv().unwrap();
}

/// From here on this thread, and those that it starts, are an ordinary user's, on a machine where such a one may make
/// networks.
pub(crate) fn become_ordinary_user() {
    run("mount -t tmpfs -o mode=755 none /mnt");
    run("mknod -m 666 /mnt/tun c 10 200");
    run("mount --bind /mnt/tun /dev/net/tun");
    let user = 1_500;
    // SAFETY: the calls take numbers and no memory. They are for this thread alone, other than those of libc.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()), 0);
        assert_eq!(libc::syscall(libc::SYS_setresgid, user, user, user), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, user, user, user), 0);
        // As a program has it that such a user starts.
        assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1), 0);
    }
}

/// Every name has the `address`.
fn answer(query: &[u8], address: &str) -> Vec<u8> {
    let name = query[12..].iter().position(|&byte| byte == 0).unwrap() + 13;
    let question = &query[12..name + 4];
    // One question; one answer if it is about an address (type A).
    let answers = u8::from(question[question.len() - 4..] == [0, 1, 0, 1]);
    let mut text = [&query[..2], &[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0], question].concat();
    if answers == 1 {
        let address: std::net::Ipv4Addr = address.parse().unwrap();
        text.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        text.extend(address.octets());
    }
    text
}
