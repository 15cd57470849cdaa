use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sonagi_control::{
    Control,
    lambda::{UpdateCode, UpdateConfiguration},
};
use sonagi_model::ReleaseNumber;

use crate::support::{World, app, content, function, request, zip};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_changes_make_releases_without_gaps_and_readers_see_whole_ones() {
    const WRITERS: usize = 8;
    const CHANGES: usize = 12;
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    // All functions of one release have one description: a mix would show two.
    let release = move |text: String| {
        content((0..5).map(|n| {
            let mut made = function("shop", &format!("f{n}"), package);
            made.description = text.clone();
            made
        }))
    };
    world.control.deploy(&shop, release("start".into())).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (control, stop) = (world.control.clone(), Arc::clone(&stop));
        move || {
            let mut newest = ReleaseNumber(0);
            while !stop.load(Ordering::Relaxed) {
                newest = check_whole(&control, newest);
            }
        }
    });
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (control, shop) = (world.control.clone(), shop.clone());
        writers.spawn(async move {
            let mut numbers = Vec::new();
            for change in 0..CHANGES {
                let made = control.deploy(&shop, release(format!("{writer}.{change}"))).await.unwrap();
                let number = made.release().number;
                // What has returned is seen.
                assert!(control.live().app("shop").unwrap().release.number >= number);
                numbers.push(number.0);
            }
            numbers
        });
    }
    let numbers: BTreeSet<u64> = writers.join_all().await.into_iter().flatten().collect();
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    let last = (WRITERS * CHANGES) as u64 + 1;
    assert_eq!(numbers, (2..=last).collect());
    assert_eq!(world.control.live().app("shop").unwrap().release.number.0, last);
}

fn check_whole(control: &Control, newest: ReleaseNumber) -> ReleaseNumber {
    let live = control.live();
    let shop = live.app("shop").unwrap();
    let number = shop.release.number;
    assert!(number >= newest, "the catalog went back from {newest} to {number}");
    let description = &shop.release.content.functions.values().next().unwrap().description;
    for found in shop.functions().chain(live.functions()) {
        assert_eq!(found.latest.release, number);
        assert_eq!(found.latest.function.description, *description);
    }
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates_of_one_function_lose_none() {
    const WRITERS: i64 = 16;
    let world = World::start().await;
    world.create("f").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let control = world.control.clone();
        writers.spawn(async move {
            let variables = Some([(format!("K{writer}"), "v".to_owned())].into());
            let configuration =
                UpdateConfiguration { variables, timeout: Some(writer + 1), ..Default::default() };
            control.update_configuration("f", configuration).await.unwrap();
            let code = zip(&[("app.py", &writer.to_string())]);
            control.update_code("f", UpdateCode { code, ..Default::default() }).await.unwrap();
            control.publish_version("f", Default::default()).await.unwrap().version
        });
    }
    let published = writers.join_all().await;
    let live = world.function("f");
    assert_eq!(live.latest.release, ReleaseNumber(1 + 2 * WRITERS as u64));
    // Versions have no gaps, and every answer is a version that is there.
    let numbers: Vec<u64> = live.versions.keys().copied().collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(published.into_iter().all(|version| live.version(version).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_shows_the_same() {
    let world = World::start().await;
    let package = world.package("1").await;
    for number in 1..=3 {
        let mut search = function("shop", "search", package);
        search.memory = 128 * number;
        search.publish_alias = Some("live".parse().unwrap());
        search.reserved_concurrency = Some(5);
        world.control.deploy(&app("shop"), content([search])).await.unwrap();
    }
    world.control.rollback(&app("shop"), None).await.unwrap();
    let mut made = request("Hello_World");
    made.tags = [("team".to_owned(), "a".to_owned())].into();
    world.control.create_function(made).await.unwrap();
    let permission = sonagi_control::lambda::AddPermission {
        statement_id: "s".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "s3.amazonaws.com".into(),
        ..Default::default()
    };
    world.control.add_permission("Hello_World", None, permission).await.unwrap();
    let url = sonagi_control::lambda::CreateUrl { auth: "NONE".into(), ..Default::default() };
    world.control.create_url("Hello_World", None, url).await.unwrap();
    let before = world.control.live();
    let world = world.reopen().await;
    assert_eq!(format!("{:?}", world.control.live()), format!("{before:?}"));
    assert_eq!(world.control.releases(&app("shop")).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_functions_are_loaded_in_well_under_a_second() {
    let world = World::start().await;
    let package = world.package("1").await;
    for number in 0..10 {
        let name = format!("app{number}");
        let functions = (0..1_000).map(|n| {
            let mut made = function(&name, &format!("f{n}"), package);
            made.variables = [("TABLE".to_owned(), "things".to_owned())].into();
            made
        });
        world.control.deploy(&app(&name), content(functions)).await.unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "the test measures the machine's own time")]
    let begin = std::time::Instant::now();
    let world = world.reopen().await;
    let took = begin.elapsed();
    assert_eq!(world.control.live().functions().count(), 10_000);
    // Twice what a slow machine with an unoptimised build needs.
    assert!(took < Duration::from_secs(3), "{took:?}");
    println!("10,000 functions were loaded in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_missed_changes_reads_everything_again() {
    let world = World::start().await;
    let package = world.package("1").await;
    world.control.deploy(&app("shop"), content([function("shop", "a", package)])).await.unwrap();
    let records: &dyn sonagi_backend::Records = &*world.records;
    records.trim(records.sequence()).await.unwrap();
    world.control.deploy(&app("shop"), content([function("shop", "b", package)])).await.unwrap();
    world.control.settled().await;
    assert!(world.control.live().function("shop-b").is_some());
}
