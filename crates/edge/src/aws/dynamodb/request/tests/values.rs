use proptest::prelude::*;
use sonagi_items::{Item, Value};

use super::super::{GetItem, PutItem, Query, UpdateItem, Wire};
use super::*;

fn put(value: &str) -> Result<PutItem, Fault> {
    PutItem::read(format!(r#"{{"TableName":"abc","Item":{{"a":{value}}}}}"#).as_bytes())
}

/// Values that are none, as DynamoDB says it of an item.
fn mistakes() -> Vec<(&'static str, String)> {
    let parameter = |message: &str| format!("{PARAMETER}{message}");
    let number = "The parameter cannot be converted to a numeric value";
    let digits = "Attempting to store more than 38 significant digits in a Number";
    vec![
        ("{}", EMPTY.into()),
        ("null", EMPTY.into()),
        (r#"{"a":""}"#, EMPTY.into()),
        (r#"{"S":null}"#, EMPTY.into()),
        (r#"{"M":{"a":{}}}"#, EMPTY.into()),
        (r#"{"L":[{}]}"#, EMPTY.into()),
        (r#"{"L":[null]}"#, EMPTY.into()),
        (r#"{"S":"a","N":"1"}"#, SEVERAL.into()),
        (r#"{"NULL":"no"}"#, parameter("Null attribute value types must have the value of true")),
        (r#"{"NULL":false}"#, parameter("Null attribute value types must have the value of true")),
        (r#"{"SS":[]}"#, parameter("An string set  may not be empty")),
        (r#"{"NS":[]}"#, parameter("An number set  may not be empty")),
        (r#"{"BS":[]}"#, parameter("Binary sets should not be empty")),
        (r#"{"SS":["a",null]}"#, parameter("An string set may not have a null string as a member")),
        (r#"{"SS":["a","a"]}"#, parameter("Input collection [a, a] contains duplicates.")),
        (
            r#"{"BS":["Yg==","Yg=="]}"#,
            parameter("Input collection [Yg==, Yg==]of type BS contains duplicates."),
        ),
        (r#"{"S":"","N":""}"#, number.into()),
        (r#"{"S":"a","N":"b"}"#, format!("{number}: b")),
        (r#"{"NS":["1",""]}"#, number.into()),
        (r#"{"NS":["1","b"]}"#, format!("{number}: b")),
        (r#"{"NS":["1","1.0"]}"#, "Input collection contains duplicates".into()),
        (r#"{"N":"123456789012345678901234567890123456789"}"#, digits.into()),
        (r#"{"N":"-1.23456789012345678901234567890123456789"}"#, digits.into()),
        (
            r#"{"N":"1e126"}"#,
            "Number overflow. Attempting to store a number with magnitude larger than supported range".into(),
        ),
        (
            r#"{"N":"-1e-131"}"#,
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
                .into(),
        ),
        // The first in the body.
        (r#"{"NULL":false},"b":{}"#, parameter("Null attribute value types must have the value of true")),
    ]
}

#[test]
fn what_is_no_value_is_told() {
    for (value, message) in mistakes() {
        invalid(put(value), &message);
        if !value.contains("},") {
            let body = format!(r#"{{"TableName":"abc","Key":{{"a":{value}}}}}"#);
            invalid(GetItem::read(body.as_bytes()), &message);
            let body = format!(
                r#"{{"TableName":"abc","Key":{{}},"UpdateExpression":"","ExpressionAttributeValues":{{":b":{value}}}}}"#
            );
            let message = format!("ExpressionAttributeValues contains invalid value: {message} for key :b");
            invalid(UpdateItem::read(body.as_bytes()), &message);
        }
    }
}

#[test]
fn a_key_to_start_from_is_named_in_some_mistakes() {
    for (value, message) in [
        ("{}", format!("The provided starting key is invalid: {EMPTY}")),
        (r#"{"S":"a","N":"1"}"#, format!("The provided starting key is invalid: {SEVERAL}")),
        (
            r#"{"SS":[]}"#,
            format!("The provided starting key is invalid: {PARAMETER}An string set  may not be empty"),
        ),
        (r#"{"NS":[]}"#, format!("{PARAMETER}An number set  may not be empty")),
        (r#"{"SS":["a","a"]}"#, format!("{PARAMETER}Input collection [a, a] contains duplicates.")),
        (r#"{"N":""}"#, "The parameter cannot be converted to a numeric value".into()),
    ] {
        let body = format!(
            r#"{{"TableName":"abc","KeyConditionExpression":"","ExclusiveStartKey":{{"a":{value}}}}}"#
        );
        invalid(Query::read(body.as_bytes()), &message);
    }
}

#[test]
fn json_of_a_wrong_type_is_told() {
    let cast = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class \
                (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base \
                of loader 'bootstrap')";
    let attribute = "com.amazonaws.dynamodb.v20120810.AttributeValue";
    let base64 = "only base-64-encoded strings are convertible to bytes";
    let start = "Start of structure or map found where not expected";
    for (value, message) in [
        ("23", "Unexpected value type in payload"),
        (r#""23""#, "Unexpected value type in payload"),
        ("[]", &format!("Unrecognized collection type class {attribute}")),
        (r#"{"S":true}"#, "TRUE_VALUE cannot be converted to String"),
        (r#"{"S":23}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"N":34.56}"#, "DECIMAL_VALUE cannot be converted to String"),
        (r#"{"N":1}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"S":[]}"#, "Unrecognized collection type class java.lang.String"),
        (r#"{"S":{}}"#, start),
        (r#"{"B":true}"#, base64),
        (r#"{"B":23}"#, base64),
        (r#"{"B":[]}"#, "Unrecognized collection type class java.nio.ByteBuffer"),
        (r#"{"B":"23456"}"#, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        (r#"{"B":"=+/="}"#, "Invalid last non-pad Base64 character dectected"),
        (r#"{"B":"+/+="}"#, "Invalid last non-pad Base64 character dectected"),
        (r#"{"BOOL":"23"}"#, "Unexpected token received from parser"),
        (r#"{"BOOL":23}"#, "NUMBER_VALUE cannot be converted to Boolean"),
        (r#"{"NULL":[]}"#, "Unrecognized collection type class java.lang.Boolean"),
        (r#"{"SS":"a"}"#, "Unexpected field type"),
        (r#"{"SS":{}}"#, start),
        (r#"{"SS":[1]}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"NS":[1]}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"BS":[1]}"#, base64),
        (r#"{"L":{}}"#, start),
        (r#"{"L":[1]}"#, "Unexpected value type in payload"),
        (r#"{"L":[{"BS":1}]}"#, "Unexpected field type"),
        (r#"{"M":1}"#, "Unexpected field type"),
        (
            r#"{"M":[]}"#,
            &format!("Unrecognized collection type java.util.Map<java.lang.String, {attribute}>"),
        ),
        (r#"{"M":{"a":1}}"#, "Unexpected value type in payload"),
        // Before all that is wrong with values.
        (r#"{"L":[{},1]}"#, "Unexpected value type in payload"),
    ] {
        refused(put(value), Fault::SERIALIZATION, message);
    }
    let batch = |keys: &str| {
        let body = format!(r#"{{"RequestItems":{{"abc":{{"Keys":[{keys}]}}}}}}"#);
        super::super::BatchGetItem::read(body.as_bytes())
    };
    refused(batch("1"), Fault::SERIALIZATION, cast);
    let map = format!("Unrecognized collection type java.util.Map<java.lang.String, {attribute}>");
    refused(batch("[]"), Fault::SERIALIZATION, &map);
    for body in ["", "{", "nothing", "null", "{} {}", r#"{"TableName":"abc","Item":{"a":{"S":"\ud800"}}}"#] {
        refused(PutItem::read(body.as_bytes()), Fault::SERIALIZATION, "");
    }
    refused(
        PutItem::read(b"[]"),
        Fault::SERIALIZATION,
        &format!("Unrecognized collection type class {}", "com.amazonaws.dynamodb.v20120810.PutItemInput"),
    );
}

#[test]
fn of_what_is_there_twice_the_last_counts_and_strange_names_are_passed_over() {
    let body =
        br#"{"x":[{}],"TableName":1e0,"TableName":"abc","Item":{"a":{"S":"1"},"a":{"N":"007.0","x":{}}}}"#;
    refused(PutItem::read(body), Fault::SERIALIZATION, "DECIMAL_VALUE cannot be converted to String");
    let body =
        br#"{"x":[{}],"TableName":"ab","TableName":"abc","Item":{"a":{"S":"1"},"a":{"N":"007.0","x":{}}}}"#;
    let read = PutItem::read(body).unwrap();
    assert_eq!(read.table.said(), "abc");
    assert_eq!(serde_json::to_string(&Wire(&read.item)).unwrap(), r#"{"a":{"N":"7"}}"#);
}

#[test]
fn what_is_nested_too_deeply_is_refused_however_deep_it_is() {
    const DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
                        supported limit";
    let nested = |open: &str, inside: &str, close: &str, depth: usize| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    let list = |depth| nested(r#"{"L":["#, r#"{"S":""}"#, "]}", depth);
    let map = |depth| nested(r#"{"M":{"a":"#, r#"{"S":""}"#, "}}", depth);
    assert!(put(&list(31)).is_ok() && put(&map(31)).is_ok());
    for depth in [32, 33, 100, 100_000] {
        invalid(put(&list(depth)), DEEP);
        invalid(put(&map(depth)), DEEP);
    }
    let body = format!(
        r#"{{"TableName":"abc","Key":{{}},"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{{":a":{}}}}}"#,
        map(32)
    );
    invalid(UpdateItem::read(body.as_bytes()), DEEP);
    let arrays = nested("[", "", "]", 100_000);
    refused(
        put(&arrays),
        Fault::SERIALIZATION,
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
    );
    assert!(PutItem::read(format!(r#"{{"TableName":"abc","Item":{{}},"x":{arrays}}}"#).as_bytes()).is_ok());
    refused(
        PutItem::read("[".repeat(100_000).as_bytes()),
        Fault::SERIALIZATION,
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.PutItemInput",
    );
    refused(PutItem::read("{\"x\":".repeat(100_000).as_bytes()), Fault::SERIALIZATION, "");
}

prop_compose! {
    fn numbers()(negative: bool, digits in 0_u128..10_u128.pow(38), exponent in -120..80_i32) -> Value {
        let sign = if negative { "-" } else { "" };
        Value::Number(format!("{sign}{digits}e{exponent}").parse().unwrap())
    }
}

fn values() -> impl Strategy<Value = Value> {
    let binary = || prop::collection::vec(any::<u8>(), 0..6).prop_map(bytes::Bytes::from);
    let number = || {
        numbers().prop_map(|number| match number {
            Value::Number(number) => number,
            _ => sonagi_items::Number::ZERO,
        })
    };
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::Text),
        numbers(),
        binary().prop_map(Value::Binary),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::collection::btree_set(any::<String>(), 1..4).prop_map(Value::Texts),
        prop::collection::btree_set(number(), 1..4).prop_map(Value::Numbers),
        prop::collection::btree_set(binary(), 1..4).prop_map(Value::Binaries),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::Map),
        ]
    })
}

/// Bodies that are nearly right.
fn bodies() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "1",
        "null",
        "true",
        "\"S\"",
        "\"N\"",
        "\"L\"",
        "\"M\"",
        "\"SS\"",
        "\"BS\"",
        "\"NULL\"",
        "\"TableName\"",
        "\"Item\"",
        "\"Key\"",
        "\"abc\"",
        "{\"S\":\"a\"}",
        "\"RequestItems\"",
        "\"TransactItems\"",
        "\"Expected\"",
        "\"KeySchema\"",
        "\\",
        "é",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn an_item_comes_back(item in prop::collection::btree_map(any::<String>(), values(), 0..5)) {
        let item: Item = item;
        let body = serde_json::json!({ "TableName": "abc", "Item": serde_json::to_value(Wire(&item)).unwrap() });
        let read = PutItem::read(&serde_json::to_vec(&body).unwrap()).unwrap();
        prop_assert_eq!(&read.item, &item);
        // Straight as through a tree.
        let written = serde_json::to_string(&Wire(&item)).unwrap();
        let body = format!(r#"{{"TableName":"abc","Item":{written}}}"#);
        prop_assert_eq!(PutItem::read(body.as_bytes()).unwrap().item, item);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60), body in bodies(),
    ) {
        for body in [&bytes[..], body.as_bytes()] {
            for (_, read) in super::constraints::READERS {
                if let Err(fault) = read(body) {
                    prop_assert!(!fault.message.contains(" at line "), "{}", fault.message);
                }
            }
        }
    }
}
