use super::super as request;
use super::*;

type Reader = fn(&[u8]) -> Result<(), Fault>;

macro_rules! readers {
    ($($operation:ident,)*) => {
        &[$((stringify!($operation), |body| request::$operation::read(body).map(drop)),)*]
    };
}

/// All operations.
pub(super) const READERS: &[(&str, Reader)] = readers! {
    BatchExecuteStatement,
    BatchGetItem,
    BatchWriteItem,
    CreateBackup,
    CreateTable,
    DeleteBackup,
    DeleteItem,
    DeleteTable,
    DescribeBackup,
    DescribeContinuousBackups,
    DescribeEndpoints,
    DescribeLimits,
    DescribeStream,
    DescribeTable,
    DescribeTimeToLive,
    ExecuteStatement,
    ExecuteTransaction,
    GetItem,
    GetRecords,
    GetShardIterator,
    ListBackups,
    ListStreams,
    ListTables,
    ListTagsOfResource,
    PutItem,
    Query,
    RestoreTableFromBackup,
    RestoreTableToPointInTime,
    Scan,
    TagResource,
    TransactGetItems,
    TransactWriteItems,
    UntagResource,
    UpdateContinuousBackups,
    UpdateItem,
    UpdateTable,
    UpdateTimeToLive,
};

#[track_caller]
fn check(operation: &str, body: &str, message: &str) {
    let (_, read) = READERS.iter().find(|(name, _)| *name == operation).unwrap();
    invalid(read(body.as_bytes()), message);
}

/// Of one violation.
#[track_caller]
fn violates(operation: &str, body: &str, at: &str, value: &str, constraint: &str) {
    let message = format!(
        "1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: Member must {constraint}"
    );
    check(operation, body, &message);
}

#[test]
fn the_table_of_an_item_is_told_alone() {
    let long = "a".repeat(256);
    for operation in ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"] {
        let with = |name: &str| {
            format!(
                r#"{{"TableName":{name},"ReturnConsumedCapacity":"hi","ReturnValues":"hi","Select":"hi"}}"#
            )
        };
        violates(operation, &with("null"), "tableName", "null", "not be null");
        violates(operation, &with("\"\""), "tableName", "''", "have length greater than or equal to 1");
        violates(operation, &with("\"ab\""), "tableName", "'ab'", "have length greater than or equal to 3");
        violates(
            operation,
            &with("\"bad table!@#\""),
            "tableName",
            "'bad table!@#'",
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        );
        let body = with(&format!("{long:?}"));
        violates(
            operation,
            &body,
            "tableName",
            &format!("'{long}'"),
            "have length less than or equal to 255",
        );
        let body = with("\"arn:aws:dynamodb:us-east-1:000000000000:table/abc/index/abc\"");
        assert!(READERS.iter().all(|(name, read)| *name != operation || read(body.as_bytes()).is_err()));
    }
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/abc";
    let body = format!(r#"{{"TableName":"{arn}","Key":{{}}}}"#);
    let table = request::GetItem::read(body.as_bytes()).unwrap().table;
    assert_eq!(table.said(), arn);
}

#[test]
fn the_table_of_an_operation_on_tables_is_wanted_in_other_words() {
    for operation in [
        "CreateTable",
        "UpdateTable",
        "DeleteTable",
        "DescribeTable",
        "DescribeTimeToLive",
        "UpdateTimeToLive",
        "CreateBackup",
        "DescribeContinuousBackups",
        "UpdateContinuousBackups",
    ] {
        check(operation, "{}", "The parameter 'TableName' is required but was not present in the request");
        let body = r#"{"TableName":"ab"}"#;
        violates(operation, body, "tableName", "'ab'", "have length greater than or equal to 3");
    }
}

#[test]
fn constraints_are_told_together() {
    let words = |at: &str, words: &str| {
        format!(
            "Value 'hi' at '{at}' failed to satisfy constraint: Member must satisfy enum value set: [{words}]"
        )
    };
    let values = words("returnValues", "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW");
    let capacity = words("returnConsumedCapacity", "INDEXES, TOTAL, NONE");
    let metrics = words("returnItemCollectionMetrics", "SIZE, NONE");
    let missing =
        |at: &str| format!("Value null at '{at}' failed to satisfy constraint: Member must not be null");
    let body = r#"{"TableName":"abc","ReturnConsumedCapacity":"hi","ReturnItemCollectionMetrics":"hi","ReturnValues":"hi"}"#;
    let told = |parts: [&str; 4]| format!("4 validation errors detected: {}", parts.join("; "));
    check("PutItem", body, &told([&capacity, &missing("item"), &values, &metrics]));
    check("UpdateItem", body, &told([&capacity, &metrics, &values, &missing("key")]));
    check("DeleteItem", body, &told([&capacity, &values, &metrics, &missing("key")]));

    let comparisons =
        "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS";
    let body = r#"{"TableName":"abc","ReturnConsumedCapacity":"hi","AttributesToGet":[],"IndexName":"abc;","Segment":-1,
        "TotalSegments":-1,"Select":"hi","Limit":-1,"ScanFilter":{"a":{},"b":{"ComparisonOperator":"hi"}},
        "ConditionalOperator":"hi","ExpressionAttributeNames":{},"ProjectionExpression":""}"#;
    let least = |at: &str, least: i64| {
        format!(
            "Value '-1' at '{at}' failed to satisfy constraint: Member must have value greater than or equal to {least}"
        )
    };
    let parts = [
        words("select", "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES"),
        "Value 'abc;' at 'indexName' failed to satisfy constraint: Member must satisfy regular expression pattern: \
         [a-zA-Z0-9_.-]+"
            .into(),
        least("totalSegments", 1),
        capacity,
        words("conditionalOperator", "OR, AND"),
        missing("scanFilter.a.member.comparisonOperator"),
        words("scanFilter.b.member.comparisonOperator", comparisons),
        least("segment", 0),
        least("limit", 1),
        "Value '[]' at 'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1"
            .into(),
    ];
    check("Scan", body, &format!("10 validation errors detected: {}", parts.join("; ")));
}

#[test]
fn lists_have_their_lengths() {
    for operation in ["TransactGetItems", "TransactWriteItems"] {
        let body = r#"{"TransactItems":[]}"#;
        violates(operation, body, "transactItems", "'[]'", "have length greater than or equal to 1");
        violates(operation, "{}", "transactItems", "null", "not be null");
    }
    let put = r#"{"Put":{"TableName":"abc","Item":{}}}"#;
    let body = format!(r#"{{"TransactItems":[{}]}}"#, vec![put; 101].join(","));
    let fault = request::TransactWriteItems::read(body.as_bytes()).unwrap_err();
    assert!(
        fault.message.starts_with("1 validation error detected: Value '[com.amazonaws.dynamodb.v20120810.TransactWriteItem@1, ")
            && fault.message.ends_with(
                "]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"
            )
    );
    check(
        "TransactWriteItems",
        r#"{"TransactItems":[{"Put":{"TableName":"abc"}},{"Update":{"Key":{},"TableName":"a"}}]}"#,
        "3 validation errors detected: Value null at 'transactItems.1.member.put.item' failed to satisfy constraint: Member \
         must not be null; Value 'a' at 'transactItems.2.member.update.tableName' failed to satisfy constraint: Member must \
         have length greater than or equal to 3; Value null at 'transactItems.2.member.update.updateExpression' failed to \
         satisfy constraint: Member must not be null",
    );
    for (operation, member) in
        [("BatchExecuteStatement", "statements"), ("ExecuteTransaction", "transactStatements")]
    {
        let name = format!("{}{}", member[..1].to_uppercase(), &member[1..]);
        let body = format!(r#"{{"{name}":[]}}"#);
        violates(operation, &body, member, "'[]'", "have length greater than or equal to 1");
    }
    let body = r#"{"Statement":"SELECT","Limit":0}"#;
    violates("ExecuteStatement", body, "limit", "'0'", "have value greater than or equal to 1");
    violates("ListTables", r#"{"Limit":101}"#, "limit", "'101'", "have value less than or equal to 100");
}

#[test]
fn batches_have_words_of_their_own() {
    check("BatchGetItem", "{}", "The requestItems parameter is required for BatchGetItem");
    check(
        "BatchGetItem",
        r#"{"RequestItems":{}}"#,
        "The requestItems parameter is required for BatchGetItem",
    );
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{}}"#,
        "The requestItems parameter is required for BatchWriteItem",
    );
    let keys = |range: std::ops::Range<usize>| {
        range.map(|key| format!(r#"{{"a":{{"N":"{key}"}}}}"#)).collect::<Vec<_>>().join(",")
    };
    check(
        "BatchGetItem",
        &format!(r#"{{"RequestItems":{{"abc":{{"Keys":[{}]}}}}}}"#, keys(0..101)),
        "1 validation error detected: Value at 'RequestItems.abc.member.Keys' failed to satisfy constraint: Member must \
         have length less than or equal to 100",
    );
    check(
        "BatchGetItem",
        &format!(r#"{{"RequestItems":{{"abc":{{"Keys":[{}]}},"abd":{{"Keys":[{{}}]}}}}}}"#, keys(0..100)),
        "Too many items requested for the BatchGetItem call",
    );
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"abc":{"Keys":[{"a":{"N":"1"},"b":{"S":""}},{"b":{"S":""},"a":{"N":"1.0"}}]}}}"#,
        "Provided list of item keys contains duplicates",
    );
    let writes = vec![r#"{"PutRequest":{"Item":{}}}"#; 26].join(",");
    let body = format!(r#"{{"RequestItems":{{"abc":[{writes}]}}}}"#);
    let message = request::BatchWriteItem::read(body.as_bytes()).unwrap_err().message;
    assert!(message.starts_with(
        "1 validation error detected: Value '{abc=[com.amazonaws.dynamodb.v20120810.WriteRequest@1, "
    ));
    assert!(message.ends_with(
        "]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less \
         than or equal to 25, Member must have length greater than or equal to 1]"
    ));
    check("BatchWriteItem", r#"{"RequestItems":{"abc":[{}]}}"#, SEVERAL);
    check("BatchWriteItem", r#"{"RequestItems":{"abc":[{"PutRequest":{"Item":{"a":{}}}}]}}"#, EMPTY);
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{"aa;":[{"PutRequest":{},"DeleteRequest":{}}]}}"#,
        "3 validation errors detected: Value '{aa;=[com.amazonaws.dynamodb.v20120810.WriteRequest@1]}' at 'requestItems' \
         failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, \
         Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: \
         [a-zA-Z0-9_.-]+]; Value null at 'requestItems.aa;.member.1.member.deleteRequest.key' failed to satisfy constraint: \
         Member must not be null; Value null at 'requestItems.aa;.member.1.member.putRequest.item' failed to satisfy \
         constraint: Member must not be null",
    );
    let body = br#"{"RequestItems":{"abc":[{"DeleteRequest":{"Key":{"a":{"N":"1"}}}}],"abb":[{"PutRequest":{"Item":{}}}]}}"#;
    let read = request::BatchWriteItem::read(body).unwrap();
    assert_eq!(read.tables.iter().map(|(table, _)| table.said()).collect::<Vec<_>>(), ["abc", "abb"]);
    assert!(matches!(read.tables[0].1[..], [request::Write::Delete(_)]));
}
