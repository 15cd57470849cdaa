//! Input paths and input transformers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use sonagi_expressions::transform::{Document, InputPath, Occasion, TransformError, Transformer};
use sonagi_model::{Timestamp, limits};

const OCCASION: Occasion<'static> = Occasion {
    rule_arn: "arn:aws:events:us-east-1:123456789012:rule/example",
    rule_name: "example",
    ingestion_time: Timestamp::from_millis(1_447_277_394_123),
};

/// The event of EventBridge's own examples, in other words.
fn event() -> Value {
    json!({
        "version": "0",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "time": "2015-11-11T21:29:54Z",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
        "detail": { "instance-id": "i-0123456789", "state": "RUNNING", "count": 3, "note": "a \"b\"\n\\" },
    })
}

fn paths() -> BTreeMap<String, String> {
    [
        ("timestamp", "$.time"),
        ("instance", "$.detail.instance-id"),
        ("state", "$.detail.state"),
        ("count", "$.detail.count"),
        ("resource", "$.resources[0]"),
        ("detail", "$.detail"),
        ("note", "$.detail.note"),
        ("missing", "$.detail.missing"),
    ]
    .map(|(name, path)| (name.to_owned(), path.to_owned()))
    .into()
}

fn written(value: &Value) -> Document {
    Document::parse(&value.to_string()).unwrap()
}

fn render(template: &str) -> String {
    Transformer::parse(&paths(), template).unwrap().render(&written(&event()), OCCASION).unwrap()
}

fn error(template: &str) -> TransformError {
    Transformer::parse(&paths(), template).unwrap_err()
}

#[test]
fn a_template_may_be_a_string() {
    assert_eq!(render("\"instance <instance> is in <state>\""), "\"instance i-0123456789 is in RUNNING\"");
    assert_eq!(
        render("\"instance \\\"<instance>\\\" is in <state>\""),
        "\"instance \\\"i-0123456789\\\" is in RUNNING\""
    );
    assert_eq!(render("\"first <count>\"\n\"second <state>\""), "\"first 3\"\n\"second RUNNING\"");
    assert_eq!(render("\"found <missing>.\""), "\"found .\"");
    assert_eq!(render("\"5 < 6 and </b> stay\""), "\"5 < 6 and </b> stay\"");
    assert_eq!(render("\"{[/ <state>\""), "\"{[/ RUNNING\"");
}

#[test]
fn a_template_may_be_json() {
    assert_eq!(
        render("{\"instance\" : <instance>, \"state\": <state>}"),
        "{\"instance\" : \"i-0123456789\", \"state\": \"RUNNING\"}"
    );
    assert_eq!(
        render("{\"state\": \"<state>\", \"status\": \"instance \\\"<instance>\\\" is in <state>\"}"),
        "{\"state\": \"RUNNING\", \"status\": \"instance \\\"i-0123456789\\\" is in RUNNING\"}"
    );
    assert_eq!(
        render("{\"state\": [9, <state>, true, <count>], \"Transformed\" : \"Yes\"}"),
        "{\"state\": [9, \"RUNNING\", true, 3], \"Transformed\" : \"Yes\"}"
    );
    assert_eq!(render("<state>"), "\"RUNNING\"");
    assert_eq!(render("[<resource>]"), "[\"arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111\"]");
    assert_eq!(render("{\"command\": <missing>}"), "{\"command\": \"\"}");
    let detail: Value = serde_json::from_str(&render("{\"detail\": <detail>}")).unwrap();
    assert_eq!(detail["detail"], event()["detail"]);
}

#[test]
fn objects_in_strings_lose_their_quotes() {
    let text: String = serde_json::from_str(&render("\"Detail is <detail>\"")).unwrap();
    assert_eq!(text, "Detail is {instance-id:i-0123456789,state:RUNNING,count:3,note:a b\n\\}");
}

#[test]
fn what_is_written_into_a_string_is_escaped() {
    let text: Value = serde_json::from_str(&render("{\"a\": \"<note>\", \"b\": <note>}")).unwrap();
    assert_eq!(text, json!({ "a": event()["detail"]["note"], "b": event()["detail"]["note"] }));
}

#[test]
fn no_number_of_an_event_is_rounded_on_its_way() {
    let text = r#"{"detail":{"state":12345678901234567890123,"count":1.50,"note":[1E5,"\u00e9"]}}"#;
    let event = Document::parse(text).unwrap();
    let render = |template| Transformer::parse(&paths(), template).unwrap().render(&event, OCCASION).unwrap();
    assert_eq!(
        render("{\"a\": <state>, \"b\": \"<count>\", \"c\": <note>, \"d\": \"<note>\"}"),
        r#"{"a": 12345678901234567890123, "b": "1.50", "c": [1E5,"é"], "d": "[1E5,é]"}"#
    );
    assert_eq!(render("<aws.events.event.json>"), text.replace("\\u00e9", "é"));
    let all = InputPath::parse("$.detail.*").unwrap().select(&event).unwrap();
    assert_eq!(all, r#"[12345678901234567890123,1.50,[1E5,"é"]]"#);
}

#[test]
fn what_no_event_can_be_is_not_read() {
    for text in ["", "{", "{} {}", r#""\ud800""#, r#"{"\ud800":","}"#, &"[".repeat(100_000)] {
        assert!(Document::parse(text).is_none(), "{text:.20}");
    }
    let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Document::parse(&nested(limits::EVENT_DEPTH)).is_some());
    assert!(Document::parse(&nested(limits::EVENT_DEPTH + 1)).is_none());
}

#[test]
fn the_event_without_its_detail_has_its_members_in_eventbridges_order() {
    let event = json!({
        "version": "0", "id": "1", "detail-type": "t", "source": "s", "account": "a", "time": "z", "region": "r",
        "replay-name": "again", "resources": [], "detail": {},
    });
    let transformer = Transformer::parse(&paths(), "<aws.events.event>").unwrap();
    let names =
        ["id", "account", "detailType", "time", "source", "region", "resources", "version", "replay-name"];
    let text = transformer.render(&written(&event), OCCASION).unwrap();
    let shown: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert!(shown.keys().eq(&names), "{text}");
}

#[test]
fn predefined_variables_tell_of_the_rule_and_the_event() {
    let text = render(
        "{\"arn\": <aws.events.rule-arn>, \"name\": \"The rule name is: \\\"<aws.events.rule-name>\\\"\", \
         \"at\": <aws.events.event.ingestion-time>, \"event\": <aws.events.event>, \"all\": <aws.events.event.json>}",
    );
    let mut without = event();
    let members = without.as_object_mut().unwrap();
    members.remove("detail");
    let kind = members.remove("detail-type").unwrap();
    members.insert("detailType".into(), kind);
    let wanted = json!({
        "arn": OCCASION.rule_arn,
        "name": "The rule name is: \"example\"",
        "at": "2015-11-11T21:29:54Z",
        "event": without,
        "all": event(),
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
}

#[test]
fn a_mistake_in_a_template_is_told_with_its_place() {
    assert_eq!(
        error("{\"a\": <state>,\n \"b\": <notdefinedkey>}").for_target("t1"),
        "InputTemplate for target t1 contains invalid placeholder notdefinedkey. (line 2, column 7): add it to \
         InputPathsMap"
    );
    for template in ["<instance> is in state <state>", "instance"] {
        let error = error(template);
        assert!(matches!(error, TransformError::Template { .. }), "{error}");
    }
    assert_eq!(
        error("instance <instance>").to_string(),
        "Invalid InputTemplate: at line 1, column 1 belongs a double quote around the text, or JSON"
    );
    for template in ["{<state>: 1}", "{\"<state>\": 1}", "[{\"a <state>\": 1}]"] {
        assert!(matches!(error(template), TransformError::Key { .. }), "{template}");
    }
    for template in [
        "{\"a\": <state>",
        "{\"a\": <state> <count>}",
        "<state><count>",
        "<state> <count>",
        "{} {}",
        "\"a\"\"b\"",
    ] {
        assert!(matches!(error(template), TransformError::Template { .. }), "{template}");
    }
    assert_eq!(error(""), TransformError::TemplateSize { size: 0 });
    let size = limits::INPUT_TEMPLATE_SIZE;
    assert_eq!(render(&format!("\"{}\"", "x".repeat(size - 2))).len(), size);
    assert_eq!(
        error(&format!("\"{}\"", "x".repeat(size - 1))),
        TransformError::TemplateSize { size: size + 1 }
    );
}

#[test]
fn variables_have_names_and_a_number() {
    let parse = |paths: BTreeMap<String, String>| Transformer::parse(&paths, "1").map(drop);
    let named = |name: &str| BTreeMap::from([(name.to_owned(), "$".to_owned())]);
    assert!(parse(named("a_B-1")).is_ok());
    for name in ["", "a b", "AWS_X", "a.b"] {
        assert_eq!(parse(named(name)), Err(TransformError::Name { name: name.to_owned() }));
    }
    let many = |count| (0..count).map(|index| (format!("v{index}"), "$".to_owned())).collect();
    assert!(parse(many(limits::INPUT_PATHS)).is_ok());
    let count = limits::INPUT_PATHS + 1;
    assert_eq!(parse(many(count)), Err(TransformError::Variables { count }));
}

#[test]
fn what_comes_out_has_a_size() {
    let template = format!("[{}0]", "<aws.events.event.json>,".repeat(300));
    let transformer = Transformer::parse(&BTreeMap::new(), &template).unwrap();
    assert!(transformer.render(&written(&event()), OCCASION).is_ok());
    let large = json!({ "detail": "x".repeat(100_000) });
    assert_eq!(transformer.render(&written(&large), OCCASION), Err(TransformError::TooLarge));
}

#[test]
fn paths_lead_into_an_event() {
    let event = json!({ "a": { "b-c": [{ "d": 1 }, { "d": 2 }], "x/y": 3, "e.f": 4 }, "g": null });
    let text = written(&event);
    let select = |path: &str| {
        let place = InputPath::parse(path).unwrap().select(&text);
        place.map(|value| serde_json::from_str::<Value>(&value).unwrap())
    };
    assert_eq!(select("$"), Some(event.clone()));
    assert_eq!(select("$.a.b-c[1].d"), Some(json!(2)));
    assert_eq!(select("$.a.x/y"), Some(json!(3)));
    assert_eq!(select("$.a['e.f']"), Some(json!(4)));
    assert_eq!(select("$.g"), Some(json!(null)));
    assert_eq!(select("$.a.b-c[*].d"), Some(json!([1, 2])));
    assert_eq!(select("$.a.b-c.*"), Some(json!([{ "d": 1 }, { "d": 2 }])));
    assert_eq!(select("$.a.*.none"), Some(json!([])));
    for nowhere in ["$.x", "$.a[0]", "$.a.b-c[2]", "$.a.b-c.d", "$.g.h"] {
        assert_eq!(select(nowhere), None, "{nowhere}");
    }
}

#[test]
fn a_mistake_in_a_path_is_told_with_its_place() {
    for (path, at) in [
        ("", 0),
        ("a", 0),
        ("$a", 1),
        ("$.", 2),
        ("$..a", 2),
        ("$.a[", 4),
        ("$.a[-1]", 4),
        ("$.a[x]", 4),
        ("$.a[0", 4),
        ("$.a b", 3),
        ("$.a['b]", 4),
        ("$.a[0:1]", 4),
        ("$.a[?(@.b)]", 4),
        ("$[99999999999999999999999]", 2),
    ] {
        match InputPath::parse(path) {
            Err(TransformError::Path { at: found, .. }) => assert_eq!(found, at, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    let long = |size: usize| format!("$.{}", "x".repeat(size - 2));
    assert!(InputPath::parse(&long(limits::INPUT_PATH_SIZE)).is_ok());
    let size = limits::INPUT_PATH_SIZE + 1;
    assert_eq!(InputPath::parse(&long(size)), Err(TransformError::PathSize { size }));
}

proptest! {
    #[test]
    fn no_path_makes_the_parser_panic(path in "\\$?[.\\[\\]'*a0é\\PC]{0,20}") {
        if let Err(error) = InputPath::parse(&path) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_made_of_any_event_is_json(
        template in "[{\"\\[]?[a<>\"{}:,\\[\\]é\\\\ ]{0,8}(<(state|detail|note|x)>)?[a<>\"{}:,\\[\\]é\\\\ ]{0,8}",
        note in "\\PC{0,10}[\"\\\\\n\u{0}]?",
    ) {
        if let Ok(transformer) = Transformer::parse(&paths(), &template) {
            let mut event = event();
            event["detail"]["note"] = json!(note);
            let text = transformer.render(&written(&event), OCCASION).unwrap();
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            prop_assert!(values.all(|value| value.is_ok()), "{} {}", template, text);
        }
    }
}
