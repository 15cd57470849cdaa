//! The program, used as a person or a script uses it.

use serde_json::Value;
use sonagi_harness::{App, Program, Script};

async fn sonagi(arguments: &[&str]) -> Script {
    Program::run(arguments).await
}

fn lines(script: &Script) -> Vec<Value> {
    script.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_deployed_to_rolled_back_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    let endpoint = format!("http://{}", ready.platform);
    let app =
        App::python("hello", "def handler(event, context):\n    print('said', event)\n    return {'v': 1}\n");
    let path = app.path().to_str().unwrap();

    let deploy = ["deploy", path, "--endpoint", &endpoint, "--json"];
    let first = lines(&sonagi(&deploy).await.passed()).remove(0);
    assert_eq!(first["number"], 1);
    // It says where the app answers.
    let url = first["urls"][0]["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://hello.localhost:{}/", ready.gateway.port())), "{url}");
    assert_eq!(lines(&sonagi(&deploy).await.passed())[0]["new"], false);
    app.write("f/app.py", "def handler(event, context):\n    return {'v': 2}\n");
    assert_eq!(lines(&sonagi(&deploy).await.passed())[0]["number"], 2);

    let invoke = ["invoke", "f", "--payload", r#"{"a": 1}"#, "--tail", "--endpoint", &endpoint, "--json"];
    assert_eq!(lines(&sonagi(&invoke).await.passed())[0]["answer"], serde_json::json!({ "v": 2 }));
    sonagi(&["rollback", "hello", "--endpoint", &endpoint]).await.passed();
    let answer = lines(&sonagi(&invoke).await.passed()).remove(0);
    assert_eq!(answer["answer"], serde_json::json!({ "v": 1 }));
    assert!(answer["log"].as_str().unwrap().contains("said {'a': 1}"), "{answer}");

    let releases = sonagi(&["releases", "hello", "--endpoint", &endpoint, "--json"]).await.passed();
    let live: Vec<_> = lines(&releases).into_iter().filter(|release| release["live"] == true).collect();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0]["number"], 1);

    let functions = sonagi(&["functions", "--endpoint", &endpoint, "--json"]).await.passed();
    assert_eq!(lines(&functions)[0]["name"], "hello-f");

    let logs = sonagi(&["logs", "--function", "hello-f", "--endpoint", &endpoint, "--json"]).await.passed();
    assert!(lines(&logs).iter().any(|line| line["message"] == "said {'a': 1}"), "{}", logs.stdout);

    let mut follower = Program::start(&["logs", "-f", "--endpoint", &endpoint, "--json"]);
    follower.line_where(|line| line["message"] == "said {'a': 1}").await;
    sonagi(&["invoke", "hello-f", "--payload", r#"{"b": 2}"#, "--endpoint", &endpoint]).await.passed();
    follower.line_where(|line| line["message"] == "said {'b': 2}").await;
    assert!(follower.terminate().await.success());
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_of_new_runs() {
    for template in ["python", "node", "provided", "sam"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        sonagi(&["new", path.to_str().unwrap(), "--template", template]).await.passed();
        let (dev, ready) = Program::dev(&path, &folder.path().join("data")).await;
        let answer = sonagi_harness::get(ready.gateway, "hello.localhost", "/hello?name=Ada").await;
        assert_eq!(answer.status, 200, "{template}: {}", answer.text());
        assert!(answer.json()["message"].as_str().unwrap().starts_with("Hello"), "{template}");
        assert!(dev.terminate().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_what_to_do() {
    let nobody = sonagi(&["functions", "--endpoint", "http://127.0.0.1:9"]).await;
    assert!(!nobody.success && nobody.stderr.contains("sonagi server"), "{}", nobody.stderr);
    let nowhere = sonagi(&["dev", "/nowhere/at/all"]).await;
    assert!(!nowhere.success && nowhere.stderr.contains("/nowhere/at/all"), "{}", nowhere.stderr);
    let doctor = sonagi(&["doctor", "--json"]).await;
    assert!(
        lines(&doctor).iter().any(|finding| finding["what"] == "runtime nodejs20.x"),
        "{}",
        doctor.stdout
    );
    // Where these tests run functions can be isolated, so that is what it must find.
    for what in ["isolation", "limits"] {
        let findings = lines(&doctor);
        let finding = findings.iter().find(|finding| finding["what"] == what).unwrap();
        assert_eq!(finding["state"], "good", "{finding}");
    }
    // There are such that have no loop devices.
    let findings = lines(&doctor);
    let finding = findings.iter().find(|finding| finding["what"] == "/tmp").unwrap();
    let text = finding["text"].as_str().unwrap();
    let said = ["functions have it on disk", "functions have it in memory, and it counts as theirs: "];
    assert!(said.iter().any(|it| text.starts_with(it)), "{finding}");
    let completions = sonagi(&["completions", "bash"]).await.passed();
    assert!(completions.stdout.contains("rollback"));
}
