//! The official clients work against the platform.

use sonagi_harness::{App, Program, Script, World, request, send};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_of_lambdas_api() {
    let world = World::start().await;
    Script::python("boto3_lambda.py", world.platform(), &[&world.gateway().to_string()]).await.passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_the_same_with_keys() {
    let keys = ("AKIATESTTESTTEST0001", "correct-horse-battery");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", keys.0, keys.1);
    std::fs::write(&file, text).unwrap();
    let world = World::builder().credentials(file).start().await;
    let gateway = world.gateway().to_string();
    Script::python_as(world.platform(), keys, "boto3_lambda.py", &[&gateway]).await.passed();
}

/// Over the program, as time-outs need a clock that moves.
#[tokio::test(flavor = "multi_thread")]
async fn handlers_in_python_node_and_sh_behave_as_on_lambda() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    let gateway = ready.gateway.to_string();
    Script::python("boto3_runtimes.py", ready.platform, &[&gateway]).await.passed();
    assert!(server.terminate().await.success());
}

/// Over the program: restores take real time.
#[tokio::test(flavor = "multi_thread")]
async fn published_versions_with_snap_start_are_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    Script::python("boto3_snapstart.py", ready.platform, &[]).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_creates_invokes_and_streams() {
    let world = World::start().await;
    Script::node("sdk_lambda.mjs", world.platform(), &[]).await.passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_invokes_a_function() {
    let world = World::start().await;
    world.deploy(&App::python("cli", "def handler(event, context):\n    return {'got': event}\n")).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.json");
    let arguments = [
        "lambda",
        "invoke",
        "--function-name",
        "cli-f",
        "--payload",
        "{\"n\": 1}",
        "--log-type",
        "Tail",
        out.to_str().unwrap(),
    ];
    let invoked = Script::aws(world.platform(), &arguments).await.passed();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), r#"{"got": {"n": 1}}"#);
    let said: serde_json::Value = serde_json::from_str(&invoked.stdout).unwrap();
    assert_eq!(said["StatusCode"], 200);
    assert_eq!(said["ExecutedVersion"], "$LATEST");
    assert!(said["LogResult"].as_str().is_some_and(|log| !log.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_manages_a_function() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("f.zip");
    let code: &[u8] = b"def handler(event, context):\n    return 1\n";
    std::fs::write(&zip, crate::bad_input::zip(&[("app.py", code)])).unwrap();
    let zip = format!("fileb://{}", zip.display());
    let role = "arn:aws:iam::000000000000:role/tests";
    let steps: [&[&str]; 8] = [
        &[
            "create-function",
            "--runtime",
            "python3.11",
            "--handler",
            "app.handler",
            "--role",
            role,
            "--zip-file",
            &zip,
        ],
        &["wait", "function-active-v2"],
        &["update-function-code", "--zip-file", &zip, "--publish"],
        &["wait", "function-updated-v2"],
        &["update-function-configuration", "--memory-size", "256"],
        &["create-function-url-config", "--auth-type", "NONE"],
        &["get-function"],
        &["delete-function"],
    ];
    for step in steps {
        let arguments = [&["lambda"], step, &["--function-name", "cli-made"]].concat();
        Script::aws(world.platform(), &arguments).await.passed();
    }
    let listed = Script::aws(world.platform(), &["lambda", "list-functions"]).await.passed();
    assert!(!listed.stdout.contains("cli-made"), "{}", listed.stdout);
    let gone =
        Script::aws(world.platform(), &["lambda", "get-function", "--function-name", "cli-made"]).await;
    assert!(gone.stderr.contains("ResourceNotFoundException"), "{}", gone.stderr);
    let who = Script::aws(world.platform(), &["sts", "get-caller-identity"]).await.passed();
    assert!(who.stdout.contains("000000000000"), "{}", who.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_made_through_the_api_is_a_release_of_an_app() {
    let world = World::start().await;
    let package = crate::bad_input::zip(&[("app.py", b"def handler(event, context):\n    return 1\n")]);
    let made = crate::bad_input::create(world.platform(), "Made_Here", &package, "app.handler").await;
    assert_eq!(made.status, 201);
    let host = world.platform().to_string();
    let apps =
        send(world.platform(), request("GET", &host, "/_sonagi/v1/apps").body(Default::default()).unwrap())
            .await;
    assert_eq!(apps.json()["apps"][0]["name"], "made-here", "{}", apps.text());
}
