//! Policies are read whole or refused, with the place of what is wrong and what would be right.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::json;
use sonagi_model::{
    limits,
    policy::{Document, Mistake, Party, Purpose, Scope, Version},
};

fn wrong(text: &str, purpose: Purpose) -> String {
    Document::parse(text, purpose).unwrap_err().to_string()
}

/// One statement that allows all, with other parts.
fn statement(parts: serde_json::Value) -> String {
    let mut statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    for (key, value) in parts.as_object().unwrap() {
        statement[key] = value.clone();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

#[test]
fn a_whole_policy_survives_its_text() {
    let text = r#"{"Version":"2012-10-17","Id":"queue","Statement":[{"Sid":"one","Effect":"Allow","Principal":{"AWS":["000000000000","arn:aws:iam::000000000000:role/shop"],"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:clicks","Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:sns:*:*:a","arn:aws:sns:*:*:b"]},"BoolIfExists":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","NotPrincipal":"*","NotAction":["sqs:*","sns:Get?"],"NotResource":"*"}]}"#;
    let document = Document::parse(text, Purpose::Resource).unwrap();
    assert_eq!(serde_json::to_string(&document).unwrap(), text);
    assert_eq!(serde_json::from_str::<Document>(text).unwrap(), document);
    assert_eq!(document.size(), text.len());
    let [first, second] = &document.statements[..] else { panic!("{document:?}") };
    let service = Party::Service("sns.amazonaws.com".into());
    assert_eq!(first.principals.as_ref().unwrap().named()[2], service);
    assert_eq!(second.principals, Some(Scope::AllBut(vec![Party::Anyone])));
}

#[test]
fn one_statement_needs_no_list_and_values_may_be_numbers() {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*","Condition":{"NumericLessThan":{"s3:max-keys":10},"Bool":{"aws:SecureTransport":true}}}}"#;
    let document = Document::parse(text, Purpose::Identity).unwrap();
    assert_eq!(document.version, Version::First);
    assert_eq!(document.statements[0].conditions[0].values, ["10"]);
    assert_eq!(document.statements[0].conditions[1].values, ["true"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    let identity = |parts| wrong(&statement(parts), Purpose::Identity);
    let says = |text: String, wanted: &str| assert_eq!(text, wanted);
    says(
        identity(json!({ "Action": "SendMessage" })),
        "Statement[0].Action: \"SendMessage\" names no action: write it as \"sqs:SendMessage\" or \"sqs:*\", or \
         \"*\" for all",
    );
    says(
        identity(json!({ "Action": ["sqs:*", 5] })),
        "Statement[0].Action[1]: must be text, and is a number",
    );
    says(
        identity(json!({ "Resource": ["*", "clicks"] })),
        "Statement[0].Resource[1]: \"clicks\" names no resource: write an ARN of six parts, as \
         \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \"*\" for all",
    );
    says(
        identity(json!({ "Effect": "allow" })),
        "Statement[0].Effect: \"allow\" is no effect: write \"Allow\" or \"Deny\"",
    );
    says(
        identity(json!({ "NotAction": "*" })),
        "Statement[0]: `Action` and `NotAction` exclude each other: leave one of the two out",
    );
    says(
        identity(json!({ "Action": [] })),
        "Statement[0].Action: names nothing: write at least one, or leave it out",
    );
    says(
        identity(json!({ "Principal": "*" })),
        "Statement[0]: a function's policy says whom it is for by where it stands: leave `Principal` out",
    );
    says(
        identity(json!({ "Conditions": {} })),
        "Statement[0]: there is no `Conditions` here: there is Sid, Effect, Principal, NotPrincipal, Action, \
         NotAction, Resource, NotResource, Condition",
    );
    let condition = |value| identity(json!({ "Condition": value }));
    says(
        condition(json!({ "StringEqual": { "aws:userid": "a" } })),
        "Statement[0].Condition.StringEqual: \"StringEqual\" is no operator: write one as \"StringEquals\", \"ArnLike\" or \
         \"ForAnyValue:StringLike\"",
    );
    says(
        condition(json!({ "NumericLessThan": { "s3:max-keys": [1, "many"] } })),
        "Statement[0].Condition.NumericLessThan.s3:max-keys[1]: \"many\" is not what NumericLessThan compares with: \
         write a number",
    );
    says(
        condition(json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/40" } })),
        "Statement[0].Condition.IpAddress.aws:SourceIp: \"10.0.0.0/40\" is not what IpAddress compares with: write an \
         address, or a range as 203.0.113.0/24",
    );
    says(
        condition(json!({ "StringEquals": { "userid": "a" } })),
        "Statement[0].Condition.StringEquals.userid: \"userid\" is no condition key: write it as \"aws:SourceArn\"",
    );
    says(
        condition(json!({ "StringLike": { "aws:userid": "${aws:username" } })),
        "Statement[0].Condition.StringLike.aws:userid: the variable \"${aws:username\" has no end: close it with }",
    );
    for unknown in ["NullIfExists", "ForAllValues:Null", "ForNoValue:Bool", "arnlike", ""] {
        assert!(condition(json!({ unknown: { "a:b": "true" } })).contains("is no operator"), "{unknown}");
    }
    let resource = |parts| wrong(&statement(parts), Purpose::Resource);
    assert!(resource(json!({})).starts_with("Statement[0]: `Principal` is missing: write "));
    assert!(
        resource(json!({ "Principal": { "AWS": "arn:aws:iam::1:role/*" } }))
            .contains("Statement[0].Principal.AWS: ")
    );
    assert!(resource(json!({ "Principal": { "Service": "sns" } })).contains("is no service"));
    assert!(resource(json!({ "Principal": {} })).contains("names nothing"));
    assert!(resource(json!({ "Principal": "me" })).contains("names no principal"));
    let whole = |text: &str, wanted: &str| {
        let text = wrong(text, Purpose::Identity);
        assert!(text.starts_with(wanted), "{text}");
    };
    whole("{", "the policy: is no JSON: EOF while parsing");
    whole("[]", "the policy: must be an object, and is a list");
    whole("{}", "the policy: `Statement` is missing");
    whole(r#"{"Version":"2012-10-18","Statement":[]}"#, "Version: \"2012-10-18\" is no version");
    whole(r#"{"Statement":[{"Action":"*"}]}"#, "Statement[0]: `Effect` is missing");
    whole(r#"{"Statement":[{"Effect":"Deny"}]}"#, "Statement[0]: `Action` is missing");
    whole(r#"{"Statement":[{"Effect":"Deny","Action":"*"}]}"#, "Statement[0]: `Resource` is missing");
}

#[test]
fn of_two_effects_neither_wins_unnoticed() {
    let text = r#"{"Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    assert_eq!(
        wrong(text, Purpose::Identity),
        "Statement[0]: `Effect` is there twice: leave one of the two out"
    );
}

#[test]
fn resources_are_arns() {
    for good in [
        "*",
        "arn:aws:s3:::bucket/*",
        "arn:aws:sqs:us-*:*:a?",
        "arn:aws:lambda:us-east-1:000000000000:function:f:*",
        "arn:aws:s3:*",
        "arn:aws:s3:::${aws:userid}/${aws:username, 'a:b'}/${*}",
    ] {
        let text = statement(json!({ "Resource": good }));
        assert!(Document::parse(&text, Purpose::Identity).is_ok(), "{good}");
    }
    for bad in ["", "bucket", "arn:aws:s3", "arn:aws:s3:::", "arn:aws:sqs:a:b*", "urn:a:b:c:d:e", "*:a"] {
        let text = statement(json!({ "Resource": bad }));
        let refused = Document::parse(&text, Purpose::Identity).is_err();
        // An ARN of six parts may end with nothing, which matches nothing.
        assert_eq!(refused, bad != "arn:aws:s3:::", "{bad}");
    }
}

#[test]
fn every_limit_of_a_policy_is_kept() {
    let sized = |size: usize| {
        let usual = statement(json!({ "Sid": "", "Principal": "*" }));
        statement(json!({ "Sid": "a".repeat(size - usual.len()), "Principal": "*" }))
    };
    assert!(Document::parse(&sized(limits::POLICY_SIZE), Purpose::Resource).is_ok());
    let error = Document::parse(&sized(limits::POLICY_SIZE + 1), Purpose::Resource).unwrap_err();
    let limit = limits::POLICY_SIZE;
    assert_eq!(error.mistake, Mistake::Size { got: limit + 1, limit });
    // White space does not count for a function's.
    let blank = " ".repeat(limits::INLINE_POLICIES_SIZE);
    assert!(Document::parse(&(statement(json!({})) + &blank), Purpose::Identity).is_ok());
    let long = statement(json!({ "Sid": "a".repeat(limits::INLINE_POLICIES_SIZE) }));
    assert!(wrong(&long, Purpose::Identity).contains("10240 are possible"));
    let many = |count: usize| {
        let one = json!({ "Effect": "Deny", "Principal": "*", "Action": "*" });
        json!({ "Statement": vec![one; count] }).to_string()
    };
    assert!(Document::parse(&many(limits::POLICY_STATEMENTS), Purpose::Resource).is_ok());
    assert!(wrong(&many(limits::POLICY_STATEMENTS + 1), Purpose::Resource).contains("has 251 statements"));
    let deep = format!("{}{}", "[".repeat(limits::POLICY_DEPTH + 1), "]".repeat(limits::POLICY_DEPTH + 1));
    assert!(wrong(&deep, Purpose::Resource).contains("nested in 8 others at the most"));
    let deep = format!("{}{}", "[".repeat(limits::POLICY_DEPTH), "]".repeat(limits::POLICY_DEPTH));
    assert!(wrong(&deep, Purpose::Resource).contains("must be an object"));
}
