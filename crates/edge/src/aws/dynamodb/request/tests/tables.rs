use super::{super::*, *};

const UNITS: &str = r#""ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}"#;
const BOTH: &str = r#""AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"N"}],
    "KeySchema":[{"KeyType":"HASH","AttributeName":"a"},{"KeyType":"RANGE","AttributeName":"b"}]"#;

fn create(members: &str) -> Result<CreateTable, Fault> {
    CreateTable::read(format!(r#"{{"TableName":"abc",{members}}}"#).as_bytes())
}

fn definitions(names: &[&str]) -> String {
    let one = |name: &&str| format!(r#"{{"AttributeName":"{name}","AttributeType":"S"}}"#);
    format!(r#""AttributeDefinitions":[{}]"#, names.iter().map(one).collect::<Vec<_>>().join(","))
}

fn keys(keys: &[(&str, &str)]) -> String {
    let one = |(kind, name): &(&str, &str)| format!(r#"{{"KeyType":"{kind}","AttributeName":"{name}"}}"#);
    format!(r#""KeySchema":[{}]"#, keys.iter().map(one).collect::<Vec<_>>().join(","))
}

fn index(name: &str, schema: &[(&str, &str)], projection: &str) -> String {
    format!(r#"{{"IndexName":"{name}",{},"Projection":{projection}}}"#, keys(schema))
}

#[test]
fn constraints_of_a_table_are_told_together() {
    let missing =
        |at: &str| format!("Value null at '{at}' failed to satisfy constraint: Member must not be null");
    invalid(
        create(r#""AttributeDefinitions":[],"ProvisionedThroughput":{},"BillingMode":"PAY_PER_REQUEST""#),
        &format!(
            "3 validation errors detected: {}; {}; {}",
            missing("provisionedThroughput.writeCapacityUnits"),
            missing("provisionedThroughput.readCapacityUnits"),
            missing("keySchema"),
        ),
    );
    invalid(
        create(&format!("{},{},{UNITS}", definitions(&["a"]), keys(&[("INVALID", "a")]))),
        "1 validation error detected: Value 'INVALID' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must \
         satisfy enum value set: [HASH, RANGE]",
    );
    invalid(
        create(&format!(
            r#""AttributeDefinitions":[{{"AttributeName":"a","AttributeType":"SS"}}],{},{UNITS}"#,
            keys(&[("HASH", "a")])
        )),
        "1 validation error detected: Value 'SS' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: \
         Member must satisfy enum value set: [B, N, S]",
    );
    invalid(
        create(&format!(
            "{},{},{UNITS}",
            definitions(&["a", "b", "c"]),
            keys(&[("HASH", "a"), ("RANGE", "b"), ("RANGE", "c")])
        )),
        "1 validation error detected: Value '[KeySchemaElement(attributeName=a, keyType=HASH), \
         KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]' at 'keySchema' \
         failed to satisfy constraint: Member must have length less than or equal to 2",
    );
    invalid(
        create(&format!(
            r#"{BOTH},{UNITS},"LocalSecondaryIndexes":[{{"IndexName":"h;","KeySchema":[],"Projection":{{
            "ProjectionType":"x","NonKeyAttributes":[]}}}}]"#
        )),
        "5 validation errors detected: Value 'h;' at 'localSecondaryIndexes.1.member.indexName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'h;' at \
         'localSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must have length greater than or equal \
         to 3; Value '[]' at 'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have length \
         greater than or equal to 1; Value 'x' at 'localSecondaryIndexes.1.member.projection.projectionType' failed to satisfy \
         constraint: Member must satisfy enum value set: [ALL, INCLUDE, KEYS_ONLY]; Value '[]' at \
         'localSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to satisfy constraint: Member must have length \
         greater than or equal to 1",
    );
    let many = format!(r#"{BOTH},{UNITS},"LocalSecondaryIndexes":[{}]"#, ["{}"; 9].join(","));
    assert!(create(&many).unwrap_err().message.starts_with("10 validation errors detected: "));
}

#[test]
fn keys_and_definitions_must_fit() {
    let undefined = "Invalid KeySchema: Some index key attribute have no definition";
    for (defined, schema, message) in [
        (&[][..], &[("HASH", "a")][..], undefined),
        (&["a"], &[("HASH", "a"), ("RANGE", "a")], undefined),
        (&["b"], &[("HASH", "a"), ("HASH", "a")], undefined),
        (
            &["b"],
            &[("HASH", "a")],
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. \
             Keys: [a], AttributeDefinitions: [b]",
        ),
        (
            &["a", "b"],
            &[("HASH", "a"), ("HASH", "a")],
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            &["a", "b"],
            &[("HASH", "a"), ("HASH", "b")],
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ),
        (
            &["a", "b"],
            &[("RANGE", "a"), ("HASH", "b")],
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            &["a", "b"],
            &[("HASH", "a")],
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of \
             attributes defined in AttributeDefinitions",
        ),
    ] {
        invalid(create(&format!("{},{},{UNITS}", definitions(defined), keys(schema))), message);
    }
}

#[test]
fn throughput_must_fit_how_a_table_is_paid_for() {
    let table = format!("{},{}", definitions(&["a"]), keys(&[("HASH", "a")]));
    for (members, message) in [
        (
            "\"x\":1",
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when \
             BillingMode is PROVISIONED",
        ),
        (
            &format!(r#"{UNITS},"BillingMode":"PAY_PER_REQUEST""#),
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
             BillingMode is PAY_PER_REQUEST",
        ),
        (
            r#""ProvisionedThroughput":{"WriteCapacityUnits":1000000000001,"ReadCapacityUnits":1000000000001}"#,
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
        ),
        (
            &format!(r#"{UNITS},"OnDemandThroughput":{{"MaxWriteRequestUnits":1}}"#),
            "One or more parameter values were invalid: MaxWriteRequestUnits for OnDemandThroughput cannot be specified when \
             table BillingMode is PROVISIONED.",
        ),
        (
            &format!(
                r#"{UNITS},"StreamSpecification":{{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}}"#
            ),
            "One or more parameter values were invalid: Table is being created with a stream disabled, UpdateViewType should \
             not be specified",
        ),
    ] {
        invalid(create(&format!("{table},{members}")), message);
    }
    let read = create(&format!(
        r#"{table},"BillingMode":"PAY_PER_REQUEST","StreamSpecification":{{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}},
           "Tags":[{{"Key":"k","Value":""}}],"DeletionProtectionEnabled":true,"TableClass":"STANDARD",
           "SSESpecification":{{"Enabled":true}},"ResourcePolicy":"x""#
    ))
    .unwrap();
    assert_eq!(read.billing, Billing::PayPerRequest(None));
    assert_eq!(read.keys, KeySchema { partition: "a".into(), sort: None });
    assert_eq!(read.stream, Some(Stream::Enabled(View::KeysOnly)));
    assert_eq!((read.tags.len(), read.is_protected, read.others), (1, Some(true), vec!["ResourcePolicy"]));
}

#[test]
fn indexes_must_fit_their_table() {
    let all = r#"{"ProjectionType":"ALL"}"#;
    let local = |name: &str, schema: &[(&str, &str)]| index(name, schema, all);
    let whole = [("HASH", "a"), ("RANGE", "b")];
    let many: Vec<String> = (0..6).map(|number| local(&format!("abc{number}"), &whole)).collect();
    for (indexes, message) in [
        (String::new(), "List of LocalSecondaryIndexes is empty"),
        (
            local("abc", &[("RANGE", "c"), ("RANGE", "d")]),
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [c, d], AttributeDefinitions: [a, b]",
        ),
        (local("abc", &[("HASH", "b")]), "Index KeySchema does not have a range key for index: abc"),
        (
            local("abc", &[("HASH", "b"), ("RANGE", "a")]),
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: abc. index hash key: b, \
             table hash key: a",
        ),
        (index("abc", &whole, "{}"), "Unknown ProjectionType: null"),
        (
            index("abc", &whole, r#"{"ProjectionType":"KEYS_ONLY","NonKeyAttributes":["a"]}"#),
            "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
        ),
        (
            index("abc", &whole, r#"{"ProjectionType":"INCLUDE"}"#),
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (format!("{0},{0}", local("abc", &whole)), "Duplicate index name: abc"),
        (many.join(","), "Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
    ] {
        let members = format!(r#"{BOTH},{UNITS},"LocalSecondaryIndexes":[{indexes}]"#);
        invalid(create(&members), &format!("{PARAMETER}{message}"));
    }
    invalid(
        create(&format!(
            r#"{},{},{UNITS},"LocalSecondaryIndexes":[{}]"#,
            definitions(&["a", "b"]),
            keys(&[("HASH", "a")]),
            local("abc", &whole)
        )),
        &format!(
            "{PARAMETER}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        ),
    );
    let global = |name: &str| index(name, &[("HASH", "b")], all);
    for (members, message) in [
        (format!(r#"{UNITS},"GlobalSecondaryIndexes":[]"#), "List of GlobalSecondaryIndexes is empty"),
        (
            format!(r#"{UNITS},"GlobalSecondaryIndexes":[{}]"#, global("abc")),
            "ProvisionedThroughput is not specified for index: abc",
        ),
        (
            format!(
                r#""BillingMode":"PAY_PER_REQUEST","LocalSecondaryIndexes":[{}],"GlobalSecondaryIndexes":[{}]"#,
                local("abc", &whole),
                global("abc")
            ),
            "Duplicate index name: abc",
        ),
        (
            format!(
                r#""BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[{}]"#,
                (0..21).map(|number| global(&format!("abc{number}"))).collect::<Vec<_>>().join(",")
            ),
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
    ] {
        invalid(create(&format!("{BOTH},{members}")), &format!("{PARAMETER}{message}"));
    }
    let read = create(&format!(
        r#"{BOTH},"BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[{}],"LocalSecondaryIndexes":[{}]"#,
        index("abc", &[("HASH", "b")], r#"{"ProjectionType":"INCLUDE","NonKeyAttributes":["c"]}"#),
        local("abd", &whole),
    ))
    .unwrap();
    assert_eq!(read.global_indexes[0].projection, IndexProjection::Include(vec!["c".into()]));
    assert_eq!(read.local_indexes[0].keys.sort.as_deref(), Some("b"));
}

#[test]
fn a_table_is_changed_in_some_way() {
    let update = |members: &str| UpdateTable::read(format!(r#"{{"TableName":"abc",{members}}}"#).as_bytes());
    for (members, message) in [
        (
            r#""GlobalSecondaryIndexUpdates":[]"#,
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or \
             SSESpecification or ReplicaUpdates is required",
        ),
        (
            r#""GlobalSecondaryIndexUpdates":[{"Update":{}}]"#,
            "2 validation errors detected: Value null at 'globalSecondaryIndexUpdates.1.member.update.indexName' failed to \
             satisfy constraint: Member must not be null; Value null at \
             'globalSecondaryIndexUpdates.1.member.update.provisionedThroughput' failed to satisfy constraint: Member must not \
             be null",
        ),
        (
            r#""GlobalSecondaryIndexUpdates":[{}]"#,
            "One or more parameter values were invalid: One of GlobalSecondaryIndexUpdate.Update, \
             GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
        ),
        (
            r#""GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"abc"}},{"Delete":{"IndexName":"abc"}}]"#,
            "One or more parameter values were invalid: Only one global secondary index update per index is allowed \
             simultaneously. Index: abc",
        ),
        (
            r#""BillingMode":"PROVISIONED""#,
            "One or more parameter values were invalid: ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ),
        (
            &format!(r#"{UNITS},"BillingMode":"PAY_PER_REQUEST""#),
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
             BillingMode is PAY_PER_REQUEST",
        ),
        (
            r#""ProvisionedThroughput":{"WriteCapacityUnits":1000000000001,"ReadCapacityUnits":1}"#,
            "Given value 1000000000001 for WriteCapacityUnits is out of bounds",
        ),
        (
            &format!(
                r#""GlobalSecondaryIndexUpdates":[{{"Create":{}}}]"#,
                index("abc", &[("HASH", "a")], r#"{"ProjectionType":"ALL"}"#)
            ),
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. \
             Keys: [a], AttributeDefinitions: []",
        ),
    ] {
        invalid(update(members), message);
    }
    let members = format!(
        r#"{},"GlobalSecondaryIndexUpdates":[{{"Create":{}}},{{"Delete":{{"IndexName":"abd"}}}}],"TableClass":"STANDARD""#,
        definitions(&["a"]),
        index("abc", &[("HASH", "a")], r#"{"ProjectionType":"ALL"}"#)
    );
    let read = update(&members).unwrap();
    assert!(
        matches!(&read.indexes[..], [IndexChange::Create(_), IndexChange::Delete { name }] if name == "abd")
    );
    assert_eq!(read.class, Some(TableClass::Standard));
}

#[test]
fn tags_are_of_a_table() {
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/abc";
    let tag = |members: &str| TagResource::read(format!("{{{members}}}").as_bytes());
    invalid(tag(""), "Invalid TableArn");
    invalid(
        tag(r#""ResourceArn":"x""#),
        "1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member must not be null",
    );
    invalid(
        tag(r#""ResourceArn":"a:b:c:d:e:f/g","Tags":[]"#),
        "Invalid TableArn: Invalid ResourceArn provided as input a:b:c:d:e:f/g",
    );
    invalid(
        tag(&format!(r#""ResourceArn":"{arn}","Tags":[]"#)),
        "Atleast one Tag needs to be provided as Input.",
    );
    invalid(
        UntagResource::read(format!(r#"{{"ResourceArn":"{arn}","TagKeys":[]}}"#).as_bytes()),
        "Atleast one Tag Key needs to be provided as Input.",
    );
    let read = tag(&format!(r#""ResourceArn":"{arn}","Tags":[{{"Key":"k","Value":"v"}}]"#)).unwrap();
    assert_eq!(read.tags, [Tag { key: "k".into(), value: "v".into() }]);
}

#[test]
fn the_rest_is_read() {
    let ttl = |attribute: &str| {
        let body = format!(
            r#"{{"TableName":"abc","TimeToLiveSpecification":{{"Enabled":true,"AttributeName":"{attribute}"}}}}"#
        );
        UpdateTimeToLive::read(body.as_bytes())
    };
    assert!(ttl("a").unwrap().is_enabled);
    invalid(
        ttl(""),
        "1 validation error detected: Value '' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member \
         must have length greater than or equal to 1",
    );
    let read = ListTables::read(b"{}").unwrap();
    assert_eq!((read.limit, read.after), (100, None));
    let body = br#"{"TableName":"abc","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true,
        "RecoveryPeriodInDays":36}}"#;
    invalid(
        UpdateContinuousBackups::read(body),
        "1 validation error detected: Value '36' at 'pointInTimeRecoverySpecification.recoveryPeriodInDays' failed to satisfy \
         constraint: Member must have value less than or equal to 35",
    );
    let body = br#"{"SourceTableName":"abc","TargetTableName":"abd","RestoreDateTime":1.5,"BillingModeOverride":"PROVISIONED",
        "LocalSecondaryIndexOverride":[]}"#;
    let read = RestoreTableToPointInTime::read(body).unwrap();
    assert_eq!((read.source.said(), read.time), ("abc", Some(1.5)));
    assert_eq!(read.overrides.others, ["LocalSecondaryIndexOverride"]);
    let body =
        br#"{"Statement":"SELECT * FROM t WHERE a = ?","Parameters":[{"S":"x"}],"Limit":3,"NextToken":"t"}"#;
    let read = ExecuteStatement::read(body).unwrap();
    assert_eq!((read.statement.parameters.len(), read.limit, read.token.as_deref()), (1, Some(3), Some("t")));
    invalid(ExecuteStatement::read(br#"{"Statement":"SELECT","Parameters":[{}]}"#), EMPTY);
    assert!(DescribeLimits::read(b"{}").is_ok() && DescribeEndpoints::read(b"{}").is_ok());
}
