use std::collections::BTreeMap;

use sonagi_control::{
    Error, Version,
    lambda::{CreateUrl, Logging, Mode, Publish, PublishVersion, UpdateCode, UpdateConfiguration, UpdateUrl},
};
use sonagi_model::{
    ReleaseNumber,
    function::{LogFormat, UrlAuth},
};

use crate::support::{World, app, content, function, request, text_of, zip};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:";

#[tokio::test(flavor = "multi_thread")]
async fn a_created_function_is_a_release_of_an_app_of_its_own() {
    let world = World::start().await;
    let mut wanted = request("Hello_World");
    wanted.publish = Publish::Yes;
    wanted.memory = Some(256);
    let made = world.control.create_function(wanted).await.unwrap();
    assert_eq!(made.version, Version::Number(1));
    assert_eq!(made.target.qualified_arn(), format!("{ARN}Hello_World:1"));
    assert_eq!(made.function.app, app("hello-world"));
    assert_eq!(made.function.latest.function.memory, 256);
    assert_eq!(made.function.latest.function.timeout, 3);
    assert_eq!(world.control.releases(&app("hello-world")).await.unwrap().len(), 1);
    let again = world.control.create_function(request("Hello_World")).await;
    assert!(matches!(&again, Err(Error::Exists(text)) if text == "Function already exist: Hello_World"));
    // The same app name, and so another one.
    let other = world.create("hello-world").await;
    assert!(other.app.as_str().starts_with("hello-world-"), "{}", other.app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_found_by_every_way_to_name_it() {
    let world = World::start().await;
    world.create("f").await;
    for name in ["f", "function:f", "000000000000:function:f", &format!("{ARN}f"), &format!("{ARN}f:live")] {
        assert_eq!(world.control.find_function(name, None).unwrap().0.lambda_name().as_str(), "f");
    }
    let missing = world.control.find_function("g", None);
    assert_eq!(text_of(missing), format!("Function not found: {ARN}g"));
    let mixed = world.control.find_function("f:a", Some("b"));
    assert_eq!(
        text_of(mixed),
        "The derived qualifier from the function name does not match the specified qualifier."
    );
    let far = world.control.find_function("arn:aws:lambda:eu-west-1:000000000000:function:f", None);
    assert!(text_of(far).contains("not reachable in this region"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_outside_lambdas_rules_is_refused_with_lambdas_words() {
    let world = World::start().await;
    type Change = fn(&mut sonagi_control::lambda::CreateFunction);
    let cases: [(Change, &str); 17] = [
        (|r| r.runtime = None, "Runtime and Handler are mandatory parameters"),
        (|r| r.handler = None, "Runtime and Handler are mandatory parameters"),
        (|r| r.runtime = Some("cobol".into()), "Value cobol at 'runtime' failed to satisfy constraint"),
        (|r| r.runtime = Some("java21".into()), "the runtime java21 is not supported here"),
        (|r| r.role = "me".into(), "Value 'me' at 'role' failed to satisfy constraint"),
        (
            |r| r.timeout = Some(901),
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have \
             value less than or equal to 900",
        ),
        (|r| r.timeout = Some(0), "Member must have value greater than or equal to 1"),
        (|r| r.memory = Some(127), "Member must have value greater than or equal to 128"),
        (|r| r.memory = Some(1 << 40), "Member must have value less than or equal to 10240"),
        (|r| r.ephemeral_storage = Some(511), "'ephemeralStorage.size'"),
        (|r| r.architectures = Some(vec!["mips".into()]), "[x86_64, arm64]"),
        (|r| r.code = bytes::Bytes::new(), "Uploaded file must be a non-empty zip"),
        (|r| r.code = "no zip".into(), "Could not unzip uploaded file."),
        (|r| r.package_type = Some("Image".into()), "Image are not supported"),
        (|r| r.name = "x".repeat(65), "Member must have length less than or equal to 64"),
        (|r| r.name = "a b".into(), "Member must satisfy regular expression pattern"),
        (
            |r| {
                r.timeout = Some(-1);
                r.memory = Some(1);
            },
            "2 validation errors detected: ",
        ),
    ];
    for (change, words) in cases {
        let mut wrong = request("f");
        change(&mut wrong);
        let text = text_of(world.control.create_function(wrong).await);
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    assert_eq!(world.control.live().functions().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_lambda_keeps_for_itself_are_refused_with_lambdas_words() {
    let world = World::start().await;
    let with = |variables: &[(&str, &str)]| {
        let mut made = request("f");
        made.variables = Some(variables.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect());
        made
    };
    let reserved = world.control.create_function(with(&[("_HANDLER", "x"), ("AWS_REGION", "x")])).await;
    assert_eq!(
        text_of(reserved),
        "Lambda was unable to configure your environment variables because the environment variables you have \
         provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
         this request: AWS_REGION, _HANDLER"
    );
    let big = "x".repeat(4_096);
    let large = world.control.create_function(with(&[("BIG", &big)])).await;
    let text = text_of(large);
    assert!(
        text.ends_with(&format!("exceeded the 4KB limit. String measured: {{\"BIG\":\"{big}\"}}")),
        "{text}"
    );
    // Exactly 4,096 bytes of JSON.
    let fits = "x".repeat(4_096 - r#"{"BIG":""}"#.len());
    world.control.create_function(with(&[("BIG", &fits)])).await.unwrap();
    assert!(world.control.create_function(with(&[("A-B", "x")])).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_code_makes_a_new_release_and_a_dry_run_none() {
    let world = World::start().await;
    let made = world.create("f").await;
    let code = zip(&[("app.py", "new")]);
    let dry = UpdateCode { code: code.clone(), mode: Mode::DryRun, ..Default::default() };
    let would = world.control.update_code("f", dry).await.unwrap();
    assert_ne!(would.target.function.package, made.latest.function.package);
    assert_eq!(world.function("f").revision_id, made.revision_id);

    let stale = UpdateCode { code: code.clone(), revision_id: Some("old".into()), ..Default::default() };
    let refused = world.control.update_code("f", stale).await;
    assert!(
        matches!(&refused, Err(Error::Precondition(text)) if text.starts_with("The Revision Id provided does not match"))
    );

    let update = UpdateCode {
        code: code.clone(),
        publish: Publish::Yes,
        revision_id: Some(made.revision_id.clone()),
        ..Default::default()
    };
    let updated = world.control.update_code("f", update).await.unwrap();
    assert_eq!(updated.version, Version::Number(1));
    assert_eq!(updated.function.latest.release, ReleaseNumber(2));
    assert_eq!(updated.function.latest.function.package, would.target.function.package);

    // The same again: no release, but a revision.
    let again = world.control.update_code("f", UpdateCode { code, ..Default::default() }).await.unwrap();
    assert_eq!(again.function.latest.release, ReleaseNumber(2));
    assert_ne!(again.function.revision_id, updated.function.revision_id);
    assert_eq!(world.control.rollback(&app("f"), None).await.unwrap().number, ReleaseNumber(1));
    assert_eq!(world.function("f").latest.function.package, made.latest.function.package);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_keeps_what_the_request_leaves_out() {
    let world = World::start().await;
    let mut wanted = request("f");
    wanted.description = Some("mine".into());
    wanted.variables = Some(BTreeMap::from([("KEY".into(), "1".into())]));
    world.control.create_function(wanted).await.unwrap();
    let logging = Logging {
        format: Some("JSON".into()),
        application_level: Some("ERROR".into()),
        ..Default::default()
    };
    let change = UpdateConfiguration { memory: Some(512), logging: Some(logging), ..Default::default() };
    let changed = world.control.update_configuration("f", change).await.unwrap();
    let f = &changed.target.function;
    assert_eq!((f.memory, f.timeout, f.description.as_str()), (512, 3, "mine"));
    assert_eq!(f.variables["KEY"], "1");
    assert_eq!(f.log_format, LogFormat::Json);
    let logging =
        Logging { format: Some("Text".into()), application_level: Some("INFO".into()), ..Default::default() };
    let wrong = UpdateConfiguration { logging: Some(logging), ..Default::default() };
    assert!(
        text_of(world.control.update_configuration("f", wrong).await)
            .starts_with("LogLevel is not supported")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifests_function_may_be_updated_and_that_is_a_release_of_its_app() {
    let world = World::start().await;
    let package = world.package("1").await;
    let shop = app("shop");
    let both = content([function("shop", "a", package), function("shop", "b", package)]);
    world.control.deploy(&shop, both).await.unwrap();
    let change = UpdateConfiguration { memory: Some(512), ..Default::default() };
    world.control.update_configuration("shop-a", change).await.unwrap();
    assert_eq!(world.function("shop-b").latest.release, ReleaseNumber(2));
    world.control.delete_function("shop-a", None).await.unwrap();
    let live = world.control.live();
    assert!(live.function("shop-a").is_none());
    assert_eq!(live.app("shop").unwrap().release.number, ReleaseNumber(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_what_has_not_changed_gives_the_version_that_is_there() {
    let world = World::start().await;
    let made = world.create("f").await;
    let described = PublishVersion { description: Some("first".into()), ..Default::default() };
    let first = world.control.publish_version("f", described).await.unwrap();
    assert_eq!((first.version, first.target.function.description.as_str()), (Version::Number(1), "first"));
    let same = world.control.publish_version("f", PublishVersion::default()).await.unwrap();
    assert_eq!(same.version, Version::Number(1));
    let change = UpdateConfiguration { timeout: Some(9), ..Default::default() };
    world.control.update_configuration("f", change).await.unwrap();
    let sha = made.latest.function.package.digest.to_base64();
    let other = PublishVersion { code_sha256: Some("other".into()), ..Default::default() };
    assert!(text_of(world.control.publish_version("f", other).await).contains(&sha));
    let right = PublishVersion { code_sha256: Some(sha), ..Default::default() };
    assert_eq!(world.control.publish_version("f", right).await.unwrap().version, Version::Number(2));
    // A deleted version's number is not given again, and the function differs from none that is the newest.
    world.control.delete_function("f", Some("2")).await.unwrap();
    let next = world.control.publish_version("f", PublishVersion::default()).await.unwrap();
    assert_eq!(next.version, Version::Number(3));
    assert_eq!(world.function("f").versions.keys().copied().collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_function_is_gone_with_all_its_names() {
    let world = World::start().await;
    world.create("f").await;
    world.control.publish_version("f", PublishVersion::default()).await.unwrap();
    let latest = world.control.delete_function("f", Some("$LATEST")).await;
    assert_eq!(text_of(latest), "$LATEST version cannot be deleted without deleting the function.");
    assert!(world.control.delete_function("f", Some("live")).await.is_err());
    world.control.delete_function("f", None).await.unwrap();
    assert!(world.control.live().app("f").is_none());
    assert!(matches!(world.control.delete_function("f", None).await, Err(Error::NoFunction { .. })));
    assert!(world.create("f").await.versions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_concurrency_leaves_a_hundred_unreserved() {
    let world = World::start().await;
    world.create("f").await;
    world.create("g").await;
    assert_eq!(world.control.put_concurrency("f", 900).await.unwrap(), 900);
    let most = "Specified ReservedConcurrentExecutions for function decreases account's \
                UnreservedConcurrentExecution below its minimum value of [100].";
    assert_eq!(text_of(world.control.put_concurrency("g", 1).await), most);
    assert_eq!(text_of(world.control.put_concurrency("f", 1 << 40).await), most);
    assert!(world.control.put_concurrency("f", -1).await.is_err());
    world.control.put_concurrency("f", 0).await.unwrap();
    world.control.put_concurrency("g", 900).await.unwrap();
    world.control.delete_function("g", None).await.unwrap();
    world.control.put_concurrency("f", 900).await.unwrap();
    world.control.delete_concurrency("f").await.unwrap();
    world.control.delete_concurrency("f").await.unwrap();
    assert_eq!(world.function("f").latest.function.reserved_concurrency, None);
    let alias = world.control.put_concurrency("f:live", 1).await;
    assert!(text_of(alias).starts_with("This operation is permitted on Lambda functions only."));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_keep_lambdas_limits() {
    let world = World::start().await;
    world.create("f").await;
    let arn = format!("{ARN}f");
    let tags = |from: usize, to: usize| (from..to).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    world.control.tag(&arn, tags(0, 30)).await.unwrap();
    world.control.tag(&arn, tags(20, 50)).await.unwrap();
    assert_eq!(
        text_of(world.control.tag(&arn, tags(50, 51)).await),
        "Number of tags exceeds resource tag limit."
    );
    world.control.untag(&arn, &["k0".into(), "unknown".into()]).await.unwrap();
    assert_eq!(world.control.tags(&arn).unwrap().len(), 49);
    assert!(matches!(world.control.tag("f", tags(0, 1)).await, Err(Error::Constraint(_))));
    assert!(text_of(world.control.tag(&format!("{arn}:1"), tags(0, 1)).await).contains("not supported"));
    assert!(world.control.tag(&arn, [("aws:x".to_owned(), String::new())].into()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_an_address_and_each_alias_its_own() {
    let world = World::start().await;
    world.create("f").await;
    world.control.publish_version("f", PublishVersion::default()).await.unwrap();
    let alias = sonagi_control::lambda::CreateAlias {
        name: "live".into(),
        version: "1".into(),
        ..Default::default()
    };
    world.control.create_alias("f", alias).await.unwrap();
    let url = || CreateUrl { auth: "NONE".into(), ..Default::default() };
    let (_, own) = world.control.create_url("f", None, url()).await.unwrap();
    let (_, live) = world.control.create_url("f", Some("live"), url()).await.unwrap();
    assert_ne!(own.url.id, live.url.id);
    let twice = world.control.create_url("f", None, url()).await;
    assert!(text_of(twice).ends_with("FunctionUrlConfig exists for this Lambda function"));
    assert!(matches!(world.control.create_url("f", Some("1"), url()).await, Err(Error::Constraint(_))));
    assert!(matches!(world.control.create_url("f", Some("other"), url()).await, Err(Error::NotFound(_))));
    let change = UpdateUrl { auth: Some("AWS_IAM".into()), ..Default::default() };
    world.control.update_url("f", Some("live"), change).await.unwrap();
    let snapshot = world.control.live();
    let (function, found) = snapshot.url(&live.url.id.0).unwrap();
    assert_eq!((function.lambda_name().as_str(), found.auth), ("f", UrlAuth::AwsIam));
    assert_eq!(snapshot.url(&own.url.id.0).unwrap().1.auth, UrlAuth::None);
    world.control.delete_url("f", None).await.unwrap();
    assert!(matches!(world.control.delete_url("f", None).await, Err(Error::NotFound(_))));
    world.control.delete_alias("f", "live").await.unwrap();
    assert!(world.control.live().url(&live.url.id.0).is_none());
    assert!(world.function("f").urls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_manifest_declares_for_an_alias_leaves_room_for_the_functions_own() {
    let world = World::start().await;
    let package = world.package("1").await;
    let mut search = function("shop", "search", package);
    let live: sonagi_model::AliasName = "live".parse().unwrap();
    search.publish_alias = Some(live.clone());
    search.url = Some(sonagi_model::function::FunctionUrl {
        id: sonagi_model::UrlId("a".repeat(32)),
        auth: UrlAuth::None,
        mode: Default::default(),
        cors: None,
        qualifier: Some(live),
    });
    world.control.deploy(&app("shop"), content([search.clone()])).await.unwrap();
    let url = CreateUrl { auth: "NONE".into(), ..Default::default() };
    let (made, own) = world.control.create_url("shop-search", None, url).await.unwrap();
    assert_eq!(made.urls.len(), 2);
    let snapshot = world.control.live();
    assert!(snapshot.url(&"a".repeat(32)).is_some() && snapshot.url(&own.url.id.0).is_some());
    // The id is still the app's: nobody else can have it.
    search.lambda_name = "thief-search".parse().unwrap();
    assert!(matches!(world.control.deploy(&app("thief"), content([search])).await, Err(Error::Exists(_))));
}
