//! Functions, versions, aliases, URLs and the rest, as Lambda shows them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::world::{World, creation, zip};

const FUNCTIONS: &str = "/2015-03-31/functions";

#[tokio::test]
async fn a_function_is_created_shown_changed_and_deleted() {
    let world = World::open().await;
    let created = world.create("pets").await;
    assert_eq!(created.status, 201, "{created:?}");
    let shown = created.json();
    assert_eq!(shown["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:pets");
    assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_eq!(shown["LastModified"], "2026-01-31T08:15:30.123+0000");
    assert_eq!((&shown["Version"], &shown["PackageType"]), (&json!("$LATEST"), &json!("Zip")));
    assert_eq!((&shown["MemorySize"], &shown["Timeout"]), (&json!(128), &json!(3)));
    assert_eq!(shown["Environment"], json!({ "Variables": { "KEY": "v" } }));
    assert_eq!(shown["Architectures"], json!(["x86_64"]));
    assert_eq!(shown["TracingConfig"], json!({ "Mode": "PassThrough" }));
    assert_eq!(shown["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "/aws/lambda/pets" }));
    assert_eq!(shown["SnapStart"], json!({ "ApplyOn": "None", "OptimizationStatus": "Off" }));
    assert_eq!(shown["CodeSha256"], sonagi_model::Digest::of(&zip("pets")).to_base64());

    world.create("pets").await.is_error(409, "ResourceConflictException", "Function already exist");

    let got = world.get(&format!("{FUNCTIONS}/pets")).await.json();
    assert_eq!(got["Configuration"]["RevisionId"], shown["RevisionId"]);
    assert_eq!(got["Tags"], json!({ "team": "pets" }));
    assert_eq!(got["Code"]["RepositoryType"], "S3");

    let update = json!({ "MemorySize": 256, "Environment": { "Variables": {} } });
    let updated =
        world.ask("PUT", &format!("{FUNCTIONS}/pets/configuration")).json(&update).send().await.json();
    assert_eq!((&updated["MemorySize"], updated.get("Environment")), (&json!(256), None));
    assert_ne!(updated["RevisionId"], shown["RevisionId"]);

    let code = json!({ "ZipFile": STANDARD.encode(zip("other")), "Publish": true });
    let published = world.ask("PUT", &format!("{FUNCTIONS}/pets/code")).json(&code).send().await.json();
    assert_eq!(published["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:pets:1");
    assert_eq!(published["Version"], "1");

    let deleted = world.ask("DELETE", &format!("{FUNCTIONS}/pets")).send().await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    world.get(&format!("{FUNCTIONS}/pets")).await.is_error(
        404,
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:pets",
    );
}

#[tokio::test]
async fn the_link_to_the_code_gives_the_code_until_it_ends() {
    let world = World::required().await;
    world.create("pets").await;
    let got = world.ask("GET", &format!("{FUNCTIONS}/pets")).signed().send().await.json();
    let location = got["Code"]["Location"].as_str().unwrap().to_owned();
    let link = location.strip_prefix("http://localhost:4566").unwrap();
    let code = world.get(link).await;
    assert_eq!((code.status.as_u16(), &code.body), (200, &zip("pets")));
    let other = sonagi_model::Digest::of(b"other").to_string();
    let digest = sonagi_model::Digest::of(&zip("pets")).to_string();
    assert_eq!(world.get(&link.replace(&digest, &other)).await.status, 403);
    world.clock.advance(std::time::Duration::from_secs(601)).await;
    assert_eq!(world.get(link).await.status, 403);
}

#[tokio::test]
async fn wrong_requests_are_refused_in_lambdas_words() {
    let world = World::open().await;
    let create = |change: serde_json::Value| {
        let mut body = creation("pets");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        world.ask("POST", FUNCTIONS).json(&body)
    };
    let validation = "ValidationException";
    create(json!({ "MemorySize": 1 })).send().await.is_error(
        400,
        validation,
        "Value '1' at 'memorySize' failed to satisfy constraint",
    );
    create(json!({ "Role": null })).send().await.is_error(400, validation, "Value null at 'role'");
    create(json!({ "Runtime": "cobol" })).send().await.is_error(
        400,
        "InvalidParameterValueException",
        "cobol",
    );
    create(json!({ "Timeout": "x" })).send().await.is_error(400, "SerializationException", "");
    create(json!({ "Code": { "ZipFile": "%%%" } })).send().await.is_error(
        400,
        "SerializationException",
        "base64",
    );
    create(json!({ "Code": { "ZipFile": "AAAA" } })).send().await.is_error(
        400,
        "InvalidParameterValueException",
        "unzip",
    );
    create(json!({ "Code": { "S3Bucket": "b", "S3Key": "k" } })).send().await.is_error(
        400,
        "InvalidParameterValueException",
        "ZipFile",
    );
    create(json!({ "Layers": ["arn:x"] })).send().await.is_error(400, validation, "at 'layers'");
    let harmless = json!({ "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [] }, "SnapStart": { "ApplyOn": "None" }, "Layers": [] });
    assert_eq!(create(harmless).send().await.status, 201);
    world.ask("POST", FUNCTIONS).body("{").send().await.is_error(400, "SerializationException", "json");
    world.get(&format!("{FUNCTIONS}?MaxItems=0")).await.is_error(400, validation, "Value '0' at 'maxItems'");
    world.get(&format!("{FUNCTIONS}?FunctionVersion=SOME")).await.is_error(400, validation, "[ALL]");
    world.get("/2015-03-31/nothing").await.is_error(
        404,
        "UnknownOperationException",
        "GET /2015-03-31/nothing",
    );
    let mapping = world.ask("POST", "/2015-03-31/event-source-mappings").send().await;
    mapping.is_error(501, "NotImplementedException", "CreateEventSourceMapping");
}

#[tokio::test]
async fn listings_come_in_pages() {
    let world = World::open().await;
    for name in ["a", "b", "c"] {
        world.create(name).await;
    }
    let code = json!({ "ZipFile": STANDARD.encode(zip("2")), "Publish": true });
    world.ask("PUT", &format!("{FUNCTIONS}/a/code")).json(&code).send().await;
    for (query, names) in [
        ("", vec!["a $LATEST", "b $LATEST", "c $LATEST"]),
        ("FunctionVersion=ALL&", vec!["a $LATEST", "a 1", "b $LATEST", "c $LATEST"]),
    ] {
        let (mut seen, mut marker) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("{FUNCTIONS}?{query}MaxItems=1&Marker={marker}")).await.json();
            let functions = page["Functions"].as_array().unwrap();
            assert_eq!(functions.len(), 1);
            assert_eq!(functions[0].get("State"), None);
            seen.push(format!(
                "{} {}",
                functions[0]["FunctionName"].as_str().unwrap(),
                functions[0]["Version"].as_str().unwrap()
            ));
            match page["NextMarker"].as_str() {
                Some(next) => marker = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, names);
    }
    let versions = world.get(&format!("{FUNCTIONS}/a/versions")).await.json();
    let arns: Vec<_> = versions["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["FunctionArn"].clone())
        .collect();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:a";
    assert_eq!(arns, [json!(format!("{arn}:$LATEST")), json!(format!("{arn}:1"))]);
}

#[tokio::test]
async fn aliases_urls_tags_concurrency_and_policies_are_kept() {
    let world = World::open().await;
    world.create("pets").await;
    let published = world.ask("POST", &format!("{FUNCTIONS}/pets/versions")).json(&json!({})).send().await;
    assert_eq!((published.status.as_u16(), &published.json()["Version"]), (201, &json!("1")));

    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    let created = world.ask("POST", &format!("{FUNCTIONS}/pets/aliases")).json(&alias).send().await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.json()["AliasArn"], "arn:aws:lambda:us-east-1:000000000000:function:pets:live");
    let shown = world.get(&format!("{FUNCTIONS}/pets?Qualifier=live")).await.json();
    assert_eq!(shown["Configuration"]["Version"], "1");
    assert_eq!(shown["Configuration"]["FunctionArn"], created.json()["AliasArn"]);
    assert_eq!(world.get(&format!("{FUNCTIONS}/pets/aliases")).await.json()["Aliases"][0]["Name"], "live");
    world.get(&format!("{FUNCTIONS}/pets/aliases/no")).await.is_error(
        404,
        "ResourceNotFoundException",
        "alias",
    );

    let path = "/2021-10-31/functions/pets/url";
    let url = json!({ "AuthType": "NONE", "Cors": { "AllowOrigins": ["*"], "MaxAge": 60 } });
    let created = world.ask("POST", path).json(&url).send().await;
    assert_eq!(created.status, 201, "{created:?}");
    let address = created.json()["FunctionUrl"].as_str().unwrap().to_owned();
    assert!(
        address.starts_with("http://") && address.ends_with(".lambda-url.us-east-1.localhost:8080/"),
        "{address}"
    );
    let got = world.get(path).await.json();
    assert_eq!((&got["FunctionUrl"], &got["InvokeMode"]), (&json!(address), &json!("BUFFERED")));
    assert_eq!(got["Cors"], json!({ "AllowOrigins": ["*"], "MaxAge": 60 }));
    let urls = world.get("/2021-10-31/functions/pets/urls").await.json();
    assert_eq!(urls["FunctionUrlConfigs"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask("DELETE", path).send().await.status, 204);
    world.get(path).await.is_error(404, "ResourceNotFoundException", "does not exist");

    let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Apets";
    assert_eq!(world.ask("POST", tags).json(&json!({ "Tags": { "b": "2" } })).send().await.status, 204);
    assert_eq!(world.get(tags).await.json()["Tags"], json!({ "b": "2", "team": "pets" }));
    assert_eq!(world.ask("DELETE", &format!("{tags}?tagKeys=b&tagKeys=team")).send().await.status, 204);
    assert_eq!(world.get(tags).await.json()["Tags"], json!({}));

    let put = world.ask("PUT", "/2017-10-31/functions/pets/concurrency");
    let put = put.json(&json!({ "ReservedConcurrentExecutions": 5 })).send().await;
    assert_eq!(put.json(), json!({ "ReservedConcurrentExecutions": 5 }));
    let settings = world.get("/2016-08-19/account-settings").await.json();
    assert_eq!(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 995);
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    assert_eq!(world.ask("DELETE", "/2017-10-31/functions/pets/concurrency").send().await.status, 204);
    assert_eq!(world.get("/2019-09-30/functions/pets/concurrency").await.json(), json!({}));

    let policy = format!("{FUNCTIONS}/pets/policy");
    let statement =
        json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com" });
    let added = world.ask("POST", &policy).json(&statement).send().await;
    assert_eq!(added.status, 201, "{added:?}");
    assert!(added.json()["Statement"].as_str().unwrap().contains("\"Sid\":\"s\""));
    assert!(world.get(&policy).await.json()["Policy"].as_str().unwrap().contains("s3.amazonaws.com"));
    assert_eq!(world.ask("DELETE", &format!("{policy}/s")).send().await.status, 204);
    assert_eq!(world.get(&policy).await.status, 404);
}

#[tokio::test]
async fn what_can_only_be_at_its_default_says_so() {
    let world = World::open().await;
    world.create("pets").await;
    for (path, body) in [
        ("/2018-10-31/layers", json!({ "Layers": [] })),
        ("/2015-03-31/event-source-mappings", json!({ "EventSourceMappings": [] })),
        ("/2020-06-30/functions/pets/code-signing-config", json!({ "FunctionName": "pets" })),
    ] {
        assert_eq!(world.get(path).await.json(), body, "{path}");
    }
    let runtime = world.get("/2021-07-20/functions/pets/runtime-management-config").await.json();
    assert_eq!(runtime["UpdateRuntimeOn"], "Auto");
}

#[tokio::test]
async fn provisioned_concurrency_is_asked_for_shown_and_given_up() {
    let world = World::open().await;
    let mut creation = creation("pets");
    creation["Publish"] = json!(true);
    world.ask("POST", FUNCTIONS).json(&creation).send().await;
    let path =
        |qualifier: &str| format!("/2019-09-30/functions/pets/provisioned-concurrency?Qualifier={qualifier}");
    let wanted = |n: u32| json!({ "ProvisionedConcurrentExecutions": n });
    let none = "ProvisionedConcurrencyConfigNotFoundException";
    world.get(&path("1")).await.is_error(404, none, "No Provisioned Concurrency Config found");
    let put = world.ask("PUT", &path("1")).json(&wanted(2)).send().await;
    assert_eq!(put.status, 202, "{put:?}");
    assert_eq!(put.json()["RequestedProvisionedConcurrentExecutions"], 2);
    assert_eq!(put.json()["LastModified"], "2026-01-31T08:15:30.123+0000");
    // The package is unpacked on a thread of its own.
    for _ in 0..100_000 {
        if world.get(&path("1")).await.json()["Status"] == "READY" {
            break;
        }
        tokio::task::yield_now().await;
    }
    let ready = json!({
        "RequestedProvisionedConcurrentExecutions": 2,
        "AvailableProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 2,
        "Status": "READY",
        "LastModified": "2026-01-31T08:15:30.123+0000",
    });
    assert_eq!(world.get(&path("1")).await.json(), ready);
    let listed = world.get("/2019-09-30/functions/pets/provisioned-concurrency?List=ALL").await.json();
    let mut item = ready.clone();
    item["FunctionArn"] = json!("arn:aws:lambda:us-east-1:000000000000:function:pets:1");
    assert_eq!(listed, json!({ "NextMarker": null, "ProvisionedConcurrencyConfigs": [item] }));
    let account = world.get("/2016-08-19/account-settings/").await.json();
    assert_eq!(account["AccountLimit"]["UnreservedConcurrentExecutions"], 998);

    let bad = "InvalidParameterValueException";
    let latest = world.ask("PUT", &path("$LATEST")).json(&wanted(2)).send().await;
    latest.is_error(400, bad, "cannot be applied to unpublished function versions");
    world.get(&path("$LATEST")).await.is_error(400, bad, "must be an alias or a published version");
    world.get(&path("2")).await.is_error(404, "ResourceNotFoundException", "Function not found");
    let nowhere = world.ask("PUT", "/2019-09-30/functions/pets/provisioned-concurrency").json(&wanted(2));
    nowhere.send().await.is_error(400, "ValidationException", "'qualifier'");
    let nothing = world.ask("PUT", &path("1")).json(&json!({})).send().await;
    nothing.is_error(400, "ValidationException", "'provisionedConcurrentExecutions'");

    let gone = world.ask("DELETE", &path("1")).send().await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    world.get(&path("1")).await.is_error(404, none, "No Provisioned Concurrency Config found");
}

#[tokio::test]
async fn a_functions_vpc_is_shown_as_it_was_given_and_can_be_taken_away() {
    let world = World::open().await;
    let mut body = creation("pets");
    let vpc = json!({ "SubnetIds": ["subnet-2", "subnet-1"], "SecurityGroupIds": ["sg-1"] });
    body["VpcConfig"] = vpc;
    let made = world.ask("POST", FUNCTIONS).json(&body).send().await;
    assert_eq!(made.status, 201);
    let shown = json!({
        "SubnetIds": ["subnet-2", "subnet-1"],
        "SecurityGroupIds": ["sg-1"],
        "VpcId": "vpc-7",
        "Ipv6AllowedForDualStack": false,
    });
    assert_eq!(made.json()["VpcConfig"], shown);
    let at = format!("{FUNCTIONS}/pets/configuration");
    assert_eq!(world.get(&at).await.json()["VpcConfig"], shown);
    // What says nothing of it leaves it as it is.
    let update = |change: serde_json::Value| world.ask("PUT", &at).json(&change);
    assert_eq!(update(json!({ "Timeout": 5 })).send().await.json()["VpcConfig"], shown);
    let none = json!({ "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [] } });
    assert!(update(none).send().await.json().get("VpcConfig").is_none());
    let many: Vec<String> = (0..17).map(|number| format!("subnet-{number}")).collect();
    let many = json!({ "VpcConfig": { "SubnetIds": many, "SecurityGroupIds": vec!["sg-1"; 6] } });
    let refused = update(many).send().await;
    refused.is_error(400, "ValidationException", "'vpcConfig.subnetIds' failed to satisfy constraint: Member must have length less than or equal to 16");
    refused.is_error(400, "ValidationException", "'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length less than or equal to 5");
    let six = json!({ "VpcConfig": { "Ipv6AllowedForDualStack": true } });
    update(six).send().await.is_error(400, "InvalidParameterValueException", "Ipv6AllowedForDualStack");
}
