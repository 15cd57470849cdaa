//! Extensions in layers, from their publication to the end of their environments.

use sonagi_harness::{Program, Script};

/// Over the program: what is told goes by real time.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_in_a_layer_sees_its_functions_invocations_reports_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, ready) = Program::server(&data).await;
    Script::python("boto3_extensions.py", ready.platform, &[]).await.passed();
    // Environments end with the server, and are told so.
    assert!(server.terminate().await.success());
    let (server, ready) = Program::server(&data).await;
    let endpoint = format!("http://{}", ready.platform);
    for function in ["watched-python", "watched-node"] {
        let arguments = ["logs", "--function", function, "--endpoint", &endpoint, "--json"];
        let logs = Program::run(&arguments).await.passed().stdout;
        for line in [
            &format!("watches {function} $LATEST app.handler"),
            "EXTENSION\\tName: watcher\\tState: Ready\\tEvents: [INVOKE, SHUTDOWN]",
            "TELEMETRY\\tName: watcher\\tState: Subscribed\\tTypes: [Platform, Function]",
            "told of the report ",
            "shutdown spindown",
        ] {
            assert!(logs.contains(line), "{line} in {logs}");
        }
    }
    assert!(server.terminate().await.success());
}
