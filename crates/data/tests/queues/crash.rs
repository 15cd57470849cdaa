//! Queues under SIGKILL: a child sends, receives and acknowledges from many tasks and says what was acknowledged; the
//! parent kills it, opens the folder, empties the queue and accounts for every message.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sonagi_data::queues::{Draft, Receive, Received, Settings};
use sonagi_model::clock::ManualClock;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    START,
    child::{self, Child, Numbers},
    name, open,
};

const KILLS: u64 = 20;
const SENDERS: u64 = 6;
const RECEIVERS: u64 = 3;

/// Of a life, since its numbers begin anew in the next.
const LIFE: &str = "SONAGI_TEST_LIFE";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of acknowledged_messages_survive_sigkill"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    #[expect(clippy::disallowed_methods, reason = "the one way to hand something to a test of libtest")]
    let life = std::env::var(LIFE).unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let (queues, _records) = open(&folder, clock).await;
    let mut tasks = JoinSet::new();
    for queue in ["clicks", "clicks.fifo"].map(name) {
        queues.create(&queue, Settings::of(&queue), BTreeMap::new(), None).await.unwrap();
        for sender in 0..SENDERS {
            let (queues, queue, life) = (queues.clone(), queue.clone(), life.clone());
            tasks.spawn(async move {
                for number in 0.. {
                    let body = format!("{life}/{sender}/{number}");
                    let group = queue.is_fifo().then(|| format!("{life}/{sender}"));
                    let draft = Draft {
                        deduplication: group.as_ref().map(|_| body.clone()),
                        group,
                        ..Draft::of(body.clone())
                    };
                    queues.send_one(&queue, draft).await.unwrap();
                    child::say(&format!("sent {queue} {body}"));
                }
            });
        }
        for _ in 0..RECEIVERS {
            let (queues, queue) = (queues.clone(), queue.clone());
            tasks.spawn(async move {
                loop {
                    let received = queues
                        .receive(&queue, Receive { wait: Some(20), visibility: Some(0), ..Receive::up_to(1) })
                        .await
                        .unwrap();
                    let handles: Vec<_> = received.iter().map(|received| received.handle.clone()).collect();
                    // Some of it is done with, and the rest is left to be found again.
                    let is_done = |received: &Received| received.message.body.ends_with(b"0");
                    if received.iter().all(is_done) && !queue.is_fifo() {
                        for received in &received {
                            child::say(&format!(
                                "takes {queue} {}",
                                String::from_utf8_lossy(&received.message.body)
                            ));
                        }
                        queues.acknowledge(&queue, handles).await.unwrap();
                    }
                }
            });
        }
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn acknowledged_messages_survive_sigkill() {
    let mut numbers = Numbers(11);
    let folder = TempDir::new().unwrap();
    // Sent and acknowledged as sent; about to be acknowledged as done with, so that they may be gone.
    let (mut sent, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for life in 0..KILLS {
        let mut child = Child::start(&["env", &format!("{LIFE}={life}")], "crash::child", folder.path());
        let wanted = 1 + numbers.below(150);
        let mut said: Vec<String> =
            (0..wanted).map(|_| child.said().expect("it works until killed")).collect();
        child.kill();
        said.extend(std::iter::from_fn(|| child.said()));
        for line in said {
            let words: Vec<&str> = line.split(' ').collect();
            let [what, queue, body] = words[..] else { panic!("{line}") };
            let place = (queue.to_owned(), body.to_owned());
            match what {
                "sent" => sent.insert(place),
                _ => taken.insert(place),
            };
        }
    }
    let (queues, _records) = open(folder.path(), Arc::new(ManualClock::at(START))).await;
    let mut found = BTreeSet::new();
    for queue in ["clicks", "clicks.fifo"].map(name) {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        loop {
            let received =
                queues.receive(&queue, Receive { wait: Some(0), ..Receive::up_to(100) }).await.unwrap();
            if received.is_empty() {
                break;
            }
            for received in &received {
                let body = String::from_utf8(received.message.body.to_vec()).unwrap();
                let (sender, number) = body.rsplit_once('/').unwrap();
                let number: u64 = number.parse().unwrap();
                if queue.is_fifo() {
                    let before = last.insert(sender.to_owned(), number);
                    assert_eq!(
                        before.map_or(0, |before| before + 1),
                        number,
                        "{sender} is in order, without a gap"
                    );
                }
                assert!(found.insert((queue.to_string(), body.clone())), "{body} is there twice");
            }
            let handles = received.iter().map(|received| received.handle.clone()).collect();
            queues.acknowledge(&queue, handles).await.unwrap();
        }
    }
    let lost: Vec<_> = sent.iter().filter(|sent| !found.contains(*sent) && !taken.contains(*sent)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(sent.len() as u64 > KILLS * 20, "the child got to work: {}", sent.len());
    assert!(!taken.is_empty());
}
