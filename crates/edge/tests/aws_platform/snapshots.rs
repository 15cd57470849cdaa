//! `SnapStart`: what a published version shows until it is initialised, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, creation};

const FUNCTIONS: &str = "/2015-03-31/functions";

fn snapped(name: &str, handler: &str) -> Value {
    let mut creation = creation(name);
    creation["Handler"] = handler.into();
    creation["SnapStart"] = json!({ "ApplyOn": "PublishedVersions" });
    creation
}

async fn publish(world: &World, name: &str, handler: &str) -> Value {
    let made = world.ask("POST", FUNCTIONS).json(&snapped(name, handler)).signed().send().await.json();
    assert_eq!((&made["State"], &made["SnapStart"]["OptimizationStatus"]), (&json!("Active"), &json!("Off")));
    let path = format!("{FUNCTIONS}/{name}/versions");
    let reply = world.ask("POST", &path).json(&json!({})).signed().send().await;
    assert_eq!(reply.status, 201);
    reply.json()
}

/// The version once it is pending no more.
async fn settled(world: &World, name: &str) -> Value {
    let path = format!("{FUNCTIONS}/{name}/configuration?Qualifier=1");
    // Unpacking takes real time; the test's runner ends what never comes.
    loop {
        world.clock.advance(Duration::from_secs(1)).await;
        let shown = world.get(&path).await.json();
        if shown["State"] != "Pending" {
            return shown;
        }
    }
}

fn parts(shown: &Value) -> Value {
    json!([
        shown["State"],
        shown["StateReasonCode"],
        shown["LastUpdateStatus"],
        shown["LastUpdateStatusReasonCode"]
    ])
}

#[tokio::test]
async fn a_published_version_is_pending_until_it_is_initialised() {
    let world = World::open().await;
    let version = publish(&world, "pets", "app.handler").await;
    assert_eq!(parts(&version), json!(["Pending", "Creating", "InProgress", null]));
    assert!(version["StateReason"].is_string(), "{version}");
    let on = json!({ "ApplyOn": "PublishedVersions", "OptimizationStatus": "On" });
    assert_eq!(version["SnapStart"], on);
    let got = world.get(&format!("{FUNCTIONS}/pets?Qualifier=1")).await.json();
    assert_eq!(got["Configuration"]["State"], "Pending");
    let latest = world.get(&format!("{FUNCTIONS}/pets/configuration")).await.json();
    assert_eq!(latest["State"], "Active");
    let shown = settled(&world, "pets").await;
    assert_eq!(parts(&shown), json!(["Active", null, "Successful", null]));
    assert_eq!((&shown["SnapStart"], shown.get("StateReason")), (&on, None));
}

#[tokio::test]
async fn a_version_that_cannot_be_initialised_has_failed_and_says_why() {
    let world = World::open().await;
    for (name, code, reason) in [
        ("fail", "FunctionError", "(Runtime.ImportModuleError)"),
        ("slow", "FunctionError", "within 130 seconds"),
        ("none", "InvalidRuntime", "install python3.11"),
    ] {
        publish(&world, name, &format!("app.{name}")).await;
        let shown = settled(&world, name).await;
        assert_eq!(parts(&shown), json!(["Failed", code, "Failed", code]));
        for key in ["StateReason", "LastUpdateStatusReason"] {
            assert!(shown[key].as_str().unwrap().contains(reason), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_version_whose_runtime_cannot_be_copied_is_active_and_not_optimised() {
    let world = World::open().await;
    publish(&world, "pets", "app.alone").await;
    let shown = settled(&world, "pets").await;
    assert_eq!(
        (&shown["State"], &shown["SnapStart"]["OptimizationStatus"]),
        (&json!("Active"), &json!("Off"))
    );
}

#[tokio::test]
async fn what_lambda_does_not_snapshot_is_refused() {
    let world = World::open().await;
    let text = |what: &str| format!("{what} is not supported for SnapStart enabled functions.");
    let create = |change: Value| {
        let mut creation = snapped("pets", "app.handler");
        creation.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        world.ask("POST", FUNCTIONS).json(&creation).signed().send()
    };
    let refused = "InvalidParameterValueException";
    for runtime in ["provided.al2", "provided.al2023", "nodejs20.x"] {
        create(json!({ "Runtime": runtime })).await.is_error(400, refused, &text(runtime));
    }
    let storage = text("EphemeralStorage of more than 512 MB");
    create(json!({ "EphemeralStorage": { "Size": 513 } })).await.is_error(400, refused, &storage);
    assert_eq!(create(json!({ "EphemeralStorage": { "Size": 512 } })).await.status, 201);
    let update = async |change: Value| {
        world.ask("PUT", &format!("{FUNCTIONS}/pets/configuration")).json(&change).signed().send().await
    };
    update(json!({ "EphemeralStorage": { "Size": 1024 } })).await.is_error(400, refused, &storage);
    update(json!({ "Runtime": "provided.al2023" })).await.is_error(400, refused, &text("provided.al2023"));
    let both = json!({ "EphemeralStorage": { "Size": 1024 }, "SnapStart": { "ApplyOn": "None" } });
    assert_eq!(update(both).await.status, 200);
}
