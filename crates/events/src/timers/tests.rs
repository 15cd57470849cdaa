use std::{path::Path, sync::Arc, time::Duration};

use sonagi_backend::{
    Error, Records,
    embedded::{RecordsConfig, SqliteRecords},
};
use sonagi_data::queues::{Draft, Outbox, QueueName, Queues, Receive, Settings};
use sonagi_model::{Clock, Entropy, Timestamp, clock::ManualClock};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Due, Timers, remove, set};

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KIND: &str = "tests";

#[derive(Debug)]
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// What is fired is told to a queue, in the firing's own transaction.
struct World {
    clock: ManualClock,
    queues: Queues,
    records: Arc<dyn Records>,
    worker: JoinHandle<()>,
}

fn told() -> QueueName {
    QueueName::new("told").unwrap()
}

fn seconds(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// Tells which timer it is, how late it is, and sets it again if its key says so.
fn tell(queues: &Queues, outbox: &mut Outbox<'_>, due: &Due) -> Result<(), Error> {
    let late = due.now.since(due.at).as_secs();
    let text = format!("{} {} {late}", due.key, due.at.since(START).as_secs());
    let message = queues.prepare(Draft::of(text)).unwrap();
    outbox.send_to(&told(), &message)?.unwrap();
    match due.key.strip_prefix("every/") {
        Some(period) => {
            let next = due.at + Duration::from_secs(period.parse().unwrap());
            set(outbox.transaction(), KIND, &due.key, next)
        }
        None => Ok(()),
    }
}

impl World {
    async fn open(folder: &Path, clock: &ManualClock) -> Self {
        let records: Arc<dyn Records> = Arc::new(SqliteRecords::open(RecordsConfig::new(folder)).unwrap());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let queues = Queues::open(Arc::clone(&records), Arc::clone(&shared), Arc::new(Zeros)).await.unwrap();
        queues.create(&told(), Settings::of(&told()), Default::default(), None).await.unwrap();
        let teller = queues.clone();
        let timers = Timers::new(Arc::clone(&records), queues.clone(), shared)
            .with(KIND, move |outbox, due| tell(&teller, outbox, due))
            .with("refused", |_, _| Err(Error::Aborted));
        let worker = tokio::spawn(timers.run());
        Self { clock: clock.clone(), queues, records, worker }
    }

    async fn new(folder: &TempDir) -> Self {
        Self::open(folder.path(), &ManualClock::at(START)).await
    }

    async fn set(&self, key: &'static str, due: Timestamp) {
        self.records.transact(move |t| set(t, KIND, key, due)).await.unwrap();
    }

    async fn remove(&self, key: &'static str) {
        self.records.transact(move |t| remove(t, KIND, key)).await.unwrap();
    }

    async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds)).await;
    }

    /// What is told next; waits for it.
    async fn told(&self) -> String {
        let receive = Receive { wait: Some(20), ..Receive::up_to(1) };
        let received = self.queues.receive(&told(), receive).await.unwrap().remove(0);
        self.queues.acknowledge(&told(), vec![received.handle]).await.unwrap();
        String::from_utf8(received.message.body.to_vec()).unwrap()
    }

    /// Nothing was told before this.
    async fn is_quiet(&self) {
        let now = self.clock.now();
        self.set("quiet", now).await;
        assert_eq!(self.told().await, format!("quiet {} 0", now.since(START).as_secs()));
    }
}

#[tokio::test]
async fn a_timer_is_fired_at_its_time_and_an_earlier_one_that_is_set_later_before_it() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.set("late", seconds(50)).await;
    world.advance(10).await;
    world.set("soon", seconds(20)).await;
    world.set("past", seconds(5)).await;
    assert_eq!(world.told().await, "past 5 5");
    world.advance(9).await;
    world.is_quiet().await;
    world.advance(1).await;
    assert_eq!(world.told().await, "soon 20 0");
    world.advance(30).await;
    assert_eq!(world.told().await, "late 50 0");
}

#[tokio::test]
async fn a_timer_that_is_set_again_or_removed_is_not_fired_for_its_earlier_time() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.set("moved", seconds(10)).await;
    world.set("moved", seconds(40)).await;
    world.set("removed", seconds(10)).await;
    world.remove("removed").await;
    world.remove("never there").await;
    world.advance(30).await;
    world.is_quiet().await;
    world.advance(10).await;
    assert_eq!(world.told().await, "moved 40 0");
}

#[tokio::test]
async fn more_timers_than_are_fired_at_once_are_all_fired_once() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let count = 3 * sonagi_model::limits::TIMERS_AT_ONCE + 1;
    let setting = move |t: &mut dyn sonagi_backend::Transaction| {
        (0..count).try_for_each(|number| set(t, KIND, &number.to_string(), seconds(30)))
    };
    world.records.transact(setting).await.unwrap();
    world.advance(30).await;
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(world.told().await.split(' ').next().unwrap().parse::<usize>().unwrap());
    }
    told.sort_unstable();
    assert_eq!(told, (0..count).collect::<Vec<_>>());
    world.is_quiet().await;
}

#[tokio::test]
async fn a_handler_sets_the_next_time_and_what_was_missed_is_told_with_both_times() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.set("every/30", seconds(30)).await;
    world.advance(30).await;
    assert_eq!(world.told().await, "every/30 30 0");
    let clock = world.clock.clone();
    world.worker.abort();
    assert!(world.worker.await.unwrap_err().is_cancelled());
    drop((world.queues, world.records));
    clock.advance(Duration::from_secs(70)).await;
    let world = World::open(folder.path(), &clock).await;
    for expected in ["every/30 60 40", "every/30 90 10"] {
        assert_eq!(world.told().await, expected);
    }
    world.advance(20).await;
    assert_eq!(world.told().await, "every/30 120 0");
}

#[tokio::test]
async fn the_wall_clock_rules_wherever_it_is_set() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.set("tomorrow", seconds(86_400)).await;
    world.advance(1).await;
    world.is_quiet().await;
    // Forwards: it is noticed within a minute.
    world.clock.set(seconds(90_000));
    world.advance(60).await;
    let told = world.told().await;
    assert!(told.starts_with("tomorrow 86400 36"), "{told}");
    // Backwards: what is due waits for the clock to come there, and what was fired is not fired again.
    world.set("every/600", seconds(90_600)).await;
    world.clock.set(seconds(80_000));
    world.advance(600).await;
    world.is_quiet().await;
    for _ in 0..10 {
        world.advance(1_000).await;
    }
    assert_eq!(world.told().await, "every/600 90600 0");
}

#[tokio::test]
async fn a_timer_that_cannot_be_fired_is_tried_again_and_holds_up_no_other() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let refused = |t: &mut dyn sonagi_backend::Transaction| {
        (0..100).try_for_each(|number| set(t, "refused", &number.to_string(), seconds(1)))
    };
    world.records.transact(refused).await.unwrap();
    world.advance(2).await;
    world.set("other", seconds(3)).await;
    world.advance(1).await;
    assert_eq!(world.told().await, "other 3 0");
    world.advance(60).await;
    world.is_quiet().await;
    let left = world.records.snapshot().get(b"events/timers/krefused/99").await.unwrap();
    assert!(left.is_some());
}
