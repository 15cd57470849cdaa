//! What a function may do with its credentials.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sonagi_model::Digest;

use super::world::{Reply, World, zip};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:";

/// The app `shop`, whose function `shop-click` may do what `statements` say.
pub(crate) async fn deploy(world: &World, statements: Value) -> Reply {
    let zip = zip("1");
    let (digest, size) = (Digest::of(&zip), zip.len());
    let put = format!("/_sonagi/v1/packages/{digest}");
    assert!(world.ask("PUT", &put).service("sonagi").body(zip).signed().send().await.status.is_success());
    let function = json!({
        "name": "click", "lambda_name": "shop-click", "runtime": "python3.11", "handler": "app.handler",
        "package": { "digest": digest, "size": size }, "architecture": "x86_64", "memory": 128, "timeout": 3,
        "ephemeral_storage": 512, "role": "arn:aws:iam::000000000000:role/pets",
        "permissions": [{ "Version": "2012-10-17", "Statement": statements }],
    });
    let content = json!({ "functions": { "click": function } });
    let releases = "/_sonagi/v1/apps/shop/releases";
    world.ask("POST", releases).service("sonagi").json(&content).signed().send().await
}

async fn get(world: &World, function: &str) -> Reply {
    let path = format!("/2015-03-31/functions/{function}");
    world.ask("GET", &path).signed_by(world.session("shop", "shop-click")).send().await
}

#[tokio::test]
async fn a_function_may_what_its_manifest_grants_and_no_more() {
    let world = World::required().await;
    world.create("theirs").await;
    assert_eq!(deploy(&world, json!([])).await.status, 201);
    get(&world, "theirs").await.is_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::000000000000:assumed-role/pets/shop-click is not authorized to perform: lambda:GetFunction \
         on resource: arn:aws:lambda:us-east-1:000000000000:function:theirs because no identity-based policy allows the \
         lambda:GetFunction action",
    );
    let allow = json!({ "Effect": "Allow", "Action": "lambda:GetFunction", "Resource": format!("{ARN}th*") });
    deploy(&world, json!([allow])).await;
    assert_eq!(get(&world, "theirs").await.status, 200);
    assert_eq!(get(&world, "shop-click").await.status, 403);
    let deny = json!({ "Effect": "Deny", "Action": "lambda:Get*", "Resource": "*" });
    deploy(&world, json!([allow, deny])).await;
    let text = "with an explicit deny in an identity-based policy";
    get(&world, "theirs").await.is_error(403, "AccessDeniedException", text);
    // A function of another app has nothing of it.
    let path = "/2015-03-31/functions/theirs";
    let stranger = world.session("other", "shop-click");
    assert_eq!(world.ask("GET", path).signed_by(stranger).send().await.status, 403);
}

#[tokio::test]
async fn a_functions_own_policy_lets_others_invoke_it() {
    let world = World::required().await;
    world.create("theirs").await;
    deploy(&world, json!([])).await;
    let invoke = async |qualifier: &str| {
        let path = format!("/2015-03-31/functions/theirs/invocations{qualifier}");
        let keys = world.session("shop", "shop-click");
        world.ask("POST", &path).signed_by(keys).body("{}").send().await.status.as_u16()
    };
    assert_eq!(invoke("").await, 403);
    let permission = json!({
        "StatementId": "shop", "Action": "lambda:InvokeFunction", "Principal": "arn:aws:iam::000000000000:role/pets",
    });
    let path = "/2015-03-31/functions/theirs/policy";
    assert_eq!(world.ask("POST", path).json(&permission).signed().send().await.status, 201);
    assert_eq!(invoke("").await, 200);
    // The statement is of the function without a qualifier.
    assert_eq!(invoke("?Qualifier=1").await, 403);
}

#[tokio::test]
async fn a_release_whose_policies_mean_nothing_is_refused_with_the_place() {
    let world = World::required().await;
    let refused = deploy(&world, json!([{ "Effect": "Allow", "Action": "sqs", "Resource": "*" }])).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.text().contains("Statement[0].Action: \\\"sqs\\\" names no action"), "{refused:?}");
}

#[tokio::test]
async fn a_function_uses_the_layers_that_it_may() {
    let world = World::required().await;
    deploy(&world, json!([])).await;
    let layers = "/2018-10-31/layers";
    let publish = json!({ "Content": { "ZipFile": STANDARD.encode(zip("1")) } });
    for _ in 0..2 {
        let path = format!("{layers}/words/versions");
        assert_eq!(world.ask("POST", &path).json(&publish).signed().send().await.status, 201);
    }
    let get = async |path: &str| {
        let keys = world.session("shop", "shop-click");
        world.ask("GET", &format!("{layers}{path}")).signed_by(keys).send().await
    };
    let arn = "arn:aws:lambda:us-east-1:000000000000:layer:words";
    let denied = format!("is not authorized to perform: lambda:GetLayerVersion on resource: {arn}:1 because");
    get("/words/versions/1").await.is_error(403, "AccessDeniedException", &denied);
    let by_arn = format!("?find=LayerVersion&Arn={}:1", arn.replace(':', "%3A"));
    get(&by_arn).await.is_error(403, "AccessDeniedException", &denied);
    let listed = format!("lambda:ListLayerVersions on resource: {arn} because");
    get("/words/versions").await.is_error(403, "AccessDeniedException", &listed);
    get("").await.is_error(403, "AccessDeniedException", "lambda:ListLayers on resource: * because");

    let one =
        json!({ "Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": format!("{arn}:1") });
    let change =
        json!({ "Effect": "Allow", "Action": "lambda:UpdateFunctionConfiguration", "Resource": "*" });
    deploy(&world, json!([one, change])).await;
    for path in ["/words/versions/1", &by_arn] {
        assert_eq!(get(path).await.status, 200, "{path}");
    }
    assert_eq!(get("/words/versions/2").await.status, 403);
    // Who gives a function a layer must be allowed to read it.
    world.create("theirs").await;
    let give = async |number: u32| {
        let keys = world.session("shop", "shop-click");
        let path = "/2015-03-31/functions/theirs/configuration";
        let layers = json!({ "Layers": [format!("{arn}:{number}")] });
        world.ask("PUT", path).json(&layers).signed_by(keys).send().await.status.as_u16()
    };
    assert_eq!((give(1).await, give(2).await), (200, 403));
    let all = json!({
        "StatementId": "role", "Action": "lambda:GetLayerVersion", "Principal": "arn:aws:iam::000000000000:root",
    });
    let policy = format!("{layers}/words/versions/2/policy");
    assert_eq!(world.ask("POST", &policy).json(&all).signed().send().await.status, 201);
    assert_eq!(give(2).await, 403, "the account is let in, and it says who of it");
}
