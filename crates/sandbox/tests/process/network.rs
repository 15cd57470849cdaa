//! What functions reach with the internet granted, and what they do not.

use std::{net::TcpListener, time::Duration};

use sonagi_model::{Clock, clock, function::Network};
use sonagi_sandbox::StartFailure;

use super::{
    machine::{Forwarding, PRIVATE, PUBLIC, UPLINK, on_a_machine, run},
    support::{Bench, PYTHON, Running},
};

/// Does what it is told: connects to addresses, and listens.
pub(crate) const TRAVELLER: &str = concat!(
    include_str!("../real/travels.py"),
    r#"
def ask(host, port, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(text.encode(), (host, port))
        return s.recv(100).decode()

def serve(port):
    listener = socket.create_server(("0.0.0.0", port))
    def loop():
        while True:
            stream, peer = listener.accept()
            stream.sendall(b"here")
            stream.close()
    threading.Thread(target=loop, daemon=True).start()
    return "serves"

def resolve_tcp(_):
    query = bytes([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1])
    with socket.create_connection(("198.19.255.53", 53), 3) as stream:
        stream.sendall(len(query).to_bytes(2, "big") + query)
        return stream.recv(1000)[-4:].hex()

def handler(event, context):
    what, *rest = event
    return {"first": lambda: first, "tcp": lambda: tcp(*rest), "serve": lambda: serve(*rest),
            "own": own, "resolve": lambda: resolve(*rest), "resolve_tcp": lambda: resolve_tcp(None),
            "waited": lambda: str(b"SONAGI_WAITS" in open("/proc/self/environ", "rb").read()),
            "bound": lambda: bound(*rest), "ask": lambda: ask(*rest),
            "many": lambda: many(*rest)}[what]()
"#
);

pub(crate) async fn traveller(bench: &Bench, network: Network) -> Running {
    let mut function = bench.function(PYTHON, TRAVELLER);
    function.spec.network = network;
    bench.start(function).await.unwrap()
}

pub(crate) async fn ask(running: &mut Running, question: &str) -> String {
    let done = running.invoke(question.to_owned()).await;
    serde_json::from_str(done.success()).unwrap()
}

#[test]
fn a_function_with_the_internet_reaches_public_addresses_and_nothing_else() {
    on_a_machine(Forwarding::On, || async {
        let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
        let bench = Bench::new();
        let mut running = traveller(&bench, Network::Internet).await;
        // From the first moment on, and as if it were the machine.
        assert_eq!(ask(&mut running, r#"["first"]"#).await, format!("reached {UPLINK}"));
        assert_eq!(
            ask(&mut running, &format!(r#"["tcp", "{PUBLIC}", 80]"#)).await,
            format!("reached {UPLINK}")
        );
        assert_eq!(ask(&mut running, r#"["resolve", "example.com"]"#).await, PUBLIC);
        assert_eq!(ask(&mut running, r#"["resolve_tcp"]"#).await, "5db8d822");
        for address in PRIVATE {
            let said = ask(&mut running, &format!(r#"["tcp", "{address}", 80]"#)).await;
            assert!(said.starts_with("failed "), "{address}: {said}");
        }
        let own = ask(&mut running, r#"["own"]"#).await;
        assert_eq!(own, "198.18.0.2");
        // The machine, by each of its addresses; 198.18.0.1 is what the function sends everything to.
        for address in ["198.18.0.1", UPLINK, "198.19.255.53"] {
            let said = ask(&mut running, &format!(r#"["tcp", "{address}", 7777]"#)).await;
            assert!(said.starts_with("failed "), "{address}: {said}");
        }
        machine.set_nonblocking(true).unwrap();
        assert!(machine.accept().is_err());
        let members = run("nft list set bridge sonagi0 members");
        assert!(members.contains("198.18.0.2"), "{members}");
        drop(running);
        bench.driver.settled().await;
        // Its address is nobody's.
        let members = run("nft list set bridge sonagi0 members");
        assert!(!members.contains("198.18.0.2"), "{members}");
        assert!(!run("ip neigh").contains("198.18.0.2"));
        drop(bench);
        assert_eq!(run("nft list ruleset"), "");
        assert!(!run("ip -br link").contains("sonagi"));
    });
}

#[test]
fn no_function_reaches_another_and_nobody_reaches_a_function() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::new();
        let mut one = traveller(&bench, Network::Internet).await;
        let mut other = traveller(&bench, Network::Internet).await;
        assert_eq!(ask(&mut one, r#"["serve", 7000]"#).await, "serves");
        assert_eq!(ask(&mut one, r#"["tcp", "127.0.0.1", 7000]"#).await, "reached here");
        let address = ask(&mut one, r#"["own"]"#).await;
        assert_ne!(ask(&mut other, r#"["own"]"#).await, address);
        let said = ask(&mut other, &format!(r#"["tcp", "{address}", 7000]"#)).await;
        assert!(said.starts_with("failed "), "{said}");
        // Not even the machine itself.
        let connecting = tokio::net::TcpStream::connect(format!("{address}:7000"));
        let soon = bench.clock.tick() + Duration::from_millis(500);
        assert!(!matches!(clock::within(&*bench.clock, soon, connecting).await, Some(Ok(_))));
    });
}

#[test]
fn a_function_without_a_network_reaches_nothing() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::new();
        let mut running = traveller(&bench, Network::None).await;
        for question in [r#"["first"]"#.to_owned(), format!(r#"["tcp", "{PUBLIC}", 80]"#)] {
            assert!(ask(&mut running, &question).await.starts_with("failed "));
        }
        assert!(ask(&mut running, r#"["resolve", "example.com"]"#).await.starts_with("failed "));
        // Nothing of the machine's has changed.
        assert_eq!(run("nft list ruleset"), "");
        assert!(!run("ip -br link").contains("sonagi"));
    });
}

#[test]
fn a_machine_that_does_not_forward_says_so_and_runs_what_does_not_insist() {
    on_a_machine(Forwarding::Off, || async {
        let bench = Bench::new();
        let mut function = bench.function(PYTHON, TRAVELLER);
        function.spec.network = Network::Internet;
        let refused = bench.start(function).await.err().unwrap();
        let StartFailure::Unsupported(text) = &refused else { panic!("{refused:?}") };
        assert!(text.contains("sysctl -w net.ipv4.conf.up0.forwarding=1"), "{text}");
        let mut running = traveller(&bench, Network::InternetIfPossible).await;
        assert!(ask(&mut running, r#"["first"]"#).await.starts_with("failed "));
        drop(running);
        let help = bench.driver.grant(&Network::Internet).unwrap_err();
        assert!(help.contains("sysctl -w"), "{help}");
        assert_eq!(bench.driver.grant(&Network::InternetIfPossible), Ok(()));
        // From when on it does, there is nothing more to do; that is seen a little later.
        std::fs::write("/proc/sys/net/ipv4/conf/up0/forwarding", "1").unwrap();
        assert!(bench.driver.grant(&Network::Internet).is_err(), "it is remembered");
        let patience = bench.clock.tick() + sonagi_model::limits::NETWORK_SURVEY + Duration::from_secs(5);
        loop {
            let mut running = traveller(&bench, Network::InternetIfPossible).await;
            if ask(&mut running, r#"["first"]"#).await == format!("reached {UPLINK}") {
                break;
            }
            assert!(bench.clock.tick() < patience);
        }
        bench.nothing_is_left().await;
    });
}

#[test]
fn what_a_server_that_died_left_is_removed_and_what_others_use_is_left_alone() {
    on_a_machine(Forwarding::On, || async {
        // One that died, one whose addresses somebody else's network has, and one that lives.
        run("ip link add sonagi0 type bridge");
        run("nft add table inet sonagi0");
        run("nft add table bridge sonagi0");
        run("nft add chain bridge sonagi0 old");
        run("ip link add sonagi5 type bridge");
        run("ip link add lan type bridge");
        run("ip addr add 198.18.9.1/24 dev lan");
        let first = Bench::new();
        assert!(!run("ip -br link").contains("sonagi"));
        let mut one = traveller(&first, Network::Internet).await;
        assert_eq!(ask(&mut one, r#"["own"]"#).await, "198.18.0.2");
        assert!(!run("nft list ruleset").contains("old"));
        assert!(!run("ip -br link").contains("sonagi5"));
        let second = Bench::new();
        let mut other = traveller(&second, Network::Internet).await;
        assert_eq!(ask(&mut other, r#"["own"]"#).await, "198.18.16.2");
        for running in [&mut one, &mut other] {
            assert_eq!(ask(running, r#"["first"]"#).await, format!("reached {UPLINK}"));
            assert_eq!(ask(running, r#"["resolve", "example.com"]"#).await, PUBLIC);
        }
        drop(other);
        drop(second);
        assert_eq!(ask(&mut one, &format!(r#"["tcp", "{PUBLIC}", 80]"#)).await, format!("reached {UPLINK}"));
    });
}

#[test]
fn a_function_that_opens_too_many_connections_has_none_left_and_others_have() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::new();
        let mut one = traveller(&bench, Network::Internet).await;
        let mut other = traveller(&bench, Network::Internet).await;
        let most = sonagi_model::limits::NETWORK_CONNECTIONS;
        let said = ask(&mut one, &format!(r#"["many", {}]"#, most + 50)).await;
        assert!(said.starts_with("failed "), "{said}");
        assert_eq!(
            ask(&mut other, &format!(r#"["tcp", "{PUBLIC}", 80]"#)).await,
            format!("reached {UPLINK}")
        );
    });
}

#[test]
fn many_functions_are_connected_at_once() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::new();
        let started: Vec<_> =
            futures::future::join_all((0..20).map(|_| traveller(&bench, Network::Internet))).await;
        for mut running in started {
            assert_eq!(ask(&mut running, r#"["first"]"#).await, format!("reached {UPLINK}"));
        }
    });
}

/// Connects from within an environment's network, from `source`, with powers that no function has.
fn reach_from(namespace: &str, source: &str) -> String {
    let script = format!(
        "import socket\ntry:\n  print(socket.create_connection((\"{PUBLIC}\", 80), 1, (\"{source}\", 0)).recv(100).decode())\n\
         except OSError as error:\n  print(\"failed\", error)"
    );
    let output = std::process::Command::new("nsenter")
        .args([&format!("--net={namespace}"), "python3", "-c", &script])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The network namespaces of this process's children.
pub(crate) fn children() -> Vec<String> {
    let parent = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let after_name = &stat[stat.rfind(')').unwrap() + 2..];
        if after_name.split(' ').nth(1) == Some(&parent) {
            found.push(entry.path().join("ns/net").display().to_string());
        }
    }
    found
}

#[test]
fn who_takes_an_address_that_is_not_its_own_is_not_heard() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::new();
        let mut one = traveller(&bench, Network::Internet).await;
        let _other = traveller(&bench, Network::Internet).await;
        assert_eq!(ask(&mut one, r#"["own"]"#).await, "198.18.0.2");
        let here = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let inside = |namespace: String| {
            let other = std::fs::read_link(&namespace).is_ok_and(|link| link != here);
            (other && run(&format!("nsenter --net={namespace} ip -br addr")).contains("198.18.0.2/"))
                .then_some(namespace)
        };
        let namespace = children().into_iter().find_map(inside).unwrap();
        let change = |what: &str| run(&format!("nsenter --net={namespace} ip {what}"));
        assert_eq!(reach_from(&namespace, "198.18.0.2"), UPLINK);
        for address in ["198.18.0.3", "198.18.0.77", "93.184.215.77"] {
            change(&format!("addr add {address}/32 dev eth0"));
            let said = reach_from(&namespace, address);
            assert!(said.starts_with("failed "), "{address}: {said}");
        }
        assert_eq!(reach_from(&namespace, "198.18.0.2"), UPLINK);
        change("link set eth0 address 02:00:c6:12:00:03");
        assert!(reach_from(&namespace, "198.18.0.2").starts_with("failed "));
    });
}

#[test]
fn where_rules_cannot_be_loaded_only_functions_that_insist_are_refused() {
    on_a_machine(Forwarding::On, || async {
        // A program that is there and does nothing right.
        run("mount --bind /bin/false /usr/sbin/nft");
        let bench = Bench::new();
        let mut function = bench.function(PYTHON, TRAVELLER);
        function.spec.network = Network::Internet;
        let refused = bench.start(function).await.err().unwrap();
        assert!(matches!(&refused, StartFailure::Machine { .. }), "{refused:?}");
        for _ in 0..2 {
            let mut running = traveller(&bench, Network::InternetIfPossible).await;
            assert!(ask(&mut running, r#"["first"]"#).await.starts_with("failed "));
        }
        // Nothing passes through what has no rules.
        let bridges = run("ip -br link");
        assert!(
            !bridges.lines().any(|line| line.starts_with("sonagi") && line.contains(" UP ")),
            "{bridges}"
        );
    });
}
