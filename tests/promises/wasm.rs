//! WebAssembly functions behind every door, with everything that process functions have.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use serde_json::{Value, json};
use sonagi_harness::{Answer, App, World, get, request, send};
use sonagi_invoke::{Metered, Record, RecordStream};
use sonagi_model::{LambdaName, release::Release};
use sonagi_sandbox::Outcome;
use sonagi_server::Followed;

use crate::{bad_input::zip, time_limits::until};

const HELLO: &str = include_str!("../fixtures/wasm/hello.wat");
const GUEST: &str = include_str!("../fixtures/wasm/guest.wat");
const REACH: &str = include_str!("../fixtures/wasm/reach.wat");
const LATER: &str = include_str!("../fixtures/wasm/later.wat");

/// One function `f` made of this text, at every path; `more` are further lines of its table.
pub(crate) fn component(name: &str, text: &str, more: &str) -> App {
    let manifest = format!(
        "app = \"{name}\"\n[function.f]\nruntime = \"wasm\"\ncode = \"function.wat\"\nroutes = [\"$default\"]\n{more}\n"
    );
    App::new(&manifest).file("function.wat", text)
}

/// The one that does as its path says.
pub(crate) fn guest(name: &str, more: &str) -> App {
    component(name, GUEST, more)
}

/// What an `Invoke` with `LogType: Tail` says of the log.
fn tail(answer: &Answer) -> String {
    String::from_utf8(STANDARD.decode(answer.header("x-amz-log-result")).unwrap()).unwrap()
}

/// The next invocation that ends.
async fn ended(records: &mut RecordStream) -> Arc<Record> {
    match records.next().await {
        Some(Metered::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

/// The host of a function's own address.
async fn url_host(world: &World, function: &str) -> String {
    let listed = get(world.platform(), &world.platform().to_string(), "/_sonagi/v1/functions").await.json();
    let functions = listed["functions"].as_array().unwrap();
    let found = functions.iter().find(|found| found["name"] == function).unwrap();
    let url: http::Uri = found["urls"][0].as_str().unwrap().parse().unwrap();
    url.authority().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_answers_the_gateway_its_url_and_invoke() {
    let world = World::start().await;
    world.deploy(&guest("doors", "url = true")).await;
    // As it is: no event in between.
    let there = request("PUT", "doors.localhost", "/echo/a%20b?q=1").header("x-mine", "yes");
    let answer = send(world.gateway(), there.body(Bytes::from_static(b"the body")).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain");
    let text = answer.text();
    assert!(text.starts_with("PUT /echo/a%20b?q=1 doors.localhost\n"), "{text}");
    assert!(text.contains("x-mine: yes\n") && text.ends_with("\n\nthe body"), "{text}");

    let host = url_host(&world, "doors-f").await;
    let answer = get(world.gateway(), &host, "/echo/url").await;
    assert!(answer.text().starts_with(&format!("GET /echo/url {host}\n")), "{}", answer.text());

    let invoked = world.invoke("doors-f", r#""/echo""#).await;
    assert_eq!((invoked.status.as_u16(), invoked.header("x-amz-function-error")), (200, ""));
    let request = invoked.header("x-amzn-requestid");
    assert!(invoked.text().contains(&format!("ce-id: {request}\n")), "{}", invoked.text());
    assert!(invoked.text().contains("ce-type: dev.sonagi.invocation\n"), "{}", invoked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_an_instance_of_its_own_unless_reuse_was_asked_for() {
    let world = World::start().await;
    world.deploy(&guest("fresh", "")).await;
    world.deploy(&guest("reused", "reuse = { requests = 3 }")).await;
    let mut reused = Vec::new();
    for _ in 0..4 {
        assert_eq!(world.get("fresh", "/count").await.text(), "1");
        reused.push(world.get("reused", "/count").await.text().to_owned());
    }
    assert_eq!(reused, ["1", "2", "3", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_0_3_answers_when_its_manifest_says_so() {
    let world = World::start().await;
    world.deploy(&component("later", LATER, "wasi = \"0.3\"")).await;
    assert_eq!(world.get("later", "/hello").await.text(), "hello\n");
    assert_eq!(world.get("later", "/bytes/300000").await.body.len(), 300_000);
    assert_eq!(world.invoke("later-f", "{}").await.text(), "hello\n");
    assert_eq!(world.get("later", "/trap").await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_where_every_instance_begins() {
    let world = World::start().await;
    world.deploy(&guest("cold", "")).await;
    let reason = refused(&world, &guest("warm", "snapshot_start = true")).await;
    assert!(reason.contains("table.grow") && reason.contains("Leave `snapshot_start` out"), "{reason}");
    // Without the instruction that no snapshot can tell of.
    let still = GUEST.replace("table.grow 0\n", "drop\ndrop\ni32.const -1\n");
    world.deploy(&component("warm", &still, "snapshot_start = true")).await;
    assert_eq!(world.get("cold", "/count").await.text(), "1");
    // The request that was made at the deployment has been counted, in memory that is a fresh one's for everybody.
    for _ in 0..3 {
        assert_eq!(world.get("warm", "/count").await.text(), "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_reports_and_metering_are_those_of_any_function() {
    let world = World::start().await;
    let release = world.deploy(&guest("told", "memory = 256")).await;
    let mut records = world.running().frontend().metering();
    let invoked = world.invoke("told-f", r#""/lines/2/err""#).await;
    let id = invoked.header("x-amzn-requestid").to_owned();
    let log = tail(&invoked);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], format!("START RequestId: {id} Version: $LATEST"), "{log}");
    assert_eq!(lines[1..4], ["line 0", "line 1", "no end"], "{log}");
    assert_eq!(lines[4], format!("END RequestId: {id}"), "{log}");
    assert!(lines[5].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{log}");
    assert!(lines[5].contains("\tMemory Size: 256 MB\tMax Memory Used: "), "{log}");
    assert!(!lines[5].contains("Max Memory Used: 0 MB"), "{log}");

    let record = ended(&mut records).await;
    assert_eq!((record.request.to_string(), &record.outcome), (id, &Outcome::Success));
    assert_eq!(record.release, release.number);
    assert_eq!(record.usage.memory, 256);
    assert!((1..4).contains(&record.usage.memory_peak), "{record:?}");
    assert!(record.usage.cpu.unwrap().as_nanos() > 0 && record.usage.billed > 0, "{record:?}");
    world.invoke("told-f", r#""/touch/50""#).await;
    let record = ended(&mut records).await;
    assert!((50..60).contains(&record.usage.memory_peak), "{record:?}");

    let host = world.platform().to_string();
    let ours = request("POST", &host, "/_sonagi/v1/functions/told-f/invoke?tail=1");
    let answer = send(world.platform(), ours.body(Bytes::from_static(b"\"/lines/1\"")).unwrap()).await;
    assert_eq!(answer.text(), "printed\n", "{:?}", answer.headers);
    let usage = get(world.platform(), &host, "/_sonagi/v1/usage").await;
    let usage = usage.json();
    let usage =
        usage["functions"].as_array().unwrap().iter().find(|usage| usage["function"] == "told-f").unwrap();
    assert_eq!(usage["invocations"], 3);
    assert!(usage["cpu_us"].as_u64().unwrap() > 0, "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_a_clean_502_and_a_function_error() {
    let world = World::start().await;
    world.deploy(&guest("bad", "")).await;
    for path in [
        "/trap",
        "/recurse",
        "/allocate",
        "/nothing",
        "/exit/1",
        "/error",
        "/begin/trap",
        "/begin/return",
        "/length/9/3",
        "/length/3/9",
        "/headers/100000/1",
        "/headers/2000/2",
        "/headers/1/1000000",
        "/status/101",
        "/status/199",
        "/status/700",
    ] {
        let answer = world.get("bad", path).await;
        assert_eq!(answer.status, 502, "{path}: {}", answer.text());
        assert_eq!(answer.text(), r#"{"message":"Internal Server Error"}"#, "{path}");
    }
    for (order, error_type) in [
        ("/trap", "Runtime.ExitError"),
        ("/allocate", "Runtime.OutOfMemory"),
        ("/exit/1", "Runtime.ExitError"),
        ("/error", "Http.InternalError"),
        ("/fail/500/object", "Boom"),
    ] {
        let invoked = world.invoke("bad-f", json!(order).to_string()).await;
        assert_eq!((invoked.status.as_u16(), invoked.header("x-amz-function-error")), (200, "Unhandled"));
        assert_eq!(invoked.json()["errorType"], error_type, "{order}: {}", invoked.text());
    }
    let trapped = world.invoke("bad-f", r#""/trap""#).await;
    assert!(
        tail(&trapped).contains("wasm backtrace:") && tail(&trapped).contains("!fall"),
        "{}",
        tail(&trapped)
    );
    assert!(!trapped.text().contains("backtrace"), "{}", trapped.text());
    assert_eq!(world.get("bad", "/hello").await.text(), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_never_returns_is_ended_and_others_never_notice() {
    let world = World::start().await;
    world.deploy(&guest("stuck", "timeout = 5")).await;
    world.deploy(&component("other", HELLO, "")).await;
    for order in ["/log/spin", "/log/block"] {
        let mut followed = world.running().logs().follow(None, None);
        let order = json!(order).to_string();
        let (answer, ()) = tokio::join!(world.invoke("stuck-f", order), async {
            until(&mut followed, "about to").await;
            for _ in 0..5 {
                assert_eq!(world.get("other", "/").await.text(), "Hello from wasm\n");
            }
            world.clock().advance(std::time::Duration::from_secs(5)).await;
        });
        assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
        let id = answer.header("x-amzn-requestid");
        assert_eq!(answer.json()["errorType"], "Sandbox.Timedout");
        assert_eq!(
            answer.json()["errorMessage"],
            format!("RequestId: {id} Error: Task timed out after 5.00 seconds")
        );
        assert!(tail(&answer).contains("half a line"), "{}", tail(&answer));
    }
    assert_eq!(world.get("stuck", "/hello").await.text(), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_is_limited_as_that_of_any_function() {
    let world = World::start().await;
    world.deploy(&guest("none", "reserved_concurrency = 0")).await;
    let refused = world.invoke("none-f", r#""/hello""#).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("x-amzn-errortype"), "TooManyRequestsException");
    assert_eq!(world.get("none", "/hello").await.status, 429);
    let none: LambdaName = "none-f".parse().unwrap();
    let usage = world.running().frontend().usage();
    let none = usage.iter().find(|usage| usage.function == none).unwrap().totals;
    assert_eq!((none.invocations, none.throttles), (0, 2), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_streams_from_a_function_url_before_it_ends() {
    let world = World::start().await;
    world.deploy(&guest("flow", "url = { auth = \"none\", stream = true }")).await;
    let host = url_host(&world, "flow-f").await;
    assert_eq!(get(world.gateway(), &host, "/bytes/9000000/65536").await.body.len(), 9_000_000);

    let stream = tokio::net::TcpStream::connect(world.gateway()).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let asked = request("GET", &host, "/begin/block").body(Empty::<Bytes>::new()).unwrap();
    let mut answer = sender.send_request(asked).await.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "begun\n");
    world.clock().advance(std::time::Duration::from_secs(3)).await;
    // Nobody takes what came for the whole.
    assert!(answer.body_mut().frame().await.unwrap().is_err());
    assert_eq!(get(world.gateway(), &host, "/hello").await.text(), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_survive_a_restart_and_belong_to_their_app() {
    let mut world = World::start().await;
    world.deploy(&component("kv", REACH, "keyvalue = [\"default\", \"other\"]")).await;
    world.deploy(&component("also", REACH, "keyvalue = [\"default\"]")).await;
    assert_eq!(world.get("kv", "/keyvalue/get/default/name").await.text(), "nothing");
    assert_eq!(world.get("kv", "/keyvalue/set/default/name/sonagi").await.text(), "set");
    assert_eq!(world.get("kv", "/keyvalue/add/default/count/5").await.text(), "5");
    world.restart().await;
    assert_eq!(world.get("kv", "/keyvalue/get/default/name").await.text(), "sonagi");
    assert_eq!(world.get("kv", "/keyvalue/add/default/count/2").await.text(), "7");
    assert_eq!(world.get("kv", "/keyvalue/get/other/name").await.text(), "nothing");
    assert_eq!(world.get("also", "/keyvalue/get/default/name").await.text(), "nothing");
    let refused = world.get("kv", "/keyvalue/get/private/name").await;
    assert_eq!((refused.status.as_u16(), refused.text()), (500, "access denied"));
    // Those who count at once count right.
    let calls = (0..20).map(|_| world.get("kv", "/keyvalue/add/other/count/1"));
    let mut counts: Vec<u32> = Vec::new();
    for answer in futures::future::join_all(calls).await {
        counts.push(answer.text().parse().unwrap());
    }
    counts.sort();
    assert_eq!(counts, (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_and_other_servers_are_what_the_manifest_grants() {
    let world = World::start().await;
    let platform = world.platform();
    let granted = format!("config = {{ currency = \"EUR\" }}\noutbound = [\"http://{platform}\"]");
    world.deploy(&component("out", REACH, &granted)).await;
    world.deploy(&component("in", REACH, "")).await;
    assert_eq!(world.get("out", "/config/currency").await.text(), "EUR");
    assert_eq!(world.get("in", "/config/currency").await.status, 404);
    let health = format!("/fetch/{platform}/_sonagi/v1/health");
    let answer = world.get("out", &health).await;
    assert!(answer.text().starts_with("200 "), "{}", answer.text());
    // `HTTP-request-denied`, of what is not listed and of everything where there is no list.
    let gateway = format!("/fetch/{}/", world.gateway());
    for (app, path) in [("out", gateway.as_str()), ("in", health.as_str()), ("in", gateway.as_str())] {
        let answer = world.get(app, path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (502, "refused: 15"), "{app} {path}");
    }
}

/// CreateFunction with this component, unsigned.
async fn create(world: &World, name: &str, component: &[u8]) -> Answer {
    let body = json!({
        "FunctionName": name, "Runtime": "provided.wasm", "Handler": "function.wasm",
        "Role": "arn:aws:iam::000000000000:role/test",
        "Code": { "ZipFile": STANDARD.encode(zip(&[("function.wasm", component)])) },
    });
    let request = request("POST", &world.platform().to_string(), "/2015-03-31/functions")
        .header("content-type", "application/json");
    send(world.platform(), request.body(Bytes::from(body.to_string())).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lambdas_api_makes_a_function_of_a_component() {
    let world = World::start().await;
    let made = create(&world, "made", &wat::parse_str(GUEST).unwrap()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["Runtime"], "provided.wasm");
    assert_eq!(world.invoke("made", r#""/hello""#).await.text(), "hello\n");
    let module = wat::parse_str("(module (memory 1))").unwrap();
    for component in [&module[..], b"\0asm\x0d\0\x01\0", b"nonsense", b""] {
        let refused = create(&world, "not-made", component).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert_eq!(refused.header("x-amzn-errortype"), "InvalidParameterValueException");
        assert_eq!(world.invoke("not-made", "{}").await.status, 404);
    }
}

/// Deploys `app`, which must be refused, and gives the reason.
async fn refused(world: &World, app: &App) -> String {
    match world.deploy_path(app.path(), &[]).await {
        Ok(release) => panic!("release {} is active", Release::clone(&release).number),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_at_the_deployment_and_nothing_changes() {
    let world = World::start().await;
    let manifest = "app = \"pair\"\n\
        [function.good]\nruntime = \"wasm\"\ncode = \"good.wat\"\nroutes = [\"GET /good\"]\n\
        [function.bad]\nruntime = \"wasm\"\ncode = \"bad.wat\"\nroutes = [\"GET /bad\"]\n";
    let app = App::new(manifest).file("good.wat", HELLO).file("bad.wat", HELLO);
    let first = world.deploy(&app).await;
    // The other function changes as well, and must not.
    app.write("good.wat", GUEST);
    let old = HELLO.replace("wasi:http/types@0.2.0", "wasi:http/types@0.1.0");
    let open = HELLO.trim_end().strip_suffix(')').unwrap();
    let unknown = format!("{open} (import \"acme:db/sql@1.0.0\" (instance)))");
    let no_handler = "(component)";
    let cases = [
        ("(module (memory 1))", "module"),
        (&unknown, "acme:db/sql@1.0.0"),
        (&old, "wasi:http/types@0.1.0"),
        (no_handler, "wasi:http/incoming-handler"),
        (LATER, "0.3"),
        ("(component (this is no component))", "bad.wat"),
    ];
    for (text, word) in cases {
        app.write("bad.wat", text);
        let reason = refused(&world, &app).await;
        assert!(reason.contains(word), "{word} is not in: {reason}");
        assert!(reason.contains("bad"), "which function it is, is not in: {reason}");
        for path in ["/good", "/bad"] {
            assert_eq!(world.get("pair", path).await.text(), "Hello from wasm\n");
        }
        let releases = world.running().control().releases(&first.app).await.unwrap();
        assert_eq!(releases.len(), 1, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_lost_or_tampered_with_is_made_again() {
    let mut world = World::start().await;
    world.deploy(&component("kept", HELLO, "")).await;
    world.deploy(&guest("also", "")).await;
    let cache = world.data().join("components");
    assert!(files(&cache).iter().any(|file| file.metadata().unwrap().len() > 10_000));

    world.stop().await;
    std::fs::remove_dir_all(&cache).unwrap();
    world.restart().await;
    assert_eq!(world.get("kept", "/").await.text(), "Hello from wasm\n");
    assert_eq!(world.get("also", "/hello").await.text(), "hello\n");

    for change in [(|bytes| flip(bytes)) as fn(&mut Vec<u8>), cut, empty] {
        world.stop().await;
        for file in files(&cache) {
            // What is compiled in the background may move while this looks.
            let Ok(mut bytes) = std::fs::read(&file) else { continue };
            change(&mut bytes);
            std::fs::write(&file, bytes).unwrap();
        }
        // Whoever runs the server is told.
        world.expect("components");
        world.restart().await;
        assert_eq!(world.get("kept", "/").await.text(), "Hello from wasm\n");
        assert_eq!(world.get("also", "/hello").await.text(), "hello\n");
    }
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}

fn cut(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

fn empty(bytes: &mut Vec<u8>) {
    bytes.clear();
}

/// Every file below `folder`.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_end_the_invocation() {
    let world = World::start().await;
    world.deploy(&guest("left", "")).await;
    let mut followed = world.running().logs().follow(None, None);
    let mut records = world.running().frontend().metering();
    tokio::select! {
        answer = world.get("left", "/log/block") => panic!("it answered {}", answer.status),
        () = until(&mut followed, "about to") => {}
    }
    world.clock().advance(std::time::Duration::from_secs(3)).await;
    assert_eq!(ended(&mut records).await.outcome, Outcome::TimedOut);
    world.idle().await;
    let answers: Value = world.invoke("left-f", r#""/fail/200/object""#).await.json();
    assert_eq!(answers["errorType"], "Boom");
}

/// The template of `sonagi new`, with what a snapshot of JavaScript needs. It is built with npm's componentize-js.
#[tokio::test(flavor = "multi_thread")]
async fn javascript_is_built_and_begins_where_its_init_left_it() {
    const CODE: &str = include_str!("../../crates/cli/templates/wasm-js/app.js");
    const PACKAGE: &str = include_str!("../../crates/cli/templates/wasm-js/package.json");
    const INIT: &str = "let warm = 0;\nexport function init() { warm = Math.floor(Math.random() * 1e15); }\n\
        addEventListener(\"fetch\", () => console.log(`warm ${warm}`));\n";
    let world = World::start().await;
    let manifest = "app = \"scripted\"\n[function.hello]\nruntime = \"wasm\"\nroutes = [\"GET /hello\"]\n\
        config = { greeting = \"Hi\" }\nsnapshot_start = true\n";
    let app = App::new(manifest)
        .file("hello/app.js", &format!("{CODE}\n{INIT}"))
        .file("hello/package.json", PACKAGE);
    world.deploy(&app).await;
    let mut followed = world.running().logs().follow(None, None);
    for _ in 0..2 {
        let answer = get(world.gateway(), "scripted.localhost", "/hello?name=you").await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "message": "Hi, you!" })));
    }
    let invoked = world.invoke("scripted-hello", r#"{"a": [1, "two"]}"#).await;
    assert_eq!(invoked.json(), json!({ "got": { "a": [1, "two"] } }), "{}", invoked.text());
    // Every instance remembers the same initialisation.
    let mut warm = Vec::new();
    while warm.len() < 3 {
        match followed.next().await {
            Some(Followed::Entry(entry)) if entry.line.text.starts_with(b"warm ") => {
                warm.push(entry.line.text)
            }
            Some(_) => {}
            None => panic!("the log ended: {warm:?}"),
        }
    }
    assert!(warm[0] != "warm 0" && warm.iter().all(|line| *line == warm[0]), "{warm:?}");
}
