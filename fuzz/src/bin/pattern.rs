//! `pattern|event`: event patterns, as rules, event source mappings and filter policies read them.
#![no_main]

use std::net::Ipv6Addr;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sonagi_expressions::pattern::{Attribute, Dialect, Pattern, Scope};

const DIALECTS: [Dialect; 4] = [
    Dialect::Bus,
    Dialect::Mapping,
    Dialect::Subscription(Scope::Body),
    Dialect::Subscription(Scope::Attributes),
];

fuzz_target!(|text: &str| {
    let (text, event) = text.split_once('|').unwrap_or((text, "{}"));
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    for dialect in DIALECTS {
        match Pattern::parse(text, dialect) {
            Ok(pattern) => ask(&pattern, &event, dialect),
            Err(error) => {
                assert!(error.offset() <= text.len() && text.is_char_boundary(error.offset()), "{error}");
                assert!((1..=text.lines().count() + 1).contains(&error.line()), "{error}");
                assert!((1..=text.chars().count() + 1).contains(&error.column()), "{error}");
            }
        }
    }
    // A number is its own text, so that none is rounded on its way.
    if let Ok(wanted @ (Value::String(_) | Value::Number(_))) = serde_json::from_str(text) {
        scalar(text, &wanted, &event);
    }
});

fn ask(pattern: &Pattern, event: &Value, dialect: Dialect) {
    let matched = pattern.matches(event);
    assert_eq!(matched, pattern.matches(event), "asked twice");
    assert_eq!(matched, pattern.matches(&backwards(event)), "the order of keys");
    if dialect == Dialect::Subscription(Scope::Attributes) {
        let attribute = |name: &str| {
            Some(match event.get(name)? {
                Value::String(text) if text.starts_with(['-', '.', '1']) => Attribute::Number(text),
                Value::String(text) => Attribute::Text(text),
                Value::Array(items) => Attribute::Array(items),
                _ => Attribute::Binary,
            })
        };
        assert_eq!(pattern.matches_attributes(attribute), pattern.matches_attributes(attribute));
    }
}

fn backwards(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(backwards).collect(),
        Value::Object(members) => {
            members.iter().rev().map(|(name, value)| (name.clone(), backwards(value))).collect()
        }
        other => other.clone(),
    }
}

/// What operators say of one value.
fn scalar(text: &str, wanted: &Value, event: &Value) {
    let parse = |list: &str| Pattern::parse(&format!("{{\"a\": [{list}]}}"), Dialect::Mapping);
    let Ok(exact) = parse(text) else { return };
    let of = |value: &Value| json!({ "a": value });
    assert!(exact.matches(&of(wanted)), "{text} is not itself");
    let scalar = !event.is_array() && !event.is_object();
    // Addresses are the same however they are written, and are excluded as they are written.
    let address = wanted.as_str().is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
    if let Ok(but) = parse(&format!("{{\"anything-but\": {text}}}"))
        && scalar
        && !address
    {
        assert_ne!(but.matches(&of(event)), exact.matches(&of(event)), "{text} and anything but it: {event}");
    }
    let Some(wanted) = wanted.as_str() else { return };
    let (first, last) = wanted.split_at(wanted.char_indices().nth(1).map_or(0, |(at, _)| at));
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('*', "\\*");
    let more = format!("{}{}", first.repeat(2), last.repeat(2));
    let tests = [
        (json!({ "equals-ignore-case": wanted }), wanted),
        (json!({ "prefix": first }), &more),
        (json!({ "suffix": last }), &more),
        (json!({ "prefix": { "equals-ignore-case": first } }), &more),
        (json!({ "suffix": { "equals-ignore-case": last } }), &more),
        (json!({ "wildcard": escaped(wanted) }), wanted),
        (json!({ "wildcard": format!("{}*{}", escaped(first), escaped(last)) }), &more),
    ];
    for (test, value) in tests {
        // Escaped, it may be too long.
        if let Ok(pattern) = parse(&test.to_string()) {
            assert!(pattern.matches(&json!({ "a": value })), "{test} does not match {value:?}");
        }
    }
}
