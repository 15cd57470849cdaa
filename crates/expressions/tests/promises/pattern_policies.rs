//! Filter policies of subscriptions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sonagi_expressions::pattern::{Attribute, Dialect, Pattern, PatternError, Reason, Scope};

enum Sent {
    Text(&'static str),
    Number(&'static str),
    Array(Value),
    Binary,
}

fn parse(policy: &Value, scope: Scope) -> Result<Pattern, PatternError> {
    Pattern::parse(&policy.to_string(), Dialect::Subscription(scope))
}

fn wanted(policy: &Value, message: &BTreeMap<&str, Sent>) -> bool {
    parse(policy, Scope::Attributes).unwrap().matches_attributes(|name| {
        Some(match message.get(name)? {
            Sent::Text(text) => Attribute::Text(text),
            Sent::Number(text) => Attribute::Number(text),
            Sent::Array(items) => Attribute::Array(items.as_array().unwrap()),
            Sent::Binary => Attribute::Binary,
        })
    })
}

/// The message of SNS's example policy, in other words.
fn message() -> BTreeMap<&'static str, Sent> {
    BTreeMap::from([
        ("customer_interests", Sent::Array(json!(["soccer", "rugby", "hockey", 7, null]))),
        ("store", Sent::Text("example_corp")),
        ("event", Sent::Text("order_placed")),
        ("price_usd", Sent::Number("210.750")),
        ("source.ip", Sent::Text("10.0.0.2")),
        ("picture", Sent::Binary),
    ])
}

#[test]
fn attributes_are_matched_by_their_types() {
    let kept = [
        json!({}),
        json!({ "store": ["example_corp"], "event": [{ "anything-but": "order_cancelled" }] }),
        json!({ "customer_interests": ["rugby", "football", "baseball"], "price_usd": [{ "numeric": [">=", 100] }] }),
        json!({ "customer_interests": [7] }),
        json!({ "customer_interests": [null] }),
        json!({ "customer_interests": [{ "anything-but": ["rugby", "soccer"] }] }),
        json!({ "price_usd": [210.75] }),
        json!({ "price_usd": [{ "numeric": [">", 0, "<=", 210.75] }] }),
        json!({ "price_usd": [{ "anything-but": [100, 500] }] }),
        json!({ "store": [{ "exists": true }], "missing": [{ "exists": false }] }),
        json!({ "picture": [{ "exists": true }] }),
        json!({ "source.ip": [{ "cidr": "10.0.0.0/24" }] }),
        json!({ "event": [{ "prefix": "order_" }], "store": [{ "suffix": "_corp" }] }),
        json!({ "event": [{ "equals-ignore-case": "ORDER_PLACED" }] }),
        json!({ "$or": [{ "store": ["x"] }, { "event": [{ "wildcard": "*_pl*" }] }] }),
    ];
    for policy in kept {
        assert!(wanted(&policy, &message()), "{policy}");
    }
    let refused = [
        json!({ "store": ["Example_corp"] }),
        json!({ "store": [{ "exists": false }] }),
        json!({ "missing": [{ "exists": true }] }),
        json!({ "missing": [{ "anything-but": "x" }] }),
        json!({ "store": ["example_corp"], "event": ["x"] }),
        json!({ "price_usd": ["210.750"] }),
        json!({ "price_usd": [{ "numeric": ["<", 210.75] }] }),
        json!({ "price_usd": [{ "prefix": "2" }] }),
        json!({ "store": [{ "numeric": [">", 0] }] }),
        json!({ "picture": [{ "anything-but": "x" }] }),
        json!({ "$or": [{ "store": ["x"] }, { "event": ["y"] }] }),
    ];
    for policy in refused {
        assert!(!wanted(&policy, &message()), "{policy}");
    }
}

#[test]
fn bodies_are_matched_as_events_are() {
    let body = json!({ "store": { "name": "a", "tags": [{ "k": 1, "v": 2 }] }, "price": 5 });
    let case = |policy: Value| parse(&policy, Scope::Body).unwrap().matches(&body);
    assert!(case(json!({ "store": { "name": ["a"], "tags": { "k": [1], "v": [2] } } })));
    assert!(!case(json!({ "store": { "name": ["b"] } })));
    assert!(case(json!({})));
    assert!(parse(&json!({}), Scope::Body).unwrap().matches(&json!("not an object")));
    assert!(!parse(&json!({ "a": [{ "exists": false }] }), Scope::Body).unwrap().matches(&json!("text")));
}

#[test]
fn keys_and_combinations_are_limited() {
    let key = |index: usize| (format!("k{index}"), json!(["v"]));
    let keys = |count: usize| Value::Object((0..count).map(key).collect());
    assert!(parse(&keys(5), Scope::Attributes).is_ok());
    let error = parse(&keys(6), Scope::Attributes).unwrap_err();
    assert_eq!(error.reason(), &Reason::Keys);
    assert_eq!(
        error.to_string(),
        "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys (line 1, column 57)"
    );

    let values = |count: usize| (0..count).map(|value| json!(value)).collect::<Vec<_>>();
    let flat = |one, two| parse(&json!({ "a": values(one), "b": values(two) }), Scope::Attributes);
    assert!(flat(10, 15).is_ok());
    assert_eq!(flat(10, 16).unwrap_err().reason(), &Reason::PolicyCombinations);
    // Four values three levels deep and three two levels deep are 3 × 4 × 2 × 3 = 72 combinations.
    let nested = |one, two| {
        parse(&json!({ "a": { "b": { "c": values(one) } }, "d": { "e": values(two) } }), Scope::Body)
    };
    assert!(nested(4, 3).is_ok());
    assert!(nested(5, 5).is_ok());
    assert_eq!(nested(4, 7).unwrap_err().reason(), &Reason::PolicyCombinations);
    // Alternatives are added, and what stands before them multiplies each.
    let or = |each| {
        parse(&json!({ "x": values(5), "$or": [{ "a": values(each) }, { "b": values(each) }] }), Scope::Body)
    };
    assert!(or(15).is_ok());
    assert_eq!(or(16).unwrap_err().reason(), &Reason::PolicyCombinations);
    let ors = |first, last| {
        let inner = json!([{ "id": values(4) }, { "space": values(last) }]);
        let alternatives = json!([{ "name": values(6) }, { "kind": values(4), "$or": inner }]);
        parse(&json!({ "source": values(first), "$or": alternatives }), Scope::Attributes)
    };
    // 3 × 6 + 3 × 4 × 4 + 3 × 4 × 7 = 150, and 4 × 6 + 4 × 4 × 4 + 4 × 4 × 4 = 152.
    assert!(ors(3, 7).is_ok());
    assert_eq!(ors(4, 4).unwrap_err().reason(), &Reason::PolicyCombinations);
}

#[test]
fn attributes_have_nothing_below_them() {
    for policy in [json!({ "a": { "b": ["c"] } }), json!({ "$or": [{ "a": { "b": [1] } }, { "c": [1] }] })] {
        let error = parse(&policy, Scope::Attributes).unwrap_err();
        assert_eq!(error.reason(), &Reason::Nested);
        assert!(error.text().starts_with("Filter policy scope MessageAttributes does not support"));
        assert!(error.to_string().starts_with(
            "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"
        ));
    }
}

#[test]
fn a_policy_may_have_256_kb() {
    let text = |size: usize| format!("{{\"a\": [\"{}\"]}}", "x".repeat(size - 11));
    let parse = |text: &str| Pattern::parse(text, Dialect::Subscription(Scope::Attributes));
    assert!(parse(&text(256 << 10)).is_ok());
    assert!(matches!(
        parse(&text((256 << 10) + 1)).unwrap_err().reason(),
        Reason::TooLong { limit: 262_144, .. }
    ));
}
