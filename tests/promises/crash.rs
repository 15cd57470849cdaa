//! Acknowledged means on disk: SIGKILL under load, and every acknowledged change is there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_harness::{Program, request};
use sonagi_model::Clock as _;

use crate::bad_input::{create, zip};

/// How often the server is killed.
const KILLS: usize = 12;
/// Callers that change things at once.
const CALLERS: usize = 8;

/// By function: the last acknowledged description, and the one that was under way.
type Known = BTreeMap<String, [Option<String>; 2]>;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_change_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let known: Arc<Mutex<Known>> = Arc::default();
    let package = zip(&[("app.py", b"def handler(event, context):\n    return 'fine'\n")]);
    let clock = sonagi_server::RealClock::new();
    let (server, ready) = Program::server(&data).await;
    for caller in 0..CALLERS {
        let name = format!("caller{caller}");
        let made = create(ready.platform, &name, &package, "app.handler").await;
        assert_eq!(made.status, 201, "{}", made.text());
        known.lock().unwrap().insert(name, [Some(String::new()), None]);
    }
    server.kill().await;
    for round in 0..KILLS {
        let (server, ready) = Program::server(&data).await;
        let so_far = known.lock().unwrap().clone();
        *known.lock().unwrap() = found(ready.platform, so_far).await;
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..CALLERS {
            let known = Arc::clone(&known);
            let platform = ready.platform;
            callers.spawn(async move {
                let name = format!("caller{caller}");
                for step in 0.. {
                    let text = format!("round {round} step {step}");
                    known.lock().unwrap().get_mut(&name).unwrap()[1] = Some(text.clone());
                    let path = format!("/2015-03-31/functions/{name}/configuration");
                    let body = Bytes::from(json!({ "Description": text }).to_string());
                    let request = request("PUT", &platform.to_string(), &path).body(body).unwrap();
                    let Some(answer) = attempt(platform, request).await else { return };
                    assert_eq!(answer["Description"], *text);
                    known.lock().unwrap().insert(name.clone(), [Some(text), None]);
                }
            });
        }
        // Another moment each time, from the first changes to well into the run.
        clock.sleep(std::time::Duration::from_millis(40 + 37 * round as u64 % 400)).await;
        server.kill().await;
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    }
    let (server, ready) = Program::server(&data).await;
    let so_far = known.lock().unwrap().clone();
    found(ready.platform, so_far).await;
    assert!(server.terminate().await.success());
}

/// The answer, or nothing if the server was killed meanwhile.
async fn attempt(platform: std::net::SocketAddr, request: http::Request<Bytes>) -> Option<Value> {
    let answer = sonagi_harness::try_send(platform, request).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Some(answer.json())
}

/// What is there now, which must be what was acknowledged or what was under way. From here on it is what is known: a change
/// that nobody was told of, but that this server has shown, may not be lost by the next kill either.
async fn found(platform: std::net::SocketAddr, mut known: Known) -> Known {
    for (name, [acknowledged, under_way]) in &mut known {
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let answer = sonagi_harness::get(platform, &platform.to_string(), &path).await;
        assert_eq!(answer.status, 200, "{name} is lost: {}", answer.text());
        let found = Some(answer.json()["Description"].as_str().unwrap().to_owned());
        assert!(
            found == *acknowledged || found == *under_way,
            "{name} says {found:?}, acknowledged was {acknowledged:?}, under way {under_way:?}"
        );
        (*acknowledged, *under_way) = (found, None);
    }
    known
}
