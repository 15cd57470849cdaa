//! What was missed while the server was down, or while the wall clock was elsewhere.

use super::*;

#[tokio::test]
async fn of_the_times_that_were_missed_the_latest_is_made_up_for_and_no_other() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.make("often", tells("rate(1 minute)")).await;
    world.make("once", tells("at(2026-01-31T09:00:00)")).await;
    let clock = world.stop().await;
    clock.advance(Duration::from_secs(40 * DAY + 30)).await;
    let world = World::open(folder.path(), &clock).await;
    // The one that ran once is too late by now, and is told as such.
    assert_eq!(world.next().await, "2026-03-12T08:00:00Z");
    let dead = world.received("dead").await.message;
    assert_eq!(dead.body, "2026-01-31T09:00:00Z");
    let condition =
        dead.head.attributes.iter().find(|(name, _)| name == "EXHAUSTED_RETRY_CONDITION").unwrap();
    assert!(format!("{condition:?}").contains("MaximumEventAgeInSeconds"));
    world.is_quiet().await;
    world.advance(30).await;
    assert_eq!(world.next().await, "2026-03-12T08:01:00Z");
}

#[tokio::test]
async fn how_late_an_event_may_be_is_the_retry_policys() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let within = |age, expression: &str| {
        let mut settings = tells(expression);
        settings.target.retry.age = age;
        settings
    };
    world.make("soon", within(60, "cron(30 8 * * ? *)")).await;
    world.make("later", within(3_600, "cron(31 8 * * ? *)")).await;
    let clock = world.stop().await;
    clock.advance(Duration::from_secs(HOUR)).await;
    let world = World::open(folder.path(), &clock).await;
    assert_eq!(world.next().await, "2026-01-31T08:31:00Z");
    assert_eq!(world.received("dead").await.message.body, "2026-01-31T08:30:00Z");
    world.is_quiet().await;
    // Both go on.
    world.advance(DAY - 30 * MINUTE).await;
    assert_eq!(world.next().await, "2026-02-01T08:30:00Z");
}

#[tokio::test]
async fn a_wall_clock_that_is_set_makes_no_time_run_twice() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.make("hourly", tells("cron(0 * * * ? *)")).await;
    world.clock.set(START + Duration::from_secs(3 * HOUR + 10));
    world.advance(60).await;
    assert_eq!(world.next().await, "2026-01-31T11:00:00Z");
    // An hour and more back: what ran does not run again.
    world.clock.set(START + Duration::from_secs(HOUR));
    for _ in 0..5 {
        world.advance(30 * MINUTE).await;
    }
    world.is_quiet().await;
    for _ in 0..30 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.next().await, "2026-01-31T12:00:00Z");
}
