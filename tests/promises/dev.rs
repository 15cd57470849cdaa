//! `sonagi dev`: the app follows its source.

use std::fs;

use sonagi_harness::{App, Program, get, root};

#[tokio::test(flavor = "multi_thread")]
async fn dev_answers_reloads_on_a_change_and_ends_clean() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::python("hello", "def handler(event, context):\n    return 'before'\n");
    let (mut dev, ready) = Program::dev(app.path(), &folder.path().join("data")).await;
    assert_eq!(ready.line["app"], "hello");
    assert_eq!(ready.line["urls"][0]["url"], format!("http://hello.localhost:{}/*", ready.gateway.port()));
    assert_eq!(get(ready.gateway, "hello.localhost", "/").await.text(), "before");

    app.write("f/app.py", "def handler(event, context):\n    return 'after'\n");
    let deployed = dev.line_where(|line| line["event"] == "deployed").await;
    assert_eq!(deployed["number"], 2);
    assert_eq!(get(ready.gateway, "hello.localhost", "/").await.text(), "after");

    // A broken manifest is told, and the release before goes on.
    let manifest = fs::read_to_string(app.path().join("sonagi.toml")).unwrap();
    app.write("sonagi.toml", &manifest.replace("runtime", "runtim"));
    let error = dev.line_where(|line| !line["error"].is_null()).await;
    let lines: Vec<_> =
        error["error"]["problems"].as_array().unwrap().iter().map(|one| &one["line"]).collect();
    assert_eq!(lines, [2, 3], "{error}");
    assert_eq!(get(ready.gateway, "hello.localhost", "/").await.text(), "after");
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_shows_what_functions_print() {
    let folder = tempfile::tempdir().unwrap();
    let (mut dev, ready) = Program::dev(&root().join("examples/petshop"), &folder.path().join("data")).await;
    get(ready.gateway, "petshop.localhost", "/pets?kind=dog").await;
    let line = dev.line_where(|line| line["message"] == "1 of 5 pets match kind=dog max_price=inf").await;
    assert_eq!(line["function"], "petshop-search");
    let report =
        dev.line_where(|line| line["message"].as_str().is_some_and(|m| m.starts_with("REPORT"))).await;
    assert!(report["message"].as_str().unwrap().contains("Init Duration: "), "{report}");
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_with_a_typo_is_told_with_its_line_before_anything_starts() {
    let app = App::new("app = \"hello\"\n[function.f]\nruntime = \"python3.11\"\nmemry = 256\n")
        .file("f/app.py", "def handler(event, context): pass\n");
    let refused = Program::run(&["dev", app.path().to_str().unwrap()]).await;
    assert!(!refused.success);
    assert!(
        refused.stderr.contains("memry") && refused.stderr.contains("sonagi.toml:4"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("memory"), "names what was meant: {}", refused.stderr);
}
