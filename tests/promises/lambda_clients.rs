//! The official clients work against the platform.

use sonagi_harness::{App, Script, World, request, send};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_of_lambdas_api() {
    let world = World::start().await;
    Script::python("boto3_lambda.py", world.platform(), &[&world.gateway().to_string()]).await.passed();
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
        "lambda", "invoke", "--function-name", "cli-f", "--payload", "{\"n\": 1}", "--log-type", "Tail",
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
async fn a_function_made_through_the_api_is_a_release_of_an_app() {
    let world = World::start().await;
    let package = crate::bad_input::zip(&[("app.py", b"def handler(event, context):\n    return 1\n")]);
    let made = crate::bad_input::create(world.platform(), "Made_Here", &package, "app.handler").await;
    assert_eq!(made.status, 201);
    let host = world.platform().to_string();
    let apps = send(world.platform(), request("GET", &host, "/_sonagi/v1/apps").body(Default::default()).unwrap()).await;
    assert_eq!(apps.json()["apps"][0]["app"], "made-here", "{}", apps.text());
}
