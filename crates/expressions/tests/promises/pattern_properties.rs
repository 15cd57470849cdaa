//! Random and hostile patterns and events.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sonagi_expressions::pattern::{Attribute, Dialect, Pattern, Scope};

const DIALECTS: [Dialect; 4] = [
    Dialect::Bus,
    Dialect::Mapping,
    Dialect::Subscription(Scope::Attributes),
    Dialect::Subscription(Scope::Body),
];

/// A value of an event and the elements of arrays that it lies in, as `aws/event-ruler` flattens events.
struct Flat {
    path: String,
    value: Value,
    elements: Vec<(usize, usize)>,
}

fn flatten(value: &Value, path: &str, elements: &[(usize, usize)], arrays: &mut usize, all: &mut Vec<Flat>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(value, &path, elements, arrays, all);
            }
        }
        Value::Array(items) => {
            let array = *arrays;
            *arrays += 1;
            for (index, item) in items.iter().enumerate() {
                let mut elements = elements.to_vec();
                if item.is_object() || item.is_array() {
                    elements.push((array, index));
                }
                flatten(item, path, &elements, arrays, all);
            }
        }
        value => all.push(Flat { path: path.to_owned(), value: value.clone(), elements: elements.to_vec() }),
    }
}

fn consistent(one: &[(usize, usize)], other: &[(usize, usize)]) -> bool {
    one.iter().all(|(array, index)| other.iter().all(|(known, chosen)| known != array || chosen == index))
}

/// What a rule means, said simply: for every path a value, or nothing where that is allowed, and all of them lie in the
/// same element of any array.
fn means(rule: &[(String, i64, bool)], event: &[Flat], chosen: &[(usize, usize)], missing: &[&str]) -> bool {
    let Some(((path, wanted, optional), rest)) = rule.split_first() else {
        let there =
            |path: &&str| event.iter().any(|flat| flat.path == **path && consistent(&flat.elements, chosen));
        return !missing.iter().any(there);
    };
    let by_value = event.iter().any(|flat| {
        flat.path == *path && flat.value == json!(wanted) && consistent(&flat.elements, chosen) && {
            let elements: Vec<_> = chosen.iter().chain(&flat.elements).copied().collect();
            means(rest, event, &elements, missing)
        }
    });
    by_value
        || (*optional && {
            let missing: Vec<&str> = missing.iter().copied().chain([path.as_str()]).collect();
            means(rest, event, chosen, &missing)
        })
}

fn events() -> impl Strategy<Value = Value> {
    let leaf = (0..3_i64).prop_map(|number| json!(number));
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    });
    prop::collection::vec(("[abc]", value), 0..4).prop_map(|members| Value::Object(Map::from_iter(members)))
}

fn rules() -> impl Strategy<Value = Vec<(String, i64, bool)>> {
    let path = prop_oneof![
        Just("a"),
        Just("b.a"),
        Just("b.b"),
        Just("b.c.a"),
        Just("b.c.b"),
        Just("c.a"),
        Just("c.b")
    ];
    prop::collection::btree_map(path, (0..3_i64, any::<bool>()), 1..5).prop_map(|fields| {
        fields.into_iter().map(|(path, (wanted, optional))| (path.to_owned(), wanted, optional)).collect()
    })
}

fn object(rule: &[(String, i64, bool)]) -> Value {
    let list = |(path, wanted, optional): &(String, i64, bool)| {
        let mut items = vec![json!(wanted)];
        items.extend(optional.then(|| json!({ "exists": false })));
        (path.clone(), Value::Array(items))
    };
    Value::Object(rule.iter().map(list).collect())
}

/// With its keys joined where it can be.
fn joined(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().fold(Map::new(), |mut object, (name, value)| {
                match joined(value) {
                    Value::Object(below) if !below.is_empty() => {
                        object.extend(
                            below.into_iter().map(|(below, value)| (format!("{name}.{below}"), value)),
                        );
                    }
                    value => drop(object.insert(name.clone(), value)),
                }
                object
            }))
        }
        Value::Array(items) => Value::Array(items.iter().map(joined).collect()),
        value => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arrays_and_absence_are_as_they_are_said_to_be(
        rules in prop::collection::vec(rules(), 1..4),
        event in events(),
        // Ways that nothing goes, before those that are looked at.
        before in prop::sample::select(vec![0, 1, 63, 64, 70]),
    ) {
        let mut flat = Vec::new();
        flatten(&event, "", &[], &mut 0, &mut flat);
        let wanted = rules.iter().any(|rule| means(rule, &flat, &[], &[]));
        let text = match &rules[..] {
            [rule] if before == 0 => object(rule),
            rules => {
                let nothing = (0..before).map(|way| json!({ "none": [way] }));
                json!({ "$or": nothing.chain(rules.iter().map(|rule| object(rule))).collect::<Vec<_>>() })
            }
        };
        let pattern = Pattern::parse(&text.to_string(), Dialect::Mapping).unwrap();
        prop_assert_eq!(pattern.matches(&event), wanted, "{} {}", text, event);
        prop_assert_eq!(pattern.matches(&joined(&event)), wanted, "{} {}", text, joined(&event));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", dialect in 0..4_usize) {
        drop(Pattern::parse(&text, DIALECTS[dialect]));
    }

    #[test]
    fn nothing_like_a_pattern_makes_the_parser_or_the_matcher_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"$or\"", "\"prefix\"", "\"numeric\"", "\"anything-but\"", "\"wildcard\"",
            "\"exists\"", "\"cidr\"", "\"equals-ignore-case\"", "\"a\"", "\"a.b\"", "\"*a*\"", "\">\"", "\"<=\"",
            "1", "-2.5e3", "true", "false", "null", "\"10.0.0.0/8\"", "\"\\\\\"", "{\"a\":[", "]}", "{\"exists\":false}",
        ]), 0..24),
        event in events(),
        dialect in 0..4_usize,
    ) {
        let text = words.concat();
        match Pattern::parse(&text, DIALECTS[dialect]) {
            Ok(pattern) => {
                pattern.matches(&event);
                pattern.matches_attributes(|name| (name == "a").then_some(Attribute::Text("a")));
            }
            Err(error) => {
                prop_assert!(error.offset() <= text.len());
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_pattern_of_the_values_of_an_event_keeps_it(event in events()) {
        let mut flat = Vec::new();
        flatten(&event, "", &[], &mut 0, &mut flat);
        if let Some(first) = flat.first() {
            let mut pattern = Map::new();
            pattern.insert(first.path.clone(), json!([first.value]));
            let pattern = Pattern::parse(&Value::Object(pattern).to_string(), Dialect::Mapping).unwrap();
            prop_assert!(pattern.matches(&event));
        }
    }
}

/// Were a place tried twice, or an element looked at once for each field, these would not end.
#[test]
fn hostile_patterns_and_events_take_no_longer_than_they_are_long() {
    let wildcards = format!("{{\"x\": [{{\"wildcard\": \"{}b\"}}]}}", "*a".repeat(60));
    let pattern = Pattern::parse(&wildcards, Dialect::Bus).unwrap();
    assert!(!pattern.matches(&json!({ "x": "a".repeat(1_000_000) })));

    let fields: Vec<String> = (0..40).map(|index| format!("\"f{index}\":[{{\"exists\":false}},1]")).collect();
    let pattern =
        Pattern::parse(&format!("{{\"x\":{{\"y\":{{{}}}}}}}", fields.join(",")), Dialect::Bus).unwrap();
    let element = json!({ "f39": 2, "f0": 1 });
    let inner = json!({ "y": vec![element; 200] });
    assert!(!pattern.matches(&json!({ "x": vec![inner; 200] })));

    let nested = (0..100).fold(json!(1), |value, _| json!([value, value.as_i64()]));
    assert!(!Pattern::parse("{\"x\": [2]}", Dialect::Bus).unwrap().matches(&json!({ "x": nested })));

    let ways: String = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr"]
        .map(|two| {
            let absent = |name: &str| format!("{{\"{name}\":[{{\"exists\":false}}]}}");
            format!("\"$or\":[{},{}],", absent(&two[..1]), absent(&two[1..]))
        })
        .concat();
    let pattern = format!("{{\"x\":{{{ways}\"z\":[1]}}}}");
    let elements = vec![json!({}); 50_000];
    assert!(!Pattern::parse(&pattern, Dialect::Mapping).unwrap().matches(&json!({ "x": elements })));

    let texts = |tail: &str| (0..20_000).map(|index| format!("{index}{tail}")).collect::<Vec<_>>();
    for excluded in [json!(texts("")), json!({ "prefix": texts("x") }), json!({ "suffix": texts("x") })] {
        let policy = json!({ "x": [{ "anything-but": excluded }] }).to_string();
        let policy = Pattern::parse(&policy, Dialect::Subscription(Scope::Body)).unwrap();
        let only = |value: &str| json!({ "x": [value] });
        assert!(
            policy.matches(&only("y"))
                && !policy.matches(&only(if excluded.is_array() { "7" } else { "7x" }))
        );
        assert!(policy.matches(&json!({ "x": texts("") })) != excluded.is_array());
    }
}

/// Keys with dots that meet what is no object: they lie side by side, however many they are.
#[test]
fn keys_that_mean_the_same_place_are_no_deeper_for_being_many() {
    let event: Map<String, Value> =
        (0..50_000).map(|index| (format!("a.{index}"), json!(1))).chain([("a".into(), json!(1))]).collect();
    let event = Value::Object([("a".to_owned(), json!(1))].into_iter().chain(event).collect());
    assert!(!Pattern::parse("{\"a\": {\"b\": [\"x\"]}}", Dialect::Bus).unwrap().matches(&event));
    assert!(Pattern::parse("{\"a\": {\"7\": [1]}}", Dialect::Bus).unwrap().matches(&event));
}

#[test]
fn a_number_is_itself_however_it_is_written() {
    for (one, other) in [("2e-91", "2e-91"), ("90.42225290942383", "90.42225290942383"), ("0.3", "3e-1")] {
        let pattern = Pattern::parse(&format!("{{\"a\":[{one}]}}"), Dialect::Bus).unwrap();
        let event: Value = serde_json::from_str(&format!("{{\"a\":{other}}}")).unwrap();
        assert!(pattern.matches(&event), "{one} {other}");
    }
    // Beyond all exponents.
    let text = "{\"a\":[{\"numeric\":[\"=\",1.5e-9223372036854775808]}]}";
    assert!(Pattern::parse(text, Dialect::Bus).is_err());
}
