//! Flexible time windows.

use super::*;

#[tokio::test]
async fn a_schedule_runs_at_one_point_of_its_window_each_time_and_tells_its_own_time() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    // The window is longer than the time between two runs.
    world.make("flexible", Settings { window: Some(120), ..tells("cron(0 * * * ? *)") }).await;
    let mut ran = Vec::new();
    let mut waited = 0;
    while ran.len() < 3 {
        world.advance(MINUTE).await;
        waited += MINUTE;
        assert!(waited <= 5 * HOUR, "{ran:?}");
        let receive = Receive { wait: Some(0), ..Receive::up_to(10) };
        // The transaction that fires is on another thread: whatever is due now is settled before time goes on.
        world.settle().await;
        for received in world.queues.receive(&queue("out"), receive).await.unwrap() {
            let body = String::from_utf8(received.message.body.to_vec()).unwrap();
            world.queues.acknowledge(&queue("out"), vec![received.handle]).await.unwrap();
            ran.push((body, waited));
        }
    }
    let times: Vec<&str> = ran.iter().map(|(time, _)| time.as_str()).collect();
    assert_eq!(times, ["2026-01-31T09:00:00Z", "2026-01-31T10:00:00Z", "2026-01-31T11:00:00Z"]);
    let late: Vec<u64> = ran.iter().zip(1..).map(|((_, at), hours)| at - hours * HOUR).collect();
    assert!(late[0] <= 2 * HOUR + MINUTE && late.iter().all(|each| *each == late[0]), "{late:?}");
}

#[tokio::test]
async fn schedules_of_one_time_are_spread_over_the_window() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    for number in 0..20 {
        let settings = Settings { window: Some(60), ..tells("at(2026-01-31T09:00:00)") };
        world.make(&format!("flexible-{number}"), settings).await;
    }
    world.advance(HOUR - 1).await;
    world.is_quiet().await;
    let mut moments = std::collections::BTreeSet::new();
    let mut ran = 0;
    for minute in 0..=60 {
        world.settle().await;
        let receive = Receive { wait: Some(0), ..Receive::up_to(100) };
        let received = world.queues.receive(&queue("out"), receive).await.unwrap();
        if !received.is_empty() {
            moments.insert(minute);
        }
        ran += received.len();
        let handles = received.into_iter().map(|received| received.handle).collect();
        world.queues.acknowledge(&queue("out"), handles).await.unwrap();
        world.advance(MINUTE).await;
    }
    assert_eq!(ran, 20);
    assert!(moments.len() > 5, "{moments:?}");
}

impl World {
    /// Returns when all timers that are due were fired: a timer that is set behind them was.
    async fn settle(&self) {
        let mut settings = tells(&format!("at({})", self.clock.now().to_string().split('.').next().unwrap()));
        settings.target.arn = arn("dead");
        settings.completion = Completion::Delete;
        self.make("settles", settings).await;
        self.received("dead").await;
    }
}
