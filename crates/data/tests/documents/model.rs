//! Random writes, compared with a plain map.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::select};
use sonagi_data::documents::{Order, PageOf, Query, Scan};
use sonagi_items::{
    Number,
    expression::{Condition, KeyCondition, Substitutes, Which},
    size,
};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Put(Item),
    PutIfAbsent(Item),
    Delete(Item),
    /// All or none: the last one is refused if its item is not there.
    Together(Vec<Item>, Item),
}

type Model = BTreeMap<Vec<u8>, Item>;

fn key(item: &Item) -> Item {
    ["p", "s"].iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect()
}

fn key_bytes(item: &Item, names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    names.iter().for_each(|name| assert!(sonagi_items::key::write(&mut bytes, &item[*name])));
    bytes
}

fn items() -> impl Strategy<Value = Item> {
    let words = || select(vec!["", "\0", "a", "a\0", "ab", "b"]);
    let parts = (
        select(vec!["p", "p\0", "q"]),
        -3..4_i64,
        option::of(select(vec!["a", "a\0", "b"])),
        option::of(vec(select(vec![0_u8, 1, 255]), 1..3)),
        option::of(-2..3_i64),
        words(),
    );
    parts.prop_map(|(p, s, g, h, l, v)| {
        let mut made = item([("p", text(p)), ("s", number(s)), ("v", text(v))]);
        made.extend(g.map(|g| ("g".to_owned(), text(g))));
        made.extend(h.map(|h| ("h".to_owned(), Value::Binary(h.into()))));
        made.extend(l.map(|l| ("l".to_owned(), number(l))));
        made
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => items().prop_map(Step::Put),
        1 => items().prop_map(Step::PutIfAbsent),
        2 => items().prop_map(|item| Step::Delete(key(&item))),
        1 => (vec(items(), 1..4), items()).prop_map(|(puts, needed)| Step::Together(puts, key(&needed))),
    ]
}

fn condition(text: &str) -> Option<Condition> {
    Some(Condition::parse(text, Which::Condition, &Substitutes::default()).unwrap())
}

async fn step(documents: &Documents, model: &mut Model, step: Step) {
    let table = name("table");
    let at = |item: &Item| key_bytes(item, &["p", "s"]);
    match step {
        Step::Put(item) => {
            let before = model.insert(at(&item), item.clone());
            assert_eq!(documents.write(&table, put(item)).await.unwrap().old, before);
        }
        Step::PutIfAbsent(item) => {
            let write =
                Write { action: Action::Put(item.clone()), condition: condition("attribute_not_exists(p)") };
            let done = documents.write(&table, write).await;
            assert_eq!(done.is_ok(), !model.contains_key(&at(&item)));
            model.entry(at(&item)).or_insert(item);
        }
        Step::Delete(key) => {
            let before = model.remove(&at(&key));
            let write = Write { action: Action::Delete { key }, condition: None };
            assert_eq!(documents.write(&table, write).await.unwrap().old, before);
        }
        Step::Together(puts, needed) => {
            let mut seen = std::collections::BTreeSet::from([at(&needed)]);
            let is_distinct = puts.iter().all(|put| seen.insert(at(put)));
            let is_there = model.contains_key(&at(&needed));
            let check =
                Write { action: Action::Check { key: needed }, condition: condition("attribute_exists(p)") };
            let mut writes: Vec<_> = puts.iter().map(|item| (table.clone(), put(item.clone()))).collect();
            writes.push((table.clone(), check));
            let done = documents.transact(writes, None).await;
            assert_eq!(done.is_ok(), is_distinct && is_there, "{done:?}");
            if done.is_ok() {
                model.extend(puts.into_iter().map(|item| (at(&item), item)));
            }
        }
    }
}

/// What an index has of an item, if it has it.
fn entry(index: &str, item: &Item) -> Option<Item> {
    let has = |names: &[&str]| names.iter().all(|name| item.contains_key(*name));
    let of = |names: &[&str]| {
        names.iter().filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect::<Item>()
    };
    match index {
        "by-g" => has(&["g"]).then(|| item.clone()),
        "by-gh" => has(&["g", "h"]).then(|| of(&["p", "s", "g", "h"])),
        _ => has(&["l"]).then(|| of(&["p", "s", "l", "v"])),
    }
}

/// All pages of so many items.
async fn pages(
    documents: &Documents,
    limit: usize,
    ask: impl AsyncFn(&Documents, PageOf) -> sonagi_data::documents::Page,
) -> Vec<Item> {
    let (mut found, mut start) = (Vec::new(), None);
    loop {
        let page = ask(documents, PageOf { limit: Some(limit), start, ..PageOf::default() }).await;
        found.extend(page.items);
        match page.last {
            Some(last) => start = Some(last),
            None => return found,
        }
    }
}

fn sorted(mut items: Vec<Item>) -> Vec<String> {
    let mut shown: Vec<_> = items.drain(..).map(|item| format!("{item:?}")).collect();
    shown.sort();
    shown
}

async fn compare(documents: &Documents, model: &Model, limit: usize, lower: i64) {
    let table = name("table");
    for index in [None, Some("by-g"), Some("by-gh"), Some("by-l")] {
        let expected: Vec<Item> = match index {
            None => model.values().cloned().collect(),
            Some(index) => model.values().filter_map(|item| entry(index, item)).collect(),
        };
        let mut segments = Vec::new();
        for segment in 0..3 {
            segments.extend(
                pages(documents, limit, async |documents, page| {
                    let index = index.map(str::to_owned);
                    documents.scan(&table, Scan { index, segment: Some((segment, 3)), page }).await.unwrap()
                })
                .await,
            );
        }
        assert_eq!(sorted(segments), sorted(expected.clone()), "{index:?}");
        let known = documents.find(&table).await.unwrap();
        let counts = documents.count(&known).await.unwrap();
        let count = match index {
            None => counts.table(),
            Some(name) => counts.index(known.index(name).unwrap()),
        };
        let bytes: usize = expected.iter().map(size).sum();
        assert_eq!((count.items, count.bytes), (expected.len() as u64, bytes as u64), "{index:?}");
    }
    // Queries, in both orders: of the table from a number on, of an index by binaries.
    let values = BTreeMap::from([(":p".to_owned(), text("p")), (":s".to_owned(), number(lower))]);
    let of_table =
        KeyCondition::parse("p = :p AND s >= :s", &Substitutes::new(BTreeMap::new(), values)).unwrap();
    let values =
        BTreeMap::from([(":g".to_owned(), text("a")), (":h".to_owned(), Value::Binary(vec![0].into()))]);
    let of_index =
        KeyCondition::parse("g = :g AND begins_with(h, :h)", &Substitutes::new(BTreeMap::new(), values))
            .unwrap();
    let mut expected: Vec<_> = model
        .values()
        .filter(|item| {
            item["p"] == text("p") && matches!(&item["s"], Value::Number(s) if *s >= Number::from(lower))
        })
        .cloned()
        .collect();
    expected.sort_by_key(|item| key_bytes(item, &["s"]));
    let begins = |item: &Item| matches!(item.get("h"), Some(Value::Binary(h)) if h.starts_with(&[0]));
    let mut of_a: Vec<_> = model
        .values()
        .filter(|item| item.get("g") == Some(&text("a")) && begins(item))
        .filter_map(|item| entry("by-gh", item))
        .collect();
    of_a.sort_by_key(|item| key_bytes(item, &["h", "p", "s"]));
    for (index, condition, expected) in [(None, of_table, expected), (Some("by-gh"), of_index, of_a)] {
        for order in [Order::Forward, Order::Reverse] {
            let found = pages(documents, limit, async |documents, page| {
                let (index, condition) = (index.map(str::to_owned), condition.clone());
                documents.query(&table, Query { index, condition, order, page }).await.unwrap()
            })
            .await;
            let mut expected = expected.clone();
            if order == Order::Reverse {
                expected.reverse();
            }
            assert_eq!(found, expected, "{index:?} {order:?}");
        }
    }
}

/// The stream tells all that happened, in its order.
async fn replay(documents: &Documents, model: &Model) {
    let (streams, _) = documents.streams(None, None, 1).await.unwrap();
    let (mut from, mut replayed) = (1, Model::new());
    loop {
        let batch = documents.read_stream(&streams[0], from, 7).await.unwrap();
        if batch.records.is_empty() {
            break;
        }
        for record in batch.records {
            let at = key_bytes(&record.keys, &["p", "s"]);
            assert_eq!(replayed.get(&at), record.old.as_ref());
            match record.new {
                Some(new) => drop(replayed.insert(at, new)),
                None => drop(replayed.remove(&at)),
            }
        }
        from = batch.next.unwrap();
    }
    assert_eq!(&replayed, model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn tables_do_what_a_map_does(steps in vec(steps(), 1..40), limit in 1..6_usize, lower in -3..4_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let world = World::new().await;
            world.documents.create(indexed(Some(View::Both)), None).await.unwrap();
            let mut model = Model::new();
            for next in steps {
                step(&world.documents, &mut model, next).await;
            }
            compare(&world.documents, &model, limit, lower).await;
            replay(&world.documents, &model).await;
        });
    }
}
