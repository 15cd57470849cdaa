//! What functions in machines reach: with nothing granted, with the internet, and in networks that are declared.

use std::net::TcpListener;

use sonagi_model::{
    NetworkName,
    function::{DriverChoice, Network},
    network::{Addresses, NamedNetwork, ToInternet, Way},
};
use sonagi_sandbox::{StartFailure, microvm::MicrovmDriver};

use crate::{
    internet::{DESK, Forwarding, OFFICE, PRIVATE, PUBLIC, UPLINK, office, on_a_machine, run},
    world::{PYTHON, Running, World},
};

/// Tries all that it is told.
const TRAVELLER: &str = concat!(
    include_str!("../real/travels.py"),
    r#"
def handler(event, context):
    tools = {"tcp": tcp, "bound": bound, "resolve": resolve, "own": own, "many": many, "first": lambda: first}
    return [tools[what](*rest) for what, *rest in event]
"#
);

async fn traveller(world: &World, network: Network, driver: DriverChoice) -> Result<Running, StartFailure> {
    let mut spec = world.function(PYTHON, TRAVELLER);
    (spec.network, spec.driver) = (network, driver);
    world.start(spec).await
}

/// What each of the questions is answered with.
async fn ask(running: &mut Running, questions: serde_json::Value) -> Vec<String> {
    let questions = questions.to_string().leak();
    serde_json::from_value(running.answer(questions).await).unwrap()
}

fn all_failed(said: &[String]) {
    assert!(said.iter().all(|said| said.starts_with("failed ")), "{said:?}");
}

fn named(name: &str) -> Network {
    Network::Named(NetworkName::new(name).unwrap())
}

fn declared(name: &str, allow: &[&str], way: Way) -> NamedNetwork {
    NamedNetwork {
        name: NetworkName::new(name).unwrap(),
        allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
        internet: ToInternet::No,
        way,
        dns: vec![PUBLIC.parse().unwrap()],
        vpc: String::new(),
        subnets: Vec::new(),
        security_groups: Vec::new(),
    }
}

#[test]
fn a_machine_with_the_internet_reaches_public_addresses_and_nothing_else_and_one_without_nothing() {
    on_a_machine(Forwarding::On, || async {
        let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
        machine.set_nonblocking(true).unwrap();
        let world = World::with_networks(Vec::new()).await;
        let mut running = traveller(&world, Network::Internet, DriverChoice::Microvm).await.unwrap();
        let said = ask(
            &mut running,
            serde_json::json!([
                ["first"],
                ["tcp", PUBLIC, 80],
                ["bound", PUBLIC, 80],
                ["resolve", "example.com"],
                ["own"]
            ]),
        )
        .await;
        let reached = format!("reached {UPLINK}");
        assert_eq!(said[0], reached, "from the first moment on");
        assert_eq!(said[1], reached);
        // There is no link but to the namespace.
        assert!(said[2] == reached || said[2].starts_with("failed "), "{said:?}");
        assert_eq!(said[3..], [PUBLIC, "198.19.255.2"]);
        // Private addresses, the cloud's metadata, other environments' range; this machine by each of its addresses, and the
        // namespace between.
        let mut questions: Vec<_> = PRIVATE
            .iter()
            .chain(&OFFICE)
            .flat_map(|address| {
                [serde_json::json!(["tcp", address, 80]), serde_json::json!(["bound", address, 80])]
            })
            .collect();
        for address in ["198.18.0.1", "198.18.0.2", UPLINK, "198.19.255.1", "198.19.255.53"] {
            questions.push(serde_json::json!(["tcp", address, 7777]));
        }
        all_failed(&ask(&mut running, questions.into()).await);
        assert!(machine.accept().is_err(), "it was reached");
        assert!(run("nft list set bridge sonagi0 members").contains("198.18.0.2"));

        let most = sonagi_model::limits::NETWORK_CONNECTIONS;
        all_failed(&ask(&mut running, serde_json::json!([["many", most + 50]])).await);
        let mut other = traveller(&world, Network::None, DriverChoice::Microvm).await.unwrap();
        let questions = serde_json::json!([["first"], ["tcp", PUBLIC, 80], ["resolve", "example.com"]]);
        all_failed(&ask(&mut other, questions).await);
        drop((running, other));
        world.is_left().await;
        // Its address is nobody's.
        assert!(!run("nft list set bridge sonagi0 members").contains("198.18.0.2"));
        drop(world);
        assert_eq!(run("nft list ruleset"), "");
    });
}

#[test]
fn machines_of_one_snapshot_have_their_own_ways_into_the_networks_of_their_function() {
    on_a_machine(Forwarding::On, || async {
        office();
        let addresses = Addresses { first: [10, 30, 0, 50].into(), last: [10, 30, 0, 51].into(), prefix: 24 };
        let bridge = Way::Bridge { bridge: "br-office".into(), addresses, gateway: None };
        let networks = vec![
            declared("desk", &["10.30.0.0/24"], bridge),
            declared("office", &["10.20.0.0/16"], Way::Translated { source: None }),
        ];
        let world = World::with_networks(networks).await;
        let snapshot = DriverChoice::MicrovmSnapshot;
        // The first machine has given its address back when it was ended.
        let mut one = traveller(&world, named("desk"), snapshot).await.unwrap();
        let mut two = traveller(&world, named("desk"), snapshot).await.unwrap();
        let mut seen = Vec::new();
        for running in [&mut one, &mut two] {
            let said =
                ask(running, serde_json::json!([["tcp", DESK, 80], ["resolve", "files.example"]])).await;
            assert_eq!(said[1], PUBLIC);
            seen.push(said[0].clone());
            let mut questions = Vec::new();
            for address in [PUBLIC, PRIVATE[0], PRIVATE[1], OFFICE[0], UPLINK] {
                questions.push(serde_json::json!(["tcp", address, 80]));
                questions.push(serde_json::json!(["bound", address, 80]));
            }
            all_failed(&ask(running, questions.into()).await);
        }
        seen.sort();
        assert_eq!(seen, ["reached 10.30.0.50", "reached 10.30.0.51"]);
        let refused = traveller(&world, named("desk"), snapshot).await.err().unwrap();
        let StartFailure::NotYet(text) = &refused else { panic!("{refused:?}") };
        assert_eq!(text, "all 2 addresses of the network desk are in use");
        drop((one, two));

        let mut third = traveller(&world, named("office"), DriverChoice::Microvm).await.unwrap();
        let said =
            ask(&mut third, serde_json::json!([["tcp", OFFICE[0], 80], ["resolve", "files.example"]])).await;
        assert_eq!(said, [format!("reached {UPLINK}"), PUBLIC.into()]);
        let mut questions = Vec::new();
        for address in [PUBLIC, PRIVATE[0], PRIVATE[1], OFFICE[1], UPLINK, DESK] {
            questions.push(serde_json::json!(["tcp", address, 80]));
        }
        all_failed(&ask(&mut third, questions.into()).await);

        let refused = traveller(&world, named("nowhere"), DriverChoice::Microvm).await.err().unwrap();
        let StartFailure::Unsupported(text) = &refused else { panic!("{refused:?}") };
        assert!(text.contains("nowhere"), "{text}");
    });
}

/// At deploy, before there is a machine.
#[test]
fn a_machine_is_refused_the_network_that_cannot_be_had() {
    on_a_machine(Forwarding::Off, || async {
        let world = World::with_networks(Vec::new()).await;
        let driver: &MicrovmDriver = &world.driver;
        let help = driver.check_network(&Network::Internet).unwrap_err();
        assert!(help.contains("sysctl -w net.ipv4.conf.up0.forwarding=1"), "{help}");
        assert_eq!(driver.check_network(&Network::InternetIfPossible), Ok(()));
        assert!(driver.check_network(&named("office")).unwrap_err().contains("office"));
    });
}
