//! `expression|bytes`: expressions on items, and the bytes that items are stored as.
#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use sonagi_items::{
    Item, Kind, Value, codec,
    expression::{Condition, Projection, Substitutes, Update, Which},
    key,
};

static ITEM: LazyLock<Item> = LazyLock::new(|| {
    let number = |text: &str| Value::Number(text.parse().expect("a number"));
    Item::from([
        ("s".to_owned(), Value::Text("ab".into())),
        ("n".to_owned(), number("1.5")),
        (
            "l".to_owned(),
            Value::List(vec![number("1"), Value::Map(Item::from([("k".to_owned(), Value::Null)]))]),
        ),
        ("m".to_owned(), Value::Map(Item::from([("k".to_owned(), Value::Texts(["a".to_owned()].into()))]))),
    ])
});

fn substitutes() -> Substitutes {
    let values = [
        (":s", Value::Text("a".into())),
        (":n", Value::Number(2.into())),
        (":l", Value::List(vec![Value::Null])),
        (":ss", Value::Texts(["a".to_owned()].into())),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value));
    Substitutes::new(BTreeMap::from([("#n".to_owned(), "n".to_owned())]), values.into())
}

fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == b'|').unwrap_or(input.len());
    let bytes = input.get(at + 1..).unwrap_or_default();
    if let Ok(item) = codec::decode(&bytes.to_vec().into()) {
        // What is written is read again, in whatever form it came.
        assert_eq!(codec::decode(&codec::encode(&item)).as_ref(), Ok(&item));
    }
    for kind in Kind::ALL {
        if let Some((value, rest)) = key::read(kind, bytes) {
            let mut written = Vec::new();
            assert!(key::write(&mut written, &value));
            assert_eq!(written, bytes[..bytes.len() - rest.len()], "a key has one form");
        }
    }
    let Ok(text) = std::str::from_utf8(&input[..at]) else { return };
    if let Ok(condition) = Condition::parse(text, Which::Filter, &substitutes()) {
        assert_eq!(condition.holds(&ITEM), condition.holds(&ITEM));
        let negated = Condition::parse(&format!("NOT ({text})"), Which::Filter, &substitutes());
        if let Ok(negated) = negated {
            assert_ne!(condition.holds(&ITEM), negated.holds(&ITEM));
        }
    }
    if let Ok(projection) = Projection::parse(text, &substitutes()) {
        let part = projection.of(&ITEM);
        assert!(part.keys().all(|name| ITEM.contains_key(name)));
        // Of what was taken out, but for elements that have moved, the same is taken.
        if !text.contains('[') {
            assert_eq!(projection.of(&part), part);
        }
    }
    if let Ok(update) = Update::parse(text, &substitutes())
        && let Ok(after) = update.of(&ITEM)
    {
        let named: Vec<_> = update.paths().map(|path| &path.name).collect();
        assert!(ITEM.iter().all(|(name, value)| named.contains(&name) || after.get(name) == Some(value)));
    }
});
