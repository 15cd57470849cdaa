//! What functions reach, in both kinds of manifest.

use sonagi_model::function::Network;

use crate::support::App;

fn native(runtime: &str, keys: &str) -> App {
    App::new("shop")
        .with("hello/app.py", "")
        .with("hello/function.wasm", "(component)")
        .with("sonagi.toml", &format!("[function.hello]\nruntime = \"{runtime}\"\n{keys}\n"))
}

fn sam(runtime: &str, properties: &str) -> App {
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      CodeUri: hello\n      Handler: app.handler\n      Runtime: {runtime}\n{properties}"
    );
    App::new("shop")
        .with("hello/app.py", "")
        .with("hello/function.wasm", "(component)")
        .with("template.yaml", &text)
}

fn network(app: &App) -> Network {
    app.load().unwrap_or_else(|error| panic!("{error}")).functions[0].function.network
}

#[test]
fn a_function_has_the_network_that_its_manifest_grants_and_no_other() {
    assert_eq!(network(&native("python3.11", "")), Network::None);
    assert_eq!(network(&native("python3.11", "network = \"none\"")), Network::None);
    assert_eq!(network(&native("python3.11", "network = \"internet\"")), Network::Internet);
}

#[test]
fn what_is_no_network_is_a_problem_with_its_line() {
    assert_eq!(
        native("python3.11", "network = \"internte\"").problems(),
        ["3:11: `network` is \"internte\", which is not one of none, internet (did you mean internet?)"]
    );
    assert_eq!(
        native("python3.11", "network = [\"office\"]").problems(),
        [
            "3:11: networks by name are not there yet (\"internet\" is all public addresses, \"none\" is nothing)"
        ]
    );
    assert!(!native("python3.11", "network = true").problems().is_empty());
    assert!(native("wasm", "network = \"internet\"").problems()[0].contains("`outbound`"));
}

#[test]
fn a_template_s_function_has_the_internet_as_on_lambda() {
    assert_eq!(network(&sam("python3.11", "")), Network::InternetIfPossible);
    let empty = "      VpcConfig: {SubnetIds: [], SecurityGroupIds: []}\n";
    assert_eq!(network(&sam("python3.11", empty)), Network::InternetIfPossible);

    let problems = sam("python3.11", "      VpcConfig:\n        SubnetIds: [subnet-1]\n").problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("9:7: `VpcConfig` names networks, which are not there yet"),
        "{problems:?}"
    );
}
