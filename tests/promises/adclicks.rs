//! The example of what wakes functions: no click is lost, whatever happens to the server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use sonagi_harness::{Program, Script, request, root, try_send};
use sonagi_model::Clock as _;

/// How often the server is killed.
const KILLS: u64 = 5;
/// Each has a clicker of its own. The last is one that nobody knows.
const ADS: [&str; 4] = ["shoes", "hats", "tea", "nonsense"];

/// Clicks, one after the other, until the server does not answer any more. `next` is the first click that was not answered.
async fn click(gateway: std::net::SocketAddr, ad: &'static str, next: Arc<AtomicU64>) {
    loop {
        let n = next.load(Ordering::SeqCst);
        let notify = if n == 0 { "&notify=1" } else { "" };
        let path = format!("/click/{ad}?id={ad}-{n}&n={n}&to=https://example.com/{ad}{notify}");
        let asked = request("GET", "adclicks.localhost", &path).body(Bytes::new()).unwrap();
        let Some(answer) = try_send(gateway, asked).await else { return };
        // It may be going down.
        if answer.status.is_server_error() {
            return;
        }
        assert_eq!(answer.status, 302, "{}", answer.text());
        assert_eq!(answer.header("location"), format!("https://example.com/{ad}"));
        next.store(n + 1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_click_is_accounted_for_though_the_server_is_killed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let example = root().join("examples/adclicks");
    let (mut server, mut ready) = Program::server(&data).await;
    let endpoint = format!("http://{}", ready.platform);
    Program::run(&["deploy", example.to_str().unwrap(), "--endpoint", &endpoint]).await.passed();
    let next: BTreeMap<&str, Arc<AtomicU64>> = ADS.into_iter().map(|ad| (ad, Arc::default())).collect();
    let clock = sonagi_server::RealClock::new();
    for round in 0..KILLS {
        let mut clickers = tokio::task::JoinSet::new();
        for ad in ADS {
            clickers.spawn(click(ready.gateway, ad, Arc::clone(&next[ad])));
        }
        // Another moment each time, from while the first functions start to well into the run.
        clock.sleep(Duration::from_millis(600 + 977 * round % 2_500)).await;
        server.kill().await;
        while let Some(done) = clickers.join_next().await {
            done.unwrap();
        }
        (server, ready) = Program::server(&data).await;
    }
    // Every advertiser was told of the first click, or could not be.
    let mut clickers = tokio::task::JoinSet::new();
    for ad in ADS {
        let next = Arc::clone(&next[ad]);
        let gateway = ready.gateway;
        clickers.spawn(async move {
            let before = next.load(Ordering::SeqCst);
            let clicking = click(gateway, ad, Arc::clone(&next));
            tokio::pin!(clicking);
            while next.load(Ordering::SeqCst) < before + 5 {
                tokio::select! {
                    () = &mut clicking => panic!("{ad}: the server does not answer"),
                    () = tokio::task::yield_now() => {}
                }
            }
        });
    }
    while let Some(done) = clickers.join_next().await {
        done.unwrap();
    }

    let said = Script::python("boto3_adclicks.py", ready.platform, &[]).await.passed();
    let found: BTreeMap<String, Vec<Value>> = serde_json::from_str(&said.stdout).unwrap();
    for ad in ADS {
        let acknowledged = next[ad].load(Ordering::SeqCst);
        let of = |queue: &str| -> Vec<u64> {
            let clicks = found[queue].iter().filter(|click| click["ad"] == ad);
            clicks.map(|click| click["n"].as_u64().unwrap()).collect()
        };
        let (counted, lost) = if ad == "nonsense" { ("lost", "counted") } else { ("counted", "lost") };
        let mut all: BTreeSet<u64> = of(counted).into_iter().collect();
        // What was being counted at two of the kills was received twice, and is rightly a dead letter: few are.
        let unlucky: Vec<u64> = of(lost).into_iter().filter(|n| !all.contains(n)).collect();
        let most = if ad == "nonsense" { 0 } else { acknowledged / 4 };
        assert!(unlucky.len() as u64 <= most, "{ad} in {lost}: {unlucky:?}");
        all.extend(unlucky);
        let missing: Vec<u64> = (0..acknowledged).filter(|n| !all.contains(n)).collect();
        assert!(missing.is_empty(), "of {acknowledged} clicks of {ad} not in {counted}: {missing:?}");
        // In the order in which they were answered, each for the first time.
        let mut charged = of("charged.fifo");
        let mut seen = BTreeSet::new();
        charged.retain(|n| seen.insert(*n));
        let missing: Vec<u64> = (0..acknowledged).filter(|n| !seen.contains(n)).collect();
        assert!(missing.is_empty(), "of {acknowledged} clicks of {ad} not charged: {missing:?}");
        assert!(charged.is_sorted(), "{ad} was charged out of order: {charged:?}");
    }
    let failures = &found["failures"];
    for ad in ADS {
        let told = |record: &Value| record["requestPayload"]["ad"] == ad;
        let record = failures.iter().find(|record| told(record));
        let record = record.unwrap_or_else(|| panic!("no failure of {ad} was told: {failures:?}"));
        assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
        assert_eq!(record["responsePayload"]["errorType"], "LookupError");
    }
    assert!(!found["reports"].is_empty());
    assert!(server.terminate().await.success());
}
