use std::collections::BTreeSet;

use sonagi_data::documents::{
    Invalid, NewTable, Order, Page, PageOf, Projected, Query, Refusal, Scope, TableName, Wanted,
};
use sonagi_items::{
    Item,
    expression::{Condition, KeyCondition, Which},
};
use sonagi_model::limits;

use crate::{World, at, delete, index, key, number, orders, put, refusal, substitutes, text, update, with};

/// Global ones of each projection, and local ones.
fn indexed() -> NewTable {
    let some = || Projected::Include(vec!["v".into(), "nowhere".into()]);
    let by_g = || key("g", Some("h"));
    let by_h = || key("pk", Some("h"));
    let indexes = vec![
        index("global-all", Scope::Global, by_g(), Projected::All),
        index("global-keys", Scope::Global, by_g(), Projected::Keys),
        index("global-some", Scope::Global, by_g(), some()),
        index("local-keys", Scope::Local, by_h(), Projected::Keys),
        index("local-some", Scope::Local, by_h(), some()),
    ];
    NewTable { indexes, ..orders() }
}

async fn query(world: &World, table: &TableName, index: &str, wanted: Wanted) -> Result<Page, Refusal> {
    let (name, value) = if index.starts_with("local") { ("pk", "a") } else { ("g", "x") };
    let condition =
        KeyCondition::parse(&format!("{name} = :p"), &substitutes([(":p", text(value))])).unwrap();
    let page = PageOf { wanted, ..PageOf::default() };
    let query = Query { index: Some(index.to_owned()), condition, order: Order::Forward, page };
    world.documents.query(table, query).await.map_err(|error| refusal::<()>(Err(error)))
}

fn names(item: &Item) -> Vec<&str> {
    item.keys().map(String::as_str).collect()
}

fn whole() -> Item {
    with(at("a", "1"), [("g", text("x")), ("h", text("y")), ("v", number(1)), ("w", number(2))])
}

#[tokio::test]
async fn an_index_has_the_attributes_that_it_projects() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    world.put(&table, whole()).await;
    for (index, attributes) in [
        ("global-all", &["g", "h", "pk", "sk", "v", "w"][..]),
        ("global-keys", &["g", "h", "pk", "sk"]),
        ("global-some", &["g", "h", "pk", "sk", "v"]),
        ("local-keys", &["h", "pk", "sk"]),
        ("local-some", &["h", "pk", "sk", "v"]),
    ] {
        let page = query(&world, &table, index, Wanted::Projected).await.unwrap();
        assert_eq!(names(&page.items[0]), attributes, "{index}");
        assert_eq!((page.size, page.fetched.len()), (sonagi_items::size(&page.items[0]), 0));
        assert_eq!(world.all(&table, Some(index), 10).await, page.items);
    }
}

#[tokio::test]
async fn a_local_index_fetches_from_the_table_what_it_has_not() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    world.put(&table, whole()).await;
    let some = |names: &[&str]| Wanted::Names(names.iter().map(|name| (*name).to_owned()).collect());
    let fetched = vec![sonagi_items::size(&whole())];
    for (index, wanted, is_fetched) in [
        ("local-keys", Wanted::All, true),
        ("local-keys", some(&["pk", "h"]), false),
        ("local-keys", some(&["g"]), true),
        ("local-some", some(&["v", "sk"]), false),
        ("local-some", some(&["v", "w"]), true),
    ] {
        let page = query(&world, &table, index, wanted.clone()).await.unwrap();
        assert_eq!(page.fetched, if is_fetched { fetched.clone() } else { vec![] }, "{index} {wanted:?}");
        if is_fetched {
            assert_eq!(page.items, [whole()]);
        }
        let of_entry = query(&world, &table, index, Wanted::Projected).await.unwrap().size;
        assert_eq!(page.size, of_entry);
    }
    // A filter is asked of the whole item then.
    let condition = KeyCondition::parse("pk = :p", &substitutes([(":p", text("a"))])).unwrap();
    let filter = Condition::parse("w = :w", Which::Filter, &substitutes([(":w", number(2))])).ok();
    let page = PageOf { wanted: Wanted::All, filter, ..PageOf::default() };
    let asked = Query { index: Some("local-keys".into()), condition, order: Order::Reverse, page };
    assert_eq!(world.documents.query(&table, asked).await.unwrap().items, [whole()]);
}

#[tokio::test]
async fn a_global_index_has_nothing_but_what_it_projects() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    world.put(&table, whole()).await;
    let refused = async |index, wanted| query(&world, &table, index, wanted).await.unwrap_err();
    let all = |index: &str| Refusal::Invalid(Invalid::AllOfIndex(index.into()));
    assert_eq!(refused("global-keys", Wanted::All).await, all("global-keys"));
    assert_eq!(refused("global-some", Wanted::All).await, all("global-some"));
    let names = Wanted::Names(["pk", "v", "w"].map(str::to_owned).to_vec());
    let missing =
        |index: &str, names: &str| Invalid::NotProjected { index: index.into(), names: names.into() };
    assert_eq!(refused("global-keys", names.clone()).await, missing("global-keys", "[v, w]").into());
    assert_eq!(refused("global-some", names.clone()).await, missing("global-some", "[w]").into());
    assert_eq!(query(&world, &table, "global-all", names).await.unwrap().items.len(), 1);
    assert_eq!(query(&world, &table, "global-all", Wanted::All).await.unwrap().fetched.len(), 0);
}

#[tokio::test]
async fn an_index_has_the_items_alone_that_have_its_key() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    let count = async |index| world.all(&table, Some(index), 10).await.len();
    let steps = [
        (put(at("a", "1")), 0, 0),
        (put(with(at("a", "2"), [("g", text("x"))])), 0, 0),
        (update(at("a", "1"), "SET h = :h", [(":h", text("y"))]), 0, 1),
        (update(at("a", "2"), "SET h = :h", [(":h", text("y"))]), 1, 2),
        (update(at("a", "2"), "SET g = :g", [(":g", text("z"))]), 1, 2),
        (update(at("a", "2"), "REMOVE h", []), 0, 1),
        (put(whole()), 1, 1),
        (delete(at("a", "1")), 0, 0),
        (delete(at("a", "2")), 0, 0),
    ];
    for (write, global, local) in steps {
        world.write(&table, write.clone()).await;
        for (index, expected) in [("global-all", global), ("global-keys", global), ("local-keys", local)] {
            assert_eq!(count(index).await, expected, "{index} after {write:?}");
        }
        world.counted(&table).await;
    }
    assert!(world.left("i\0").await.is_empty());
}

#[tokio::test]
async fn entries_of_the_same_key_are_all_there() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    let of = |n: i64| with(at(&format!("p{n}"), "x"), [("g", text("x")), ("h", text("y"))]);
    world.put_all(&table, (0..300).map(of)).await;
    for limit in [7, 300] {
        let found: BTreeSet<_> = world
            .all(&table, Some("global-keys"), limit)
            .await
            .iter()
            .map(|item| format!("{:?}", item["pk"]))
            .collect();
        assert_eq!(found.len(), 300);
    }
    world.counted(&table).await;
}

#[tokio::test]
async fn the_size_of_an_item_collection_is_told_and_limited() {
    let world = World::new().await;
    let table = world.create(indexed()).await;
    let local = |item: &Item, names: &[&str]| {
        let kept = item.iter().filter(|(name, _)| names.contains(&name.as_str()));
        sonagi_items::size(&kept.map(|(name, value)| (name.clone(), value.clone())).collect()) as u64
    };
    let size = |item: &Item| {
        let keys = if item.contains_key("h") {
            local(item, &["pk", "sk", "h"]) + local(item, &["pk", "sk", "h", "v"])
        } else {
            0
        };
        sonagi_items::size(item) as u64 + keys
    };
    let other = with(at("a", "2"), [("v", number(7))]);
    let collection = async |write| world.write(&table, write).await.collection;
    assert_eq!(collection(put(whole())).await, Some(size(&whole())));
    assert_eq!(collection(put(other.clone())).await, Some(size(&whole()) + size(&other)));
    assert_eq!(collection(put(at("b", "1"))).await, Some(size(&at("b", "1"))), "another partition");
    let grown = with(whole(), [("v", text("x".repeat(500)))]);
    assert_eq!(collection(put(grown.clone())).await, Some(size(&grown) + size(&other)));
    assert_eq!(collection(put(grown.clone())).await, Some(size(&grown) + size(&other)));
    assert_eq!(collection(delete(at("a", "1"))).await, Some(size(&other)));
    assert_eq!(world.left("k\0").await.len(), 2);
    // Ten gibibytes would take a while: it is told that there are nearly as many.
    let keys: Vec<_> = world
        .records
        .snapshot()
        .scan(
            &b"data/documents/k\0"[..]..&b"data/documents/k\x01"[..],
            sonagi_backend::records::Direction::Forward,
            10,
        )
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.key)
        .collect();
    let full = (limits::ITEM_COLLECTION_SIZE - 100).to_be_bytes();
    world.records.transact(move |t| keys.iter().try_for_each(|key| t.put(key, &full))).await.unwrap();
    assert_eq!(world.refused(&table, put(grown)).await, Refusal::CollectionSize);
    assert_eq!(world.get(&table, &at("a", "1")).await, None);
    let small = world.write(&table, put(at("a", "9"))).await;
    assert_eq!(small.collection, Some(limits::ITEM_COLLECTION_SIZE - 100 + size(&at("a", "9"))));
    // Without local indexes there is no such thing.
    let others = world.create(NewTable { name: crate::name("others"), indexes: vec![], ..orders() }).await;
    assert_eq!(world.write(&others, put(at("a", "1"))).await.collection, None);
}
