//! When schedules run.

use super::*;

#[tokio::test]
async fn a_rate_runs_once_each_time_from_when_it_was_made() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.make("often", tells("rate(5 minutes)")).await;
    world.advance(299).await;
    world.is_quiet().await;
    for minute in ["05", "10", "15"] {
        world.advance(if minute == "05" { 1 } else { 300 }).await;
        assert_eq!(world.next().await, format!("2026-01-31T08:{minute}:00Z"));
    }
    world.is_quiet().await;
    world.schedules.delete(&group(), &name("often")).await.unwrap();
    world.advance(HOUR).await;
    world.is_quiet().await;
}

#[tokio::test]
async fn an_at_runs_once_and_is_kept_or_deleted_as_it_says() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.make("kept", tells("at(2026-01-31T08:00:30)")).await;
    world.make("gone", Settings { completion: Completion::Delete, ..tells("at(2026-01-31T08:00:40)") }).await;
    // What is a little late runs at once, and what is long over does not.
    world.make("late", tells("at(2026-01-31T07:59:30)")).await;
    assert_eq!(world.next().await, "2026-01-31T07:59:30Z");
    world.make("over", tells("at(2026-01-31T07:58:00)")).await;
    world.is_quiet().await;
    world.advance(30).await;
    assert_eq!(world.next().await, "2026-01-31T08:00:30Z");
    assert!(!world.is_gone("gone").await);
    world.advance(10).await;
    assert_eq!(world.next().await, "2026-01-31T08:00:40Z");
    assert!(world.is_gone("gone").await && !world.is_gone("kept").await);
    world.advance(DAY).await;
    world.is_quiet().await;
}

#[tokio::test]
async fn start_and_end_bound_a_schedule_which_is_deleted_after_its_last_time_if_it_says_so() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let at = |seconds| Some(START + Duration::from_secs(seconds));
    let bounded = Settings { start: at(HOUR), end: at(HOUR + 600), ..tells("rate(10 minutes)") };
    world.make("bounded", Settings { completion: Completion::Delete, ..bounded }).await;
    world.advance(HOUR - 1).await;
    world.is_quiet().await;
    world.advance(1).await;
    assert_eq!(world.next().await, "2026-01-31T09:00:00Z");
    world.advance(600).await;
    assert_eq!(world.next().await, "2026-01-31T09:10:00Z");
    assert!(world.is_gone("bounded").await);
    world.advance(DAY).await;
    world.is_quiet().await;
}

#[tokio::test]
async fn local_times_are_as_the_zone_has_them_when_clocks_change() {
    let folder = TempDir::new().unwrap();
    // 2026-03-28T00:00:00Z; Berlin's clocks skip from 2:00 to 3:00 on the 29th, and Lord Howe's are elsewhere.
    let clock = ManualClock::at(Timestamp::from_millis(1_774_656_000_000));
    let world = World::open(folder.path(), &clock).await;
    let berlin = |expression| Settings { zone: "Europe/Berlin".into(), ..tells(expression) };
    world.make("morning", berlin("cron(0 8 * * ? *)")).await;
    world.make("skipped", berlin("cron(30 2 * * ? *)")).await;
    for expected in ["28T01:30", "28T07:00", "29T06:00", "30T00:30", "30T06:00"] {
        for _ in 0..48 {
            world.advance(30 * MINUTE).await;
            if world.clock.now().to_string().contains(expected) {
                break;
            }
        }
        assert_eq!(world.next().await, format!("2026-03-{expected}:00Z"));
    }
}

#[tokio::test]
async fn a_disabled_schedule_does_not_run_and_goes_on_when_it_is_enabled() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let disabled = Settings { state: State::Disabled, ..tells("cron(0 * * * ? *)") };
    world.make("hourly", disabled.clone()).await;
    world.advance(HOUR).await;
    world.is_quiet().await;
    let enabled = Settings { state: State::Enabled, ..disabled.clone() };
    world.schedules.update(&group(), &name("hourly"), enabled).await.unwrap();
    world.advance(HOUR).await;
    assert_eq!(world.next().await, "2026-01-31T10:00:00Z");
    world.schedules.update(&group(), &name("hourly"), disabled).await.unwrap();
    world.advance(HOUR).await;
    world.is_quiet().await;
}

#[tokio::test]
async fn a_change_of_the_target_alone_does_not_move_the_next_time() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    world.make("often", tells("rate(10 minutes)")).await;
    world.advance(5 * MINUTE).await;
    let mut other = tells("rate(10 minutes)");
    other.target.input = Some("other <aws.scheduler.scheduled-time>".into());
    world.schedules.update(&group(), &name("often"), other).await.unwrap();
    world.advance(5 * MINUTE).await;
    assert_eq!(world.next().await, "other 2026-01-31T08:10:00Z");
    world.schedules.update(&group(), &name("often"), tells("rate(1 hour)")).await.unwrap();
    world.advance(HOUR).await;
    assert_eq!(world.next().await, "2026-01-31T09:10:00Z");
}
