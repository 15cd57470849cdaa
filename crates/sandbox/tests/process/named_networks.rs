//! What functions reach in networks that an operator has declared, and what they do not.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
};

use sonagi_model::{
    Clock, NetworkName,
    function::{Network, Vpc},
    network::{Addresses, NamedNetwork, Networks, ToInternet, Way},
};
use sonagi_sandbox::{
    StartFailure,
    process::{GroupUse, RuntimePolicy},
};

use super::{
    machine::{DESK, Forwarding, OFFICE, PRIVATE, PUBLIC, UPLINK, office, on_a_machine, run},
    network::{TRAVELLER, ask, traveller},
    support::{Bench, PYTHON, Running},
};

pub(crate) fn network(name: &str, allow: &[&str]) -> NamedNetwork {
    NamedNetwork {
        name: NetworkName::new(name).unwrap(),
        allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
        internet: ToInternet::No,
        way: Way::Translated { source: None },
        dns: Vec::new(),
        vpc: "vpc-1".into(),
        subnets: vec![format!("subnet-{name}")],
        security_groups: vec!["sg-1".into()],
    }
}

pub(crate) fn row(first: [u8; 4], last: [u8; 4]) -> Way {
    let addresses = Addresses { first: first.into(), last: last.into(), prefix: 24 };
    Way::Bridge { bridge: "br-office".into(), addresses, gateway: None }
}

fn bench(networks: Vec<NamedNetwork>) -> Bench {
    Bench::with_networks(GroupUse::IfThereAreAny, RuntimePolicy::Exact, 0, Networks(networks))
}

pub(crate) fn named(name: &str) -> Network {
    Network::Named(NetworkName::new(name).unwrap())
}

pub(crate) async fn reaches(running: &mut Running, address: &str, port: u16) -> String {
    ask(running, &format!(r#"["tcp", "{address}", {port}]"#)).await
}

pub(crate) async fn does_not_reach(running: &mut Running, address: &str, port: u16) {
    for how in ["tcp", "bound"] {
        let said = ask(running, &format!(r#"["{how}", "{address}", {port}]"#)).await;
        assert!(said.starts_with("failed "), "{how} {address}:{port}: {said}");
    }
}

#[test]
fn a_function_in_a_network_reaches_its_ranges_and_nothing_else() {
    on_a_machine(Forwarding::On, || async {
        let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
        machine.set_nonblocking(true).unwrap();
        let mut lab = network("lab", &["192.168.0.0/16", "93.184.215.10/32:7777"]);
        lab.internet = ToInternet::Yes;
        let mut office = network("office", &["10.20.0.0/16", "192.168.7.5/32:80"]);
        office.dns = vec![OFFICE[0].parse().unwrap()];
        let wide = network("wide", &["0.0.0.0/0"]);
        let bench = bench(vec![office, lab, wide]);

        let mut running = traveller(&bench, named("office")).await;
        for (address, port) in [(OFFICE[0], 80), (OFFICE[0], 81), (OFFICE[1], 80)] {
            assert_eq!(reaches(&mut running, address, port).await, format!("reached {UPLINK}"));
        }
        for (address, port) in [(OFFICE[1], 81), (PUBLIC, 80), (PRIVATE[0], 80), (PRIVATE[1], 80)] {
            does_not_reach(&mut running, address, port).await;
        }
        for address in ["198.18.0.1", UPLINK, "127.0.0.1"] {
            does_not_reach(&mut running, address, 7777).await;
        }
        // Of the network's own name server.
        assert_eq!(ask(&mut running, r#"["resolve", "files.example"]"#).await, OFFICE[0]);

        let mut other = traveller(&bench, named("lab")).await;
        for address in [OFFICE[1], PUBLIC] {
            assert_eq!(reaches(&mut other, address, 80).await, format!("reached {UPLINK}"));
        }
        for address in [OFFICE[0], PRIVATE[0], PRIVATE[1]] {
            does_not_reach(&mut other, address, 80).await;
        }
        assert_eq!(ask(&mut other, r#"["resolve", "files.example"]"#).await, PUBLIC);
        assert!(machine.accept().is_err(), "nobody was there yet");
        // An address of the machine's that is declared by itself.
        let _ = reaches(&mut other, UPLINK, 7777).await;
        machine.accept().unwrap();
        does_not_reach(&mut other, UPLINK, 80).await;

        let mut anywhere = traveller(&bench, named("wide")).await;
        for address in [PRIVATE[0], OFFICE[0], PUBLIC] {
            assert_eq!(reaches(&mut anywhere, address, 80).await, format!("reached {UPLINK}"));
        }
        for address in [PRIVATE[1], UPLINK, "198.18.0.1"] {
            does_not_reach(&mut anywhere, address, 80).await;
        }
        // Functions of different networks.
        assert_eq!(ask(&mut running, r#"["serve", 7000]"#).await, "serves");
        let address = ask(&mut running, r#"["own"]"#).await;
        for from in [&mut other, &mut anywhere] {
            does_not_reach(from, &address, 7000).await;
        }
        // Whoever has the address next is not taken for one of the network's.
        drop(running);
        bench.driver.settled().await;
        assert!(!run("nft list set inet sonagi0 n0").contains("elements"));
        drop((other, anywhere, bench));
        assert_eq!(run("nft list ruleset"), "");
    });
}

#[test]
fn others_see_the_static_address() {
    on_a_machine(Forwarding::On, || async {
        run("ip addr add 93.184.215.77/24 dev up0");
        let mut office = network("office", &["10.20.0.0/16"]);
        office.way = Way::Translated { source: Some(Ipv4Addr::new(93, 184, 215, 77)) };
        let mut absent = network("absent", &["10.20.0.0/16"]);
        absent.way = Way::Translated { source: Some(Ipv4Addr::new(93, 184, 215, 78)) };
        let bench = bench(vec![office, absent]);
        let mut running = traveller(&bench, named("office")).await;
        assert_eq!(reaches(&mut running, OFFICE[0], 80).await, "reached 93.184.215.77");
        let mut other = traveller(&bench, Network::Internet).await;
        assert_eq!(reaches(&mut other, PUBLIC, 80).await, format!("reached {UPLINK}"));
        // One that the machine has not.
        let help = bench.driver.grant(&named("absent")).unwrap_err();
        assert!(help.contains("93.184.215.78") && help.contains("no interface"), "{help}");
    });
}

#[test]
fn functions_on_an_operators_bridge_have_addresses_of_their_own() {
    on_a_machine(Forwarding::On, || async {
        office();
        run("ip addr add 10.30.0.2/24 dev br-office");
        let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
        machine.set_nonblocking(true).unwrap();
        let mut desk = network("desk", &["10.30.0.0/24"]);
        desk.way = row([10, 30, 0, 50], [10, 30, 0, 51]);
        let mut narrow = network("narrow", &["10.30.0.1/32:80-80"]);
        narrow.way = row([10, 30, 0, 60], [10, 30, 0, 60]);
        narrow.dns = vec![PUBLIC.parse().unwrap()];
        let bench = bench(vec![desk, narrow]);

        let mut one = traveller(&bench, named("desk")).await;
        let mut two = traveller(&bench, named("desk")).await;
        let mut three = traveller(&bench, named("narrow")).await;
        for (running, address) in
            [(&mut one, "10.30.0.50"), (&mut two, "10.30.0.51"), (&mut three, "10.30.0.60")]
        {
            assert_eq!(reaches(running, DESK, 80).await, format!("reached {address}"));
            for other in [PUBLIC, PRIVATE[0], PRIVATE[1], OFFICE[0]] {
                does_not_reach(running, other, 80).await;
            }
            // The machine is on the bridge too.
            for own in ["10.30.0.2", UPLINK] {
                does_not_reach(running, own, 7777).await;
            }
            assert_eq!(ask(running, r#"["resolve", "files.example"]"#).await, PUBLIC);
        }
        assert_eq!(reaches(&mut one, DESK, 81).await, "reached 10.30.0.50");
        does_not_reach(&mut three, DESK, 81).await;
        assert!(machine.accept().is_err());

        // Nobody reaches a function: not another one, not the office, not the machine.
        assert_eq!(ask(&mut one, r#"["serve", 7000]"#).await, "serves");
        for other in [&mut two, &mut three] {
            does_not_reach(other, "10.30.0.50", 7000).await;
        }
        assert_eq!(ask(&mut two, r#"["ask", "10.30.0.1", 82, "10.30.0.50"]"#).await, "failed ");
        let soon = std::time::Duration::from_millis(500);
        assert!(std::net::TcpStream::connect_timeout(&"10.30.0.50:7000".parse().unwrap(), soon).is_err());

        // There are two addresses.
        let mut function = bench.function(PYTHON, TRAVELLER);
        function.spec.network = named("desk");
        let refused = bench.start(function).await.err().unwrap();
        let StartFailure::NotYet(text) = &refused else { panic!("{refused:?}") };
        assert_eq!(text, "all 2 addresses of the network desk are in use");
        drop(one);
        bench.driver.settled().await;
        let mut next = traveller(&bench, named("desk")).await;
        assert_eq!(reaches(&mut next, DESK, 80).await, "reached 10.30.0.50");
        drop((two, three, next, bench));
        assert_eq!(run("nft list ruleset"), "");
        assert!(!run("ip -br link").contains("sgb"));
    });
}

#[test]
fn a_network_is_found_by_its_subnets_and_what_is_not_there_is_refused() {
    on_a_machine(Forwarding::On, || async {
        let mut desk = network("desk", &["10.30.0.0/24"]);
        desk.way = row([10, 30, 0, 50], [10, 30, 0, 51]);
        let bench = bench(vec![network("office", &["10.20.0.0/16"]), desk]);
        let vpc = |subnet: &str| {
            Network::Vpc(Vpc { subnets: vec![subnet.into()], security_groups: vec!["sg-1".into()] })
        };
        let mut running = traveller(&bench, vpc("subnet-office")).await;
        assert_eq!(reaches(&mut running, OFFICE[0], 80).await, format!("reached {UPLINK}"));
        assert_eq!(bench.driver.grant(&vpc("subnet-office")), Ok(()));
        let refused = |network| bench.driver.grant(&network).unwrap_err();
        assert!(refused(vpc("subnet-9")).ends_with("The subnet ID 'subnet-9' does not exist"));
        assert!(refused(named("offce")).contains("this server has office, desk"));
        // Declared, and not on this machine.
        assert!(refused(named("desk")).contains("ip link add br-office type bridge"));
        for network in [vpc("subnet-9"), named("desk")] {
            let mut function = bench.function(PYTHON, TRAVELLER);
            function.spec.network = network;
            let refused = bench.start(function).await.err().unwrap();
            assert!(matches!(&refused, StartFailure::Unsupported(_)), "{refused:?}");
        }
    });
}

#[test]
fn an_interpreter_that_waited_gets_the_network_of_its_function() {
    on_a_machine(Forwarding::On, || async {
        office();
        let mut desk = network("desk", &["10.30.0.0/24"]);
        desk.way = row([10, 30, 0, 50], [10, 30, 0, 51]);
        let networks = Networks(vec![desk, network("office", &["10.20.0.0/16"])]);
        let bench = Bench::with_networks(GroupUse::IfThereAreAny, RuntimePolicy::Exact, 1_024, networks);
        let patience = bench.clock.tick() + std::time::Duration::from_secs(20);
        let mut first = traveller(&bench, named("desk")).await;
        assert_eq!(reaches(&mut first, DESK, 80).await, "reached 10.30.0.50");
        // What waits has no address: the second one is still there to be had.
        bench.waits(1).await;
        let mut second = traveller(&bench, named("desk")).await;
        assert_eq!(ask(&mut second, r#"["waited"]"#).await, "True");
        assert_eq!(reaches(&mut second, DESK, 80).await, "reached 10.30.0.51");
        does_not_reach(&mut second, PUBLIC, 80).await;
        // It may wait for a function of any network.
        while bench.driver.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let mut third = traveller(&bench, named("office")).await;
        assert_eq!(ask(&mut third, r#"["waited"]"#).await, "True");
        assert_eq!(reaches(&mut third, OFFICE[0], 80).await, format!("reached {UPLINK}"));
        does_not_reach(&mut third, DESK, 80).await;

        // One that waits for the internet is another kind, and has it already.
        let waited = loop {
            let mut running = traveller(&bench, Network::Internet).await;
            assert_eq!(ask(&mut running, r#"["first"]"#).await, format!("reached {UPLINK}"));
            does_not_reach(&mut running, OFFICE[0], 80).await;
            let waited = ask(&mut running, r#"["waited"]"#).await == "True";
            if waited || bench.clock.tick() > patience {
                break waited;
            }
        };
        assert!(waited);
    });
}

/// In a child of the test: that it is the server.
const ROLE: &str = "SONAGI_TEST_KILLED_SERVER";

fn desk() -> Vec<NamedNetwork> {
    let mut desk = network("desk", &["10.30.0.0/24"]);
    desk.way = row([10, 30, 0, 50], [10, 30, 0, 51]);
    vec![desk, network("office", &["10.20.0.0/16"])]
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a child of the test is told and tells so"
)]
#[test]
fn what_a_killed_server_leaves_is_removed() {
    if std::env::var_os(ROLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = bench(desk());
            let mut one = traveller(&bench, named("desk")).await;
            assert_eq!(reaches(&mut one, DESK, 80).await, "reached 10.30.0.50");
            let mut other = traveller(&bench, named("office")).await;
            assert_eq!(reaches(&mut other, OFFICE[0], 80).await, format!("reached {UPLINK}"));
            println!("\nserves");
            std::future::pending::<()>().await;
        });
    }
    on_a_machine(Forwarding::On, || async {
        office();
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "named_networks::what_a_killed_server_leaves_is_removed", "--nocapture"])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
        let serves = lines.any(|line| line == "serves");
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(serves);
        assert!(run("nft list ruleset").contains("sonagi0"));
        let bench = bench(desk());
        assert_eq!(run("nft list ruleset"), "");
        // The environments have ended with their server, and the kernel clears their interfaces away.
        let patience = bench.clock.tick() + std::time::Duration::from_secs(20);
        while run("ip -br link").contains("sg") {
            assert!(bench.clock.tick() < patience, "{}", run("ip -br link"));
            std::thread::yield_now();
        }
        let mut running = traveller(&bench, named("desk")).await;
        assert_eq!(reaches(&mut running, DESK, 80).await, "reached 10.30.0.50");
    });
}
