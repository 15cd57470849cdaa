use sonagi_data::documents::{Action, Invalid, KeyKind, NewTable, Projected, Refusal, Scope, Write};
use sonagi_items::{Item, Value, expression::UpdateError};
use sonagi_model::limits;

use crate::{
    World, at, binary, check, delete, index, item, key, keys, new_table, number, only_if, orders, put, text,
    update, with,
};

#[tokio::test]
async fn an_item_is_there_from_its_put_to_its_delete() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let (first, second) = (with(at("a", "1"), [("v", number(1))]), with(at("a", "1"), [("w", text("x"))]));
    assert_eq!(world.get(&table, &at("a", "1")).await, None);
    let written = world.write(&table, put(first.clone())).await;
    assert_eq!((written.old, written.new), (None, Some(first.clone())));
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(first.clone()));
    let written = world.write(&table, put(second.clone())).await;
    assert_eq!((written.old, written.new), (Some(first), Some(second.clone())));
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(second.clone()), "nothing is left of the first");
    assert_eq!(world.get(&table, &at("a", "2")).await, None);
    assert_eq!(world.get(&table, &at("a1", "1")).await, None);
    let written = world.write(&table, delete(at("a", "1"))).await;
    assert_eq!((written.old, written.new), (Some(second), None));
    assert_eq!(world.get(&table, &at("a", "1")).await, None);
    assert_eq!(world.write(&table, delete(at("a", "1"))).await.old, None);
}

#[tokio::test]
async fn each_write_is_done_only_if_its_condition_holds() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let key = at("a", "1");
    let stored = with(key.clone(), [("v", number(1))]);
    let failed = |item: Option<&Item>| Refusal::ConditionFailed { item: item.cloned().map(Box::new) };
    // Of an item that is not there it is asked of an empty one.
    for write in
        [put(stored.clone()), delete(key.clone()), check(key.clone()), update(key.clone(), "REMOVE v", [])]
    {
        let write = only_if(write, "attribute_exists(pk)", []);
        assert_eq!(world.refused(&table, write).await, failed(None));
    }
    assert_eq!(world.get(&table, &key).await, None);
    world.write(&table, only_if(check(key.clone()), "attribute_not_exists(pk)", [])).await;
    world.write(&table, only_if(put(stored.clone()), "attribute_not_exists(pk)", [])).await;
    let other = with(key.clone(), [("v", number(2))]);
    for write in [
        put(other.clone()),
        delete(key.clone()),
        check(key.clone()),
        update(key.clone(), "SET v = :v", [(":v", number(3))]),
    ] {
        let refused = only_if(write.clone(), "v > :one", [(":one", number(1))]);
        assert_eq!(world.refused(&table, refused).await, failed(Some(&stored)));
        assert_eq!(world.get(&table, &key).await, Some(stored.clone()));
    }
    for (write, left) in [
        (check(key.clone()), Some(&stored)),
        (put(other.clone()), Some(&other)),
        (update(key.clone(), "SET v = :v", [(":v", number(1))]), Some(&stored)),
        (delete(key.clone()), None),
    ] {
        world.write(&table, only_if(write, "v >= :one", [(":one", number(1))])).await;
        assert_eq!(world.get(&table, &key).await.as_ref(), left);
    }
    world.counted(&table).await;
}

#[tokio::test]
async fn an_update_makes_an_item_of_its_key() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let written = world.write(&table, update(at("a", "1"), "ADD v :one", [(":one", number(1))])).await;
    assert_eq!((written.old, written.new.clone()), (None, Some(with(at("a", "1"), [("v", number(1))]))));
    assert_eq!(world.get(&table, &at("a", "1")).await, written.new);
    let empty = Write { action: Action::Update { key: at("a", "2"), update: None }, condition: None };
    assert_eq!(world.write(&table, empty).await.new, Some(at("a", "2")));
    assert_eq!(world.get(&table, &at("a", "2")).await, Some(at("a", "2")));
    // What removes something makes one, too.
    world.write(&table, update(at("a", "3"), "REMOVE v", [])).await;
    assert_eq!(world.get(&table, &at("a", "3")).await, Some(at("a", "3")));
    world.counted(&table).await;
}

#[tokio::test]
async fn an_update_that_cannot_be_leaves_the_item_as_it_was() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let stored = with(at("a", "1"), [("v", text("x"))]);
    world.put(&table, stored.clone()).await;
    let update = |text: &str| update(at("a", "1"), text, [(":one", number(1))]);
    for (write, invalid) in [
        (update("SET pk = :one"), Invalid::UpdatesKey("pk".into())),
        (update("ADD sk :one"), Invalid::UpdatesKey("sk".into())),
        (update("ADD v :one"), Invalid::Update(UpdateError::Kind)),
        (update("SET v = nowhere + :one"), Invalid::Update(UpdateError::NoAttribute)),
        (update("SET w = :one, nowhere.x = :one"), Invalid::Update(UpdateError::Path)),
    ] {
        assert_eq!(world.refused(&table, write).await, Refusal::Invalid(invalid));
        assert_eq!(world.get(&table, &at("a", "1")).await, Some(stored.clone()));
    }
}

#[tokio::test]
async fn a_key_is_whole_and_of_its_types_and_neither_empty_nor_too_long() {
    let world = World::new().await;
    let schema = keys(("pk", KeyKind::S), Some(("sk", KeyKind::B)));
    let table = world.create(new_table("orders", schema)).await;
    let of = |pk: Value, sk: Value| item([("pk", pk), ("sk", sk)]);
    let right = || binary([1]);
    let kind = |name: &str, expected, actual| Invalid::KeyKind { name: name.into(), expected, actual };
    let empty = |name: &str, kind| Invalid::KeyEmpty { name: name.into(), kind };
    for (key, of_put, of_others) in [
        (item([("pk", text("a"))]), Invalid::KeyMissing("sk".into()), Invalid::Key),
        (item([("sk", right())]), Invalid::KeyMissing("pk".into()), Invalid::Key),
        (of(number(1), right()), kind("pk", "S", "N"), Invalid::Key),
        (of(text("a"), text("b")), kind("sk", "B", "S"), Invalid::Key),
        (of(text("a"), Value::Null), kind("sk", "B", "NULL"), Invalid::Key),
        (of(text(""), right()), empty("pk", "string"), empty("pk", "string")),
        (of(text("a"), binary([])), empty("sk", "binary"), empty("sk", "binary")),
        (of(text("a".repeat(2_049)), right()), Invalid::PartitionKeySize, Invalid::PartitionKeySize),
        (of(text("a"), binary([0; 1_025])), Invalid::SortKeySize, Invalid::SortKeySize),
    ] {
        assert_eq!(world.refused(&table, put(key.clone())).await, of_put.into());
        for write in [delete(key.clone()), check(key.clone()), update(key.clone(), "REMOVE v", [])] {
            assert_eq!(world.refused(&table, write).await, of_others.clone().into());
        }
        assert_eq!(crate::refusal(world.documents.get(&table, &key).await), of_others.into());
    }
    // More than the key is an item, but no key.
    let more = with(of(text("a"), right()), [("v", number(1))]);
    assert_eq!(world.refused(&table, delete(more.clone())).await, Invalid::Key.into());
    assert_eq!(crate::refusal(world.documents.get(&table, &more).await), Invalid::Key.into());
    let longest = of(text("a".repeat(limits::PARTITION_KEY_SIZE)), binary([0; limits::SORT_KEY_SIZE]));
    world.put(&table, longest.clone()).await;
    assert_eq!(world.get(&table, &longest).await, Some(longest));
    assert_eq!(world.all(&table, None, 10).await.len(), 1);
}

#[tokio::test]
async fn an_item_has_at_most_400_kib() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let of = |size: usize| {
        let key = at("a", "1");
        let rest = size - sonagi_items::size(&key) - 1;
        with(key, [("v", text("x".repeat(rest)))])
    };
    assert_eq!(sonagi_items::size(&of(limits::ITEM_SIZE)), 409_600);
    world.put(&table, of(limits::ITEM_SIZE)).await;
    assert_eq!(world.refused(&table, put(of(limits::ITEM_SIZE + 1))).await, Invalid::ItemSize.into());
    let grown = update(at("a", "1"), "SET w = :w", [(":w", text(""))]);
    assert_eq!(world.refused(&table, grown).await, Invalid::UpdatedItemSize.into());
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(of(limits::ITEM_SIZE)));
    world.counted(&table).await;
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(number(1), |inside, level| match level % 2 {
        0 => Value::List(vec![inside]),
        _ => Value::Map(item([("m", inside)])),
    })
}

#[tokio::test]
async fn an_item_is_never_deeper_than_can_be_read() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let deepest = with(at("a", "1"), [("v", nested(limits::ITEM_DEPTH))]);
    world.put(&table, deepest.clone()).await;
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(deepest.clone()));
    let deeper = with(at("a", "1"), [("v", nested(limits::ITEM_DEPTH + 1))]);
    assert_eq!(world.refused(&table, put(deeper)).await, Invalid::Depth.into());
    // An update can make one that its parts are not.
    world.put(&table, with(at("a", "2"), [("v", Value::List(vec![number(0)]))])).await;
    let deeper = update(at("a", "2"), "SET v[0] = :v", [(":v", nested(limits::ITEM_DEPTH))]);
    assert_eq!(world.refused(&table, deeper).await, Invalid::Depth.into());
    let deep = update(at("a", "2"), "SET v[0] = :v", [(":v", nested(limits::ITEM_DEPTH - 1))]);
    let written = world.write(&table, deep).await;
    assert_eq!(world.get(&table, &at("a", "2")).await, written.new);
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(deepest));
}

#[tokio::test]
async fn what_is_in_an_index_by_a_wrong_value_is_refused() {
    let world = World::new().await;
    let by = keys(("g", KeyKind::N), Some(("h", KeyKind::S)));
    let indexes = vec![index("by-g", Scope::Global, by, Projected::All)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let kind = |name: &str, expected, actual| Invalid::EntryKind {
        name: name.into(),
        expected,
        actual,
        index: "by-g".into(),
    };
    let empty = Invalid::EntryEmpty { kind: "string", index: "by-g".into(), name: "h".into() };
    let long = text("x".repeat(limits::SORT_KEY_SIZE + 1));
    for (name, value, invalid) in [
        ("g", text("1"), kind("g", "N", "S")),
        ("g", Value::Null, kind("g", "N", "NULL")),
        ("h", number(1), kind("h", "S", "N")),
        ("h", text(""), empty),
        ("h", long, Invalid::SortKeySize),
    ] {
        let refused = world.refused(&table, put(with(at("a", "1"), [(name, value.clone())]))).await;
        assert_eq!(refused, invalid.clone().into());
        let set = update(at("a", "1"), &format!("SET {name} = :v"), [(":v", value)]);
        assert_eq!(world.refused(&table, set).await, invalid.into());
    }
    assert!(world.all(&table, None, 10).await.is_empty());
    assert!(world.all(&table, Some("by-g"), 10).await.is_empty());
    world.counted(&table).await;
}

#[tokio::test]
async fn what_changes_nothing_is_not_told_of() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let stored = with(at("a", "1"), [("v", number(1))]);
    world.put(&table, stored.clone()).await;
    let before = world.left("s\0").await.len();
    let sequence = world.records.sequence();
    for write in [
        put(stored.clone()),
        update(at("a", "1"), "SET v = :v", [(":v", number(1))]),
        update(at("a", "1"), "REMOVE w", []),
        delete(at("a", "2")),
        check(at("a", "1")),
    ] {
        world.write(&table, write).await;
    }
    assert_eq!(world.left("s\0").await.len(), before);
    assert_eq!(world.records.sequence(), sequence, "nothing was written");
    let label = &world.table(&table).await.stream.clone().unwrap().label;
    let stream = world.documents.stream(&table, label).await.unwrap();
    assert_eq!(world.documents.read_stream(&stream, 1, 10).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn counts_of_items_and_bytes_are_exact() {
    let world = World::new().await;
    let global = |name: &str, by: &str, projected| index(name, Scope::Global, key(by, None), projected);
    let indexes = vec![
        global("all", "g", Projected::All),
        global("keys", "g", Projected::Keys),
        global("some", "h", Projected::Include(vec!["v".into()])),
        index("local", Scope::Local, key("pk", Some("h")), Projected::Keys),
    ];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let g = |value: &str| [("g", text(value))];
    let writes = [
        put(with(at("a", "1"), [("g", text("x")), ("h", text("y")), ("v", number(-15))])),
        put(with(at("a", "2"), g("x"))),
        put(with(at("b", "1"), [("h", text("y")), ("v", text("é"))])),
        // Larger, smaller, with other keys of indexes, and out of them.
        update(at("a", "1"), "SET v = :v", [(":v", text("longer than it was"))]),
        update(at("a", "1"), "SET v = :v, g = :g", [(":v", number(0)), (":g", text("zzz"))]),
        update(at("a", "1"), "REMOVE g, h", []),
        put(with(at("a", "2"), [("h", text("y"))])),
        put(with(at("a", "2"), g("x"))),
        put(with(at("a", "2"), g("x"))),
        delete(at("a", "3")),
        delete(at("b", "1")),
    ];
    for write in writes {
        world.write(&table, write).await;
        world.counted(&table).await;
    }
    let counts = world.documents.count(&*world.table(&table).await).await.unwrap();
    assert_eq!(counts.table().items, 2);
    for (partition, sort) in [("a", "1"), ("a", "2")] {
        world.write(&table, delete(at(partition, sort))).await;
    }
    world.counted(&table).await;
    assert!(world.left("k\0").await.is_empty(), "{:?}", world.left("k\0").await);
}

#[tokio::test]
async fn a_write_costs_a_unit_for_each_kib_of_the_larger_item_and_of_each_entry() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", None), Projected::Keys)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let large = with(at("a", "1"), [("v", text("x".repeat(3_000)))]);
    let cost = async |write| world.write(&table, write).await.cost;
    let in_index = |units| vec![(crate::name("by-g"), Scope::Global, units)];
    let done = cost(put(large.clone())).await;
    assert_eq!((done.table, done.indexes), (3, vec![]));
    let done = cost(put(with(at("a", "1"), [("g", text("x"))]))).await;
    assert_eq!((done.table, done.indexes), (3, in_index(1)));
    let done = cost(put(with(at("a", "1"), [("g", text("y"))]))).await;
    assert_eq!((done.table, done.indexes), (1, in_index(2)), "the entry is removed, and put elsewhere");
    let done = cost(put(with(at("a", "1"), [("g", text("y")), ("v", number(1))]))).await;
    assert_eq!((done.table, done.indexes), (1, vec![]), "the index has nothing of what changed");
    let done = cost(delete(at("a", "1"))).await;
    assert_eq!((done.table, done.indexes), (1, in_index(1)));
    let done = cost(delete(at("a", "1"))).await;
    assert_eq!((done.table, done.indexes), (1, vec![]));
}

#[tokio::test]
async fn several_are_read_in_the_order_in_which_they_are_asked_for() {
    let world = World::new().await;
    let (table, other) =
        (world.create(orders()).await, world.create(new_table("others", key("pk", None))).await);
    world.put(&table, at("a", "1")).await;
    world.put(&table, at("b", "1")).await;
    world.put(&other, item([("pk", text("a"))])).await;
    let wanted = [
        (table.clone(), at("b", "1")),
        (other.clone(), item([("pk", text("a"))])),
        (table.clone(), at("c", "1")),
        (table.clone(), at("a", "1")),
    ];
    let found = world.documents.get_all(&wanted).await.unwrap();
    let there = |key: Item| Some(key);
    let expected = [there(at("b", "1")), there(item([("pk", text("a"))])), None, there(at("a", "1"))];
    assert_eq!(found, expected);
    let wrong = [(table.clone(), at("a", "1")), (other, at("a", "1"))];
    let reasons = vec![None, Some(Box::new(Refusal::Invalid(Invalid::Key)))];
    let refused = crate::refusal(world.documents.transact_get(&wrong).await);
    assert_eq!(refused, Refusal::Canceled { reasons });
}
