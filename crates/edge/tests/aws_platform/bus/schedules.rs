//! Rules that run on a schedule.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_scheduled_rule_sends_its_targets_an_event_each_time() {
    let world = World::open().await;
    let _running = start(&world);
    let queue = queue(&world, "q").await;
    ok(&world, "PutRule", json!({ "Name": "r", "ScheduleExpression": "rate(5 minutes)" })).await;
    ok(&world, "PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": queue }] })).await;
    for time in ["2026-01-31T08:20:30Z", "2026-01-31T08:25:30Z"] {
        world.clock.advance(Duration::from_secs(300)).await;
        let event = next(&world, "q").await;
        let expected = json!({
            "version": "0",
            "id": event["id"],
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": time,
            "region": "us-east-1",
            "resources": [arn("rule/r")],
            "detail": {},
        });
        assert_eq!(event, expected);
    }
    assert!(bodies(&world, "q").await.is_empty());
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once() {
    let world = World::open().await;
    let queue = queue(&world, "q").await;
    ok(&world, "PutRule", json!({ "Name": "r", "ScheduleExpression": "cron(0/10 * * * ? *)" })).await;
    ok(&world, "PutTargets", json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": queue }] })).await;
    // Nothing works in the background meanwhile.
    world.clock.advance(Duration::from_secs(3_600)).await;
    let _running = start(&world);
    assert_eq!(next(&world, "q").await["time"], "2026-01-31T08:20:00Z");
    world.clock.advance(Duration::from_secs(300)).await;
    assert_eq!(next(&world, "q").await["time"], "2026-01-31T09:20:00Z");
    assert!(bodies(&world, "q").await.is_empty());
}

#[tokio::test]
async fn a_rule_that_is_disabled_changed_or_removed_keeps_to_that() {
    let world = World::open().await;
    let _running = start(&world);
    let (queue, other) = (queue(&world, "q").await, queue(&world, "other").await);
    let every = |name: &str, schedule: &str, state: &str| json!({ "Name": name, "ScheduleExpression": schedule, "State": state });
    let target = |rule: &str, queue: &str| json!({ "Rule": rule, "Targets": [{ "Id": "1", "Arn": queue }] });
    for name in ["disabled", "changed", "removed", "pattern"] {
        ok(&world, "PutRule", every(name, "rate(1 minute)", "ENABLED")).await;
        ok(&world, "PutTargets", target(name, &queue)).await;
    }
    ok(&world, "PutRule", every("clock", "rate(1 minute)", "ENABLED")).await;
    ok(&world, "PutTargets", target("clock", &other)).await;
    ok(&world, "DisableRule", json!({ "Name": "disabled" })).await;
    ok(&world, "PutRule", every("changed", "rate(3 minutes)", "ENABLED")).await;
    ok(&world, "RemoveTargets", json!({ "Rule": "removed", "Ids": ["1"] })).await;
    ok(&world, "DeleteRule", json!({ "Name": "removed" })).await;
    ok(&world, "PutRule", json!({ "Name": "pattern", "EventPattern": "{\"source\":[\"aws.events\"]}" }))
        .await;
    for minute in 1..=2 {
        world.clock.advance(Duration::from_secs(60)).await;
        let time = next(&world, "other").await["time"].clone();
        assert_eq!(time, format!("2026-01-31T08:{}:30Z", 15 + minute));
    }
    assert!(bodies(&world, "q").await.is_empty());
    world.clock.advance(Duration::from_secs(60)).await;
    let event = next(&world, "q").await;
    assert_eq!(event["resources"], json!([arn("rule/changed")]));
    ok(&world, "EnableRule", json!({ "Name": "disabled" })).await;
    world.clock.advance(Duration::from_secs(60)).await;
    assert_eq!(next(&world, "q").await["resources"], json!([arn("rule/disabled")]));
}
