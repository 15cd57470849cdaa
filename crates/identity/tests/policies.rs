//! What policies decide, as IAM's user guide has it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use sonagi_identity::{
    Access, Config, CredentialsFile, Error, Grants, Identity, Principal,
    policy::{Given, Policies},
};
use sonagi_model::{
    AccountId, AppName, LambdaName, Timestamp,
    policy::{Document, Purpose},
};

/// 2026-01-31T08:15:30Z
const NOW: Timestamp = Timestamp::from_millis(1_769_847_330_000);
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:clicks";

fn function() -> Principal {
    Principal::Function {
        app: AppName::new("shop").unwrap(),
        function: LambdaName::new("shop-click").unwrap(),
        role: "shop-clickRole".into(),
    }
}

struct Granted(Arc<Policies>);

impl Grants for Granted {
    fn of(&self, app: &AppName, function: &LambdaName) -> Option<Arc<Policies>> {
        (app.as_str() == "shop" && function.as_str() == "shop-click").then(|| Arc::clone(&self.0))
    }
}

fn compile(statements: Value, purpose: Purpose) -> Policies {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Policies::compile(&[Document::parse(&text, purpose).unwrap_or_else(|error| panic!("{error}"))])
}

fn identity(statements: Value) -> Identity {
    let keys =
        "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = 0123456789abcdef0123\n";
    Identity::new(Config {
        account: AccountId::default(),
        credentials: Some(CredentialsFile::parse(keys).unwrap()),
        master_key: [1; 32],
    })
    .granting(Arc::new(Granted(Arc::new(compile(statements, Purpose::Identity)))))
}

fn allow(action: &str, resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

fn may(identity: &Identity, action: &str, resource: &str) -> Result<(), String> {
    identity.may(&Access::new(&function(), action, resource, NOW)).map_err(|error| error.to_string())
}

fn refused(action: &str, resource: &str, why: &str) -> Result<(), String> {
    Err(format!(
        "User: arn:aws:sts::000000000000:assumed-role/shop-clickRole/shop-click is not authorized to perform: {action} \
         on resource: {resource} {why}"
    ))
}

#[test]
fn what_no_statement_allows_is_refused_in_the_words_of_aws() {
    let identity = identity(json!([allow("sqs:SendMessage", QUEUE)]));
    assert_eq!(may(&identity, "sqs:SendMessage", QUEUE), Ok(()));
    let why = |action| format!("because no identity-based policy allows the {action} action");
    let neighbour = "arn:aws:sqs:us-east-1:000000000000:orders";
    let text = refused("sqs:SendMessage", neighbour, &why("sqs:SendMessage"));
    assert_eq!(may(&identity, "sqs:SendMessage", neighbour), text);
    let text = refused("sqs:PurgeQueue", QUEUE, &why("sqs:PurgeQueue"));
    assert_eq!(may(&identity, "sqs:PurgeQueue", QUEUE), text);
}

#[test]
fn an_explicit_denial_wins_and_says_so() {
    let deny = json!({ "Effect": "Deny", "Action": "sqs:Purge*", "Resource": "*" });
    let identity = identity(json!([deny, allow("sqs:*", "*")]));
    assert_eq!(may(&identity, "sqs:SendMessage", QUEUE), Ok(()));
    let text = refused("sqs:PurgeQueue", QUEUE, "with an explicit deny in an identity-based policy");
    assert_eq!(may(&identity, "sqs:PurgeQueue", QUEUE), text);
}

#[test]
fn another_apps_function_has_no_part_of_the_grant() {
    let identity = identity(json!([allow("*", "*")]));
    let principal = Principal::Function {
        app: AppName::new("other").unwrap(),
        function: LambdaName::new("shop-click").unwrap(),
        role: "shop-clickRole".into(),
    };
    assert!(identity.may(&Access::new(&principal, "sqs:SendMessage", QUEUE, NOW)).is_err());
}

#[test]
fn functions_invoke_their_own_app_unless_a_policy_denies_it() {
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:shop-report";
    let own = AppName::new("shop").unwrap();
    let invoke = |statements| {
        let principal = function();
        let access = Access::new(&principal, "lambda:InvokeFunction", arn, NOW).owned_by(Some(&own));
        identity(statements).may(&access).map_err(|error| error.to_string())
    };
    assert_eq!(invoke(json!([])), Ok(()));
    let deny = json!([{ "Effect": "Deny", "Action": "lambda:*", "Resource": arn }]);
    let text = refused("lambda:InvokeFunction", arn, "with an explicit deny in an identity-based policy");
    assert_eq!(invoke(deny), text);
    let deny = json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]);
    assert_eq!(may(&identity(deny), "sts:GetCallerIdentity", "*"), Ok(()));
}

#[test]
fn actions_match_in_any_case_and_resources_in_theirs() {
    let identity = identity(json!([
        { "Effect": "Allow", "Action": ["SQS:sendmessage*", "s3:Get?bject"], "Resource": "*" },
        { "Effect": "Allow", "NotAction": ["iam:*", "lambda:*"], "Resource": "arn:aws:x:::Y" },
        { "Effect": "Allow", "Action": "sns:Publish", "NotResource": "arn:aws:sns:*:*:secret-*" },
    ]));
    assert!(may(&identity, "sqs:SendMessageBatch", QUEUE).is_ok());
    assert!(may(&identity, "s3:GetObject", "arn:aws:s3:::a/b").is_ok());
    assert!(may(&identity, "s3:GetObjectAcl", "arn:aws:s3:::a/b").is_err());
    assert!(may(&identity, "x:Anything", "arn:aws:x:::Y").is_ok());
    assert!(may(&identity, "x:Anything", "arn:aws:x:::y").is_err());
    assert!(may(&identity, "LAMBDA:Invoke", "arn:aws:x:::Y").is_err());
    assert!(may(&identity, "sns:Publish", "arn:aws:sns:a:1:news").is_ok());
    assert!(may(&identity, "sns:Publish", "arn:aws:sns:a:1:secret-news").is_err());
}

#[test]
fn each_part_of_an_arn_matches_on_its_own() {
    let allows = |pattern: &str, resource: &str| {
        may(&identity(json!([allow("a:b", pattern)])), "a:b", resource).is_ok()
    };
    // Within the last part a star crosses slashes and colons.
    assert!(allows("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c"));
    assert!(allows(
        "arn:aws:lambda:*:*:function:f*",
        "arn:aws:lambda:us-east-1:000000000000:function:f:live"
    ));
    assert!(!allows(
        "arn:aws:lambda:*:*:function:f",
        "arn:aws:lambda:us-east-1:000000000000:function:f:live"
    ));
    // Before that it ends where the part does.
    assert!(!allows("arn:aws:sqs:*::clicks", QUEUE));
    assert!(!allows("arn:aws:sqs:us-east-1*:*:clicks", "arn:aws:sqs:eu:us-east-1:clicks"));
    assert!(allows("arn:*:sqs:us-????-1:0*:cl?cks", QUEUE));
    assert!(!allows("arn:aws:sqs::000000000000:clicks", QUEUE));
    assert!(allows("arn:aws:sqs:*", QUEUE) && !allows("arn:aws:sns:*", QUEUE));
    // What is no ARN, all alone may have.
    assert!(allows("*", "*") && !allows("arn:aws:*", "*") && allows("**", QUEUE));
}

/// Whether a statement with this condition allows, in a request with these keys.
fn condition(condition: Value, context: &[(&str, Given<'_>)]) -> bool {
    let statement = json!([{ "Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": condition }]);
    let principal = function();
    identity(statement).may(&Access::new(&principal, "a:b", "*", NOW).with(context)).is_ok()
}

#[test]
fn every_operator_compares_as_documented() {
    let one = |operator: &str, wanted: Value, got: &str| {
        condition(json!({ operator: { "app:key": wanted } }), &[("APP:Key", got.into())])
    };
    let absent = |operator: &str, wanted: Value| condition(json!({ operator: { "app:key": wanted } }), &[]);
    // Operator, values, what matches, what does not.
    let table = [
        ("StringEquals", json!(["a", "b"]), "b", "B"),
        ("StringEquals", json!("a*"), "a*", "ab"),
        ("StringNotEquals", json!(["a", "b"]), "c", "a"),
        ("StringEqualsIgnoreCase", json!("Été"), "éTÉ", "ete"),
        ("StringEqualsIgnoreCase", json!("οδοσ"), "ΟΔΟΣ", "οδος"),
        ("StringEqualsIgnoreCase", json!("ǅa"), "ǅA", "b"),
        ("StringNotEqualsIgnoreCase", json!("a"), "b", "A"),
        ("StringLike", json!(["a*c", "x?"]), "abbc", "abb"),
        ("StringNotLike", json!("a*"), "ba", "ab"),
        ("ArnEquals", json!("arn:aws:s3:::a*"), "arn:aws:s3:::ab", "arn:aws:sqs:::ab"),
        ("ArnLike", json!("arn:aws:sns:*:1:t"), "arn:aws:sns:x:1:t", "arn:aws:sns:x:2:t"),
        ("ArnNotEquals", json!("arn:aws:s3:::a"), "arn:aws:s3:::b", "arn:aws:s3:::a"),
        ("ArnNotLike", json!("arn:aws:s3:::a*"), "no arn", "arn:aws:s3:::ab"),
        ("NumericEquals", json!(10), "10.0", "11"),
        ("NumericNotEquals", json!([1, 2]), "3", "2"),
        ("NumericLessThan", json!("10"), "9.5", "10"),
        ("NumericLessThanEquals", json!(10), "10", "many"),
        ("NumericGreaterThan", json!(10), "11", "10"),
        ("NumericGreaterThanEquals", json!(10), "10", "9"),
        ("DateEquals", json!("2026-01-31T00:00:00Z"), "1769817600", "1769817601"),
        ("DateNotEquals", json!("2026-01-31"), "2026-02-01", "2026-01-31T01:00:00+01:00"),
        ("DateLessThan", json!("2026-01-31"), "2026-01-30", "2026-01-31"),
        ("DateLessThanEquals", json!("2026-01-31"), "2026-01-31", "2026-02-01"),
        ("DateGreaterThan", json!("2026-01-31"), "2026-02-01", "2026-01-31"),
        ("DateGreaterThanEquals", json!("1769817600"), "2026-01-31", "2026-01-30"),
        ("Bool", json!(true), "TRUE", "false"),
        ("BinaryEquals", json!("QmlSbTE="), "QmlSbTE=", "QmlSbTI="),
        ("IpAddress", json!(["10.0.0.0/8", "2001:db8::/32"]), "2001:db8::1", "11.0.0.1"),
        ("NotIpAddress", json!("10.0.0.0/8"), "11.0.0.1", "10.1.1.1"),
    ];
    for (operator, wanted, matches, differs) in table {
        assert!(one(operator, wanted.clone(), matches), "{operator} {wanted} {matches}");
        assert!(!one(operator, wanted.clone(), differs), "{operator} {wanted} {differs}");
        let if_exists = format!("{operator}IfExists");
        assert!(one(&if_exists, wanted.clone(), matches) && !one(&if_exists, wanted.clone(), differs));
        // An absent key matches nothing, so what negates holds.
        assert_eq!(absent(operator, wanted.clone()), operator.contains("Not"), "{operator}");
        assert!(absent(&if_exists, wanted), "{operator}");
    }
    assert!(absent("Null", json!(true)) && !absent("Null", json!("false")));
    assert!(one("Null", json!("false"), "") && !one("Null", json!(true), "x"));
}

#[test]
fn all_keys_must_match_and_one_value_of_each() {
    let wanted = json!({
        "StringEquals": { "app:a": ["1", "2"], "app:b": "x" },
        "Bool": { "aws:SecureTransport": "true" },
    });
    let given = |a: &'static str, b: &'static str| {
        condition(wanted.clone(), &[("app:a", a.into()), ("app:b", b.into())])
    };
    assert!(given("1", "x") && given("2", "x"));
    assert!(!given("3", "x") && !given("1", "y"));
}

#[test]
fn keys_with_several_values_are_asked_for_all_or_any() {
    let tags = |operator: &str, given: &[&str]| {
        let wanted = json!({ operator: { "aws:TagKeys": ["env", "cost*"] } });
        condition(wanted, &[("aws:TagKeys", Given::Many(given))])
    };
    assert!(tags("ForAllValues:StringLike", &["env", "costs"]));
    assert!(!tags("ForAllValues:StringLike", &["env", "owner"]));
    assert!(tags("ForAllValues:StringLike", &[]));
    assert!(tags("ForAnyValue:StringLike", &["owner", "env"]));
    assert!(!tags("ForAnyValue:StringLike", &["owner"]) && !tags("ForAnyValue:StringLike", &[]));
    assert!(tags("ForAnyValue:StringLikeIfExists", &[]));
    assert!(tags("ForAllValues:StringNotLike", &["owner", "team"]));
    assert!(!tags("ForAllValues:StringNotLike", &["owner", "env"]));
    assert!(tags("ForAnyValue:StringNotLike", &["owner", "env"]));
    assert!(!tags("ForAnyValue:StringNotLike", &["env"]) && !tags("ForAnyValue:StringNotLike", &[]));
}

#[test]
fn every_request_has_the_global_keys() {
    let holds =
        |operator: &str, key: &str, wanted: &str| condition(json!({ operator: { key: wanted } }), &[]);
    assert!(holds("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::000000000000:role/shop-clickRole"));
    assert!(holds("StringEquals", "aws:PrincipalAccount", "000000000000"));
    assert!(holds("StringEquals", "aws:PrincipalType", "AssumedRole"));
    assert!(holds("StringEquals", "aws:userid", "shop-clickRole:shop-click"));
    assert!(holds("StringEquals", "aws:ResourceAccount", "000000000000"));
    assert!(holds("DateGreaterThan", "aws:CurrentTime", "2026-01-31T08:15:29Z"));
    assert!(holds("DateLessThan", "aws:CurrentTime", "2026-01-31T08:15:31Z"));
    assert!(holds("NumericEquals", "aws:EpochTime", "1769847330"));
    assert!(holds("Bool", "aws:SecureTransport", "true"));
    assert!(holds("Bool", "aws:PrincipalIsAWSService", "false"));
    assert!(holds("Null", "aws:username", "true") && holds("Null", "aws:SourceIp", "true"));
}

#[test]
fn variables_are_what_the_request_says_and_never_wildcards() {
    let allows = |pattern: &str, resource: &str, context: &[(&str, Given<'_>)]| {
        let principal = function();
        identity(json!([allow("a:b", pattern)]))
            .may(&Access::new(&principal, "a:b", resource, NOW).with(context))
            .is_ok()
    };
    let home = "arn:aws:s3:::home/${app:user}/*";
    assert!(allows(home, "arn:aws:s3:::home/ann/x", &[("app:user", "ann".into())]));
    assert!(!allows(home, "arn:aws:s3:::home/ben/x", &[("app:user", "ann".into())]));
    assert!(!allows(home, "arn:aws:s3:::home/ben/x", &[("app:user", "*".into())]));
    assert!(!allows(home, "arn:aws:s3:::home//x", &[]));
    assert!(!allows(home, "arn:aws:s3:::home/ann/x", &[("app:user", Given::Many(&["ann"]))]));
    let usual = "arn:aws:s3:::home/${app:user, 'guest'}/*";
    assert!(allows(usual, "arn:aws:s3:::home/guest/x", &[]));
    assert!(allows("arn:aws:s3:::a${*}${?}${$}", "arn:aws:s3:::a*?$", &[]));
    assert!(!allows("arn:aws:s3:::a${*}", "arn:aws:s3:::abc", &[]));
    let keys: &[(&str, Given<'_>)] = &[("app:a", "5".into()), ("app:b", "5".into())];
    assert!(condition(json!({ "StringEquals": { "app:a": "${app:b}" } }), keys));
    assert!(condition(json!({ "NumericEquals": { "app:a": "${app:b}.0" } }), keys));
    assert!(!condition(json!({ "StringEquals": { "app:a": "${app:c}" } }), keys));
    // The first version of the language has none.
    let text = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${app:user}"}]}"#;
    let first = Policies::compile(&[Document::parse(text, Purpose::Identity).unwrap()]);
    let identity = identity(json!([])).granting(Arc::new(Granted(Arc::new(first))));
    assert!(may(&identity, "a:b", "arn:aws:s3:::${app:user}").is_ok());
}

/// What the resource's policy makes of a principal without policies of its own.
fn under(principal: &Principal, statements: Value, context: &[(&str, Given<'_>)]) -> Result<(), Error> {
    let policy = compile(statements, Purpose::Resource);
    let access = Access::new(principal, "sqs:SendMessage", QUEUE, NOW).with(context).under(Some(&policy));
    identity(json!([])).may(&access)
}

fn statement(effect: &str, key: &str, principal: Value) -> Value {
    json!([{ "Effect": effect, key: principal, "Action": "sqs:*", "Resource": QUEUE }])
}

#[test]
fn a_resources_policy_lets_whom_it_names() {
    let lets = |principal: Value| under(&function(), statement("Allow", "Principal", principal), &[]).is_ok();
    assert!(lets(json!("*")) && lets(json!({ "AWS": "*" })));
    assert!(lets(json!({ "AWS": "arn:aws:iam::000000000000:role/shop-clickRole" })));
    assert!(lets(json!({ "AWS": "arn:aws:iam::000000000000:role/a/path/shop-clickRole" })));
    assert!(lets(
        json!({ "AWS": ["999999999999", "arn:aws:sts::000000000000:assumed-role/shop-clickRole/shop-click"] })
    ));
    assert!(!lets(json!({ "AWS": "arn:aws:iam::000000000000:role/other" })));
    assert!(!lets(json!({ "AWS": "arn:aws:iam::999999999999:role/shop-clickRole" })));
    assert!(!lets(json!({ "Service": "sns.amazonaws.com" })) && !lets(json!({ "Federated": "x" })));
    // To name the account is to leave it to the account's own policies.
    assert!(
        !lets(json!({ "AWS": "000000000000" })) && !lets(json!({ "AWS": "arn:aws:iam::000000000000:root" }))
    );
}

#[test]
fn a_resources_policy_denies_whatever_else_allows() {
    let denied = |key: &str, principal: Value| {
        let policy = compile(statement("Deny", key, principal), Purpose::Resource);
        let principal = function();
        let access = Access::new(&principal, "sqs:SendMessage", QUEUE, NOW).under(Some(&policy));
        identity(json!([allow("*", "*")])).may(&access).map_err(|error| error.to_string())
    };
    let text = refused("sqs:SendMessage", QUEUE, "with an explicit deny in a resource-based policy");
    assert_eq!(denied("Principal", json!("*")), text);
    assert_eq!(denied("Principal", json!({ "AWS": "000000000000" })), text);
    assert_eq!(denied("Principal", json!({ "AWS": "arn:aws:iam::000000000000:role/other" })), Ok(()));
    let role = "arn:aws:iam::000000000000:role/shop-clickRole";
    assert_eq!(denied("NotPrincipal", json!({ "AWS": ["000000000000", role] })), Ok(()));
    assert_eq!(denied("NotPrincipal", json!({ "AWS": "000000000000" })), text);
}

#[test]
fn a_service_is_let_by_the_resources_policy_alone() {
    let topic = Principal::Service { name: "sns.amazonaws.com".into() };
    let statements = json!([{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": QUEUE,
        "Condition": { "ArnEquals": { "aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:news" } },
    }]);
    let from = |arn: &'static str| under(&topic, statements.clone(), &[("aws:SourceArn", arn.into())]);
    assert!(from("arn:aws:sns:us-east-1:000000000000:news").is_ok());
    assert_eq!(
        from("arn:aws:sns:us-east-1:000000000000:other").unwrap_err().to_string(),
        "User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: \
         arn:aws:sqs:us-east-1:000000000000:clicks because no resource-based policy allows the sqs:SendMessage action"
    );
}

#[test]
fn an_operator_may_all() {
    let operator = Principal::Operator { key_id: "AKIAIOSFODNN7EXAMPLE".into() };
    assert_eq!(under(&operator, statement("Deny", "Principal", json!("*")), &[]), Ok(()));
    assert!(under(&Principal::Anonymous, json!([]), &[]).is_err());
    assert!(under(&Principal::Anonymous, statement("Allow", "Principal", json!("*")), &[]).is_ok());
}

/// Values that look like parts of policies, right and wrong.
fn part() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just(json!("*")),
        Just(json!("Allow")),
        Just(json!("Deny")),
        Just(json!("2012-10-17")),
        Just(json!("000000000000")),
        "[a-z:*?$\\{\\}/é]{0,12}".prop_map(Value::from),
        "arn:aws:[a-z*]{0,3}:[a-z*?]{0,3}:[0-9*]{0,3}:[a-z*?:/$\\{\\}]{0,9}".prop_map(Value::from),
        "[a-z0-9]{1,4}:[A-Za-z*?]{1,6}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("Statement"),
        Just("Version"),
        Just("Effect"),
        Just("Action"),
        Just("NotAction"),
        Just("Resource"),
        Just("NotResource"),
        Just("Principal"),
        Just("NotPrincipal"),
        Just("Condition"),
        Just("StringLike"),
        Just("ForAnyValue:NumericLessThanIfExists"),
        Just("IpAddress"),
        Just("DateEquals"),
        Just("ArnLike"),
        Just("aws:userid"),
        Just("AWS"),
        Just("Service"),
        Just("x"),
    ];
    word.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

/// A statement of a policy that is right.
fn sound(effect: &'static str) -> impl Strategy<Value = Value> {
    let action =
        prop_oneof![Just("*"), Just("sqs:*"), Just("sqs:Send*"), Just("s3:Get*"), Just("sqs:SendMessage")];
    let resource =
        prop_oneof![Just("*"), Just(QUEUE), Just("arn:aws:sqs:*:*:c*"), Just("arn:aws:s3:::${aws:userid}")];
    let condition = prop_oneof![
        Just(json!({})),
        Just(json!({ "Bool": { "aws:SecureTransport": "true" } })),
        Just(json!({ "StringEquals": { "aws:userid": "x" } })),
    ];
    (action, resource, condition, any::<bool>()).prop_map(move |(action, resource, condition, not)| {
        let key = if not { "NotResource" } else { "Resource" };
        json!({ "Effect": effect, "Action": action, key: resource, "Condition": condition })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_makes_reading_or_deciding_panic(text in "\\PC{0,60}", value in part(), resource in "[a:*$\\{\\}é/]{0,12}") {
        for purpose in [Purpose::Identity, Purpose::Resource] {
            let _ = Document::parse(&text, purpose);
            for raw in [value.clone(), json!({ "Statement": value })] {
                let Ok(document) = Document::parse(&raw.to_string(), purpose) else { continue };
                let again = serde_json::to_string(&document).unwrap();
                prop_assert_eq!(&Document::parse(&again, purpose).unwrap(), &document);
                let policies = Policies::compile(&[document]);
                let principal = function();
                let access = Access::new(&principal, "a:b", &resource, NOW).under(Some(&policies));
                let _ = identity(json!([])).may(&access);
            }
        }
    }

    #[test]
    fn sound_policies_are_read_and_deny_always_wins(
        allowing in prop::collection::vec(sound("Allow"), 0..4),
        denying in prop::collection::vec(sound("Deny"), 0..3),
        first in any::<bool>(),
    ) {
        let joined = |a: &[Value], b: &[Value]| Value::from([a, b].concat());
        let all = if first { joined(&denying, &allowing) } else { joined(&allowing, &denying) };
        let alone = may(&identity(Value::from(allowing)), "sqs:SendMessage", QUEUE);
        // A statement denies just what it would allow if it allowed.
        let turned: Vec<Value> = denying
            .iter()
            .map(|statement| {
                let mut turned = statement.clone();
                turned["Effect"] = "Allow".into();
                turned
            })
            .collect();
        let denied = may(&identity(Value::from(turned)), "sqs:SendMessage", QUEUE).is_ok();
        let together = may(&identity(all), "sqs:SendMessage", QUEUE);
        prop_assert_eq!(together.is_ok(), alone.is_ok() && !denied);
        if denied {
            prop_assert!(together.unwrap_err().ends_with("with an explicit deny in an identity-based policy"));
        }
    }
}
