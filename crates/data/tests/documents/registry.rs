use std::collections::BTreeMap;

use sonagi_data::documents::{
    Billing, Expiry, IndexChange, Invalid, KeyKind, NewTable, PageOf, Projected, Refusal, Scan, Scope,
    Settings, TableChange, TablePage, Throughput, View,
};
use sonagi_model::{AppName, limits};

use crate::{
    START, World, at, attribute, delete, index, item, key, keys, name, new_table, number, orders, put,
    refusal, text, update, with,
};

#[tokio::test]
async fn a_table_is_what_it_was_made_to_be() {
    let world = World::new().await;
    let by = keys(("g", KeyKind::N), None);
    let projected = Projected::Include(vec!["v".into()]);
    let tags = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
    let billing = Billing::Provisioned(Throughput { read: 5, write: 6 });
    let settings = Settings { billing, protected: false, infrequent: true };
    let new = NewTable {
        indexes: vec![index("by-g", Scope::Global, by.clone(), projected.clone())],
        settings: settings.clone(),
        tags: tags.clone(),
        ..orders()
    };
    let app = AppName::new("shop").unwrap();
    let made = world.documents.create(new.clone(), Some(app.clone())).await.unwrap();
    assert_eq!(*world.table(&made.name).await, *made);
    let other = world.documents.create(new_table("others", key("pk", None)), None).await.unwrap();
    assert_ne!(other.uuid, made.uuid);
    let world = world.again().await;
    let table = world.table(&name("orders")).await;
    assert_eq!(*table, *made, "also after a restart");
    assert_eq!((&table.key, &table.attributes, &table.settings), (&new.key, &new.attributes, &settings));
    assert_eq!((&table.tags, &table.app, table.created), (&tags, &Some(app), START));
    let found = table.index("by-g").unwrap();
    assert_eq!((&found.key, &found.projected, found.scope), (&by, &projected, Scope::Global));
    let stream = table.stream.clone().unwrap();
    assert_eq!((stream.view, stream.label.as_str()), (View::Both, "2023-11-14T22:13:20.000"));
}

#[tokio::test]
async fn a_name_is_given_once() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    world.put(&table, at("a", "1")).await;
    let again = world.documents.create(new_table("orders", key("other", None)), None).await;
    assert_eq!(refusal(again), Refusal::Exists { name: table.clone() });
    assert_eq!(world.table(&table).await.key, key("pk", Some("sk")));
    assert_eq!(world.get(&table, &at("a", "1")).await, Some(at("a", "1")));
    // Also when many ask at once.
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let documents = world.documents.clone();
        tasks
            .spawn(async move { documents.create(new_table("others", key("pk", None)), None).await.is_ok() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|made| *made).count(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_said_not_to_be() {
    let world = World::new().await;
    let (table, documents) = (name("nowhere"), &world.documents);
    let missing = Refusal::NoTableNamed { name: table.clone() };
    assert_eq!(refusal(documents.find(&table).await), missing);
    assert_eq!(refusal(documents.delete(&table).await), missing);
    assert_eq!(refusal(documents.update(&table, TableChange::default()).await), missing);
    assert_eq!(refusal(documents.expire_by(&table, Some("at".into())).await), missing);
    assert_eq!(refusal(documents.tag(&table, |_| {}).await), missing);
    assert_eq!(refusal(documents.keep_history(&table, true).await), missing);
    assert_eq!(refusal(documents.get(&table, &at("a", "1")).await), Refusal::NoTable);
    assert_eq!(world.refused(&table, put(at("a", "1"))).await, Refusal::NoTable);
    let writes = || vec![(table.clone(), put(at("a", "1")))];
    assert_eq!(refusal(documents.write_all(writes()).await), Refusal::NoTable);
    assert_eq!(refusal(documents.transact(writes(), None).await), Refusal::NoTable);
    let scan = Scan { index: None, segment: None, page: PageOf::default() };
    assert_eq!(refusal(documents.scan(&table, scan).await), Refusal::NoTable);
    assert_eq!(refusal(documents.stream(&table, "x").await).kind(), sonagi_model::FaultKind::NotFound);
}

#[tokio::test]
async fn tables_are_listed_in_pages_by_name() {
    let world = World::new().await;
    let mut names: Vec<_> = ["b.b", "aaa", "a-1", "Zed", "a_a", "b.bb"].map(name).to_vec();
    for name in &names {
        world.create(new_table(name.as_str(), key("pk", None))).await;
    }
    names.sort();
    let list = async |last: Option<&str>, most| world.documents.list(last, most).await.unwrap();
    assert_eq!(list(None, 6).await, TablePage { tables: names.clone(), more: false });
    assert_eq!(list(Some("b.bb"), 6).await, TablePage { tables: vec![], more: false });
    // Also behind one that is not there.
    assert_eq!(list(Some("b"), 1).await, TablePage { tables: vec![name("b.b")], more: true });
    for most in 1..6 {
        let (mut found, mut last) = (Vec::new(), None::<String>);
        loop {
            let page = list(last.as_deref(), most).await;
            assert!(page.tables.len() == most || !page.more);
            last = page.tables.last().map(ToString::to_string).or(last);
            found.extend(page.tables);
            if !page.more {
                break;
            }
        }
        assert_eq!(found, names, "{most}");
    }
}

#[tokio::test]
async fn a_table_made_anew_under_the_same_name_has_nothing_of_the_former_one() {
    let world = World::new().await;
    let indexes = || vec![index("by-g", Scope::Global, key("g", None), Projected::All)];
    let new = || NewTable { indexes: indexes(), ..orders() };
    let stored =
        |n: u32| with(at("a", &format!("{n:04}")), [("g", text("x")), ("at", number(1_900_000_000))]);
    for round in 0..5 {
        let table = world.create(new()).await;
        // At once, whatever was known and is being cleared away.
        assert_eq!(world.get(&table, &at("a", "0001")).await, None, "{round}");
        assert!(world.all(&table, None, 1_000).await.is_empty());
        assert!(world.all(&table, Some("by-g"), 1_000).await.is_empty());
        world.counted(&table).await;
        assert_eq!(world.table(&table).await.expiry, None);
        world.put_all(&table, (0..700).map(stored)).await;
        world.documents.expire_by(&table, Some("at".into())).await.unwrap();
        world.documents.keep_history(&table, true).await.unwrap();
        world.write(&table, delete(at("a", "0699"))).await;
        world.counted(&table).await;
        world.documents.delete(&table).await.unwrap();
        assert_eq!(refusal(world.documents.get(&table, &at("a", "0001")).await), Refusal::NoTable);
        assert_eq!(world.refused(&table, put(at("a", "1"))).await, Refusal::NoTable);
    }
    let other = world.create(new_table("orders", key("id", None))).await;
    world.put(&other, item([("id", text("a"))])).await;
    world.until("all else is cleared away", async || world.left("gone/").await.is_empty()).await;
    for (tag, left) in [("t\0", 1), ("i\0", 0), ("x\0", 0), ("c\0", 1), ("k\0", 0), ("h\0", 0), ("names/", 1)]
    {
        assert_eq!(world.left(tag).await.len(), left, "{tag:?}");
    }
    assert_eq!(world.left("streams/").await.len(), 5, "streams can be read on");
    assert_eq!(world.all(&other, None, 10).await, [item([("id", text("a"))])]);
}

#[tokio::test]
async fn who_changes_a_table_while_others_use_it_sees_the_change_at_once() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let mut tasks = tokio::task::JoinSet::new();
    let stop = tokio_util::sync::CancellationToken::new();
    for _ in 0..4 {
        let (documents, table, stop) = (world.documents.clone(), table.clone(), stop.clone());
        // They read the table's record again and again.
        tasks.spawn(async move {
            while !stop.is_cancelled() {
                drop(documents.find(&table).await);
                drop(documents.get(&table, &at("a", "1")).await);
            }
        });
    }
    for round in 0..100 {
        world.put(&table, at("a", "1")).await;
        world.documents.delete(&table).await.unwrap();
        assert_eq!(refusal(world.documents.get(&table, &at("a", "1")).await), Refusal::NoTable);
        world.create(orders()).await;
        assert_eq!(world.get(&table, &at("a", "1")).await, None, "{round}");
    }
    stop.cancel();
    tasks.join_all().await;
}

#[tokio::test]
async fn a_protected_table_is_not_deleted() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let protect = async |protected| {
        let settings = Settings { protected, ..Settings::default() };
        let change = TableChange { settings: Some(settings), ..TableChange::default() };
        world.documents.update(&table, change).await.unwrap()
    };
    assert!(protect(true).await.settings.protected);
    assert_eq!(refusal(world.documents.delete(&table).await), Refusal::Protected);
    world.put(&table, at("a", "1")).await;
    protect(false).await;
    assert_eq!(world.documents.delete(&table).await.unwrap().name, table);
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", None), Projected::All)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let before = world.table(&table).await;
    let settings = Some(Settings { infrequent: true, ..Settings::default() });
    let unit = Throughput { read: 1, write: 1 };
    for (change, message) in [
        (
            TableChange { stream: Some(Some(View::Keys)), ..TableChange::default() },
            "already has an enabled stream",
        ),
        (
            TableChange {
                index: Some(IndexChange::Create(index(
                    "by-g",
                    Scope::Global,
                    key("h", None),
                    Projected::All,
                ))),
                ..TableChange::default()
            },
            "already exists: by-g",
        ),
        (
            TableChange { index: Some(IndexChange::Delete(name("nowhere"))), ..TableChange::default() },
            "Requested resource not found",
        ),
        (
            TableChange {
                index: Some(IndexChange::Update(vec![(name("by-g"), unit), (name("nowhere"), unit)])),
                ..TableChange::default()
            },
            "Requested resource not found",
        ),
    ] {
        let change = TableChange {
            settings: settings.clone(),
            attributes: vec![attribute("h", KeyKind::N)],
            ..change
        };
        let refused = refusal(world.documents.update(&table, change).await).to_string();
        assert!(refused.contains(message), "{refused}");
        assert_eq!(*world.table(&table).await, *before);
    }
    let change = TableChange {
        settings: settings.clone(),
        index: Some(IndexChange::Update(vec![(name("by-g"), unit)])),
        ..TableChange::default()
    };
    let changed = world.documents.update(&table, change).await.unwrap();
    assert_eq!(changed.index("by-g").unwrap().throughput, Some(unit));
    assert_eq!(Some(&changed.settings), settings.as_ref());
    assert_eq!(*world.table(&table).await, *changed);
}

#[tokio::test]
async fn a_table_has_at_most_fifty_tags() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let add = async |range: std::ops::Range<usize>| {
        let add = move |tags: &mut BTreeMap<String, String>| {
            tags.extend(range.clone().map(|n| (n.to_string(), "x".into())))
        };
        world.documents.tag(&table, add).await
    };
    add(0..50).await.unwrap();
    assert_eq!(refusal(add(49..51).await), Refusal::TooManyTags);
    assert_eq!(world.table(&table).await.tags.len(), limits::TAGS);
    world.documents.tag(&table, |tags| tags.retain(|name, _| name == "7")).await.unwrap();
    assert_eq!(world.table(&table).await.tags, BTreeMap::from([("7".to_owned(), "x".to_owned())]));
}

#[tokio::test]
async fn there_are_at_most_ten_thousand_tables() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let record = world.records.get(b"data/documents/names/orders").await.unwrap().unwrap();
    // The same table by other names: to make so many would take minutes.
    let copy = move |t: &mut dyn sonagi_backend::Transaction| {
        (2..limits::TABLES).try_for_each(|n| t.put(format!("data/documents/names/t{n}").as_bytes(), &record))
    };
    world.records.transact(copy).await.unwrap();
    world.create(new_table("last", key("pk", None))).await;
    let more = world.documents.create(new_table("more", key("pk", None)), None).await;
    assert_eq!(refusal(more), Refusal::TooManyTables);
    world.documents.delete(&table).await.unwrap();
    world.create(new_table("more", key("pk", None))).await;
}

#[tokio::test]
async fn expiry_is_on_or_off_and_is_not_turned_on_while_it_is_being_turned_off() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let text = |invalid: &str| Refusal::Invalid(Invalid::Text(invalid.to_owned()));
    let set =
        async |attribute: Option<&str>| world.documents.expire_by(&table, attribute.map(str::to_owned)).await;
    assert_eq!(refusal(set(None).await), text("TimeToLive is already disabled"));
    set(Some("at")).await.unwrap();
    assert_eq!(refusal(set(Some("other")).await), text("TimeToLive is already enabled"));
    world
        .until("what was there is noted", async || {
            world.table(&table).await.expiry == Some(Expiry { attribute: "at".into(), filling: false })
        })
        .await;
    world.write(&table, update(at("a", "1"), "SET v = :at", [(":at", number(1_900_000_000))])).await;
    set(None).await.unwrap();
    world.until("what was noted is cleared away", async || world.left("gone/").await.is_empty()).await;
    set(Some("v")).await.unwrap();
    world.until("it is noted anew", async || world.left("x\0").await.len() == 1).await;
    set(None).await.unwrap();
    world.until("and cleared away again", async || world.left("x\0").await.is_empty()).await;
}
