use std::collections::BTreeMap;

use sonagi_control::{
    Error, Version,
    lambda::{CreateAlias, CreateFunction, PublishVersion, UpdateAlias},
};
use sonagi_model::{
    function::{Function, Runtime},
    limits::{ACCOUNT_CONCURRENCY, UNRESERVED_CONCURRENCY_MIN},
};

use crate::support::{World, app, content, function, request, text_of, zip};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// A function with versions 1 and 2, and an alias that points to 1.
async fn world() -> World {
    let world = World::with_two_versions().await;
    alias(&world, "live", "1").await;
    world
}

async fn alias(world: &World, name: &str, version: &str) {
    let alias = CreateAlias { name: name.into(), version: version.into(), ..Default::default() };
    world.control.create_alias("f", alias).await.unwrap();
}

async fn move_to(world: &World, name: &str, version: &str, weights: &[(&str, f64)]) -> Result<(), Error> {
    let weights = weights.iter().map(|&(version, weight)| (version.to_owned(), weight)).collect();
    let change = UpdateAlias { version: Some(version.into()), weights: Some(weights), ..Default::default() };
    world.control.update_alias("f", name, change).await.map(drop)
}

/// Environments by version, of all names together.
fn shares(world: &World, name: &str) -> BTreeMap<Version, u32> {
    let function = world.function(name);
    let mut all = BTreeMap::new();
    for share in function.provisioned.keys().flat_map(|qualifier| function.shares(qualifier)) {
        *all.entry(share.target.version).or_default() += share.executions;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_provisioned_for_an_alias_follows_it() {
    let world = world().await;
    world.control.put_provisioned("f", "live", 10).await.unwrap();
    assert_eq!(shares(&world, "f"), [(Version::Number(1), 10)].into());
    move_to(&world, "live", "2", &[("1", 0.25)]).await.unwrap();
    // A part of an environment is a whole one.
    assert_eq!(shares(&world, "f"), [(Version::Number(1), 3), (Version::Number(2), 7)].into());
    let world = world.reopen().await;
    assert_eq!(shares(&world, "f"), [(Version::Number(1), 3), (Version::Number(2), 7)].into());
    move_to(&world, "live", "2", &[]).await.unwrap();
    world.control.put_provisioned("f:1", "1", 2).await.unwrap();
    assert_eq!(shares(&world, "f"), [(Version::Number(1), 2), (Version::Number(2), 10)].into());
    world.control.delete_provisioned("f", "live").await.unwrap();
    world.control.delete_provisioned("f", "live").await.unwrap();
    assert_eq!(shares(&world, "f"), [(Version::Number(1), 2)].into());
    world.control.put_provisioned("f", "live", 1).await.unwrap();
    world.control.delete_alias("f", "live").await.unwrap();
    world.control.delete_function("f", Some("1")).await.unwrap();
    assert_eq!(shares(&world, "f"), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lambda_refuses_to_provision_is_refused_in_its_words() {
    let world = world().await;
    let put = async |qualifier: &str, n: i64| text_of(world.control.put_provisioned("f", qualifier, n).await);
    let unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
    assert_eq!(put("$LATEST", 1).await, unpublished);
    alias(&world, "newest", "$LATEST").await;
    assert_eq!(put("newest", 1).await, unpublished);
    assert_eq!(put("9", 1).await, format!("Function not found: {ARN}:9"));
    assert_eq!(put("nobody", 1).await, format!("Cannot find alias arn: {ARN}:nobody"));
    for n in [0, -1] {
        assert_eq!(
            put("live", n).await,
            format!(
                "1 validation error detected: Value '{n}' at 'provisionedConcurrentExecutions' failed to satisfy \
                 constraint: Member must have value greater than or equal to 1"
            )
        );
    }
    let found = world.control.find_provisioned("f", "$LATEST");
    assert_eq!(text_of(found), "The function resource provided must be an alias or a published version.");

    // A version and an alias that points to it: one of them.
    world.control.put_provisioned("f", "live", 1).await.unwrap();
    let both = world.control.put_provisioned("f", "1", 1).await;
    assert!(
        matches!(&both, Err(Error::Conflict(text)) if text == "Version is pointed by a Provisioned Concurrency alias")
    );
    world.control.put_provisioned("f", "2", 1).await.unwrap();
    let taken =
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
    alias(&world, "other", "2").await;
    assert_eq!(put("other", 1).await, taken);
    for (version, weights) in [("2", [].as_slice()), ("1", &[("2", 0.5)])] {
        assert_eq!(text_of(move_to(&world, "live", version, weights).await), taken);
    }
    assert_eq!(text_of(move_to(&world, "live", "$LATEST", &[]).await), unpublished);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_provisioned_fits_into_what_is_reserved_and_into_the_account() {
    let world = world().await;
    let most = i64::from(ACCOUNT_CONCURRENCY - UNRESERVED_CONCURRENCY_MIN);
    let put = async |name: &str, qualifier: &str, n: i64| {
        world.control.put_provisioned(name, qualifier, n).await.map(drop)
    };
    let over = text_of(put("f", "live", i64::from(ACCOUNT_CONCURRENCY) + 1).await);
    assert_eq!(
        over,
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."
    );
    let below = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution \
                 below its minimum value of [100].";
    assert_eq!(text_of(put("f", "live", most + 1).await), below);
    put("f", "live", most - 10).await.unwrap();
    assert_eq!(text_of(put("f", "2", 11).await), below);
    put("f", "2", 10).await.unwrap();
    // All names of a function count, and those of all functions.
    let mut other = request("g");
    other.publish = sonagi_control::lambda::Publish::Yes;
    world.control.create_function(other).await.unwrap();
    assert_eq!(text_of(put("g", "1", 1).await), below);
    assert!(text_of(world.control.put_concurrency("g", 1).await).contains("ReservedConcurrentExecutions"));
    put("f", "live", 5).await.unwrap();
    put("g", "1", 1).await.unwrap();

    let reserved = world.control.put_concurrency("f", 14).await;
    assert_eq!(
        text_of(reserved),
        "ReservedConcurrentExecutions 14 should not be lower than function's total provisioned concurrency [15]."
    );
    world.control.put_concurrency("f", 15).await.unwrap();
    let reserved = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
    assert_eq!(text_of(put("f", "live", 6).await), reserved);
    // What is provisioned is a part of what is reserved: 15 + 1 are taken, 884 are free.
    assert_eq!(text_of(put("g", "1", most - 14).await), below);
    put("g", "1", most - 15).await.unwrap();
    world.control.delete_function("f", None).await.unwrap();
    put("g", "1", most).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_with_a_snapshot_is_not_provisioned() {
    let world = World::start().await;
    let wasm = CreateFunction {
        runtime: Some("provided.wasm".into()),
        handler: Some("function.wasm".into()),
        code: zip(&[("function.wasm", "(component)")]),
        snap_start: Some("PublishedVersions".into()),
        publish: sonagi_control::lambda::Publish::Yes,
        ..request("f")
    };
    world.control.create_function(wasm).await.unwrap();
    let refused = world.control.put_provisioned("f", "1", 1).await;
    assert_eq!(
        text_of(refused),
        "Provisioned Concurrency is not supported for functions with SnapStart enabled."
    );
}

fn declared(change: impl FnOnce(&mut Function), package: sonagi_model::function::Package) -> Function {
    let mut declared = function("shop", "f", package);
    change(&mut declared);
    declared
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_brings_what_it_provisions_and_takes_it_with_it() {
    let world = World::start().await;
    let package = world.package("pass").await;
    let with = |alias: Option<&str>, provisioned: Option<u32>, memory: u32| {
        let function = declared(
            |f| {
                f.publish_alias = alias.map(|alias| alias.parse().unwrap());
                f.provisioned_concurrency = provisioned;
                f.memory = memory;
            },
            package,
        );
        content([function])
    };
    let deploy = async |content| world.control.deploy(&app("shop"), content).await.map(drop);
    deploy(with(Some("live"), Some(3), 128)).await.unwrap();
    assert_eq!(shares(&world, "shop-f"), [(Version::Number(1), 3)].into());
    let since = world.function("shop-f").provisioned["live"].modified;
    deploy(with(Some("live"), Some(3), 256)).await.unwrap();
    assert_eq!(shares(&world, "shop-f"), [(Version::Number(2), 3)].into());
    assert_eq!(world.function("shop-f").provisioned["live"].modified, since);
    // What was asked for through Lambda's API stays.
    world.control.put_provisioned("shop-f", "1", 1).await.unwrap();
    deploy(with(Some("live"), None, 256)).await.unwrap();
    assert_eq!(shares(&world, "shop-f"), [(Version::Number(1), 1)].into());
    world.control.delete_provisioned("shop-f", "1").await.unwrap();
    world.control.rollback(&app("shop"), None).await.unwrap();
    assert_eq!(shares(&world, "shop-f"), [(Version::Number(2), 3)].into());
    // Without an alias it is for what routes lead to then.
    deploy(with(None, Some(2), 256)).await.unwrap();
    assert_eq!(shares(&world, "shop-f"), [(Version::Latest, 2)].into());

    // A function that is gone has none, and holds nothing of the account's.
    deploy(content([])).await.unwrap();
    let most = ACCOUNT_CONCURRENCY - UNRESERVED_CONCURRENCY_MIN;
    deploy(with(Some("live"), Some(most), 128)).await.unwrap();
    let over = deploy(with(Some("live"), Some(most + 1), 128)).await;
    assert!(text_of(over).contains("its minimum value of [100]"));
    let mut wrong = with(Some("live"), Some(5), 128);
    wrong.functions.values_mut().for_each(|f| f.reserved_concurrency = Some(4));
    assert!(text_of(deploy(wrong).await).contains("total provisioned concurrency [5]"));
    let none = deploy(with(None, Some(0), 128)).await;
    assert!(text_of(none).contains("the provisioned concurrency is 0"), "nothing is said by leaving it out");
    world.control.remove(&app("shop")).await.unwrap();
    world.create("g").await;
    world.control.publish_version("g", PublishVersion::default()).await.unwrap();
    world.control.put_provisioned("g", "1", i64::from(most)).await.unwrap();
    assert_eq!(world.function("g").latest.function.runtime, Runtime::Python { minor: 11 });
}
