use sonagi_control::{Deployed, Error, Liveness, Version};
use sonagi_model::{
    ApiId, ReleaseNumber,
    api::{Api, ApiKind, PayloadFormat, Route},
    function::Package,
    limits,
};

use crate::support::{Counter, World, app, content, exists, function, text_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_live_when_it_returns() {
    let world = World::start().await;
    let package = world.package("1").await;
    let deployed =
        world.control.deploy(&app("shop"), content([function("shop", "search", package)])).await.unwrap();
    let Deployed::Activated(release) = deployed else { panic!("it was not activated") };
    assert_eq!(release.number, ReleaseNumber(1));
    let live = world.control.live();
    assert_eq!(live.app("shop").unwrap().release, release);
    let search = live.function("shop-search").unwrap();
    assert_eq!(search.latest.release, ReleaseNumber(1));
    assert_eq!(search.arn(), "arn:aws:lambda:us-east-1:000000000000:function:shop-search");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_of_what_is_live_already_makes_no_release() {
    let world = World::start().await;
    let package = world.package("1").await;
    let wanted = content([function("shop", "search", package)]);
    world.control.deploy(&app("shop"), wanted.clone()).await.unwrap();
    let again = world.control.deploy(&app("shop"), wanted).await.unwrap();
    assert!(matches!(again, Deployed::Unchanged(release) if release.number == ReleaseNumber(1)));
    assert_eq!(world.control.releases(&app("shop")).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_back_step_by_step_and_a_deployment_goes_on_from_there() {
    let world = World::start().await;
    let shop = app("shop");
    for text in ["1", "2", "3"] {
        let package = world.package(text).await;
        world.control.deploy(&shop, content([function("shop", "search", package)])).await.unwrap();
    }
    assert_eq!(world.control.rollback(&shop, None).await.unwrap().number, ReleaseNumber(2));
    assert_eq!(world.control.rollback(&shop, None).await.unwrap().number, ReleaseNumber(1));
    assert!(matches!(world.control.rollback(&shop, None).await, Err(Error::NothingBefore { .. })));
    assert_eq!(world.control.rollback(&shop, Some(ReleaseNumber(3))).await.unwrap().number, ReleaseNumber(3));
    assert!(matches!(
        world.control.activate(&shop, ReleaseNumber(9)).await,
        Err(Error::NoRelease { number: ReleaseNumber(9), .. })
    ));
    let package = world.package("1").await;
    let deployed = world.control.deploy(&shop, content([function("shop", "search", package)])).await.unwrap();
    assert_eq!(deployed.release().number, ReleaseNumber(4));
    let history = world.control.releases(&shop).await.unwrap();
    let numbers: Vec<u64> = history.iter().map(|summary| summary.number.0).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert_eq!(history[0].live, Liveness::Live);
    // The fourth does what the first did, and has the same digest.
    assert_eq!(history[0].digest, history[3].digest);
    assert_eq!(world.control.rollback(&shop, None).await.unwrap().number, ReleaseNumber(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_keeps_the_environments_of_functions_that_it_does_not_change() {
    let world = World::start().await;
    let (one, two) = (world.package("1").await, world.package("2").await);
    let shop = app("shop");
    let first = content([function("shop", "a", one), function("shop", "b", one)]);
    world.control.deploy(&shop, first).await.unwrap();
    let (a, b) = (world.function("shop-a"), world.function("shop-b"));
    let mut described = function("shop", "a", one);
    described.description = "an environment does not see this".into();
    world.control.deploy(&shop, content([described, function("shop", "b", two)])).await.unwrap();
    assert_eq!(world.function("shop-a").latest.environment, a.latest.environment);
    assert_eq!(world.function("shop-a").latest.release, ReleaseNumber(2));
    assert_ne!(world.function("shop-b").latest.environment, b.latest.environment);
    assert_ne!(world.function("shop-b").revision_id, b.revision_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_a_package_that_is_not_stored_is_refused() {
    let world = World::start().await;
    let stored = world.package("1").await;
    let missing = Package { digest: sonagi_model::Digest::of(b"missing"), size: 1 };
    let refused = world.control.deploy(&app("shop"), content([function("shop", "search", missing)])).await;
    assert!(matches!(refused, Err(Error::NoPackage { .. })));
    let lying = Package { size: 1, ..stored };
    assert!(world.control.deploy(&app("shop"), content([function("shop", "search", lying)])).await.is_err());
    assert!(world.control.live().app("shop").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_makes_no_sense_is_refused() {
    let world = World::start().await;
    let package = world.package("1").await;
    let search = || function("shop", "search", package);
    let shop = app("shop");
    let mut cases = Vec::new();
    for change in [
        (|f| f.memory = 64) as fn(&mut sonagi_model::function::Function),
        |f| f.timeout = 901,
        |f| f.ephemeral_storage = 511,
        |f| f.handler = String::new(),
        |f| drop(f.variables.insert("AWS_REGION".into(), "x".into())),
        |f| drop(f.variables.insert("BIG".into(), "x".repeat(4096))),
        |f| f.description = "x".repeat(257),
    ] {
        let mut changed = search();
        change(&mut changed);
        cases.push(content([changed]));
    }
    let mut twice = function("shop", "other", package);
    twice.lambda_name = search().lambda_name;
    cases.push(content([search(), twice]));
    let mut lost = content([search()]);
    lost.apis.push(api("abcdefghij", "elsewhere"));
    cases.push(lost);
    let many = (0..=limits::FUNCTIONS_PER_APP).map(|n| function("shop", &format!("f{n}"), package));
    cases.push(content(many));
    for case in cases {
        assert!(matches!(world.control.deploy(&shop, case).await, Err(Error::Invalid(_))));
    }
}

fn api(id: &str, to: &str) -> Api {
    Api {
        id: ApiId(id.into()),
        name: "Api".into(),
        kind: ApiKind::Http,
        stage: "$default".into(),
        stage_variables: Default::default(),
        cors: None,
        routes: vec![Route {
            method: "GET".into(),
            path: "/".into(),
            function: to.parse().unwrap(),
            alias: None,
            payload: PayloadFormat::V2,
            timeout: None,
        }],
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_takes_neither_a_function_nor_an_api_of_another() {
    let world = World::start().await;
    let package = world.package("1").await;
    let mut mine = content([function("shop", "search", package)]);
    mine.apis.push(api("abcdefghij", "search"));
    world.control.deploy(&app("shop"), mine).await.unwrap();

    let stolen = content([function("shop", "search", package)]);
    assert!(matches!(world.control.deploy(&app("thief"), stolen).await, Err(Error::Exists(_))));
    let mut stolen = content([function("thief", "search", package)]);
    stolen.apis.push(api("abcdefghij", "search"));
    assert!(matches!(world.control.deploy(&app("thief"), stolen.clone()).await, Err(Error::Exists(_))));
    let live = world.control.live();
    assert!(live.app("thief").is_none());
    assert_eq!(live.api("abcdefghij").unwrap().0.name(), &app("shop"));
    assert_eq!(live.only_app_with_apis().unwrap().name(), &app("shop"));

    world.control.remove(&app("shop")).await.unwrap();
    world.control.deploy(&app("thief"), stolen).await.unwrap();
    assert_eq!(world.control.live().api("abcdefghij").unwrap().0.name(), &app("thief"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_function_publishes_a_version_and_a_rollback_points_back_without_one() {
    let world = World::start().await;
    let shop = app("shop");
    let release = |package| {
        let mut search = function("shop", "search", package);
        search.publish_alias = Some("live".parse().unwrap());
        content([search])
    };
    let (one, two) = (world.package("1").await, world.package("2").await);
    let entropy = Counter::default();
    let alias = |world: &World| world.function("shop-search").aliases["live"].version;
    world.control.deploy(&shop, release(one)).await.unwrap();
    assert_eq!(alias(&world), Version::Number(1));
    // Only the address changes: nothing of a version.
    let mut tagged = release(one);
    tagged.functions.values_mut().for_each(|f| drop(f.tags.insert("team".into(), "a".into())));
    world.control.deploy(&shop, tagged).await.unwrap();
    assert_eq!(world.function("shop-search").versions.len(), 1);
    world.control.deploy(&shop, release(two)).await.unwrap();
    assert_eq!(alias(&world), Version::Number(2));
    world.control.rollback(&shop, None).await.unwrap();
    assert_eq!(alias(&world), Version::Number(1));
    let search = world.function("shop-search");
    assert_eq!(search.versions.len(), 2);
    assert_eq!(search.resolve(Some("live"), &entropy).unwrap().function.package, one);
    assert_eq!(search.resolve(Some("2"), &entropy).unwrap().function.package, two);
    assert!(matches!(search.resolve(Some("3"), &entropy), Err(Error::NoQualifier { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_comes_back_has_its_versions_again() {
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    world
        .control
        .deploy(&shop, content([function("shop", "a", package), function("shop", "b", package)]))
        .await
        .unwrap();
    world.control.publish_version("shop-b", Default::default()).await.unwrap();
    world.control.deploy(&shop, content([function("shop", "a", package)])).await.unwrap();
    assert!(world.control.live().function("shop-b").is_none());
    world.control.rollback(&shop, None).await.unwrap();
    assert_eq!(world.function("shop-b").versions.len(), 1);

    // Once it is dormant, another app may take the name; it starts anew there.
    world.control.deploy(&shop, content([function("shop", "a", package)])).await.unwrap();
    let mut taken = function("other", "b", package);
    taken.lambda_name = "shop-b".parse().unwrap();
    world.control.deploy(&app("other"), content([taken])).await.unwrap();
    assert_eq!(world.function("shop-b").app, app("other"));
    assert!(world.function("shop-b").versions.is_empty());
    assert!(matches!(world.control.rollback(&shop, None).await, Err(Error::Exists(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_app_leaves_nothing_behind() {
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    world.control.deploy(&shop, content([function("shop", "search", package)])).await.unwrap();
    world.control.publish_version("shop-search", Default::default()).await.unwrap();
    world.control.remove(&shop).await.unwrap();
    let live = world.control.live();
    assert!(live.app("shop").is_none() && live.function("shop-search").is_none());
    assert!(matches!(world.control.remove(&shop).await, Err(Error::NoApp(_))));
    assert!(text_of(world.control.releases(&shop).await).contains("shop"));
    let end = sonagi_backend::records::after(b"control/");
    let records: &dyn sonagi_backend::Records = &*world.records;
    let forward = sonagi_backend::records::Direction::Forward;
    let left = records.snapshot().scan(b"control/"..&end, forward, 100).await.unwrap();
    assert!(left.is_empty(), "{:?}", left.iter().map(|record| &record.key).collect::<Vec<_>>());
    assert!(exists(&world.code_dir()));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_releases_are_forgotten_but_never_those_that_a_rollback_needs() {
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    let count = limits::RELEASES_PER_APP + 8;
    for number in 1..=count {
        let mut search = function("shop", "search", package);
        search.description = number.to_string();
        world.control.deploy(&shop, content([search])).await.unwrap();
        if number == 3 {
            // The second is live again for a while, and the way back leads to it and the first.
            world.control.rollback(&shop, None).await.unwrap();
        }
    }
    let kept = world.control.releases(&shop).await.unwrap();
    assert_eq!(kept.len() as u64, limits::RELEASES_PER_APP);
    assert!(world.control.release(&shop, ReleaseNumber(8)).await.is_err());
    let oldest = world.control.release(&shop, ReleaseNumber(9)).await.unwrap();
    assert_eq!(oldest.content.functions.values().next().unwrap().description, "9");
    for _ in 0..limits::ROLLBACK_DEPTH {
        world.control.rollback(&shop, None).await.unwrap();
    }
    assert!(matches!(world.control.rollback(&shop, None).await, Err(Error::NothingBefore { .. })));
}
