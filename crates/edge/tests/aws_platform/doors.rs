//! Who gets in.

use serde_json::json;

use super::world::World;

/// Every endpoint: method and path. Unit tests see to it that the lists are whole.
fn endpoints() -> Vec<(String, String)> {
    let lambda = include_str!("../data/lambda_operations.txt").lines();
    let own = include_str!("../data/own_endpoints.txt").lines();
    let listed = lambda.chain(own).map(|line| {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        (method.to_owned(), path.replace(['{', '}'], ""))
    });
    let others = [
        ("POST", "/?Action=GetCallerIdentity"),
        ("GET", "/bucket/key"),
        ("PUT", "/bucket"),
        ("GET", "/_sonagi/code/00?size=1"),
        ("GET", "/_sonagi/v1/logs?follow=1"),
        ("GET", "/_sonagi/v1/nothing-there"),
        ("PUT", "/_sonagi/v1/packages/0000000000000000000000000000000000000000000000000000000000000000"),
    ]
    .map(|(method, path)| (method.to_owned(), path.to_owned()));
    listed.chain(others).collect()
}

#[tokio::test]
async fn no_endpoint_answers_without_credentials_when_they_are_required() {
    let world = World::required().await;
    let endpoints = endpoints();
    assert!(endpoints.len() > 90);
    for (method, path) in endpoints {
        let reply = world.ask(&method, &path).send().await;
        assert!(matches!(reply.status.as_u16(), 401 | 403), "{method} {path}: {reply:?}");
        assert!(reply.header("x-amzn-requestid").is_some());
        let stranger = sonagi_identity::Keys {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".into(),
            secret_access_key: "x".repeat(40),
            session_token: None,
        };
        let service = if path.starts_with("/_sonagi") { "sonagi" } else { "lambda" };
        let reply = world.ask(&method, &path).service(service).signed_by(stranger).send().await;
        assert!(matches!(reply.status.as_u16(), 401 | 403), "{method} {path}: {reply:?}");
    }
}

#[tokio::test]
async fn what_is_public_is_a_welcome_and_health() {
    let world = World::required().await;
    assert_eq!(world.get("/").await.json()["name"], "sonagi");
    assert_eq!(world.get("/_sonagi/v1/health").await.json(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn refusals_have_awss_names_and_texts() {
    let world = World::required().await;
    let list = "/2015-03-31/functions";
    world.get(list).await.is_error(
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
    let other = |id: &str| sonagi_identity::Keys {
        access_key_id: id.into(),
        secret_access_key: "x".repeat(40),
        session_token: None,
    };
    world.ask("GET", list).signed_by(other("AKIAUNKNOWNUNKNOWN00")).send().await.is_error(
        403,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    );
    world.ask("GET", list).signed_by(other("AKIAIOSFODNN7EXAMPLE")).send().await.is_error(
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method.",
    );
    world.ask("GET", list).header("authorization", "AWS4-HMAC-SHA256 x=y").send().await.is_error(
        400,
        "IncompleteSignatureException",
        "requires 'Credential' parameter",
    );
    let keys = world.session("a", "f");
    world.clock.advance(std::time::Duration::from_secs(3_600)).await;
    world.ask("GET", list).signed_by(keys).send().await.is_error(403, "ExpiredTokenException", "expired");
    let signed = world.ask("GET", list).signed().send().await;
    assert_eq!(signed.status, 200, "{signed:?}");
}

#[tokio::test]
async fn a_function_may_invoke_its_own_app_and_nothing_else() {
    let world = World::required().await;
    assert_eq!(world.create("search").await.status, 201);
    assert_eq!(world.create("bank").await.status, 201);
    let own = || world.session("search", "search");
    let invoke = |name: &str| format!("/2015-03-31/functions/{name}/invocations");
    let reply = world.ask("POST", &invoke("search")).signed_by(own()).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    world.ask("POST", &invoke("bank")).signed_by(own()).send().await.is_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::000000000000:assumed-role/pets/search is not authorized to perform: \
         lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:bank because no \
         identity-based policy allows the lambda:InvokeFunction action",
    );
    world.ask("GET", "/2015-03-31/functions/search").signed_by(own()).send().await.is_error(
        403,
        "AccessDeniedException",
        "lambda:GetFunction",
    );
    let api = world.ask("GET", "/_sonagi/v1/apps").service("sonagi").signed_by(own()).send().await;
    assert_eq!((api.status.as_u16(), &api.json()["error"]["kind"]), (403, &json!("forbidden")));
}

#[tokio::test]
async fn an_open_platform_holds_a_functions_session_to_its_rights() {
    let world = World::open().await;
    assert_eq!(world.create("search").await.status, 201);
    let delete =
        world.ask("DELETE", "/2015-03-31/functions/search").signed_by(world.session("x", "x")).send().await;
    delete.is_error(403, "AccessDeniedException", "lambda:DeleteFunction");
}

#[tokio::test]
async fn an_open_platform_refuses_what_foreign_pages_send() {
    let world = World::open().await;
    let list = "/2015-03-31/functions";
    assert_eq!(world.get(list).await.status, 200);
    for (name, value) in [
        ("host", "evil.example"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for path in [list, "/_sonagi/v1/apps", "/"] {
            let reply = world.ask("POST", path).header(name, value).send().await;
            assert_eq!(reply.status, 403, "{name}: {value}");
            assert_eq!(reply.json()["error"]["kind"], "forbidden");
        }
    }
}

#[tokio::test]
async fn sts_says_who_asks() {
    let world = World::required().await;
    let ask = |body: &'static str| {
        world
            .ask("POST", "/")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(body)
            .service("sts")
    };
    let who = ask("Action=GetCallerIdentity&Version=2011-06-15").signed().send().await;
    assert_eq!(who.status, 200, "{who:?}");
    assert_eq!(who.header("content-type"), Some("text/xml"));
    assert!(
        who.text().contains("<Arn>arn:aws:iam::000000000000:user/AKIAIOSFODNN7EXAMPLE</Arn>"),
        "{}",
        who.text()
    );
    let function = ask("Action=GetCallerIdentity").signed_by(world.session("a", "f")).send().await;
    assert!(function.text().contains("assumed-role/pets/f</Arn>"), "{}", function.text());
    let refused = ask("Action=GetCallerIdentity").send().await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", refused.text());
    let other = ask("Action=AssumeRole").signed().send().await;
    assert!(other.status == 501 && other.text().contains("AssumeRole"), "{other:?}");
}

#[tokio::test]
async fn a_service_that_is_not_there_says_so_in_its_own_protocol() {
    let world = World::required().await;
    let kinesis = world
        .ask("POST", "/")
        .header("x-amz-target", "Kinesis_20131202.PutRecord")
        .service("kinesis")
        .signed()
        .send()
        .await;
    assert_eq!((kinesis.status.as_u16(), &kinesis.json()["__type"]), (501, &json!("NotImplemented")));
    let s3 = world.ask("GET", "/bucket/key").service("s3").signed().send().await;
    assert!(s3.status == 501 && s3.text().contains("<Code>NotImplemented</Code>"), "{s3:?}");
}
