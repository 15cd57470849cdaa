//! What functions reach, in both kinds of manifest.

use sonagi_model::{
    NetworkName,
    function::{Network, Vpc},
};

use crate::support::{self, App, sam};

fn native(runtime: &str, keys: &str) -> App {
    support::native("", runtime, keys)
}

fn network(app: &App) -> Network {
    app.load().unwrap_or_else(|error| panic!("{error}")).functions[0].function.network.clone()
}

#[test]
fn a_function_has_the_network_that_its_manifest_grants_and_no_other() {
    assert_eq!(network(&native("python3.11", "")), Network::None);
    assert_eq!(network(&native("python3.11", "network = \"none\"")), Network::None);
    assert_eq!(network(&native("python3.11", "network = \"internet\"")), Network::Internet);
    // Which there are, the server knows.
    let named = |name: &str| Network::Named(NetworkName::new(name).unwrap());
    assert_eq!(network(&native("python3.11", "network = \"office\"")), named("office"));
    assert_eq!(network(&native("python3.11", "network = \"internal\"")), named("internal"));
}

#[test]
fn what_is_no_network_is_a_problem_with_its_line() {
    assert_eq!(
        native("python3.11", "network = \"internte\"").problems(),
        ["3:11: `network` is \"internte\", which is nearly \"internet\" (did you mean internet?)"]
    );
    assert_eq!(
        native("python3.11", "network = [\"office\"]").problems(),
        ["3:11: a function has one network (write its name alone, such as `network = \"office\"`)"]
    );
    assert!(native("python3.11", "network = \"my office\"").problems()[0].contains("is not a network name"));
    assert!(native("wasm", "network = \"internet\"").problems()[0].contains("`outbound`"));
}

#[test]
fn a_template_s_function_has_the_internet_as_on_lambda() {
    assert_eq!(network(&sam("python3.11", "")), Network::InternetIfPossible);
    let empty = "      VpcConfig: {SubnetIds: [], SecurityGroupIds: []}\n";
    assert_eq!(network(&sam("python3.11", empty)), Network::InternetIfPossible);
    assert_eq!(network(&sam("python3.11", "      VpcConfig: {}\n")), Network::InternetIfPossible);
}

#[test]
fn a_template_s_vpc_is_kept_by_its_ids() {
    let text = "      VpcConfig:\n        SubnetIds: [subnet-1, subnet-2]\n        SecurityGroupIds: [sg-1]\n        \
                Ipv6AllowedForDualStack: false\n";
    let vpc =
        Vpc { subnets: vec!["subnet-1".into(), "subnet-2".into()], security_groups: vec!["sg-1".into()] };
    assert_eq!(network(&sam("python3.11", text)), Network::Vpc(vpc));

    let problems = sam("python3.11", "      VpcConfig:\n        SubnetIds: [subnet-1]\n").problems();
    assert_eq!(
        problems,
        ["10:9: `SubnetIds` and `SecurityGroupIds` of `VpcConfig` must be there both, or neither"]
    );
    assert!(
        sam("provided.wasm", text).problems().iter().any(|problem| problem.contains("has no `VpcConfig`"))
    );
    let wrong = text.replace("false", "true") + "        Subnets: []\n";
    let problems = sam("python3.11", &wrong).problems();
    assert!(
        problems[0].contains("IPv4 alone") && problems[1].contains("`Subnets` is not a key"),
        "{problems:?}"
    );
}
