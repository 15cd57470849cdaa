//! `sonagi.toml`.

use sonagi_control::manifest::{self, BuildKind, Context};
use sonagi_model::{
    api::{ApiKind, PayloadFormat},
    function::{InvokeMode, LogFormat, Runtime, UrlAuth},
};

use crate::support::App;

#[test]
fn a_function_needs_five_lines() {
    let text = "app = \"petshop\"\n[function.search]\nruntime = \"python3.11\"\nroutes = [\"GET /pets\"]\nmemory = 256\n";
    let manifest = App::new("x").with("search/app.py", "").with("sonagi.toml", text).load().unwrap();
    assert_eq!(manifest.app.as_str(), "petshop");
    let function = &manifest.functions[0];
    assert_eq!(function.function.handler, "app.handler");
    assert_eq!(function.function.lambda_name.as_str(), "petshop-search");
    assert_eq!((function.function.memory, function.function.timeout), (256, 3));
    assert_eq!(function.build, BuildKind::Python);
    assert!(function.source.ends_with("search"));
    let api = &manifest.apis[0];
    assert_eq!((api.kind, api.stage.as_str()), (ApiKind::Http, "$default"));
    assert_eq!(api.routes[0].payload, PayloadFormat::V2);
    assert_eq!(manifest.files.len(), 2);
}

#[test]
fn every_key_is_read() {
    let text = r#"
[defaults]
runtime = "nodejs20.x"
env = { AA = "1", BB = "2" }
log_format = "json"

[api]
kind = "rest"
stage = "v1"
cors = { origins = ["https://a.example"], credentials = true, max_age = 5 }
binary_media_types = ["*/*"]
minimum_compression_size = 100
variables = { x = "y" }

[function.one]
code = "src"
handler = "lib/main.run"
description = "The first"
memory = 1024
timeout = 60
tmp = 1024
env = { BB = "3" }
tags = { team = "pets" }
routes = ["ANY /files/{path+}", { route = "GET /", timeout = 1000 }]
url = { auth = "iam", stream = true, cors = true }
reserved_concurrency = 5
alias = "live"
log_level = "debug"
tracing = "active"
architecture = "x86_64"
role = "arn:aws:iam::000000000000:role/mine"
build = "none"
"#;
    let app = App::new("Pet Shop").with("src/lib/main.mjs", "").with("sonagi.toml", text);
    let manifest = app.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(manifest.app.as_str(), "pet-shop");
    let function = &manifest.functions[0];
    assert_eq!(function.build, BuildKind::Copy);
    let draft = &function.function;
    assert_eq!(draft.runtime, Runtime::Nodejs { major: 20 });
    assert_eq!((&*draft.variables["AA"], &*draft.variables["BB"]), ("1", "3"));
    assert_eq!(draft.log_format, LogFormat::Json);
    assert_eq!((draft.ephemeral_storage, draft.reserved_concurrency), (1_024, Some(5)));
    let url = draft.url.as_ref().unwrap();
    assert_eq!((url.auth, url.mode), (UrlAuth::AwsIam, InvokeMode::ResponseStream));
    assert_eq!(url.qualifier.as_ref().unwrap().as_str(), "live");
    let api = &manifest.apis[0];
    assert_eq!((api.kind, api.minimum_compression_size), (ApiKind::Rest, Some(100)));
    assert_eq!(api.routes[1].timeout, Some(1_000));
    assert_eq!(api.routes[0].payload, PayloadFormat::V1);
}

#[test]
fn all_typos_are_found_at_once_with_what_was_meant() {
    let text = "app = \"Pet_Shop\"\n[function.search]\nruntime = \"pyhton3.11\"\nmemroy = 256\ntimeout = 0\nroutes = [\"GTE /pets\", \"GET /{a+}/b\"]\n[functon.x]\n";
    let app = App::new("x").with("search/app.py", "").with("sonagi.toml", text);
    assert_eq!(
        app.problems(),
        [
            "1:7: \"Pet_Shop\" is not an app name: it wants 1 to 63 lower-case letters, digits and hyphens, with a \
             letter or digit at both ends",
            "3:11: `pyhton3.11` is not a runtime that Sonagi knows (did you mean `python3.11`?)",
            "4:1: `memroy` is not a key that function `search` has (did you mean `memory`?)",
            "5:11: `timeout` must be a whole number from 1 to 900 seconds, not 0",
            "6:11: \"GTE\" is not a method: use one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, ANY",
            "6:24: in \"/{a+}/b\" the greedy `{a+}` must be the last segment",
            "7:2: `functon` is not a key that sonagi.toml has (did you mean `function`?)",
        ]
    );
}

#[test]
fn two_functions_cannot_take_one_route() {
    let text = "[defaults]\nruntime = \"python3.11\"\n[function.a]\nroutes = [\"GET /x/{id}\"]\n[function.b]\nroutes = [\"GET /x/{name}\"]\n";
    let app = App::new("x").with("a/app.py", "").with("b/app.py", "").with("sonagi.toml", text);
    assert_eq!(app.problems(), ["6:11: GET /x/{name} of `api` is taken already, in line 4"]);
}

#[test]
fn a_missing_handler_or_folder_is_said_with_what_there_is() {
    let text = "[function.a]\nruntime = \"python3.11\"\nhandler = \"main.run\"\n[function.b]\nruntime = \"nodejs20.x\"\n";
    let app = App::new("x").with("a/app.py", "").with("sonagi.toml", text);
    let problems = app.problems();
    assert_eq!(
        problems[0],
        "3:11: the handler \"main.run\" wants the file `main.py`, which is not in `a` (there is `app.py`)"
    );
    assert!(problems[1].starts_with("4:11: there is no \"b\" in "), "{}", problems[1]);
}

#[test]
fn variables_keep_lambdas_rules() {
    let big = "x".repeat(5_000);
    let text = format!(
        "[function.a]\nruntime = \"python3.11\"\nenv = {{ AWS_REGION = \"x\", \"1a\" = \"y\", BIG = \"{big}\" }}\n"
    );
    let problems = App::new("x").with("a/app.py", "").with("sonagi.toml", &text).problems().join("\n");
    assert!(problems.contains("`AWS_REGION` is set by Lambda itself"));
    assert!(problems.contains("\"1a\" cannot name a variable"));
    assert!(problems.contains("the limit is 4096"));
}

#[test]
fn what_to_watch_is_named_absolutely_however_the_manifest_was_named() {
    let path = std::path::Path::new("../../examples/petshop");
    let load =
        |path: &std::path::Path| manifest::load(path, &Default::default(), &Context::default()).unwrap();
    for manifest in [load(path), load(&path.join("sonagi.toml"))] {
        assert!(
            manifest.files.iter().all(|file| file.is_absolute() && file.exists()),
            "{:?}",
            manifest.files
        );
        assert!(manifest.files.iter().any(|file| file.ends_with("examples/petshop/sonagi.toml")));
    }
}
