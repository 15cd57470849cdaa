//! A function that computes, eats memory or waits leaves others alone.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::{Bench, Fixture};

const ROGUES: usize = 4;
const CALLS: usize = 200;

/// The slowest but one in a hundred of a neighbour's calls while these run.
async fn neighbour_of(path: &'static str) -> Duration {
    let bench = Bench::new();
    let mut good = bench.run(Fixture::Hello).await;
    let mut rogues = JoinSet::new();
    for _ in 0..ROGUES {
        let mut rogue = bench.run(Fixture::Guest).await;
        rogues.spawn(async move {
            loop {
                rogue.get_within(path, Duration::from_secs(2)).await;
            }
        });
    }
    let clock = std::sync::Arc::clone(&bench.clock);
    let calls = tokio::spawn(async move {
        let mut took = Vec::new();
        for _ in 0..CALLS {
            let began = clock.tick();
            good.get("/").await.body();
            took.push(clock.tick().since(began));
            // As requests come: not all at once.
            clock.sleep(Duration::from_millis(1)).await;
        }
        took.sort();
        took[CALLS * 99 / 100]
    });
    calls.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_compute_without_end_leave_others_their_time() {
    let slow = neighbour_of("/spin").await;
    assert!(slow < Duration::from_millis(20), "{slow:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_eat_memory_leave_others_their_time() {
    let slow = neighbour_of("/allocate").await;
    assert!(slow < Duration::from_millis(40), "{slow:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_wait_cost_nothing() {
    let slow = neighbour_of("/block").await;
    assert!(slow < Duration::from_millis(20), "{slow:?}");
}
