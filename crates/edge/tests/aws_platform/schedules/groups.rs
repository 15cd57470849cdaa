//! Groups and their tags.

use super::*;

#[tokio::test]
async fn groups_are_made_shown_listed_and_deleted() {
    let world = World::open().await;
    let token = json!({ "ClientToken": "t", "Tags": [{ "Key": "team", "Value": "pets" }] });
    for _ in 0..2 {
        let made = ok(&world, "POST", "/schedule-groups/pets", Some(token.clone())).await;
        assert_eq!(made, json!({ "ScheduleGroupArn": group_arn("pets") }));
    }
    let again = call(&world, "POST", "/schedule-groups/pets", Some(&json!({}))).await;
    again.is_error(409, "ConflictException", "Schedule group pets already exists.");
    let default = call(&world, "POST", "/schedule-groups/default", Some(&json!({}))).await;
    default.is_error(409, "ConflictException", "Schedule group default already exists.");
    let shown = ok(&world, "GET", "/schedule-groups/pets", None).await;
    let expected = json!({
        "Arn": group_arn("pets"),
        "Name": "pets",
        "State": "ACTIVE",
        "CreationDate": 1_769_847_330.123,
        "LastModificationDate": 1_769_847_330.123,
    });
    assert_eq!(shown, expected);
    let listed = ok(&world, "GET", "/schedule-groups?MaxResults=1", None).await;
    assert_eq!(listed["ScheduleGroups"][0]["Name"], "default");
    let next = listed["NextToken"].as_str().unwrap();
    let listed = ok(&world, "GET", &format!("/schedule-groups?MaxResults=1&NextToken={next}"), None).await;
    assert_eq!(listed, json!({ "ScheduleGroups": [expected] }));
    assert_eq!(ok(&world, "GET", "/schedule-groups?NamePrefix=x", None).await["ScheduleGroups"], json!([]));
    assert_eq!(ok(&world, "DELETE", "/schedule-groups/pets", None).await, json!({}));
    let refused = call(&world, "DELETE", "/schedule-groups/default", None).await;
    refused.is_error(400, "ValidationException", "The default schedule group cannot be deleted.");
    let none = call(&world, "DELETE", "/schedule-groups/none", None).await;
    none.is_error(404, "ResourceNotFoundException", "Schedule group none does not exist.");
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::open().await;
    let tags = json!({ "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }] });
    ok(&world, "POST", "/schedule-groups/pets", Some(tags)).await;
    let path = format!("/tags/{}", group_arn("pets").replace(':', "%3A").replace('/', "%2F"));
    let more = json!({ "Tags": [{ "Key": "b", "Value": "3" }, { "Key": "c", "Value": "4" }] });
    assert_eq!(ok(&world, "POST", &path, Some(more)).await, json!({}));
    assert_eq!(ok(&world, "DELETE", &format!("{path}?TagKeys=a&TagKeys=c"), None).await, json!({}));
    assert_eq!(ok(&world, "GET", &path, None).await, json!({ "Tags": [{ "Key": "b", "Value": "3" }] }));
    let wrong = call(&world, "GET", &format!("/tags/{}", arn("default/x").replace('/', "%2F")), None).await;
    wrong.is_error(
        400,
        "ValidationException",
        "at 'resourceArn' failed to satisfy constraint: Member must satisfy",
    );
    let none = call(&world, "GET", &format!("/tags/{}", group_arn("none").replace('/', "%2F")), None).await;
    none.is_error(404, "ResourceNotFoundException", "Schedule group none does not exist.");
    let many: Vec<Value> = (0..51).map(|n| json!({ "Key": n.to_string(), "Value": "v" })).collect();
    let reply = call(&world, "POST", &path, Some(&json!({ "Tags": many }))).await;
    reply.is_error(400, "ValidationException", "50 are the most");
}
