//! A machine with a network of its own for a test, and an internet that it is connected to: two namespaces, with this
//! machine's network out of sight.
//!
//! ```text
//!  the test's thread                     a thread that is the internet
//!  up0 93.184.215.10/24 ═══ pair ═══ far0 93.184.215.1/24; 93.184.216.34, 10.0.0.5, 169.254.169.254
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
        for address in [&[PUBLIC][..], &PRIVATE].concat() {
            run(&format!("ip addr add {address}/32 dev lo"));
        }
        while !run("ip -br link").contains("far0@") {
            thread::yield_now();
        }
        run("ip addr add 93.184.215.1/24 dev far0");
        run("ip link set far0 up");
        let names = UdpSocket::bind((PUBLIC, 53)).unwrap();
        let names_too = TcpListener::bind((PUBLIC, 53)).unwrap();
        thread::spawn(move || {
            let mut query = [0; 4096];
            loop {
                let (size, from) = names.recv_from(&mut query).unwrap();
                names.send_to(&answer(&query[..size]), from).unwrap();
            }
        });
        thread::spawn(move || {
            for stream in names_too.incoming() {
                let mut stream = stream.unwrap();
                let mut size = [0; 2];
                stream.read_exact(&mut size).unwrap();
                let mut query = vec![0; usize::from(u16::from_be_bytes(size))];
                stream.read_exact(&mut query).unwrap();
                let answer = answer(&query);
                stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        let site = TcpListener::bind("0.0.0.0:80").unwrap();
        connected.send(()).unwrap();
        for stream in site.incoming() {
            let mut stream = stream.unwrap();
            let peer = stream.peer_addr().unwrap().ip().to_string();
            let _ = stream.write_all(peer.as_bytes());
        }
    });
    (is_ready.recv().unwrap(), is_connected)
}

/// Every name is [`PUBLIC`]'s.
fn answer(query: &[u8]) -> Vec<u8> {
    let name = query[12..].iter().position(|&byte| byte == 0).unwrap() + 13;
    let question = &query[12..name + 4];
    // One question; one answer if it is about an address (type A).
    let answers = u8::from(question[question.len() - 4..] == [0, 1, 0, 1]);
    let mut text = [&query[..2], &[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0], question].concat();
    if answers == 1 {
        let address: std::net::Ipv4Addr = PUBLIC.parse().unwrap();
        text.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        text.extend(address.octets());
    }
    text
}
