//! Copies of one initialised function, each with a network of its own.

use std::net::TcpListener;

use sonagi_model::{function::Network, network::Networks};
use sonagi_sandbox::{Initialization, Origin};

use crate::{
    machine::{
        DESK, Forwarding, OFFICE, PRIVATE, PUBLIC, UPLINK, become_ordinary_user, office, on_a_machine, run,
    },
    named_networks::{does_not_reach, named, network, reaches, row},
    network::{TRAVELLER, ask},
    ordinary_user::{has, launcher},
    support::{Bench, PYTHON, Running},
};

/// Two environments of a function version in a network.
async fn copies(bench: &Bench, network: Network) -> [Running; 2] {
    let start = async || {
        let mut function = bench.function(PYTHON, TRAVELLER);
        function.spec.network = network.clone();
        function.spec.initialization = Initialization::SnapStart;
        function.spec.version = "1".into();
        let running = bench.start(function).await.unwrap();
        assert_eq!(running.started.origin, Origin::Copied, "{:?}", running.logs);
        running
    };
    [start().await, start().await]
}

async fn own(running: &mut Running) -> String {
    ask(running, r#"["own"]"#).await
}

#[test]
fn copies_with_the_internet_have_an_address_each_and_reach_public_addresses_and_nothing_else() {
    on_a_machine(Forwarding::On, || async {
        let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
        machine.set_nonblocking(true).unwrap();
        let bench = Bench::new();
        let [mut one, mut two] = copies(&bench, Network::Internet).await;
        let addresses = [own(&mut one).await, own(&mut two).await];
        assert_ne!(addresses[0], addresses[1]);
        // The third is of what they were copied from.
        let members = run("nft list set bridge sonagi0 members");
        assert_eq!(members.matches("198.18.0.").count(), 3, "{members}");
        for running in [&mut one, &mut two] {
            assert_eq!(
                ask(running, r#"["first"]"#).await,
                format!("reached {UPLINK}"),
                "at the initialisation"
            );
            assert_eq!(reaches(running, PUBLIC, 80).await, format!("reached {UPLINK}"));
            assert_eq!(ask(running, r#"["resolve", "example.com"]"#).await, PUBLIC);
            for address in PRIVATE.into_iter().chain(OFFICE) {
                does_not_reach(running, address, 80).await;
            }
            for address in ["198.18.0.1", UPLINK, "198.19.255.53"] {
                does_not_reach(running, address, 7777).await;
            }
        }
        // Nor each other.
        assert_eq!(ask(&mut one, r#"["serve", 7000]"#).await, "serves");
        assert_eq!(reaches(&mut one, "127.0.0.1", 7000).await, "reached here");
        for address in ["127.0.0.1", &addresses[0]] {
            does_not_reach(&mut two, address, 7000).await;
        }
        assert!(machine.accept().is_err());
        // The end of one is not the other's.
        drop(one);
        bench.driver.settled().await;
        assert!(!run("nft list set bridge sonagi0 members").contains(&addresses[0]));
        assert_eq!(reaches(&mut two, PUBLIC, 80).await, format!("reached {UPLINK}"));
        drop((two, bench));
        assert_eq!(run("nft list ruleset"), "");
        assert!(!run("ip -br link").contains("sonagi"));
    });
}

#[test]
fn copies_in_a_network_by_name_have_an_address_of_it_each_and_reach_what_it_allows() {
    on_a_machine(Forwarding::On, || async {
        office();
        let mut desk = network("desk", &["10.30.0.0/24"]);
        desk.way = row([10, 30, 0, 50], [10, 30, 0, 52]);
        let networks = Networks(vec![desk, network("office", &["10.20.0.0/16"])]);
        let bench = Bench::with_networks(
            Default::default(),
            sonagi_sandbox::process::RuntimePolicy::Exact,
            0,
            networks,
        );
        let [mut one, mut two] = copies(&bench, named("desk")).await;
        // The first is that of what they were copied from.
        for (running, address) in [(&mut one, "10.30.0.51"), (&mut two, "10.30.0.52")] {
            assert_eq!(reaches(running, DESK, 80).await, format!("reached {address}"));
            for other in [PUBLIC, PRIVATE[0], OFFICE[0]] {
                does_not_reach(running, other, 80).await;
            }
        }
        assert_eq!(ask(&mut one, r#"["serve", 7000]"#).await, "serves");
        does_not_reach(&mut two, "10.30.0.51", 7000).await;

        let [mut three, mut four] = copies(&bench, named("office")).await;
        for running in [&mut three, &mut four] {
            assert_eq!(reaches(running, OFFICE[0], 80).await, format!("reached {UPLINK}"));
            for other in [PUBLIC, PRIVATE[0], DESK] {
                does_not_reach(running, other, 80).await;
            }
        }
        assert_ne!(own(&mut three).await, own(&mut four).await);
        drop((one, two, three, four, bench));
        assert_eq!(run("nft list ruleset"), "");
    });
}

#[test]
fn where_another_program_connects_them_environments_are_initialised_each_time_and_told_why() {
    assert!(has("pasta"), "install passt: cargo xtask test does");
    on_a_machine(Forwarding::Off, || async {
        let (_folder, launcher) = launcher();
        become_ordinary_user();
        let bench = Bench::of_ordinary_user(launcher, Networks::default());
        let start = async |network: Network| {
            let mut function = bench.function(PYTHON, TRAVELLER);
            function.spec.network = network;
            function.spec.initialization = Initialization::SnapStart;
            function.spec.version = "1".into();
            bench.start(function).await.unwrap()
        };
        let (mut one, two) = (start(Network::Internet).await, start(Network::InternetIfPossible).await);
        assert_eq!(ask(&mut one, r#"["first"]"#).await, format!("reached {UPLINK}"));
        for running in [one, two] {
            assert_eq!(running.started.origin, Origin::Initialised);
            let said = running.logs.texts();
            assert!(said.len() == 1 && said[0].contains("start the server as root"), "{said:?}");
        }
        assert_eq!(bench.driver.initialised(), 0, "none is made in vain");
        // One that has none is copied there too.
        let alone = start(Network::None).await;
        assert_eq!(alone.started.origin, Origin::Copied, "{:?}", alone.logs);
    });
}
