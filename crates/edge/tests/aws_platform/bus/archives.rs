//! Archives and replays.

use std::time::Duration;

use super::*;

/// When the world's clock begins.
const START: u64 = 1_769_847_330;

async fn archive(world: &World, more: Value) -> Value {
    let mut input = json!({ "ArchiveName": "a", "EventSourceArn": arn("event-bus/orders") });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ok(world, "CreateArchive", input).await
}

fn replay(name: &str, from: u64, to: u64) -> Value {
    json!({
        "ReplayName": name,
        "EventSourceArn": arn("archive/a"),
        "EventStartTime": from,
        "EventEndTime": to,
        "Destination": { "Arn": arn("event-bus/orders") },
    })
}

/// Waits for a replay to be over; what is said of it then.
async fn over(world: &World, name: &str) -> Value {
    loop {
        let shown = ok(world, "DescribeReplay", json!({ "ReplayName": name })).await;
        if shown.get("ReplayEndTime").is_some() {
            return shown;
        }
        tokio::task::yield_now().await;
    }
}

/// An event of a moment.
fn at(time: u64, n: u32) -> Value {
    let mut entry = entry("orders", json!({ "n": n }));
    entry["Time"] = time.into();
    entry
}

#[tokio::test]
async fn an_archive_holds_the_events_that_match_it() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    let pattern = json!({ "detail": { "n": [{ "numeric": [">", 1] }] } }).to_string();
    let made =
        archive(&world, json!({ "EventPattern": pattern, "RetentionDays": 2, "Description": "d" })).await;
    let expected =
        json!({ "ArchiveArn": arn("archive/a"), "State": "ENABLED", "CreationTime": 1_769_847_330.123 });
    assert_eq!(made, expected);
    put(&world, json!([at(START, 1), at(START, 2), at(START + 1, 3)])).await;
    let shown = ok(&world, "DescribeArchive", json!({ "ArchiveName": "a" })).await;
    assert_eq!((&shown["EventCount"], &shown["EventPattern"]), (&json!(2), &json!(pattern)));
    assert_eq!(
        (&shown["EventSourceArn"], &shown["RetentionDays"]),
        (&json!(arn("event-bus/orders")), &json!(2))
    );
    assert!(shown["SizeBytes"].as_u64().unwrap() > 300, "{shown}");
    ok(&world, "UpdateArchive", json!({ "ArchiveName": "a", "EventPattern": "{\"source\":[\"none\"]}" }))
        .await;
    put(&world, json!([at(START, 4)])).await;
    for input in [
        json!({}),
        json!({ "NamePrefix": "a" }),
        json!({ "State": "ENABLED" }),
        json!({ "EventSourceArn": arn("event-bus/orders") }),
    ] {
        let listed = ok(&world, "ListArchives", input).await;
        assert_eq!(listed["Archives"][0]["EventCount"], 2, "{listed}");
        assert_eq!(listed["Archives"][0].get("EventPattern"), None);
    }
    assert_eq!(ok(&world, "ListArchives", json!({ "State": "DISABLED" })).await, json!({ "Archives": [] }));
    ok(&world, "DeleteArchive", json!({ "ArchiveName": "a" })).await;
    let text = "Archive a does not exist.";
    for operation in ["DescribeArchive", "DeleteArchive", "UpdateArchive"] {
        fails(&world, operation, json!({ "ArchiveName": "a" }), "ResourceNotFoundException", text).await;
    }
    // One of the same name begins empty.
    archive(&world, json!({})).await;
    assert_eq!(ok(&world, "DescribeArchive", json!({ "ArchiveName": "a" })).await["EventCount"], 0);
}

#[tokio::test]
async fn a_replay_sends_the_events_of_its_time_again_and_archives_none() {
    let world = World::open().await;
    let _running = start(&world);
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    archive(&world, json!({})).await;
    for chunk in 0..4 {
        let entries: Vec<Value> =
            (0..10).map(|n| at(START + chunk * 10 + n, (chunk * 10 + n) as u32)).collect();
        put(&world, entries.into()).await;
    }
    for name in ["one", "two"] {
        let target = json!([{ "Id": "1", "Arn": queue(&world, name).await }]);
        rule(&world, "orders", name, json!({ "source": ["shop"] }), target).await;
    }
    let mut wanted = replay("again", START + 5, START + 30);
    wanted["Destination"]["FilterArns"] = json!([arn("rule/orders/one")]);
    let begun = ok(&world, "StartReplay", wanted.clone()).await;
    assert_eq!((&begun["ReplayArn"], &begun["State"]), (&json!(arn("replay/again")), &json!("STARTING")));
    let done = over(&world, "again").await;
    assert_eq!(done["State"], "COMPLETED");
    assert_eq!(done["Destination"], wanted["Destination"]);
    assert_eq!(done["EventLastReplayedTime"], json!(START as f64 + 29.0));
    let mut numbers = Vec::new();
    while let events @ [_, ..] = bodies(&world, "one").await.as_slice() {
        assert!(events.iter().all(|event| event["replay-name"] == "again"));
        numbers.extend(events.iter().map(|event| event["detail"]["n"].as_u64().unwrap()));
    }
    assert_eq!(numbers, (5..30).collect::<Vec<_>>());
    assert!(bodies(&world, "two").await.is_empty(), "it was not asked for");
    assert_eq!(ok(&world, "DescribeArchive", json!({ "ArchiveName": "a" })).await["EventCount"], 40);
    for (input, count) in [
        (json!({ "NamePrefix": "ag" }), 1),
        (json!({ "State": "RUNNING" }), 0),
        (json!({ "EventSourceArn": arn("archive/a") }), 1),
    ] {
        let listed = ok(&world, "ListReplays", input).await;
        assert_eq!(listed["Replays"].as_array().unwrap().len(), count, "{listed}");
    }
    fails(
        &world,
        "CancelReplay",
        json!({ "ReplayName": "again" }),
        "IllegalStatusException",
        "Replay again is not in a valid state",
    )
    .await;
}

#[tokio::test]
async fn a_replay_that_is_cancelled_sends_nothing_more_and_one_goes_on_after_a_restart() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    archive(&world, json!({})).await;
    put(&world, json!([at(START, 1)])).await;
    let target = json!([{ "Id": "1", "Arn": queue(&world, "q").await }]);
    rule(&world, "orders", "r", json!({ "source": ["shop"] }), target).await;
    // Nothing works in the background as yet.
    ok(&world, "StartReplay", replay("cancelled", START, START + 1)).await;
    let said = ok(&world, "CancelReplay", json!({ "ReplayName": "cancelled" })).await;
    assert_eq!(said, json!({ "ReplayArn": arn("replay/cancelled"), "State": "CANCELLING" }));
    ok(&world, "StartReplay", replay("goes-on", START, START + 1)).await;
    let _running = start(&world);
    assert_eq!(over(&world, "cancelled").await["State"], "CANCELLED");
    assert_eq!(over(&world, "goes-on").await["State"], "COMPLETED");
    let got = bodies(&world, "q").await;
    assert_eq!((got.len(), &got[0]["replay-name"]), (1, &json!("goes-on")));
    ok(&world, "DeleteArchive", json!({ "ArchiveName": "a" })).await;
    let shown = ok(&world, "DescribeReplay", json!({ "ReplayName": "goes-on" })).await;
    assert_eq!(shown["EventSourceArn"], arn("archive/a"), "what was is told of still");
}

#[tokio::test]
async fn events_older_than_the_retention_are_cleared_away() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    archive(&world, json!({ "RetentionDays": 1 })).await;
    put(&world, (0..10).map(|n| at(START - 3_600, n)).collect()).await;
    put(&world, json!([at(START, 10)])).await;
    let _running = start(&world);
    world.clock.advance(Duration::from_secs(86_400 - 1_800)).await;
    loop {
        // Time goes on until the janitor has come by.
        let shown = ok(&world, "DescribeArchive", json!({ "ArchiveName": "a" })).await;
        if shown["EventCount"] == 1 {
            break;
        }
        assert_eq!(shown["EventCount"], 11);
        world.clock.advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn archives_and_replays_are_refused_with_a_reason() {
    let world = World::open().await;
    ok(&world, "CreateEventBus", json!({ "Name": "orders" })).await;
    archive(&world, json!({})).await;
    let again = json!({ "ArchiveName": "a", "EventSourceArn": arn("event-bus/orders") });
    fails(&world, "CreateArchive", again, "ResourceAlreadyExistsException", "Archive a already exists.")
        .await;
    let none = json!({ "ArchiveName": "b", "EventSourceArn": arn("event-bus/none") });
    fails(
        &world,
        "CreateArchive",
        none.clone(),
        "ResourceNotFoundException",
        "Event bus none does not exist.",
    )
    .await;
    let list = json!({ "EventSourceArn": arn("event-bus/none") });
    fails(&world, "ListArchives", list, "ResourceNotFoundException", "Event bus none does not exist.").await;
    let wrong =
        json!({ "ArchiveName": "b", "EventSourceArn": arn("event-bus/orders"), "EventPattern": "[]" });
    fails(
        &world,
        "CreateArchive",
        wrong,
        "InvalidEventPatternException",
        "Event pattern is not valid. Reason: ",
    )
    .await;
    let text =
        "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix.";
    let two = json!({ "NamePrefix": "a", "State": "ENABLED" });
    fails(&world, "ListArchives", two, "ValidationException", text).await;

    let changed = |change: Value| {
        let mut input = replay("r", 1, 2);
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        input
    };
    let cases = [
        (
            json!({ "Destination": { "Arn": arn("event-bus/none") } }),
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
        (
            json!({ "Destination": { "Arn": arn("event-bus/default") } }),
            "ValidationException",
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
        ),
        (
            json!({ "EventSourceArn": arn("archive/none") }),
            "ValidationException",
            "Parameter EventSourceArn is not valid. Reason: Archive none does not exist.",
        ),
        (
            json!({ "EventEndTime": 1 }),
            "ValidationException",
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ),
        (
            json!({ "Destination": { "Arn": arn("event-bus/orders"), "FilterArns": [arn("rule/r")] } }),
            "ValidationException",
            "Parameter Destination.FilterArns is not valid.",
        ),
    ];
    for (change, code, text) in cases {
        fails(&world, "StartReplay", changed(change), code, text).await;
    }
    ok(&world, "StartReplay", changed(json!({}))).await;
    fails(
        &world,
        "StartReplay",
        changed(json!({})),
        "ResourceAlreadyExistsException",
        "Replay r already exists.",
    )
    .await;
    for count in 1..10 {
        ok(&world, "StartReplay", changed(json!({ "ReplayName": format!("r{count}") }))).await;
    }
    let text = "The requested resource exceeds the maximum number allowed.";
    fails(
        &world,
        "StartReplay",
        changed(json!({ "ReplayName": "eleventh" })),
        "LimitExceededException",
        text,
    )
    .await;
    let none = json!({ "ReplayName": "none" });
    for operation in ["DescribeReplay", "CancelReplay"] {
        fails(&world, operation, none.clone(), "ResourceNotFoundException", "Replay none does not exist.")
            .await;
    }
}
