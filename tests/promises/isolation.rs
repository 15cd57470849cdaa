//! Functions are kept from the machine whoever runs the server, and never less than was asked for without a word.

use std::path::{Path, PathBuf};

use sonagi_harness::{Program, get};

/// Answers with what it is, and with what it sees of the machine.
const BOOTSTRAP: &str = r#"#!/usr/bin/python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])
while True:
    api.request('GET', '/2018-06-01/runtime/invocation/next')
    event = api.getresponse()
    event.read()
    status = dict(line.split(':', 1) for line in open('/proc/self/status'))
    answer = {
        'user': os.getuid(),
        'capabilities': int(status['CapEff'], 16) | int(status['CapBnd'], 16),
        'filtered': status['Seccomp'].strip() == '2',
        'processes': len([name for name in os.listdir('/proc') if name.isdigit()]),
        'home': os.path.exists('/root') or os.path.exists('/home'),
        'interfaces': [line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line],
    }
    body = json.dumps({'statusCode': 200, 'body': json.dumps(answer)})
    request = event.headers['Lambda-Runtime-Aws-Request-Id']
    api.request('POST', f'/2018-06-01/runtime/invocation/{request}/response', body)
    api.getresponse().read()
"#;

/// A folder for somebody else, with an app in it.
fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let app = home.path().join("app");
    std::fs::create_dir_all(app.join("f")).unwrap();
    let manifest = "app = \"own\"\n[function.f]\nruntime = \"provided.al2023\"\nroutes = [\"$default\"]\n";
    std::fs::write(app.join("sonagi.toml"), manifest).unwrap();
    let bootstrap = app.join("f/bootstrap");
    std::fs::write(&bootstrap, BOOTSTRAP).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bootstrap, executable).unwrap();
    (home, app)
}

async fn ended(program: Program) -> String {
    let mut program = program;
    program.stop().await;
    program.errors().await
}

async fn ask(app: &Path, home: &Path, isolation: &str) -> (sonagi_harness::Answer, String) {
    let (program, ready) = Program::dev_as_ordinary_user(app, home, isolation).await;
    let answer = get(ready.gateway, "own.localhost", "/").await;
    (answer, ended(program).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_users_functions_run_in_sandboxes_too() {
    let (home, app) = home();
    let (answer, said) = ask(&app, home.path(), "no-groups").await;
    assert_eq!(answer.status, 200, "{} {said}", answer.text());
    let seen = answer.json();
    assert_eq!(seen["user"], 993);
    assert_eq!(seen["capabilities"], 0);
    assert_eq!(seen["filtered"], true);
    assert_eq!(seen["processes"], 2, "its own and the sandbox's first");
    assert_eq!(seen["home"], false);
    assert_eq!(seen["interfaces"], serde_json::json!(["lo"]));
    assert!(said.contains("--isolation no-groups"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_function_runs_with_less_than_was_asked_for() {
    let (home, app) = home();
    // An ordinary user that nobody has given control groups to.
    let (answer, said) = ask(&app, home.path(), "full").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(said.contains("Delegate=yes") && said.contains("--isolation no-groups"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_a_function_sees_the_machine_and_the_server_says_so() {
    let (home, app) = home();
    let (answer, said) = ask(&app, home.path(), "none").await;
    assert_eq!(answer.status, 200, "{} {said}", answer.text());
    let seen = answer.json();
    assert_ne!(seen["user"], 993);
    assert_eq!(seen["filtered"], false);
    assert!(said.contains("without a sandbox"), "{said}");
}
