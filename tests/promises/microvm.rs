//! Functions that ask for a virtual machine get one or are refused, and nothing less is used instead.

use sonagi_harness::{App, Program, Script};

const MANIFEST: &str = "app = \"own\"\n[function.f]\nruntime = \"python3.11\"\ndriver = \"microvm\"\n";

fn app() -> App {
    let app = App::python("own", "def handler(event, context):\n    return event\n");
    app.write("sonagi.toml", MANIFEST);
    app
}

fn failed(script: &Script) -> String {
    assert!(!script.success, "it went well: {}", script.stdout);
    format!("{}{}", script.stdout, script.stderr)
}

/// No machine has microVMs before an operator names a kernel for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_asks_for_a_microvm_is_refused_where_there_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    let endpoint = format!("http://{}", ready.platform);
    let app = app();
    let deploy = ["deploy", app.path().to_str().unwrap(), "--endpoint", &endpoint];
    let said = failed(&Program::run(&deploy).await);
    assert!(
        said.contains("function f: the function's driver is a microVM, and this server has none"),
        "{said}"
    );
    assert!(said.contains("`--microvm-kernel FILE`"), "{said}");
    let functions = Program::run(&["functions", "--endpoint", &endpoint, "--json"]).await.passed();
    assert_eq!(functions.stdout, "", "a part of it is live");

    // The same app without that is deployed, so it is that which was refused.
    app.write("sonagi.toml", &MANIFEST.replace("driver = \"microvm\"\n", ""));
    Program::run(&deploy).await.passed();
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_to_run_everything_in_microvms_does_not_start_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments =
        ["server", "--data", data.to_str().unwrap(), "--driver", "microvm", "--listen", "127.0.0.1:0"];
    let said = failed(&Program::run(&[&arguments[..], &["--gateway", "127.0.0.1:0"]].concat()).await);
    assert!(said.contains("functions are to run in microVMs (--driver microvm)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_why_there_are_no_microvms() {
    let doctor = Program::run(&["doctor", "--json", "--microvm-kernel", "/nowhere/vmlinux"]).await;
    let findings = doctor.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let finding = findings.into_iter().find(|finding| finding["what"] == "microvm").unwrap();
    assert_eq!(finding["state"], "limited");
    let text = finding["text"].as_str().unwrap();
    let reasons = [
        "instructions a second are the least",
        "this machine has no /dev/kvm",
        "/dev/kvm may not be opened",
        "does not run guests",
        "there is no firecracker on the search path",
        "/nowhere/vmlinux (--microvm-kernel)",
    ];
    assert!(reasons.iter().any(|reason| text.contains(reason)), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_file_system_is_built_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("rootfs.ext4");
    let file = out.to_str().unwrap();
    let built = Program::run(&["microvm", "rootfs", "--out", file, "--runtime", "nodejs20.x", "--json"])
        .await
        .passed();
    let built: serde_json::Value = serde_json::from_str(&built.stdout).unwrap();
    assert_eq!(built["interpreters"][0]["language"], "node");
    assert_eq!(built["bytes"], std::fs::metadata(&out).unwrap().len());
    assert!(folder.path().join("rootfs.ext4.json").is_file());
    // What is under way is told to who may wait for it.
    let built = Program::run(&["microvm", "rootfs", "--out", file, "--runtime", "nodejs20.x"]).await.passed();
    assert!(built.stderr.contains("make the file system"), "{}", built.stderr);
    let said = failed(&Program::run(&["microvm", "rootfs", "--out", file, "--runtime", "wasm"]).await);
    assert!(said.contains("a WebAssembly component is not run in a microVM"), "{said}");
    assert!(out.is_file(), "what failed has removed what was there");
}
