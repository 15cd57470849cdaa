use std::collections::BTreeSet;

use sonagi_data::documents::{Invalid, NewTable, PageOf, Projected, Scan, Scope};
use sonagi_items::expression::{Condition, Which};
use sonagi_model::limits;

use crate::{World, at, index, key, number, orders, refusal, substitutes, text, with};

fn scan(segment: Option<(u32, u32)>) -> Scan {
    Scan { index: None, segment, page: PageOf::default() }
}

#[tokio::test]
async fn segments_of_a_scan_are_disjoint_and_whole() {
    let world = World::new().await;
    let indexes = vec![index("by-g", Scope::Global, key("g", None), Projected::Keys)];
    let table = world.create(NewTable { indexes, ..orders() }).await;
    let of = |n: i64| with(at(&format!("p{n}"), "x"), [("g", text(format!("g{n}")))]);
    let items: Vec<_> = (0..600).map(of).collect();
    world.put_all(&table, items.clone()).await;
    for (of, index) in [
        (1, None),
        (2, None),
        (3, Some("by-g")),
        (7, None),
        (255, None),
        (256, None),
        (257, Some("by-g")),
        (1_000, None),
    ] {
        let mut seen = BTreeSet::new();
        for segment in 0..of {
            let (mut asked, mut count) = (scan(Some((segment, of))), 0);
            asked.index = index.map(str::to_owned);
            asked.page.limit = Some(40);
            loop {
                let page = world.documents.scan(&table, asked.clone()).await.unwrap();
                count += page.items.len();
                for item in page.items {
                    assert!(items.contains(&item));
                    assert!(seen.insert(format!("{item:?}")), "{item:?} is in two segments");
                }
                asked.page.start = page.last;
                if asked.page.start.is_none() {
                    break;
                }
            }
            assert!(count <= (1_200 / of as usize).max(15), "{count} of 600 are in one of {of}");
        }
        assert_eq!(seen.len(), 600, "{of}");
    }
}

#[tokio::test]
async fn a_scan_of_a_segment_begins_within_it() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    world.put_all(&table, (0..100).map(|n| at(&format!("p{n}"), "x"))).await;
    let first = world.documents.scan(&table, scan(Some((0, 2)))).await.unwrap().items.remove(0);
    let mut other = scan(Some((1, 2)));
    other.page.start = Some(first.clone());
    let refused = refusal(world.documents.scan(&table, other.clone()).await).to_string();
    assert!(refused.contains("outside the segment"), "{refused}");
    other.segment = Some((0, 2));
    let rest = world.documents.scan(&table, other.clone()).await.unwrap().items;
    assert!(!rest.is_empty() && !rest.contains(&first));
    other.page.start = Some(with(first, [("v", number(1))]));
    assert_eq!(refusal(world.documents.scan(&table, other).await), Invalid::Start.into());
}

#[tokio::test]
async fn a_scan_ends_its_pages_as_a_query_does() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    let large =
        |n: i64| with(at(&format!("p{n}"), "x"), [("v", text("x".repeat(300 << 10))), ("n", number(n))]);
    world.put_all(&table, (0..9).map(large)).await;
    let mut asked = scan(None);
    asked.page.filter = Some(
        Condition::parse(
            "n < :n AND sk = :x",
            Which::Filter,
            &substitutes([(":n", number(5)), (":x", text("x"))]),
        )
        .unwrap(),
    );
    let (mut found, mut scanned) = (0, Vec::new());
    loop {
        let page = world.documents.scan(&table, asked.clone()).await.unwrap();
        found += page.items.len();
        scanned.push(page.scanned);
        assert_eq!(page.size >= limits::PAGE_SIZE, page.last.is_some());
        asked.page.start = page.last;
        if asked.page.start.is_none() {
            break;
        }
    }
    assert_eq!((found, scanned), (5, vec![4, 4, 1]));
    for limit in [1, 2, 9, 10] {
        assert_eq!(world.all(&table, None, limit).await.len(), 9);
    }
}

#[tokio::test]
async fn a_page_is_of_one_moment() {
    let world = World::new().await;
    let table = world.create(orders()).await;
    // Two items that are always changed together.
    let pair =
        |n: i64| ["a", "b"].map(|pk| (table.clone(), crate::put(with(at(pk, "x"), [("n", number(n))]))));
    world.documents.transact(pair(0).into(), None).await.unwrap();
    let writer = {
        let (documents, pairs) = (world.documents.clone(), (1..300).map(pair).collect::<Vec<_>>());
        tokio::spawn(async move {
            for pair in pairs {
                documents.transact(pair.into(), None).await.unwrap();
            }
        })
    };
    let mut seen = BTreeSet::new();
    while !writer.is_finished() {
        let page = world.documents.scan(&table, scan(None)).await.unwrap();
        let [one, other] = &page.items[..] else { panic!("{page:?}") };
        assert_eq!(one["n"], other["n"]);
        let both = [(table.clone(), at("a", "x")), (table.clone(), at("b", "x"))];
        let found = world.documents.get_all(&both).await.unwrap();
        assert_eq!(found[0].as_ref().unwrap()["n"], found[1].as_ref().unwrap()["n"]);
        seen.insert(format!("{:?}", one["n"]));
    }
    writer.await.unwrap();
    assert!(seen.len() > 1, "it was read while it was written");
}
