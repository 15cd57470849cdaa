//! What time does to tables: items expire, streams are trimmed, indexes are filled.

use std::time::Duration;

use sonagi_data::documents::{Event, From, IndexChange, IndexState, Scan, Stream, TableChange};
use sonagi_model::limits;

use super::*;

async fn stream_of(world: &World) -> Stream {
    let (streams, _) = world.documents.streams(Some(&name("table")), None, 10).await.unwrap();
    streams.last().unwrap().clone()
}

async fn scan(documents: &Documents, index: Option<&str>) -> Vec<Item> {
    let scan = Scan { index: index.map(str::to_owned), segment: None, page: Default::default() };
    documents.scan(&name("table"), scan).await.unwrap().items
}

/// The clock goes on until that is so.
async fn until<F: Future<Output = bool>>(world: &World, is_so: impl Fn() -> F) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        world.clock.advance(limits::TABLE_TIDY).await;
        tokio::task::yield_now().await;
    }
    panic!("it never came to be");
}

fn expiring(id: i64, until: u64) -> Item {
    item([("p", text("p")), ("s", number(id)), ("until", number(until as i64))])
}

#[tokio::test]
async fn an_item_whose_time_is_over_goes_and_the_stream_says_that_nobody_removed_it() {
    let world = World::new().await;
    world.documents.create(indexed(Some(View::Old)), None).await.unwrap();
    let now = START.seconds();
    let five_years = limits::ITEM_EXPIRY_AGE.as_secs();
    // One that was there before, one that was over for too long, one whose time is changed, one that has none.
    for (id, until) in [(1, now + 10), (2, now - five_years - 10), (3, now + 50_000)] {
        world.documents.write(&name("table"), put(expiring(id, until))).await.unwrap();
    }
    world.documents.expire_by(&name("table"), Some("until".to_owned())).await.unwrap();
    until(&world, async || {
        let table = world.documents.find(&name("table")).await.unwrap();
        !table.expiry.as_ref().unwrap().filling
    })
    .await;
    let later = world.clock.now().seconds() + 100_000;
    world.documents.write(&name("table"), put(expiring(3, later))).await.unwrap();
    world.documents.write(&name("table"), put(expiring(4, now + 20))).await.unwrap();
    until(&world, async || scan(&world.documents, None).await.len() == 2).await;
    let mut left: Vec<_> = scan(&world.documents, None).await.iter().map(|item| item["s"].clone()).collect();
    left.sort_by_key(|value| format!("{value:?}"));
    assert_eq!(left, [number(2), number(3)]);
    let stream = stream_of(&world).await;
    let batch = world.documents.read_stream(&stream, 1, 100).await.unwrap();
    let removed: Vec<_> = batch.records.iter().filter(|record| record.event == Event::Remove).collect();
    assert_eq!(removed.len(), 2);
    assert!(removed.iter().all(|record| record.expired && record.old.is_some()), "{removed:?}");
}

#[tokio::test]
async fn a_streams_records_are_kept_for_a_day() {
    let world = World::new().await;
    world.documents.create(indexed(Some(View::Both)), None).await.unwrap();
    world.documents.write(&name("table"), put(expiring(1, 1))).await.unwrap();
    let stream = stream_of(&world).await;
    let first = world.documents.read_stream(&stream, 1, 10).await.unwrap().records[0].position;
    world.clock.advance(limits::STREAM_LIFE / 2).await;
    world.documents.write(&name("table"), put(expiring(2, 1))).await.unwrap();
    world.clock.advance(limits::STREAM_LIFE / 2 + Duration::from_secs(1)).await;
    let kept = async || world.documents.read_stream(&stream, 1, 10).await.unwrap().records;
    assert_eq!(kept().await.len(), 1);
    until(&world, async || world.documents.begin(&stream, From::At(first)).await.is_err()).await;
    let second = kept().await[0].position;
    assert_eq!(world.documents.begin(&stream, From::After(second)).await.unwrap(), second + 1);

    // One that is written no more is read to its end, and is gone after a day.
    let change = TableChange { stream: Some(None), ..TableChange::default() };
    world.documents.update(&name("table"), change).await.unwrap();
    let ended = stream_of(&world).await;
    assert_eq!(world.documents.read_stream(&ended, 1, 10).await.unwrap().next, None);
    world.clock.advance(limits::STREAM_LIFE).await;
    until(&world, async || world.documents.streams(None, None, 10).await.unwrap().0.is_empty()).await;
}

#[tokio::test]
async fn a_reader_that_waits_gets_the_next_record_at_once() {
    let world = World::new().await;
    world.documents.create(indexed(Some(View::New)), None).await.unwrap();
    let stream = stream_of(&world).await;
    let from = world.documents.begin(&stream, From::Latest).await.unwrap();
    let wait = world.documents.wait_for_stream(&stream, from, 10);
    let write = async {
        world.documents.write(&name("table"), put(expiring(7, 1))).await.unwrap();
    };
    let (batch, ()) = tokio::join!(wait, write);
    let batch = batch.unwrap();
    assert_eq!(batch.records[0].keys, item([("p", text("p")), ("s", number(7))]));
    assert_eq!(batch.records[0].position + 1, batch.next.unwrap());
}

#[tokio::test]
async fn an_index_is_filled_while_writes_go_on_and_after_a_restart() {
    let mut world = World::new().await;
    let mut new = indexed(None);
    new.indexes.clear();
    world.documents.create(new, None).await.unwrap();
    let of = |id: i64, g: &str| item([("p", text("p")), ("s", number(id)), ("g", text(g))]);
    for id in 0..1_200 {
        world.documents.write(&name("table"), put(of(id, "old"))).await.unwrap();
    }
    let new = index("by-g", Scope::Global, keys(("g", KeyKind::S), None), Projected::All);
    let change = TableChange { index: Some(IndexChange::Create(new)), ..TableChange::default() };
    world.documents.update(&name("table"), change).await.unwrap();
    for id in (0..1_200).step_by(100) {
        world.documents.write(&name("table"), put(of(id, "new"))).await.unwrap();
    }
    world = world.again().await;
    until(&world, async || {
        world.documents.find(&name("table")).await.unwrap().indexes[0].state == IndexState::Active
    })
    .await;
    let entries = scan(&world.documents, Some("by-g")).await;
    assert_eq!(entries.len(), 1_200);
    assert_eq!(entries.iter().filter(|entry| entry["g"] == text("new")).count(), 12);
    let table = world.documents.find(&name("table")).await.unwrap();
    let counts = world.documents.count(&table).await.unwrap();
    assert_eq!(counts.index(&table.indexes[0]), counts.table());

    // One of the same name that is made later has nothing of it.
    let change = TableChange { index: Some(IndexChange::Delete(name("by-g"))), ..TableChange::default() };
    world.documents.update(&name("table"), change).await.unwrap();
    assert!(
        world
            .documents
            .scan(
                &name("table"),
                Scan { index: Some("by-g".into()), segment: None, page: Default::default() }
            )
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_table_that_is_made_anew_has_nothing_of_the_one_before() {
    let world = World::new().await;
    world.documents.create(indexed(None), None).await.unwrap();
    world.documents.write(&name("table"), put(expiring(1, 1))).await.unwrap();
    world.documents.delete(&name("table")).await.unwrap();
    assert!(world.documents.write(&name("table"), put(expiring(2, 1))).await.is_err());
    let table = world.documents.create(indexed(None), None).await.unwrap();
    assert!(scan(&world.documents, None).await.is_empty());
    assert_eq!(world.documents.count(&table).await.unwrap().table().items, 0);
}
