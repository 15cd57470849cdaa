//! How fields, arrays and `$or` go together.

use serde_json::{Value, json};
use sonagi_expressions::pattern::{Dialect, Pattern, Shape};

fn parse(pattern: &Value) -> Pattern {
    Pattern::parse(&pattern.to_string(), Dialect::Bus).unwrap()
}

fn matches(pattern: &Value, event: &Value) -> bool {
    parse(pattern).matches(event)
}

/// The event of `aws/event-ruler`'s own introduction, in other words.
fn event() -> Value {
    json!({
        "version": "0",
        "detail-type": "Machine State-change Notification",
        "source": "aws.ec2",
        "account": "123456789012",
        "time": "2017-10-02T16:24:49Z",
        "region": "us-east-1",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000", "other"],
        "detail": {
            "c-count": 5,
            "d-count": 3,
            "x-limit": 301.8,
            "source-ip": "10.0.0.33",
            "instance-id": "i-000000aaaaaa00000",
            "state": "running",
        },
    })
}

#[test]
fn all_fields_must_be_kept() {
    let pattern = json!({
        "time": [{ "prefix": "2017-10-02" }],
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
        "detail": {
            "state": [{ "anything-but": "initializing" }],
            "c-count": [{ "numeric": [">", 0, "<=", 5] }],
            "d-count": [{ "numeric": ["<", 10] }],
            "x-limit": [{ "anything-but": [100, 200, 300] }],
            "source-ip": [{ "cidr": "10.0.0.0/8" }],
        },
    });
    assert!(matches(&pattern, &event()));
    for field in ["state", "c-count", "d-count", "x-limit", "source-ip"] {
        let mut other = event();
        other["detail"].as_object_mut().unwrap().shift_remove(field);
        assert!(!matches(&pattern, &other), "without {field}");
    }
    for event in [json!([event()]), json!("x"), json!(null), json!({})] {
        assert!(!matches(&pattern, &event));
    }
}

#[test]
fn one_element_of_an_array_is_enough() {
    let pattern = json!({ "resources": ["b", "z"] });
    assert!(matches(&pattern, &json!({ "resources": ["a", "b"] })));
    assert!(matches(&pattern, &json!({ "resources": [["a", ["b"]]] })));
    assert!(!matches(&pattern, &json!({ "resources": ["a"] })));
    assert!(!matches(&pattern, &json!({ "resources": [] })));
    assert!(!matches(&json!({ "resources": [null] }), &json!({ "resources": [] })));
}

#[test]
fn fields_below_an_array_are_of_one_element() {
    let employees = json!({ "employees": [
        { "firstName": "John", "lastName": "Doe" },
        { "firstName": "Anna", "lastName": "Smith", "ids": [{ "kind": "a", "n": 1 }, { "kind": "b", "n": 2 }] },
        [{ "firstName": "Peter", "lastName": "Jones" }],
    ] });
    let case = |fields: Value| matches(&json!({ "employees": fields }), &employees);
    assert!(case(json!({ "firstName": ["Anna"] })));
    assert!(case(json!({ "firstName": ["Anna"], "lastName": ["Smith"] })));
    assert!(case(json!({ "firstName": ["Peter"], "lastName": ["Jones"] })));
    assert!(!case(json!({ "firstName": ["Anna"], "lastName": ["Jones"] })));
    assert!(case(json!({ "lastName": ["Smith"], "ids": { "kind": ["b"], "n": [2] } })));
    assert!(!case(json!({ "ids": { "kind": ["a"], "n": [2] } })));
    assert!(!case(json!({ "firstName": ["John"], "ids": { "kind": ["a"] } })));
    // The alternatives of an $or are of the same element as the fields beside it.
    assert!(case(json!({ "firstName": ["Anna"], "$or": [{ "lastName": ["X"] }, { "ids": { "n": [2] } }] })));
    assert!(!case(
        json!({ "firstName": ["John"], "$or": [{ "lastName": ["Smith"] }, { "ids": { "n": [2] } }] })
    ));
    let apart = json!({ "a": [{ "x": 1 }, { "x": 2 }], "b": [{ "y": 1 }, { "y": 2 }] });
    assert!(matches(&json!({ "a": { "x": [1] }, "b": { "y": [2] } }), &apart));
}

#[test]
fn what_is_missing_below_an_array_is_missing_from_the_chosen_element() {
    let event = json!({ "a": [{ "b": 1 }, { "c": 2 }] });
    assert!(matches(&json!({ "a": { "c": [2], "b": [{ "exists": false }] } }), &event));
    assert!(!matches(&json!({ "a": { "b": [{ "exists": false }] } }), &event));
    assert!(matches(&json!({ "a": { "d": [{ "exists": false }] } }), &event));
    assert!(!matches(&json!({ "a": { "d": [{ "exists": false }], "b": [2] } }), &event));
}

#[test]
fn or_is_between_fields() {
    let metrics = json!({
        "source": ["aws.cloudwatch"],
        "$or": [
            { "metricName": ["CPUUtilization", "ReadLatency"] },
            {
                "metricType": ["MetricType"],
                "namespace": ["AWS/EC2", "AWS/ES"],
                "$or": [{ "metricId": [1234] }, { "spaceId": [1000] }],
            },
            { "scope": ["Service"] },
        ],
    });
    let case = |fields: Value| {
        let mut event = json!({ "source": "aws.cloudwatch" });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        matches(&metrics, &event)
    };
    assert!(case(json!({ "metricName": "ReadLatency" })));
    assert!(case(json!({ "metricType": "MetricType", "namespace": "AWS/ES", "spaceId": 1000 })));
    assert!(!case(json!({ "metricType": "MetricType", "namespace": "AWS/ES" })));
    assert!(!case(json!({ "metricType": "MetricType", "metricId": 1234 })));
    assert!(case(json!({ "scope": "Service" })));
    assert!(!case(json!({ "scope": "Service", "source": "other" })));
    let parallel = json!({
        "$or": [{ "a": [1] }, { "b": [1] }],
        "detail": { "$or": [{ "c": [1] }, { "d": [{ "exists": false }] }] },
    });
    assert!(matches(&parallel, &json!({ "b": 1, "detail": { "c": 1, "d": 1 } })));
    assert!(matches(&parallel, &json!({ "a": 1 })));
    assert!(!matches(&parallel, &json!({ "a": 1, "detail": { "d": 1 } })));
    assert!(!matches(&parallel, &json!({ "detail": { "c": 1 } })));
}

#[test]
fn or_is_a_fields_name_where_it_holds_operators_or_is_no_array() {
    let one = json!({ "$or": [{ "cidr": "10.0.0.0/24" }] });
    assert!(matches(&one, &json!({ "$or": "10.0.0.1" })));
    let two = json!({ "detail": { "$or": [{ "numeric": [">", 0, "<=", 5] }, { "prefix": "a" }] } });
    assert!(matches(&two, &json!({ "detail": { "$or": 3 } })));
    assert!(matches(&two, &json!({ "detail": { "$or": "abc" } })));
    let object = json!({ "$or": { "metricType": ["MetricType"], "namespace": ["AWS/EC2"] } });
    assert!(matches(&object, &json!({ "$or": { "metricType": "MetricType", "namespace": "AWS/EC2" } })));
    assert!(matches(&json!({ "$or": ["a", 1] }), &json!({ "$or": 1 })));
}

#[test]
fn keys_with_dots_are_keys_in_each_other() {
    for pattern in [
        json!({ "detail": { "state.status": ["on"] } }),
        json!({ "detail": { "state": { "status": ["on"] } } }),
    ] {
        for event in [
            json!({ "detail": { "state": { "status": "on" } } }),
            json!({ "detail": { "state.status": "on" } }),
            json!({ "detail.state": { "status": "on" } }),
            json!({ "detail.state.status": ["off", "on"] }),
            json!({ "detail": { "state": { "x": 1 } , "state.status": "on" } }),
        ] {
            assert!(matches(&pattern, &event), "{pattern} {event}");
        }
        assert!(!matches(&pattern, &json!({ "detail": { "state.status.x": "on" } })));
    }
    let beside = json!({ "a": { "b": [1], "c": [2] } });
    assert!(matches(&beside, &json!({ "a.b": 1, "a": { "c": 2 } })));
    assert!(matches(&beside, &json!({ "a": { "c": 2 }, "a.b": 1 })));
    // As deep as text goes.
    let key = "a.".repeat(100_000);
    assert!(!matches(&beside, &json!({ key: 1 })));
}

#[test]
fn a_key_that_appears_twice_has_the_second_ones_values() {
    let pattern = Pattern::parse(r#"{"a": [1], "a": [2]}"#, Dialect::Bus).unwrap();
    assert!(!pattern.matches(&json!({ "a": 1 })));
    assert!(pattern.matches(&json!({ "a": 2 })));
}

#[test]
fn a_poller_sees_what_a_filter_makes_of_the_body() {
    let shape = |pattern: &str| Pattern::parse(pattern, Dialect::Mapping).unwrap().shape("body");
    assert_eq!(shape(r#"{"messageId": ["a"]}"#), Shape::Unnamed);
    assert_eq!(shape(r#"{"body": ["a"]}"#), Shape::Values);
    assert_eq!(shape(r#"{"body": {"RequestCode": ["BBBB"]}}"#), Shape::Fields);
    assert_eq!(shape(r#"{"$or": [{"body": ["a"]}, {"body": {"x": [1]}}]}"#), Shape::Fields);
}

#[test]
fn filters_of_mappings_are_the_same_language() {
    let case =
        |pattern: &str, event: Value| Pattern::parse(pattern, Dialect::Mapping).unwrap().matches(&event);
    let record = json!({ "body": { "RecordNumber": 1234, "TimeStamp": "yyyy-mm-ddThh:mm:ss", "RequestCode": "BBBB" } });
    assert!(case(r#"{ "body": { "RequestCode": ["BBBB"] } }"#, record.clone()));
    assert!(case(
        r#"{ "body": { "RecordNumber": [ { "numeric": [ ">", 999, "<", 9999 ] } ] } }"#,
        record.clone()
    ));
    assert!(!case(r#"{ "body": { "RecordNumber": [ { "exists": false } ] } }"#, record));
    let stream = json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "id": { "N": "7" } } } });
    assert!(case(r#"{ "eventName": ["INSERT"], "dynamodb": { "Keys": { "id": { "N": ["7"] } } } }"#, stream));
}
