use sonagi_items::{Value, size};

use super::{super::*, *};

type Cases<'a> = &'a [(&'a str, &'a str)];

/// Bodies of the members besides those that all have.
#[track_caller]
fn check<T: Debug>(read: fn(&[u8]) -> Result<T, Fault>, common: &str, cases: Cases<'_>) {
    for (members, message) in cases {
        let body = format!("{{{common},{members}}}");
        let fault = read(body.as_bytes()).expect_err(members);
        assert_eq!((fault.code, fault.message.as_str()), (Fault::VALIDATION, *message), "{members}");
    }
}

const MIXING: &str = "Can not use both expression and non-expression parameters in the same request: ";

#[test]
fn what_is_around_expressions_is_checked_in_order() {
    let mixing = |others: &str, expressions: &str| {
        format!("{MIXING}Non-expression parameters: {{{others}}} Expression parameters: {{{expressions}}}")
    };
    let long = format!("#{}", "a".repeat(255));
    check(
        GetItem::read,
        r#""TableName":"abc""#,
        &[
            (
                r##""Key":{"a":{}},"AttributesToGet":["a"],"ExpressionAttributeNames":{},"ProjectionExpression":"""##,
                &mixing("AttributesToGet", "ProjectionExpression"),
            ),
            (
                r#""Key":{"a":{}},"AttributesToGet":["a"],"ExpressionAttributeNames":{}"#,
                "ExpressionAttributeNames can only be specified when using expressions",
            ),
            (r#""Key":{"a":{}},"AttributesToGet":["a","a"]"#, EMPTY),
            (
                r#""Key":{},"AttributesToGet":["a","b","a"]"#,
                "One or more parameter values were invalid: Duplicate value in attribute name: a",
            ),
            (
                r#""Key":{},"ExpressionAttributeNames":{},"ProjectionExpression":"""#,
                "ExpressionAttributeNames must not be empty",
            ),
            (
                r##""Key":{},"ExpressionAttributeNames":{"#a-b":"a"},"ProjectionExpression":"""##,
                "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\"",
            ),
            (
                r##""Key":{},"ExpressionAttributeNames":{"#":"a"},"ProjectionExpression":"""##,
                "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\"",
            ),
            (
                &format!(
                    r#""Key":{{}},"ExpressionAttributeNames":{{"{long}":"a"}},"ProjectionExpression":"""#
                ),
                "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; \
                 size of key: 256",
            ),
            (
                r##""Key":{},"ExpressionAttributeNames":{"#a":""},"ProjectionExpression":"#a""##,
                "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a",
            ),
            (
                r#""Key":{},"ProjectionExpression":"""#,
                "Invalid ProjectionExpression: The expression can not be empty;",
            ),
            (
                r#""Key":{},"ProjectionExpression":"!!! INVALID !!!""#,
                "Invalid ProjectionExpression: Syntax error; token: \"!\", near: \"!!\"",
            ),
            (
                &format!(r#""Key":{{}},"ProjectionExpression":"{}""#, "a".repeat(4097)),
                "Invalid ProjectionExpression: Expression size has exceeded the maximum allowed size;",
            ),
            (
                r##""Key":{},"ExpressionAttributeNames":{"#b":"b","#a":"a"},"ProjectionExpression":"c""##,
                "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}",
            ),
        ],
    );
    check(
        UpdateItem::read,
        r#""TableName":"abc","Key":{}"#,
        &[
            (
                r#""AttributeUpdates":{},"Expected":{},"ConditionalOperator":"OR","UpdateExpression":"","ConditionExpression":"""#,
                &mixing(
                    "AttributeUpdates, Expected, ConditionalOperator",
                    "UpdateExpression, ConditionExpression",
                ),
            ),
            (
                r#""ExpressionAttributeValues":{}"#,
                "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and \
                 ConditionExpression are null",
            ),
            (
                r#""ExpressionAttributeValues":{},"UpdateExpression":"""#,
                "ExpressionAttributeValues must not be empty",
            ),
            (
                r#""ExpressionAttributeValues":{":b":{},"b":{"S":"a"}},"UpdateExpression":"""#,
                "ExpressionAttributeValues contains invalid key: Syntax error; key: \"b\"",
            ),
            (
                r#""UpdateExpression":"","ConditionExpression":"""#,
                "Invalid UpdateExpression: The expression can not be empty;",
            ),
            (r#""ConditionExpression":"""#, "Invalid ConditionExpression: The expression can not be empty;"),
            (
                r#""UpdateExpression":"SET a = :v""#,
                "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: \
                 :v",
            ),
            (
                r#""UpdateExpression":"SET a = :v","ExpressionAttributeValues":{":v":{"S":""},":unused":{"S":""}}"#,
                "Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}",
            ),
            (
                r#""ConditionalOperator":"AND""#,
                "ConditionalOperator cannot be used without Filter or Expected",
            ),
            (
                r#""ConditionalOperator":"AND","Expected":{"a":{"Exists":false}}"#,
                "ConditionalOperator can only be used when Filter or Expected has two or more elements",
            ),
            (
                r#""AttributeUpdates":{"a":{"x":"whatever"}},"Expected":{"a":{}}"#,
                "One or more parameter values were invalid: Only DELETE action is allowed when no attribute value is \
                 specified",
            ),
            (
                r#""AttributeUpdates":{"a":{"Action":"DELETE","Value":{"S":"1"}}}"#,
                "One or more parameter values were invalid: DELETE action with value is not supported for the type S",
            ),
            (
                r#""AttributeUpdates":{"a":{"Action":"ADD","Value":{"B":"Yg=="}}}"#,
                "One or more parameter values were invalid: ADD action is not supported for the type B",
            ),
        ],
    );
    let read = UpdateItem::read(br#"{"TableName":"abc","Key":{},"ReturnValues":"ALL_NEW"}"#).unwrap();
    assert!(read.update.is_none() && read.condition.is_none() && read.return_values == ReturnValues::AllNew);
}

#[test]
fn an_item_is_put() {
    let body = r##"{"TableName":"abc","Item":{"a":{"S":"x"},"b":{"B":"YWI="}},"ReturnConsumedCapacity":"TOTAL",
        "ConditionExpression":"#a = :a","ExpressionAttributeNames":{"#a":"a"},"ExpressionAttributeValues":{":a":{"S":"x"}},
        "ReturnValues":"ALL_OLD","ReturnValuesOnConditionCheckFailure":"ALL_OLD","ReturnItemCollectionMetrics":"SIZE"}"##;
    let read = PutItem::read(body.as_bytes()).unwrap();
    assert_eq!(read.item["b"], Value::Binary("ab".into()));
    assert!(read.condition.unwrap().holds(&read.item));
    assert_eq!(
        (read.return_values, read.on_failure, read.capacity, read.metrics),
        (ReturnValues::AllOld, OnFailure::AllOld, Capacity::Total, Metrics::Size)
    );
    let large = |length: usize| {
        let body = format!(r#"{{"TableName":"abc","Item":{{"a":{{"S":"{}"}}}}}}"#, "x".repeat(length));
        PutItem::read(body.as_bytes())
    };
    assert_eq!(size(&large((400 << 10) - 1).unwrap().item), 400 << 10);
    invalid(large(400 << 10), "Item size has exceeded the maximum allowed size");
    check(
        PutItem::read,
        r#""TableName":"abc","Item":{"a":{"S":""}}"#,
        &[
            (r#""ReturnValues":"UPDATED_OLD""#, "ReturnValues can only be ALL_OLD or NONE"),
            (
                r#""ExpressionAttributeValues":{":v":{"S":""}}"#,
                "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
            ),
            (
                r#""Expected":{"a":{"Exists":false}},"ConditionExpression":"attribute_not_exists(pk)""#,
                &format!(
                    "{MIXING}Non-expression parameters: {{Expected}} Expression parameters: {{ConditionExpression}}"
                ),
            ),
            (r#""Expected":{"a":{"Value":{}}}"#, EMPTY),
        ],
    );
    check(
        DeleteItem::read,
        r#""TableName":"abc","Key":{}"#,
        &[(r#""ReturnValues":"ALL_NEW""#, "ReturnValues can only be ALL_OLD or NONE")],
    );
}

#[test]
fn a_query_has_its_order_of_checks() {
    check(
        Query::read,
        r#""TableName":"abc""#,
        &[
            (
                r#""Limit":0"#,
                "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater \
                 than or equal to 1",
            ),
            (
                r#""AttributesToGet":["a"],"QueryFilter":{},"ConditionalOperator":"OR","KeyConditions":{},
                   "ProjectionExpression":"","FilterExpression":"","KeyConditionExpression":"""#,
                &format!(
                    "{MIXING}Non-expression parameters: {{AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions}} \
                     Expression parameters: {{ProjectionExpression, FilterExpression, KeyConditionExpression}}"
                ),
            ),
            (
                r#""AttributesToGet":["a"],"KeyConditions":{},"ProjectionExpression":"""#,
                &format!(
                    "{MIXING}Non-expression parameters: {{AttributesToGet}} Expression parameters: {{ProjectionExpression}}"
                ),
            ),
            (
                r#""ExpressionAttributeValues":{}"#,
                "ExpressionAttributeValues can only be specified when using expressions: FilterExpression and \
                 KeyConditionExpression are null",
            ),
            (
                r#""KeyConditions":{},"ExpressionAttributeValues":{}"#,
                "ExpressionAttributeValues can only be specified when using expressions",
            ),
            (
                r#""ConditionalOperator":"AND""#,
                "ConditionalOperator cannot be used without Filter or Expected",
            ),
            (r#""QueryFilter":{"a":{"ComparisonOperator":"EQ","AttributeValueList":[{},{"S":""}]}}"#, EMPTY),
            (
                r#""Select":"COUNT""#,
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ),
            (r#""KeyConditions":{}"#, "Conditions can be of length 1 or 2 only"),
            (
                r#""KeyConditionExpression":"","ExpressionAttributeValues":{":a":{"S":""}}"#,
                "Invalid KeyConditionExpression: The expression can not be empty;",
            ),
            (
                r#""KeyConditionExpression":":a = a and b = :a and :a = c","ExpressionAttributeValues":{":a":{"S":""}}"#,
                "Conditions can be of length 1 or 2 only",
            ),
        ],
    );
    check(
        Query::read,
        r#""TableName":"abc","KeyConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"S":""}}"#,
        &[
            (
                r##""FilterExpression":"#missing = :a""##,
                "Invalid FilterExpression: An expression attribute name used in the document path is not defined; attribute \
                 name: #missing",
            ),
            (
                r#""Select":"COUNT","ProjectionExpression":"a""#,
                "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
            ),
            (
                r#""Select":"SPECIFIC_ATTRIBUTES""#,
                "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get \
                 SPECIFIC_ATTRIBUTES",
            ),
        ],
    );
    let body = br#"{"TableName":"abc","KeyConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"S":""}},
        "ScanIndexForward":false,"Limit":5,"ExclusiveStartKey":{"a":{"S":""}},"IndexName":"abc","Select":"COUNT"}"#;
    let read = Query::read(body).unwrap();
    assert!(!read.is_forward && read.keys.tests().len() == 1 && read.page.start.is_some());
    let page = read.page;
    assert_eq!((page.limit, page.select, page.index.as_deref()), (Some(5), Some(Select::Count), Some("abc")));
}

#[test]
fn a_scan_may_be_a_part_of_one() {
    let zero = "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than \
                TotalSegments: 5";
    check(
        Scan::read,
        r#""TableName":"abc""#,
        &[
            (
                r#""Limit":0"#,
                "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value \
                 greater than or equal to 1",
            ),
            (
                r#""Segment":0"#,
                "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
                 present",
            ),
            (
                r#""TotalSegments":4"#,
                "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
                 present",
            ),
            (r#""Segment":5,"TotalSegments":5"#, zero),
            (
                r#""Select":"COUNT","ProjectionExpression":"pk""#,
                "Cannot specify the ProjectionExpression when choosing to get only the Count",
            ),
            (
                r#""Select":"ALL_PROJECTED_ATTRIBUTES""#,
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            ),
            (
                r#""ConditionalOperator":"AND","ScanFilter":{"a":{"ComparisonOperator":"NULL"}}"#,
                "ConditionalOperator can only be used when Filter or Expected has two or more elements",
            ),
            (
                r#""ExpressionAttributeValues":{":v":{"S":""}},"ProjectionExpression":"a""#,
                "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null",
            ),
        ],
    );
    let read =
        Scan::read(br#"{"TableName":"abc","Segment":1,"TotalSegments":2,"ConsistentRead":true}"#).unwrap();
    assert_eq!((read.part, read.page.is_consistent), (Some(Part { segment: 1, of: 2 }), true));
}

#[test]
fn a_transaction_has_actions_of_four_kinds() {
    let body = br##"{"ClientRequestToken":"t","TransactItems":[
        {"Put":{"TableName":"abc","Item":{},"ExpressionAttributeNames":{"#n":"a"}}},
        {"Update":{"TableName":"abc","Key":{},"UpdateExpression":"REMOVE a"}},
        {"Delete":{"TableName":"abc","Key":{},"ConditionExpression":"attribute_exists(a)",
            "ReturnValuesOnConditionCheckFailure":"ALL_OLD"}},
        {"ConditionCheck":{"TableName":"abc","Key":{},"ConditionExpression":"attribute_exists(a)"}}]}"##;
    let read = TransactWriteItems::read(body).unwrap();
    assert!(matches!(
        read.actions.iter().map(|action| &action.change).collect::<Vec<_>>()[..],
        [Change::Put(_), Change::Update { .. }, Change::Delete { .. }, Change::Check { .. }]
    ));
    assert_eq!(read.actions[2].on_failure, OnFailure::AllOld);
    assert_eq!(
        read.actions.iter().map(|action| action.condition.is_some()).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    let one = |item: &str| TransactWriteItems::read(format!(r#"{{"TransactItems":[{item}]}}"#).as_bytes());
    for (item, message) in [
        ("{}", "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"),
        (
            r#"{"Put":{"TableName":"abc","Item":{}},"Delete":{"TableName":"abc","Key":{}}}"#,
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
        (
            r##"{"Put":{"TableName":"abc","Item":{},"ConditionExpression":"attribute_exists(a)",
                "ExpressionAttributeNames":{"#n":"a"}}}"##,
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        ),
        (
            r#"{"Update":{"TableName":"abc","Key":{},"UpdateExpression":"REMOVE status"}}"#,
            "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status",
        ),
    ] {
        invalid(one(item), message);
    }
    let get = r#"{"TransactItems":[{"Get":{"TableName":"abc","Key":{},"ProjectionExpression":"!!!"}}]}"#;
    invalid(
        TransactGetItems::read(get.as_bytes()),
        "Invalid ProjectionExpression: Syntax error; token: \"!\", near: \"!!\"",
    );
}

#[test]
fn what_was_written_before_there_were_expressions_is_understood() {
    let body = br#"{"TableName":"abc","Item":{},"Key":{},"Expected":{"a":{"Exists":false}}}"#;
    let expected = PutItem::read(body).unwrap().condition.unwrap();
    assert!(expected.holds(&Default::default()));
    assert_eq!(DeleteItem::read(body).unwrap().condition, Some(expected));
    let body = br#"{"TableName":"abc","Key":{},"AttributeUpdates":{"a":{"Action":"DELETE"}}}"#;
    assert_eq!(UpdateItem::read(body).unwrap().update.unwrap().paths().count(), 1);
    let body = r#"{"TableName":"abc","KeyConditions":{"a":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"b"}]}}}"#;
    assert_eq!(Query::read(body.as_bytes()).unwrap().keys.tests().len(), 1);
    let body = br#"{"TableName":"abc","Item":{},"Expected":{"a":{"Exists":true}}}"#;
    invalid(
        PutItem::read(body),
        "One or more parameter values were invalid: Value must be provided when Exists is true for Attribute: a",
    );
}
