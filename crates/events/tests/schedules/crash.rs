//! Schedules under SIGKILL: a child fires as fast as it can; the parent kills it, opens the folder, and finds each time
//! sent once.

use std::collections::BTreeSet;

use super::*;
use crate::child::{self, Child, Numbers};

const KILLS: u64 = 8;
const SCHEDULES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of every_time_is_sent_once_across_sigkill"]
async fn child() {
    let Some(folder) = child::folder() else { return };
    // The clock goes on in the next life where this one's last message was sent.
    let reached = std::fs::read_to_string(folder.join("reached")).ok();
    let reached = reached.map_or(START.micros(), |text| text.trim().parse().unwrap());
    let clock = ManualClock::at(Timestamp(reached));
    let world = World::open(&folder, &clock).await;
    for number in 0..SCHEDULES {
        let mut settings = tells("cron(* * * * ? *)");
        settings.target.input = Some(format!("{number} <aws.scheduler.scheduled-time>"));
        let made = world.schedules.create(&group(), &name(&number.to_string()), settings, None).await;
        assert!(matches!(made, Ok(()) | Err(Error::Schedule(Refusal::Exists(_)))));
    }
    let mut changes = world.records.changes(world.records.sequence());
    for round in 0.. {
        world.advance(MINUTE).await;
        std::fs::write(folder.join("reaching"), world.clock.now().micros().to_string()).unwrap();
        std::fs::rename(folder.join("reaching"), folder.join("reached")).unwrap();
        // Some of this minute's are sent, and then time goes on.
        changes.next().await.unwrap();
        child::say(&format!("round {round}"));
    }
}

#[tokio::test]
async fn every_time_is_sent_once_across_sigkill() {
    let mut numbers = Numbers(7);
    let folder = TempDir::new().unwrap();
    for _ in 0..KILLS {
        let mut child = Child::start(&[], "crash::child", folder.path());
        for _ in 0..1 + numbers.below(30) {
            child.said().expect("it works until killed");
        }
        child.kill();
    }
    let clock = ManualClock::at(START);
    let world = World::open(folder.path(), &clock).await;
    let mut sent = BTreeSet::new();
    loop {
        let receive = Receive { wait: Some(0), ..Receive::up_to(100) };
        let received = world.queues.receive(&queue("out"), receive).await.unwrap();
        if received.is_empty() {
            break;
        }
        for received in &received {
            let body = String::from_utf8(received.message.body.to_vec()).unwrap();
            assert!(sent.insert(body.clone()), "{body} was sent twice");
        }
        let handles = received.into_iter().map(|received| received.handle).collect();
        world.queues.acknowledge(&queue("out"), handles).await.unwrap();
    }
    assert!(sent.len() as u64 > KILLS * 10, "the child got to work: {}", sent.len());
    for number in 0..SCHEDULES {
        let schedule = world.schedules.get(&group(), &name(&number.to_string())).await.unwrap();
        assert_eq!(schedule.settings.state, State::Enabled);
        assert!(sent.iter().any(|body| body.starts_with(&format!("{number} "))), "{number} ran");
    }
}
