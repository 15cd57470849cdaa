use sonagi_data::documents::{
    Invalid, KeyKind, NewTable, Order, Page, PageOf, Projected, Query, Refusal, Scope, TableName,
};
use sonagi_items::{
    Item, Value,
    expression::{Condition, KeyCondition, KeyTest, Which},
};
use sonagi_model::limits;

use crate::{World, at, binary, index, item, key, keys, new_table, number, orders, substitutes, text, with};

/// A query of that condition, forwards, of all that there is.
fn query<const N: usize>(condition: &str, values: [(&str, Value); N]) -> Query {
    let condition = KeyCondition::parse(condition, &substitutes(values)).unwrap();
    Query { index: None, condition, order: Order::Forward, page: PageOf::default() }
}

fn of_index<const N: usize>(index: &str, condition: &str, values: [(&str, Value); N]) -> Query {
    Query { index: Some(index.to_owned()), ..query(condition, values) }
}

async fn page(world: &World, table: &TableName, query: &Query) -> Page {
    world.documents.query(table, query.clone()).await.unwrap()
}

async fn refused(world: &World, table: &TableName, query: Query) -> Refusal {
    crate::refusal(world.documents.query(table, query).await)
}

fn sorts(items: &[Item]) -> Vec<Value> {
    items.iter().map(|item| item["sk"].clone()).collect()
}

/// Texts, numbers and binaries that sort otherwise than one would think, in their order.
fn all_sorts() -> [(KeyKind, Vec<Value>); 3] {
    let texts = [
        "\0",
        "\0\0",
        "\0\u{1}",
        "\u{1}",
        "A",
        "B",
        "a",
        "a\0",
        "a\0b",
        "a\u{1}",
        "aa",
        "b",
        "\u{7f}",
        "é",
        "\u{10ffff}",
    ];
    let numbers = [
        "-9.9e125", "-100", "-12.5", "-12", "-11.99", "-1", "-0.5", "-1e-130", "0", "1e-130", "0.001",
        "0.01", "0.1", "1", "1.5", "2", "9", "10", "12", "12.0001", "12.01", "99", "100", "101", "1e20",
        "9.9e125",
    ];
    let binaries: [&[u8]; 16] = [
        &[0],
        &[0, 0],
        &[0, 0, 255],
        &[0, 1],
        &[0, 255],
        &[1],
        &[1, 0],
        &[1, 0, 0],
        &[1, 255],
        &[2],
        &[254],
        &[254, 255],
        &[255],
        &[255, 0],
        &[255, 255],
        &[255, 255, 255],
    ];
    [
        (KeyKind::S, texts.map(text).to_vec()),
        (KeyKind::N, numbers.map(|number| Value::Number(number.parse().unwrap())).to_vec()),
        (KeyKind::B, binaries.map(binary).to_vec()),
    ]
}

fn compared(test: &KeyTest, value: &Value) -> bool {
    let order = |other: &Value| match (value, other) {
        (Value::Text(one), Value::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Value::Number(one), Value::Number(other)) => one.cmp(other),
        (Value::Binary(one), Value::Binary(other)) => one.cmp(other),
        other => panic!("{other:?}"),
    };
    match test {
        KeyTest::Equal(other) => order(other).is_eq(),
        KeyTest::Less(other) => order(other).is_lt(),
        KeyTest::AtMost(other) => order(other).is_le(),
        KeyTest::Greater(other) => order(other).is_gt(),
        KeyTest::AtLeast(other) => order(other).is_ge(),
        KeyTest::Between(lower, upper) => order(lower).is_ge() && order(upper).is_le(),
        KeyTest::BeginsWith(beginning) => match (value, beginning) {
            (Value::Text(one), Value::Text(other)) => one.starts_with(other),
            (Value::Binary(one), Value::Binary(other)) => one.starts_with(other),
            other => panic!("{other:?}"),
        },
    }
}

#[tokio::test]
async fn every_test_of_a_sort_key_finds_what_it_says_in_order_and_in_reverse() {
    let world = World::new().await;
    for (kind, values) in all_sorts() {
        let schema = keys(("pk", KeyKind::B), Some(("sk", kind)));
        let by = keys(("g", KeyKind::B), Some(("sk", kind)));
        let indexes = vec![index("by-g", Scope::Global, by, Projected::Keys)];
        let new = NewTable { indexes, ..new_table(&format!("of-{}", kind.as_str()), schema) };
        let table = world.create(new).await;
        // Neighbours of the partition must not be found, and some entries of the index are of the same key.
        for partition in [&[7][..], &[7, 0], &[6, 255], &[7, 0, 1], &[8], &[255]] {
            let of = |sort: &Value| {
                item([("pk", binary(partition)), ("sk", sort.clone()), ("g", binary([255, 0]))])
            };
            world.put_all(&table, values.iter().rev().map(of)).await;
        }
        for (at, value) in values.iter().enumerate() {
            let mut tests = vec![
                ("sk = :a", KeyTest::Equal(value.clone())),
                ("sk < :a", KeyTest::Less(value.clone())),
                ("sk <= :a", KeyTest::AtMost(value.clone())),
                ("sk > :a", KeyTest::Greater(value.clone())),
                ("sk >= :a", KeyTest::AtLeast(value.clone())),
            ];
            if kind != KeyKind::N {
                tests.push(("begins_with(sk, :a)", KeyTest::BeginsWith(value.clone())));
            }
            let mut asked: Vec<_> = tests.into_iter().map(|test| (test, None)).collect();
            for upper in [at, (at + 3).min(values.len() - 1), values.len() - 1].map(|at| values[at].clone()) {
                let test = KeyTest::Between(value.clone(), upper.clone());
                asked.push((("sk BETWEEN :a AND :b", test), Some(upper)));
            }
            for ((condition, test), upper) in asked {
                let mut expected: Vec<Value> =
                    values.iter().filter(|value| compared(&test, value)).cloned().collect();
                let ask = |partition: &str, of: &[u8]| {
                    let condition = format!("{partition} = :p AND {condition}");
                    match &upper {
                        Some(upper) => query(
                            &condition,
                            [(":p", binary(of)), (":a", value.clone()), (":b", upper.clone())],
                        ),
                        None => query(&condition, [(":p", binary(of)), (":a", value.clone())]),
                    }
                };
                let mut asked = ask("pk", &[7]);
                let mut of_entries = Query { index: Some("by-g".into()), ..ask("g", &[255, 0]) };
                for order in [Order::Forward, Order::Reverse] {
                    (asked.order, of_entries.order) = (order, order);
                    let found = page(&world, &table, &asked).await;
                    assert_eq!(sorts(&found.items), expected, "{condition} {value:?} {upper:?} {order:?}");
                    assert_eq!((found.scanned, found.last), (expected.len(), None));
                    let found = page(&world, &table, &of_entries).await;
                    let of_six = expected.iter().flat_map(|value| std::iter::repeat_n(value.clone(), 6));
                    assert_eq!(
                        sorts(&found.items),
                        of_six.collect::<Vec<_>>(),
                        "{condition} {value:?} {order:?}"
                    );
                    expected.reverse();
                }
            }
        }
        let all = page(&world, &table, &query("pk = :p", [(":p", binary([7, 0]))])).await;
        assert_eq!(sorts(&all.items), values);
    }
}

#[tokio::test]
async fn a_partition_is_found_by_a_key_of_any_type() {
    let world = World::new().await;
    for (kind, values) in all_sorts() {
        let table = world.create(new_table(&format!("of-{}", kind.as_str()), keys(("pk", kind), None))).await;
        world.put_all(&table, values.iter().map(|value| item([("pk", value.clone())]))).await;
        for value in &values {
            let found = page(&world, &table, &query("pk = :p", [(":p", value.clone())])).await;
            assert_eq!(found.items, [item([("pk", value.clone())])]);
        }
    }
}

#[tokio::test]
async fn a_condition_that_does_not_fit_the_key_is_refused() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", None), Projected::All)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let (a, one) = (text("a"), number(1));
    for (asked, invalid) in [
        (query("sk = :a", [(":a", a.clone())]), Invalid::ConditionMissing("pk".into())),
        (query("pk > :a", [(":a", a.clone())]), Invalid::ConditionKind),
        (query("begins_with(pk, :a)", [(":a", a.clone())]), Invalid::ConditionKind),
        (query("pk = :a", [(":a", one.clone())]), Invalid::ConditionType),
        (query("pk = :a AND sk < :b", [(":a", a.clone()), (":b", one)]), Invalid::ConditionType),
        (query("pk = :a AND v = :a", [(":a", a.clone())]), Invalid::ConditionMissing("sk".into())),
        (
            query("pk = :a AND sk = :a AND v = :a", [(":a", a.clone())]),
            Invalid::ConditionMissing("sk".into()),
        ),
        (query("pk = :a", [(":a", text(""))]), Invalid::KeyEmpty { kind: "string", name: "pk".into() }),
        (of_index("by-g", "pk = :a", [(":a", a.clone())]), Invalid::ConditionMissing("g".into())),
        (of_index("by-g", "g = :a AND sk = :a", [(":a", a.clone())]), Invalid::ConditionKind),
    ] {
        assert_eq!(refused(&world, &table, asked.clone()).await, invalid.into(), "{asked:?}");
    }
    let nowhere = refused(&world, &table, of_index("nowhere", "pk = :a", [(":a", a.clone())])).await;
    assert_eq!(nowhere, Refusal::NoIndex { name: "nowhere".into() });
    let mut consistent = of_index("by-g", "g = :a", [(":a", a)]);
    consistent.page.consistent = true;
    assert_eq!(refused(&world, &table, consistent).await, Invalid::Consistent.into());
}

#[tokio::test]
async fn a_page_ends_where_its_limit_is() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let sort = |n: i64| format!("{n:03}");
    world.put_all(&table, (0..150).map(|n| at("a", &sort(n)))).await;
    world.put(&table, at("b", "000")).await;
    for (limit, reverse) in
        [(1, false), (7, true), (63, false), (64, true), (65, false), (150, true), (151, false)]
    {
        let mut asked = query("pk = :p", [(":p", text("a"))]);
        asked.order = if reverse { Order::Reverse } else { Order::Forward };
        asked.page.limit = Some(limit);
        let mut all = Vec::new();
        loop {
            let found = page(&world, &table, &asked).await;
            assert!(found.scanned <= limit && found.items.len() == found.scanned);
            let (is_full, last) = (found.scanned == limit, found.items.last().cloned());
            all.extend(sorts(&found.items));
            // Whether anything comes behind the last one is not looked at.
            assert_eq!(found.last.is_some(), is_full);
            match found.last {
                Some(start) => {
                    assert_eq!(Some(&start), last.as_ref());
                    asked.page.start = Some(start);
                }
                None => break,
            }
        }
        let mut expected: Vec<Value> = (0..150).map(|n| text(sort(n))).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(all, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_page_ends_with_the_item_that_reaches_a_mebibyte() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let of = |n: usize, size: usize| {
        let key = at("a", &format!("{n:04}"));
        let rest = size - sonagi_items::size(&key) - 1;
        with(key, [("v", text("x".repeat(rest)))])
    };
    // 300 KiB: the fourth reaches it. Then those of which 1,024 do.
    world.put_all(&table, (0..4).map(|n| of(n, 300 << 10))).await;
    world.put_all(&table, (4..1_200).map(|n| of(n, 1 << 10))).await;
    let mut asked = query("pk = :p", [(":p", text("a"))]);
    let mut counts = Vec::new();
    loop {
        let found = page(&world, &table, &asked).await;
        assert_eq!(found.size, found.items.iter().map(sonagi_items::size).sum::<usize>());
        counts.push(found.items.len());
        match found.last {
            Some(last) => {
                assert!(found.size >= limits::PAGE_SIZE && found.size < limits::PAGE_SIZE + (300 << 10));
                asked.page.start = Some(last);
            }
            None => break,
        }
    }
    assert_eq!(counts, [4, 1_024, 172]);
    // What the filter leaves out counts as well.
    let mut asked = query("pk = :p", [(":p", text("a"))]);
    asked.page.filter =
        Some(Condition::parse("attribute_exists(w)", Which::Filter, &substitutes([])).unwrap());
    let found = page(&world, &table, &asked).await;
    assert_eq!((found.items.len(), found.scanned), (0, 4));
    assert_eq!(found.last, Some(at("a", "0003")));
}

#[tokio::test]
async fn a_page_begins_behind_its_start_wherever_that_is() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", Some("h")), Projected::Keys)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    world
        .put_all(
            &table,
            ["1", "3", "5"].map(|sort| with(at("a", sort), [("g", text("x")), ("h", text("y"))])),
        )
        .await;
    let mut asked = query("pk = :p AND sk > :s", [(":p", text("a")), (":s", text("1"))]);
    let mut found = async |start: Item, order| {
        (asked.page.start, asked.order) = (Some(start), order);
        world.documents.query(&table, asked.clone()).await.map(|page| sorts(&page.items))
    };
    // Also behind a key that no item has.
    assert_eq!(found(at("a", "2"), Order::Forward).await.unwrap(), [text("3"), text("5")]);
    assert_eq!(found(at("a", "3"), Order::Forward).await.unwrap(), [text("5")]);
    assert_eq!(found(at("a", "4"), Order::Reverse).await.unwrap(), [text("3")]);
    assert_eq!(found(at("a", "9"), Order::Forward).await.unwrap(), [] as [Value; 0]);
    assert_eq!(found(at("a", "9"), Order::Reverse).await.unwrap(), [text("5"), text("3")]);
    for (start, invalid) in [
        (at("b", "3"), Invalid::StartOutside),
        (at("a", "1"), Invalid::StartOutsideSort),
        (at("a", "0"), Invalid::StartOutsideSort),
        (item([("pk", text("a"))]), Invalid::Start),
        (with(at("a", "3"), [("g", text("x"))]), Invalid::Start),
        (item([("pk", text("a")), ("sk", number(3))]), Invalid::StartKey),
        (item([("pk", text("a")), ("v", text("3"))]), Invalid::StartKey),
    ] {
        assert_eq!(crate::refusal(found(start, Order::Forward).await), invalid.into());
    }
    // Of an index it is the keys of both, and tells those of the same key apart.
    let mut asked = of_index("by-g", "g = :p", [(":p", text("x"))]);
    asked.page.limit = Some(1);
    for sort in ["1", "3", "5"] {
        let found = page(&world, &table, &asked).await;
        let entry = with(at("a", sort), [("g", text("x")), ("h", text("y"))]);
        assert_eq!((found.items, found.last.clone()), (vec![entry.clone()], Some(entry)));
        asked.page.start = found.last;
    }
    let found = page(&world, &table, &asked).await;
    assert_eq!((found.items.len(), found.last), (0, None));
    asked.page.start = Some(at("a", "1"));
    assert_eq!(refused(&world, &table, asked).await, Invalid::Start.into());
}

#[tokio::test]
async fn a_filter_leaves_items_out_of_what_was_looked_at() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", None), Projected::All)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    world
        .put_all(&table, (0..10).map(|n| with(at("a", &n.to_string()), [("v", number(n)), ("g", text("x"))])))
        .await;
    let filter = |text: &str| Condition::parse(text, Which::Filter, &substitutes([(":v", number(5))])).ok();
    let mut asked = query("pk = :p", [(":p", text("a"))]);
    asked.page.filter = filter("v >= :v");
    let found = page(&world, &table, &asked).await;
    assert_eq!((found.items.len(), found.scanned, found.last), (5, 10, None));
    // The limit is of those that are looked at.
    asked.page.limit = Some(6);
    let found = page(&world, &table, &asked).await;
    assert_eq!((sorts(&found.items), found.scanned, found.last), (vec![text("5")], 6, Some(at("a", "5"))));
    asked.page.filter = filter("sk <> :v");
    let on_key = |name: &str| Invalid::FilterOnKey { what: "Filter Expression", name: name.into() };
    assert_eq!(refused(&world, &table, asked).await, on_key("sk").into());
    // The table's keys are no keys of the index.
    let mut asked = of_index("by-g", "g = :p", [(":p", text("x"))]);
    asked.page.filter = filter("sk <> :v");
    assert_eq!(page(&world, &table, &asked).await.items.len(), 10);
    asked.page.filter = filter("g <> :v");
    assert_eq!(refused(&world, &table, asked).await, on_key("g").into());
}
