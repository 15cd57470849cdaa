//! Every attempt is refused, with the error that it must be refused with.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Language, ask,
    expected::EXPECTED,
    host::{Host, NEIGHBOURS_FILE, NEIGHBOURS_PORT, NEIGHBOURS_SOCKET, SECRET},
    probe, without_groups,
};
use crate::support::{Bench, Running};

#[tokio::test]
async fn a_native_function_reaches_nothing_that_is_not_its_own() {
    try_everything(Bench::new(), Language::Native).await;
}

#[tokio::test]
async fn without_control_groups_a_function_reaches_nothing_either() {
    try_everything(without_groups(), Language::Native).await;
}

#[tokio::test]
async fn a_python_function_reaches_nothing_that_is_not_its_own() {
    try_everything(Bench::new(), Language::Python).await;
}

/// MiB: with a whole processor, since some attempts go through everything there is.
const MEMORY: u32 = 1_769;

async fn try_everything(bench: Bench, language: Language) {
    let host = Host::new();
    let data = bench.folder.path();
    std::fs::write(data.join("secret"), SECRET).unwrap();
    let mut neighbour = neighbour(&bench, &host).await;
    let mut running = bench.start(probe(&bench, language, MEMORY)).await.unwrap();
    let mut wrong = Vec::new();
    for (attempt, allowed) in EXPECTED {
        match ask(&mut running, &host.event(attempt, data)).await {
            Ok(answer) => wrong.extend(judge(attempt, allowed, &answer)),
            Err(error) => {
                wrong.push(format!("{attempt}: the environment ended: {error}"));
                running = bench.start(probe(&bench, language, MEMORY)).await.unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), EXPECTED.len(), wrong.join("\n"));
    host.untouched();
    let event = json!({ "attempt": "echo", "host": "", "still": "there" });
    assert_eq!(ask(&mut neighbour, &event).await.unwrap(), event);
    drop((running, neighbour));
    bench.nothing_is_left().await;
}

/// Another environment, with what the attempts are to find closed.
async fn neighbour(bench: &Bench, host: &Host) -> Running {
    let mut running = bench.start(probe(bench, Language::Native, MEMORY)).await.unwrap();
    let mut event = host.event("be_the_neighbour", bench.folder.path());
    event["own_ports"] = json!([NEIGHBOURS_PORT]);
    event["abstract"] = json!(NEIGHBOURS_SOCKET);
    event["neighbours_file"] = json!(NEIGHBOURS_FILE);
    let answer = ask(&mut running, &event).await.unwrap();
    assert_eq!(answer["errors"], json!([]), "{answer}");
    running
}

/// What is wrong with an answer.
fn judge(attempt: &str, allowed: &str, answer: &Value) -> Option<String> {
    let allowed: BTreeSet<&str> = allowed.split(' ').collect();
    let errors: BTreeSet<&str> = answer["errors"].as_array()?.iter().filter_map(Value::as_str).collect();
    let unexpected: Vec<_> = errors.difference(&allowed).collect();
    if answer["outcome"] == "refused" && unexpected.is_empty() && !errors.is_empty() {
        return None;
    }
    let ways = answer["ways"].as_object()?;
    let ways: Vec<String> = ways
        .iter()
        .filter(|(_, said)| {
            said.as_str().is_none_or(|said| said.starts_with("done") || !allowed.contains(said))
        })
        .take(20)
        .map(|(way, said)| format!("    {way}: {said}"))
        .collect();
    Some(format!("{attempt} is {}, with {unexpected:?}:\n{}", answer["outcome"], ways.join("\n")))
}
