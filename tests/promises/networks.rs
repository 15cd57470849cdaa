//! Networks that the operator declares: whoever deploys names them, and is told at once what cannot be had.

use sonagi_harness::{App, Program, Script};

const NETWORKS: &str =
    "[network.office]\nallow = [\"10.20.0.0/16\"]\nsubnets = [\"subnet-1\"]\nsecurity-groups = [\"sg-1\"]\n";
const CODE: &str = "def handler(event, context):\n    return 1\n";

fn app(network: &str) -> App {
    let manifest =
        format!("app = \"shop\"\n[function.f]\nruntime = \"python3.11\"\nnetwork = \"{network}\"\n");
    App::new(&manifest).file("f/app.py", CODE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_cannot_be_had_is_refused_when_it_is_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("networks.toml");
    std::fs::write(&file, NETWORKS).unwrap();
    let file = file.to_str().unwrap();
    // What this machine can give.
    let doctor = Program::run(&["doctor", "--networks", file, "--json"]).await;
    let finding = |what: &str| {
        let lines =
            doctor.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.into_iter().find(|finding| finding["what"] == what).unwrap()
    };
    let (server, ready) = Program::server_with(&folder.path().join("data"), &["--networks", file]).await;
    let endpoint = format!("http://{}", ready.platform);
    for (network, what) in [("internet", "network"), ("office", "network office")] {
        let app = app(network);
        let deployed = Program::run(&["deploy", app.path().to_str().unwrap(), "--endpoint", &endpoint]).await;
        let finding = finding(what);
        assert_eq!(deployed.success, finding["state"] == "good", "{finding} {}", deployed.stderr);
        if !deployed.success {
            let help =
                finding["text"].as_str().unwrap().trim_start_matches("functions reach nothing outside: ");
            assert!(
                deployed.stderr.replace(['\n', ' '], "").contains(&help.replace(' ', "")),
                "{}",
                deployed.stderr
            );
        }
    }
    let unknown = app("offce");
    let refused = Program::run(&["deploy", unknown.path().to_str().unwrap(), "--endpoint", &endpoint]).await;
    assert!(!refused.success && refused.stderr.contains("this server has office"), "{}", refused.stderr);

    let zip = folder.path().join("f.zip");
    std::fs::write(&zip, crate::bad_input::zip(&[("app.py", CODE.as_bytes())])).unwrap();
    let zip = format!("fileb://{}", zip.display());
    let create = async |vpc: &str| {
        let arguments = [
            "lambda",
            "create-function",
            "--function-name",
            "made",
            "--runtime",
            "python3.11",
            "--handler",
            "app.handler",
            "--role",
            "arn:aws:iam::000000000000:role/r",
            "--zip-file",
            &zip,
            "--vpc-config",
            vpc,
        ];
        Script::aws(ready.platform, &arguments).await
    };
    let unknown = create("SubnetIds=subnet-9,SecurityGroupIds=sg-1").await;
    let text = "InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-9' does not exist";
    assert!(
        unknown.stderr.contains("InvalidParameterValueException") && unknown.stderr.contains(text),
        "{}",
        unknown.stderr
    );
    let group = create("SubnetIds=subnet-1,SecurityGroupIds=sg-9").await;
    assert!(group.stderr.contains("The security group 'sg-9' does not exist"), "{}", group.stderr);
    let half = create("SubnetIds=subnet-1").await;
    assert!(half.stderr.contains("SubnetIds and SecurityIds must coexist"), "{}", half.stderr);
    let known = create("SubnetIds=subnet-1,SecurityGroupIds=sg-1").await;
    assert_eq!(known.success, finding("network office")["state"] == "good", "{}", known.stderr);
    if known.success {
        let shown: serde_json::Value = serde_json::from_str(&known.stdout).unwrap();
        assert!(shown["VpcConfig"]["VpcId"].as_str().unwrap().starts_with("vpc-"));
    }
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_with_a_file_of_networks_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("networks.toml");
    std::fs::write(&file, "[network.office]\nallow = [\"10.20.0.0/33\"]\nadress = \"10.20.0.5\"\n").unwrap();
    let data = folder.path().join("data");
    let arguments = ["server", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let refused = Program::run(&[&arguments[..], &["--networks", file.to_str().unwrap()]].concat()).await;
    assert!(!refused.success);
    for text in
        ["networks.toml:2:", "is no range of IPv4 addresses", "networks.toml:3:", "did you mean `address`?"]
    {
        assert!(refused.stderr.contains(text), "{}", refused.stderr);
    }
}
