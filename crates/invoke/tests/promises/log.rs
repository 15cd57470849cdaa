use sonagi_invoke::Tail;
use sonagi_model::function::{LogFormat, Tracing};

use crate::world::{World, text};

#[tokio::test]
async fn the_platforms_lines_stand_around_the_functions() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.tracing = Tracing::Active);
    let request = world.request(&hello, "say 2");
    let id = request.request;
    world.frontend.invoke(request).await.unwrap();
    world.frontend.idle().await;
    let lines = world.logs.all();
    assert_eq!(lines[0], format!("hello: START RequestId: {id} Version: $LATEST"));
    assert_eq!(lines[1..3], ["hello: line 0", "hello: line 1"]);
    assert_eq!(lines[3], format!("hello: END RequestId: {id}"));
    assert_eq!(
        lines[4],
        format!(
            "hello: REPORT RequestId: {id}\tDuration: 0.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 30 MB\tInit Duration: 0.00 ms"
        )
    );
    assert!(lines[5].starts_with("hello: XRAY TraceId: 1-65e079f0-"), "{}", lines[5]);
}

#[tokio::test]
async fn a_time_out_is_told_in_the_log() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let invoked = world.begin(&hello, "sleep 4000").await;
    world.advance(3_000).await;
    invoked.await.unwrap().unwrap();
    world.frontend.idle().await;
    let lines = world.logs.all();
    assert!(lines[1].starts_with("hello: 2024-02-29T12:34:59.789Z "), "{lines:?}");
    assert!(lines[1].ends_with(" Task timed out after 3.00 seconds"), "{lines:?}");
    assert!(lines[3].ends_with("\tStatus: timeout"), "{lines:?}");
}

#[tokio::test]
async fn json_records_take_the_lines_place() {
    let world = World::start();
    let hello = world.deploy("hello", |f| f.log_format = LogFormat::Json);
    world.invoke(&hello, "echo").await.unwrap();
    world.invoke(&hello, "fail").await.unwrap();
    world.frontend.idle().await;
    let kinds: Vec<String> = world
        .logs
        .all()
        .iter()
        .map(|line| {
            let json: serde_json::Value =
                serde_json::from_str(line.strip_prefix("hello: ").unwrap()).unwrap();
            let status = json["record"]["status"].as_str().unwrap_or("-");
            format!("{} {status}", json["type"].as_str().unwrap())
        })
        .collect();
    let first = ["platform.start -", "platform.report success"];
    let second = ["platform.start -", "platform.runtimeDone error", "platform.report error"];
    assert_eq!(kinds, [&first[..], &second[..]].concat());
}

#[tokio::test]
async fn the_tail_is_the_last_four_kilobytes_of_this_invocation() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let mut short = world.request(&hello, "say 1");
    short.tail = Tail::Yes;
    let id = short.request;
    let invoked = world.frontend.invoke(short).await.unwrap();
    let tail = String::from_utf8(invoked.tail.unwrap().to_vec()).unwrap();
    assert!(tail.starts_with(&format!("START RequestId: {id} Version: $LATEST\nline 0\nEND ")), "{tail}");
    assert!(tail.ends_with(" ms\n"), "{tail}");

    let mut long = world.request(&hello, "say 3000");
    long.tail = Tail::Yes;
    let tail = world.frontend.invoke(long).await.unwrap().tail.unwrap();
    assert_eq!(tail.len(), 4_096);
    let tail = String::from_utf8(tail.to_vec()).unwrap();
    assert!(tail.contains("line 2999\nEND RequestId"), "{tail}");
    assert!(!tail.contains(&id.to_string()));

    assert!(world.invoke(&hello, "say 1").await.unwrap().tail.is_none());
}

#[tokio::test]
async fn a_trace_is_passed_to_the_function() {
    let world = World::start();
    let hello = world.deploy("hello", |_| {});
    let mut request = world.request(&hello, "trace");
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    request.trace = Some(trace.into());
    assert_eq!(text(world.frontend.invoke(request).await), trace);
    let made = text(world.invoke(&hello, "trace").await);
    assert!(made.starts_with("Root=1-65e079f0-") && made.ends_with(";Sampled=0"), "{made}");
}
