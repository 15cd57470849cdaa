//! What one field's list means. Where a case is the documentation's or `aws/event-ruler`'s, it is in other words.

use serde_json::{Value, json};
use sonagi_expressions::pattern::{Dialect, Pattern};

/// Whether `list` keeps a field with each of the values, as the bus and the mapping say.
fn check(list: &Value, kept: &[Value], refused: &[Value]) {
    for dialect in [Dialect::Bus, Dialect::Mapping] {
        let pattern = Pattern::parse(&json!({ "detail": { "x": list } }).to_string(), dialect).unwrap();
        let matches = |value: &Value| pattern.matches(&json!({ "detail": { "x": value } }));
        for value in kept {
            assert!(matches(value), "{list} keeps {value}");
        }
        for value in refused {
            assert!(!matches(value), "{list} refuses {value}");
        }
        assert!(!pattern.matches(&json!({ "detail": {} })), "{list} refuses a field that is not there");
    }
}

#[test]
fn plain_values_are_exact_and_typed() {
    check(
        &json!(["running", "stopped"]),
        &[json!("running"), json!("stopped")],
        &[json!("Running"), json!("run")],
    );
    check(&json!([""]), &[json!("")], &[json!(" "), json!(null), json!([])]);
    check(&json!([null]), &[json!(null)], &[json!("null"), json!(""), json!([]), json!(0)]);
    check(&json!([true]), &[json!(true)], &[json!(false), json!("true"), json!(1)]);
    check(&json!(["1"]), &[json!("1")], &[json!(1)]);
    check(&json!([{ "exactly": "a" }]), &[json!("a")], &[json!("b")]);
}

#[test]
fn numbers_are_equal_however_they_are_written() {
    for list in ["[300]", "[300.0]", "[3.0e2]", "[{\"numeric\": [\"=\", 3.00E+2]}]"] {
        let pattern = Pattern::parse(&format!("{{\"x\": {list}}}"), Dialect::Bus).unwrap();
        for event in ["300", "300.0", "3.0e2", "3e2", "300.00000"] {
            let event = serde_json::from_str(&format!("{{\"x\": {event}}}")).unwrap();
            assert!(pattern.matches(&event), "{list} {event}");
        }
        for event in ["301", "\"300\"", "300.00001", "-300"] {
            let event = serde_json::from_str(&format!("{{\"x\": {event}}}")).unwrap();
            assert!(!pattern.matches(&event), "{list} {event}");
        }
    }
    // A double would take these for the same.
    check(
        &json!([9_007_199_254_740_993_u64]),
        &[json!(9_007_199_254_740_993_u64)],
        &[json!(9_007_199_254_740_992_u64)],
    );
    check(&json!([0]), &[json!(0), json!(-0.0)], &[]);
}

#[test]
fn numeric_ranges_have_one_end_or_two() {
    let case = |terms: Value, kept: &[Value], refused: &[Value]| {
        check(&json!([{ "numeric": terms }]), kept, refused)
    };
    case(
        json!([">", 0, "<=", 5]),
        &[json!(0.00001), json!(5), json!(5.0)],
        &[json!(0), json!(5.00001), json!("3")],
    );
    case(json!([">=", 0, "<", 5]), &[json!(0), json!(4.9)], &[json!(5), json!(-1), json!(null), json!(true)]);
    case(json!(["<", 10]), &[json!(9), json!(-1e300)], &[json!(10), json!(11)]);
    case(json!(["<=", -10.5]), &[json!(-10.5)], &[json!(-10.4)]);
    case(json!([">", 1e15]), &[json!(1_000_000_000_000_001_u64)], &[json!(1_000_000_000_000_000_u64)]);
    case(json!([">=", 3]), &[json!(3)], &[json!(2.9)]);
    case(json!(["=", 0.30000000000000004]), &[json!(0.30000000000000004)], &[json!(0.3)]);
    case(json!(["=", 0.3]), &[json!(0.3)], &[json!(0.30000000000000004)]);
}

#[test]
fn text_is_compared_at_its_ends() {
    check(
        &json!([{ "prefix": "2017-10-02" }]),
        &[json!("2017-10-02T18:43:48Z")],
        &[json!("2017-10-0"), json!(2017)],
    );
    check(&json!([{ "prefix": "" }]), &[json!(""), json!("x")], &[json!(1), json!(null)]);
    check(&json!([{ "suffix": ".png" }]), &[json!("a.png"), json!(".png")], &[json!("a.PNG"), json!("png")]);
    let fold = |operator: &str, text: &str| json!([{ operator: { "equals-ignore-case": text } }]);
    check(&fold("prefix", "EventB"), &[json!("EVENTBRIDGE"), json!("eventb")], &[json!("event"), json!(7)]);
    check(&fold("suffix", ".Png"), &[json!("A.PNG"), json!(".png")], &[json!("png.x"), json!("ng")]);
    check(&fold("prefix", "ÄÖ"), &[json!("äöü")], &[json!("ao")]);
    check(&json!([{ "equals-ignore-case": "Alice" }]), &[json!("aLICE")], &[json!("alic"), json!("alicea")]);
    check(&json!([{ "equals-ignore-case": "" }]), &[json!("")], &[json!("a")]);
}

#[test]
fn wildcards_stand_for_any_characters() {
    let case = |text: &str, kept: &[&str], refused: &[&str]| {
        let values = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
        check(&json!([{ "wildcard": text }]), &values(kept), &values(refused));
    };
    case("dir/*.png", &["dir/a.png", "dir/.png", "dir/b/c.png"], &["dir/a.jpg", "a/dir/a.png", "dir/.pn"]);
    case("Simple*Service", &["SimpleQueueService", "SimpleService"], &["Simple", "SimpleServic"]);
    case("*/dir1/*/doc", &["x/dir1/y/doc", "/dir1//doc"], &["dir1/y/doc", "x/dir1/doc"]);
    case("a\\*b*", &["a*b", "a*bc"], &["axb"]);
    case("no star", &["no star"], &["no stars"]);
    case("*", &["", "x"], &[]);
    check(&json!([{ "wildcard": "*" }]), &[], &[json!(1), json!(null)]);
}

#[test]
fn anything_but_is_something_else_that_is_there() {
    let case = |excluded: Value, kept: &[Value], refused: &[Value]| {
        check(&json!([{ "anything-but": excluded }]), kept, refused);
    };
    case(
        json!("initializing"),
        &[json!("running"), json!(1), json!(null), json!("Initializing")],
        &[json!("initializing")],
    );
    case(json!(123), &[json!(124), json!("123")], &[json!(123), json!(123.0)]);
    case(
        json!(["stopped", "overloaded"]),
        &[json!("running"), json!(false)],
        &[json!("stopped"), json!("overloaded")],
    );
    case(json!([100, 200]), &[json!(300), json!("100")], &[json!(100), json!(2e2)]);
    case(json!({ "prefix": "init" }), &[json!("run"), json!(7)], &[json!("initializing")]);
    case(json!({ "prefix": ["init", "error"] }), &[json!("run")], &[json!("init"), json!("errors")]);
    case(json!({ "suffix": ".png" }), &[json!("a.jpg"), json!(null)], &[json!("a.png")]);
    case(json!({ "suffix": [".png", ".jpg"] }), &[json!("a.gif")], &[json!("a.png"), json!("b.jpg")]);
    case(json!({ "equals-ignore-case": "Stopped" }), &[json!("start")], &[json!("STOPPED")]);
    case(json!({ "equals-ignore-case": ["a", "b"] }), &[json!("c"), json!(0)], &[json!("A"), json!("B")]);
    case(json!({ "wildcard": "*/lib/*" }), &[json!("/bin/x")], &[json!("/lib/"), json!("a/lib/b")]);
    case(json!({ "wildcard": ["*.jar", "*.class"] }), &[json!("a.rs")], &[json!("a.jar"), json!("b.class")]);
    // Of an array, one other element is enough.
    case(json!(["rugby", "tennis"]), &[json!(["rugby", "baseball"])], &[json!(["rugby"]), json!([])]);
}

#[test]
fn addresses_are_compared_as_addresses() {
    let case =
        |block: &str, kept: &[Value], refused: &[Value]| check(&json!([{ "cidr": block }]), kept, refused);
    case(
        "10.0.0.0/24",
        &[json!("10.0.0.0"), json!("10.0.0.255")],
        &[json!("10.0.1.0"), json!("10.0.0"), json!(10), json!("::1")],
    );
    case("10.0.0.77/24", &[json!("10.0.0.1")], &[json!("10.1.0.1")]);
    case("0.0.0.0/0", &[json!("255.255.255.255")], &[json!("x")]);
    case(
        "2001:db8::/32",
        &[json!("2001:db8:1::1"), json!("2001:0DB8::")],
        &[json!("2001:db9::"), json!("10.0.0.1")],
    );
    check(&json!(["2001:db8::1"]), &[json!("2001:0db8:0:0:0:0:0:1")], &[json!("2001:db8::2")]);
    check(&json!(["10.0.0.1"]), &[json!("10.0.0.1")], &[json!("10.0.0.10")]);
}

#[test]
fn a_list_is_kept_by_any_of_its_items() {
    let list = json!([{ "prefix": "a" }, { "numeric": [">", 5] }, null, "zzz"]);
    check(&list, &[json!("abc"), json!(6), json!(null), json!("zzz")], &[json!("b"), json!(5), json!(false)]);
}

#[test]
fn exists_looks_at_values_only() {
    let pattern = |exists: bool| {
        Pattern::parse(&json!({ "detail": { "c": [{ "exists": exists }] } }).to_string(), Dialect::Bus)
            .unwrap()
    };
    let (there, missing) = (pattern(true), pattern(false));
    for (event, exists) in [
        (json!({ "detail": { "c": 5 } }), true),
        (json!({ "detail": { "c": null } }), true),
        (json!({ "detail": { "c": "" } }), true),
        (json!({ "detail": { "c": [1] } }), true),
        (json!({ "detail": { "c": [] } }), false),
        (json!({ "detail": { "c": { "c1": 100 } } }), false),
        (json!({ "detail": { "d": 1 } }), false),
        (json!({ "detail": 3 }), false),
        (json!({ "detail": [] }), false),
        (json!({}), false),
    ] {
        assert_eq!(there.matches(&event), exists, "{event}");
        assert_eq!(missing.matches(&event), !exists, "{event}");
    }
    let either = Pattern::parse(r#"{"c": [{"exists": false}, "x"]}"#, Dialect::Bus).unwrap();
    assert!(either.matches(&json!({})));
    assert!(either.matches(&json!({ "c": "x" })));
    assert!(!either.matches(&json!({ "c": "y" })));
}
