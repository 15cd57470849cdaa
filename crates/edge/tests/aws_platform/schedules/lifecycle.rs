//! Schedules come, are shown, change and go.

use super::*;

#[tokio::test]
async fn a_schedule_is_shown_as_it_was_made_with_what_was_not_said() {
    let world = World::open().await;
    let made = ok(&world, "POST", "/schedules/hourly", Some(schedule(json!({})))).await;
    assert_eq!(made, json!({ "ScheduleArn": arn("default/hourly") }));
    let shown = ok(&world, "GET", "/schedules/hourly", None).await;
    let expected = json!({
        "Arn": arn("default/hourly"),
        "GroupName": "default",
        "Name": "hourly",
        "ScheduleExpression": "rate(1 hour)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "CreationDate": 1_769_847_330.123,
        "LastModificationDate": 1_769_847_330.123,
        "Target": {
            "Arn": queue_arn("out"),
            "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/pets"),
            "RetryPolicy": { "MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185 },
        },
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "ActionAfterCompletion": "NONE",
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn all_that_can_be_said_is_kept_and_an_update_says_all_anew() {
    let world = World::open().await;
    ok(&world, "POST", "/schedule-groups/pets", Some(json!({}))).await;
    let all = json!({
        "GroupName": "pets",
        "ScheduleExpression": "cron(0 8 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": 1_769_900_000,
        "EndDate": 1_779_900_000.5,
        "Description": "feeds them",
        "State": "DISABLED",
        "KmsKeyArn": format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/1"),
        "FlexibleTimeWindow": { "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15 },
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": queue_arn("out.fifo"),
            "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/service-role/pets"),
            "Input": "hello",
            "RetryPolicy": { "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0 },
            "DeadLetterConfig": { "Arn": queue_arn("dead") },
            "SqsParameters": { "MessageGroupId": "g" },
        },
    });
    ok(&world, "POST", "/schedules/feed", Some(schedule(all.clone()))).await;
    let mut shown = ok(&world, "GET", "/schedules/feed?groupName=pets", None).await;
    for (name, value) in all.as_object().unwrap() {
        match value.as_f64() {
            Some(date) => assert_eq!(shown[name].as_f64(), Some(date), "{name}"),
            None => assert_eq!(shown[name], *value, "{name}"),
        }
    }
    let bus = json!({
        "Arn": format!("arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"),
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/pets"),
        "EventBridgeParameters": { "DetailType": "fed", "Source": "pets" },
    });
    let update = schedule(json!({ "GroupName": "pets", "Target": bus }));
    let made = ok(&world, "PUT", "/schedules/feed", Some(update)).await;
    assert_eq!(made, json!({ "ScheduleArn": arn("pets/feed") }));
    shown = ok(&world, "GET", "/schedules/feed?groupName=pets", None).await;
    assert_eq!((&shown["State"], &shown["ScheduleExpressionTimezone"]), (&"ENABLED".into(), &"UTC".into()));
    assert_eq!(shown["Target"]["EventBridgeParameters"], bus["EventBridgeParameters"]);
    for gone in ["Description", "StartDate", "EndDate", "KmsKeyArn"] {
        assert_eq!(shown.get(gone), None);
    }
    assert_eq!(ok(&world, "DELETE", "/schedules/feed?groupName=pets&clientToken=t", None).await, json!({}));
    let gone = call(&world, "GET", "/schedules/feed?groupName=pets", None).await;
    gone.is_error(404, "ResourceNotFoundException", "Schedule feed does not exist.");
}

#[tokio::test]
async fn a_listing_is_filtered_and_goes_on_where_it_stopped() {
    let world = World::open().await;
    ok(&world, "POST", "/schedule-groups/pets", Some(json!({}))).await;
    for (group, name, state) in [
        ("default", "b-1", "ENABLED"),
        ("default", "b-2", "DISABLED"),
        ("default", "c", "ENABLED"),
        ("pets", "a", "ENABLED"),
        ("pets", "b-3", "ENABLED"),
    ] {
        let body = schedule(json!({ "GroupName": group, "State": state }));
        ok(&world, "POST", &format!("/schedules/{name}"), Some(body)).await;
    }
    let list = async |query: &str| {
        let listed = ok(&world, "GET", &format!("/schedules{query}"), None).await;
        let name = |schedule: &Value| schedule["Name"].as_str().unwrap().to_owned();
        let names: Vec<String> = listed["Schedules"].as_array().unwrap().iter().map(name).collect();
        (names, listed.get("NextToken").map(|next| next.as_str().unwrap().to_owned()))
    };
    assert_eq!(list("").await.0, ["b-1", "b-2", "c", "a", "b-3"]);
    assert_eq!(list("?ScheduleGroup=pets").await.0, ["a", "b-3"]);
    assert_eq!(list("?NamePrefix=b-").await.0, ["b-1", "b-2", "b-3"]);
    assert_eq!(list("?ScheduleGroup=default&NamePrefix=b-&State=DISABLED").await.0, ["b-2"]);
    let (mut seen, mut next) = (Vec::new(), None::<String>);
    loop {
        let token = next.map(|next| format!("&NextToken={next}")).unwrap_or_default();
        let (names, more) = list(&format!("?MaxResults=2{token}")).await;
        assert!(names.len() <= 2);
        seen.extend(names);
        next = more;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["b-1", "b-2", "c", "a", "b-3"]);
    let first = ok(&world, "GET", "/schedules?MaxResults=1", None).await["Schedules"][0].clone();
    assert_eq!(first["Target"], json!({ "Arn": queue_arn("out") }));
    assert_eq!((&first["Arn"], &first["GroupName"]), (&arn("default/b-1").into(), &"default".into()));
    let none = call(&world, "GET", "/schedules?ScheduleGroup=none", None).await;
    none.is_error(404, "ResourceNotFoundException", "Schedule group none does not exist.");
}
