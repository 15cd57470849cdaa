//! What a manifest declares of what wakes a function.

use sonagi_control::{
    LiveMapping,
    lambda::{CreateMapping, MappingSettings, PutAsynchronous, SourceQueue, UpdateMapping},
};
use sonagi_model::function::{Asynchronous, Function, Mapping};

use crate::support::{World, app, content, function, text_of};

const SOURCE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const ID: &str = "00000000-0000-4000-8000-000000000001";

fn mapping() -> Mapping {
    Mapping {
        id: ID.into(),
        source: SOURCE.into(),
        qualifier: None,
        enabled: true,
        batch: 10,
        window: 0,
        filters: Vec::new(),
        concurrency: None,
        partial: false,
    }
}

fn of_lambda(function: &str) -> CreateMapping {
    CreateMapping {
        function: function.into(),
        source: Some(SOURCE.into()),
        queue: Some(SourceQueue { visibility: 30 }),
        ..CreateMapping::default()
    }
}

async fn deploy(world: &World, function: Function) {
    world.control.deploy(&app("shop"), content([function])).await.unwrap();
}

fn mappings(world: &World) -> Vec<LiveMapping> {
    world.function("shop-f").mappings.values().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_declares_of_waking_comes_and_goes_with_it() {
    let world = World::start().await;
    let mut declared = function("shop", "f", world.package("1").await);
    let bare = declared.clone();
    declared.publish_alias = Some("live".parse().unwrap());
    declared.asynchronous = Some(Asynchronous { retries: 0, ..Asynchronous::default() });
    declared.mappings = vec![mapping()];
    deploy(&world, declared.clone()).await;
    let live = world.function("shop-f");
    assert_eq!(live.asynchronous.keys().collect::<Vec<_>>(), ["live"]);
    assert_eq!(live.asynchronous["live"].config.retries, 0);
    let found = mappings(&world);
    assert_eq!((found.len(), found[0].mapping.qualifier.as_deref()), (1, Some("live")));

    // Lambda's API may change it until the next deployment that changes the function.
    let put = PutAsynchronous { retries: Some(1), ..PutAsynchronous::default() };
    world.control.put_asynchronous("shop-f", Some("live"), put).await.unwrap();
    let off = UpdateMapping {
        settings: MappingSettings { enabled: Some(false), ..MappingSettings::default() },
        queue: Some(SourceQueue { visibility: 30 }),
        ..UpdateMapping::default()
    };
    world.control.update_mapping(ID, off).await.unwrap();
    let world = world.reopen().await;
    assert!(!world.control.live().mapping(ID).unwrap().1.mapping.enabled);
    declared.timeout = 5;
    deploy(&world, declared.clone()).await;
    assert_eq!(world.function("shop-f").asynchronous["live"].config.retries, 0);
    assert!(world.control.live().mapping(ID).unwrap().1.mapping.enabled);

    // A version is nothing new for what wakes it.
    let versions = world.function("shop-f").versions.len();
    declared.mappings[0].batch = 5;
    declared.asynchronous = None;
    deploy(&world, declared).await;
    let live = world.function("shop-f");
    assert_eq!((live.versions.len(), live.mappings[ID].mapping.batch), (versions, 5));
    assert_eq!(live.asynchronous.len(), 0);

    deploy(&world, bare).await;
    assert_eq!(mappings(&world), []);
    assert!(world.control.live().mapping(ID).is_none());
    world.control.rollback(&app("shop"), None).await.unwrap();
    assert!(world.control.live().mapping(ID).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_of_lambdas_api_stays_unless_a_manifest_declares_it() {
    let world = World::start().await;
    let mut declared = function("shop", "f", world.package("1").await);
    deploy(&world, declared.clone()).await;
    let made = world.control.create_mapping(of_lambda("shop-f")).await.unwrap().1;
    declared.timeout = 5;
    deploy(&world, declared.clone()).await;
    assert_eq!(mappings(&world), [made]);
    declared.mappings = vec![mapping()];
    deploy(&world, declared.clone()).await;
    let ids: Vec<String> = mappings(&world).into_iter().map(|found| found.mapping.id).collect();
    assert_eq!(ids, [ID]);
    assert!(text_of(world.control.create_mapping(of_lambda("shop-f")).await).contains(ID));
    world.create("g").await;
    let elsewhere = UpdateMapping {
        function: Some("g".into()),
        queue: Some(SourceQueue { visibility: 30 }),
        ..UpdateMapping::default()
    };
    let moved = text_of(world.control.update_mapping(ID, elsewhere).await);
    assert_eq!(moved, "a manifest declares this mapping of the function shop-f: declare it of g instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_refused_that_declares_what_lambda_refuses() {
    let world = World::start().await;
    let good = function("shop", "f", world.package("1").await);
    let refused = async |change: fn(&mut Function)| {
        let mut function = good.clone();
        change(&mut function);
        text_of(world.control.deploy(&app("shop"), content([function])).await)
    };
    let text = refused(|f| f.mappings = vec![Mapping { batch: 11, ..mapping() }]).await;
    assert!(text.contains("Maximum batch window in seconds must be greater than 0"), "{text}");
    let text = refused(|f| f.mappings = vec![Mapping { filters: vec!["{".into()], ..mapping() }]).await;
    assert!(text.contains("Invalid filter pattern definition."), "{text}");
    let text =
        refused(|f| f.asynchronous = Some(Asynchronous { retries: 3, ..Asynchronous::default() })).await;
    assert!(text.contains("'maximumRetryAttempts'"), "{text}");
    let text = refused(|f| f.dead_letters = Some("arn:aws:s3:::ends".into())).await;
    assert!(text.contains("The dead letter ARN arn:aws:s3:::ends is invalid"), "{text}");
}
