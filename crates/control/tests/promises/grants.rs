//! What a release grants to its functions.

use sonagi_control::{Error, Version, lambda::UpdateConfiguration};
use sonagi_model::{
    function::Function,
    limits,
    policy::{Document, Purpose},
};

use crate::support::{World, app, content, function};

fn policy(action: &str, size: usize) -> Document {
    let sid = "a".repeat(size);
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{sid}","Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    );
    Document::parse(&text, Purpose::Identity).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_changes_no_environment_and_publishes_no_version() {
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    let release = |permissions: Vec<Document>| {
        let mut search = function("shop", "search", package);
        search.publish_alias = Some("live".parse().unwrap());
        search.permissions = permissions;
        content([search])
    };
    world.control.deploy(&shop, release(Vec::new())).await.unwrap();
    let before = world.function("shop-search");
    world.control.deploy(&shop, release(vec![policy("sqs:*", 1)])).await.unwrap();
    let after = world.function("shop-search");
    assert_eq!(after.latest.function.permissions, [policy("sqs:*", 1)]);
    assert_eq!(after.latest.environment, before.latest.environment);
    assert_eq!(after.aliases["live"].version, Version::Number(1));
    let world = world.reopen().await;
    assert_eq!(world.function("shop-search").latest.function.permissions, [policy("sqs:*", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_without_permissions_is_written_as_before() {
    let world = World::start().await;
    let search = function("shop", "search", world.package("1").await);
    let text = serde_json::to_string(&search).unwrap();
    assert!(!text.contains("permissions"), "{text}");
    assert_eq!(serde_json::from_str::<Function>(&text).unwrap(), search);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_grants_too_much_at_once_or_nonsense_is_refused() {
    let world = World::start().await;
    let package = world.package("1").await;
    let deploy = async |permissions: Vec<Document>| {
        let mut search = function("shop", "search", package);
        search.permissions = permissions;
        world.control.deploy(&app("shop"), content([search])).await
    };
    let refused = async |permissions: Vec<Document>, wanted: &str| match deploy(permissions).await {
        Err(Error::Invalid(text)) => assert!(text.contains(wanted), "{text}"),
        other => panic!("{other:?}"),
    };
    assert!(deploy(vec![policy("*", 1); limits::FUNCTION_POLICIES]).await.is_ok());
    refused(vec![policy("*", 1); limits::FUNCTION_POLICIES + 1], "101 policies; the most is 100").await;
    let large = policy("*", limits::FUNCTION_POLICIES_SIZE / 8);
    refused(vec![large; 8], "the most is 71680").await;
    let mut whose = policy("*", 1);
    whose.statements[0].resources = None;
    refused(vec![policy("*", 1), whose], "policy 1: Statement[0]: `Resource` is missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_has_none_of_the_policies() {
    let world = World::start().await;
    let mut search = function("shop", "search", world.package("1").await);
    search.permissions = vec![policy("sqs:*", 1)];
    world.control.deploy(&app("shop"), content([search])).await.unwrap();
    let granted = || world.function("shop-search").latest.function.permissions.len();
    let same = world.function("shop-search").latest.function.role.clone();
    let given = async |role: &str| {
        let change = UpdateConfiguration { role: Some(role.into()), ..Default::default() };
        world.control.update_configuration("shop-search", change).await.unwrap();
    };
    given(&same).await;
    assert_eq!(granted(), 1);
    given("arn:aws:iam::000000000000:role/other").await;
    assert_eq!(granted(), 0);
}
