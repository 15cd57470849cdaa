//! Indexes that are made, and deleted, while a table is in use.

use std::collections::BTreeSet;

use sonagi_data::documents::{
    IndexChange, IndexState, Invalid, KeyKind, NewTable, PageOf, Projected, Refusal, Scan, Scope,
    TableChange, TableName,
};
use sonagi_items::Item;
use sonagi_model::limits;
use tokio::task::JoinSet;

use crate::{
    World, at, attribute, child::Numbers, delete, index, key, keys, name, number, orders, put, refusal, text,
    update, with,
};

fn make(text: &str, by: &str) -> TableChange {
    let new = index(text, Scope::Global, key(by, None), Projected::All);
    TableChange {
        index: Some(IndexChange::Create(new)),
        attributes: vec![attribute(by, KeyKind::S)],
        ..TableChange::default()
    }
}

fn drop_index(text: &str) -> TableChange {
    TableChange { index: Some(IndexChange::Delete(name(text))), ..TableChange::default() }
}

async fn filled(world: &World, table: &TableName, index: &str) {
    world
        .until("the index is filled", async || {
            world.table(table).await.index(index).unwrap().state == IndexState::Active
        })
        .await;
}

/// That an index has the items that have its attribute, and none else.
async fn agrees(world: &World, table: &TableName, index: &str, by: &str) -> usize {
    let set =
        |items: Vec<Item>| -> BTreeSet<String> { items.iter().map(|item| format!("{item:?}")).collect() };
    let all = world.all(table, None, 1_000).await;
    let expected = set(all.into_iter().filter(|item| item.contains_key(by)).collect());
    let found = world.all(table, Some(index), 1_000).await;
    assert_eq!(found.len(), expected.len());
    assert_eq!(set(found), expected);
    world.counted(table).await;
    expected.len()
}

#[tokio::test]
async fn an_index_made_later_has_the_items_that_were_there() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let of = |n: i64| {
        let item = at(&format!("p{n}"), "x");
        if n % 3 == 0 { item } else { with(item, [("g", text(format!("g{}", n % 7)))]) }
    };
    world.put_all(&table, (0..1_700).map(of)).await;
    // What is not of its types is not in it, as it was there first.
    world.put(&table, with(at("p1", "y"), [("g", number(1))])).await;
    world.put(&table, with(at("p2", "y"), [("g", text(""))])).await;
    world.put(&table, with(at("p3", "y"), [("g", text("x".repeat(3_000)))])).await;
    world.documents.update(&table, make("by-g", "g")).await.unwrap();
    filled(&world, &table, "by-g").await;
    assert_eq!(world.all(&table, Some("by-g"), 500).await.len(), 1_133);
    world.counted(&table).await;
    // Which can be changed, and then must be.
    let set = |value| update(at("p1", "y"), "SET v = :v, g = :g", [(":v", number(1)), (":g", value)]);
    assert!(matches!(
        world.refused(&table, set(number(2))).await,
        Refusal::Invalid(Invalid::EntryKind { .. })
    ));
    world.write(&table, set(text("x"))).await;
    world.write(&table, delete(at("p2", "y"))).await;
    world.write(&table, put(at("p3", "y"))).await;
    assert_eq!(agrees(&world, &table, "by-g", "g").await, 1_134);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_while_others_write() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let of = |n: u64, g: u64| {
        with(at(&format!("p{n}"), "x"), [("g", text(format!("g{g}"))), ("n", number(g as i64))])
    };
    world.put_all(&table, (0..3_000).map(|n| of(n, n % 5))).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let (documents, table, stop) = (world.documents.clone(), table.clone(), stop.clone());
        tasks.spawn(async move {
            let mut numbers = Numbers(task);
            let mut written = 0;
            while !stop.is_cancelled() {
                let (n, g) = (numbers.below(3_600), numbers.below(5));
                let key = at(&format!("p{n}"), "x");
                let write = match numbers.below(5) {
                    0 => delete(key),
                    1 => update(key, "REMOVE g", []),
                    2 => update(key, "SET v = :v", [(":v", number(g as i64))]),
                    _ => put(of(n, g)),
                };
                documents.write(&table, write).await.unwrap();
                written += 1;
            }
            written
        });
    }
    world.documents.update(&table, make("by-g", "g")).await.unwrap();
    let mut refusals = 0;
    for name in ["by-g", "again"] {
        if name == "again" {
            world.documents.update(&table, make("again", "g")).await.unwrap();
        }
        loop {
            let scan = Scan { index: Some(name.to_owned()), segment: None, page: PageOf::default() };
            match world.documents.scan(&table, scan).await {
                Ok(_) => break,
                Err(error) => {
                    let refused = refusal::<()>(Err(error));
                    assert_eq!(refused, Invalid::Filling(name.into()).into());
                    refusals += 1;
                }
            }
            tokio::task::yield_now().await;
        }
    }
    stop.cancel();
    let written: u32 = tasks.join_all().await.into_iter().sum();
    assert!(refusals > 0 && written > 20, "{refusals} {written}");
    filled(&world, &table, "again").await;
    for index in ["by-g", "again"] {
        assert!(agrees(&world, &table, index, "g").await > 500);
    }
}

#[tokio::test]
async fn an_index_that_was_being_filled_is_filled_after_a_restart() {
    let mut world = World::new().await;
    let table = world.create(orders()).await;
    let of = |n: i64| with(at(&format!("p{n}"), "x"), [("g", text(format!("g{}", n % 7)))]);
    world.put_all(&table, (0..4_000).map(of)).await;
    world.documents.update(&table, make("by-g", "g")).await.unwrap();
    let mut was_half_way = 0;
    for round in 0..6 {
        let state = world.table(&table).await.index("by-g").unwrap().state.clone();
        let entries = world.left("i\0").await.len();
        was_half_way += usize::from(state == IndexState::Filling && entries > 0);
        // What is changed between the two lives counts as well.
        world.write(&table, delete(at(&format!("p{round}"), "x"))).await;
        world
            .write(
                &table,
                update(at(&format!("p{}", 3_000 + round), "x"), "SET g = :g", [(":g", text("new"))]),
            )
            .await;
        world = world.again().await;
        // It gets on a little.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    filled(&world, &table, "by-g").await;
    assert!(was_half_way > 0);
    assert_eq!(agrees(&world, &table, "by-g", "g").await, 3_994);
}

#[tokio::test]
async fn large_items_are_entered_too() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    // More than one transaction has room for.
    for n in 0..180 {
        let large = with(at(&format!("p{n}"), "x"), [("g", text("x")), ("v", text("x".repeat(390 << 10)))]);
        world.put(&table, large).await;
    }
    world.documents.update(&table, make("by-g", "g")).await.unwrap();
    filled(&world, &table, "by-g").await;
    let counts = world.documents.count(&*world.table(&table).await).await.unwrap();
    assert_eq!(counts.index(world.table(&table).await.index("by-g").unwrap()), counts.table());
}

#[tokio::test]
async fn an_index_made_anew_under_the_same_name_has_nothing_of_the_former_one() {
    let world = World::new().await;
    let table = world.create(NewTable { stream: None, ..orders() }).await;
    let of = |n: i64| with(at(&format!("p{n}"), "x"), [("g", text("x")), ("h", text("y"))]);
    world.put_all(&table, (0..900).map(of)).await;
    world.documents.update(&table, make("index", "g")).await.unwrap();
    filled(&world, &table, "index").await;
    let deleted = world.documents.update(&table, drop_index("index")).await.unwrap();
    assert_eq!((deleted.indexes.len(), &deleted.attributes), (0, &orders().attributes));
    let scan = || Scan { index: Some("index".into()), segment: None, page: PageOf::default() };
    assert_eq!(
        refusal(world.documents.scan(&table, scan()).await),
        Refusal::NoIndex { name: "index".into() }
    );
    for n in 0..450 {
        world.write(&table, update(at(&format!("p{n}"), "x"), "REMOVE h", [])).await;
    }
    world.documents.update(&table, make("index", "h")).await.unwrap();
    assert_eq!(refusal(world.documents.scan(&table, scan()).await), Invalid::Filling("index".into()).into());
    filled(&world, &table, "index").await;
    assert_eq!(agrees(&world, &table, "index", "h").await, 450);
    world.until("the former one is cleared away", async || world.left("i\0").await.len() == 450).await;
    // One that is deleted while it is filled is never there again.
    world.documents.update(&table, make("other", "g")).await.unwrap();
    world.documents.update(&table, drop_index("other")).await.unwrap();
    world.documents.update(&table, make("other", "h")).await.unwrap();
    filled(&world, &table, "other").await;
    assert_eq!(agrees(&world, &table, "other", "h").await, 450);
    world.until("all others are cleared away", async || world.left("i\0").await.len() == 900).await;
    assert_eq!(world.table(&table).await.key, keys(("pk", KeyKind::S), Some(("sk", KeyKind::S))));
}

#[tokio::test]
async fn several_indexes_are_filled_one_after_the_other() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let of = |n: i64| with(at(&format!("p{n}"), "x"), [("g", text("x")), ("h", text("y"))]);
    world.put_all(&table, (0..limits::CLEARED_AT_ONCE as i64).map(of)).await;
    for (name, by) in [("by-g", "g"), ("by-h", "h"), ("again", "g")] {
        world.documents.update(&table, make(name, by)).await.unwrap();
    }
    for name in ["by-g", "by-h", "again"] {
        filled(&world, &table, name).await;
    }
    for (name, by) in [("by-g", "g"), ("by-h", "h"), ("again", "g")] {
        assert_eq!(agrees(&world, &table, name, by).await, limits::CLEARED_AT_ONCE);
    }
}
