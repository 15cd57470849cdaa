//! Invoke and InvokeWithResponseStream on the wire.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sonagi_model::limits;

use super::world::World;

const INVOKE: &str = "/2015-03-31/functions/pets/invocations";
const STREAM: &str = "/2021-11-15/functions/pets/response-streaming-invocations";

async fn world() -> World {
    let world = World::open().await;
    assert_eq!(world.create("pets").await.status, 201);
    world
}

#[tokio::test]
async fn an_invocation_answers_with_lambdas_headers() {
    let world = world().await;
    let reply = world.ask("POST", INVOKE).header("x-amz-log-type", "Tail").body("{\"a\": 1}").send().await;
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "{\"a\": 1}"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(reply.header("x-amz-function-error"), None);
    let log = STANDARD.decode(reply.header("x-amz-log-result").unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    let id = reply.header("x-amzn-requestid").unwrap();
    assert!(log.contains(&format!("START RequestId: {id}")) && log.contains("hello from the log"), "{log}");

    let failed = world.ask("POST", INVOKE).body("{\"do\": \"fail\"}").send().await;
    assert_eq!((failed.status.as_u16(), failed.header("x-amz-function-error")), (200, Some("Unhandled")));
    assert_eq!(failed.json()["errorType"], "Boom");
    assert_eq!(failed.header("x-amz-log-result"), None);

    let empty = world.ask("POST", INVOKE).send().await;
    assert_eq!(empty.text(), "{}");
    let collected = world.ask("POST", INVOKE).body("{\"do\": \"stream\"}").send().await;
    assert_eq!(collected.text(), "one two three");
    let collected =
        world.ask("POST", INVOKE).header("x-amz-log-type", "Tail").body("{\"do\": \"stream\"}").send().await;
    let log = STANDARD.decode(collected.header("x-amz-log-result").unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("REPORT RequestId"));
}

#[tokio::test]
async fn the_qualifier_and_the_context_reach_the_function() {
    let world = world().await;
    world.ask("POST", "/2015-03-31/functions/pets/versions").json(&json!({})).send().await;
    let context = STANDARD.encode("{\"custom\":{\"k\":1}}");
    let ask = |path: &str| {
        world.ask("POST", path).header("x-amz-client-context", &context).body("{\"do\": \"context\"}")
    };
    let reply = ask(&format!("{INVOKE}?Qualifier=1")).send().await;
    assert_eq!(reply.header("x-amz-executed-version"), Some("1"));
    assert_eq!(reply.json()["arn"], "arn:aws:lambda:us-east-1:000000000000:function:pets:1");
    assert_eq!(reply.json()["client"], "{\"custom\":{\"k\":1}}");
    let reply = ask("/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Apets%3A1/invocations").send().await;
    assert_eq!(reply.header("x-amz-executed-version"), Some("1"), "{reply:?}");
    ask(&format!("{INVOKE}?Qualifier=9")).send().await.is_error(
        404,
        "ResourceNotFoundException",
        "function:pets:9",
    );
}

#[tokio::test]
async fn other_ways_to_invoke() {
    let world = world().await;
    let ask = |kind: &str| world.ask("POST", INVOKE).header("x-amz-invocation-type", kind).body("{}");
    let dry = ask("DryRun").send().await;
    assert_eq!((dry.status.as_u16(), dry.body.len()), (204, 0));
    let event = ask("Event").send().await;
    assert_eq!((event.status.as_u16(), event.body.len()), (202, 0));
    let large = format!("\"{}\"", "x".repeat(limits::ASYNC_PAYLOAD_SIZE));
    let large = world.ask("POST", INVOKE).header("x-amz-invocation-type", "Event").body(large);
    let text = "Request must be smaller than 1048576 bytes for the InvokeFunction operation";
    large.send().await.is_error(413, "RequestTooLargeException", text);
    ask("Nonsense").send().await.is_error(400, "ValidationException", "[Event, RequestResponse, DryRun]");
    let legacy = world.ask("POST", "/2014-11-13/functions/pets/invoke-async/").send().await;
    assert_eq!((legacy.status.as_u16(), legacy.json()), (202, serde_json::json!({ "Status": 202 })));
    let missing =
        world.ask("POST", "/2015-03-31/functions/none/invocations").header("x-amz-invocation-type", "DryRun");
    missing.send().await.is_error(404, "ResourceNotFoundException", "function:none");
}

#[tokio::test]
async fn bad_payloads_are_refused() {
    let world = world().await;
    let content = "InvalidRequestContentException";
    let parse = "Could not parse request body into json: ";
    world.ask("POST", INVOKE).body("{not json").send().await.is_error(400, content, parse);
    world.ask("POST", INVOKE).body(&b"\"\xff\""[..]).send().await.is_error(400, content, parse);
    world
        .ask("POST", INVOKE)
        .header("x-amz-client-context", "e30")
        .send()
        .await
        .is_error(400, content, "Base64");
    let largest = format!("\"{}\"", "x".repeat(limits::PAYLOAD_SIZE - 2));
    assert_eq!(world.ask("POST", INVOKE).body(largest.clone()).send().await.status, 200);
    world.ask("POST", INVOKE).body(largest + " ").send().await.is_error(
        413,
        "RequestTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    );
}

/// The events of a body: their type and payload. Lengths and checksums are checked.
fn events(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let (message, rest) = bytes.split_at(word(bytes, 0) as usize);
        bytes = rest;
        assert_eq!(word(message, 8), crc32fast::hash(&message[..8]));
        let end = message.len() - 4;
        assert_eq!(word(message, end), crc32fast::hash(&message[..end]));
        let headers_end = 12 + word(message, 4) as usize;
        let mut headers = &message[12..headers_end];
        let mut event_type = String::new();
        while !headers.is_empty() {
            let name_end = 1 + headers[0] as usize;
            let name = &headers[1..name_end];
            assert_eq!(headers[name_end], 7);
            let size = u16::from_be_bytes([headers[name_end + 1], headers[name_end + 2]]) as usize;
            let value = &headers[name_end + 3..name_end + 3 + size];
            if name == b":event-type" {
                event_type = String::from_utf8(value.to_vec()).unwrap();
            }
            headers = &headers[name_end + 3 + size..];
        }
        events.push((event_type, message[headers_end..end].to_vec()));
    }
    events
}

#[tokio::test]
async fn a_stream_comes_as_events() {
    let world = world().await;
    let ask = |body: &'static str| world.ask("POST", STREAM).body(body);
    let reply = ask("{\"do\": \"stream\"}").send().await;
    assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(reply.header("x-amz-executed-version"), Some("$LATEST"));
    let seen = events(&reply.body);
    let (complete, chunks) = seen.split_last().unwrap();
    assert!(chunks.iter().all(|(kind, _)| kind == "PayloadChunk"));
    let whole: Vec<u8> = chunks.iter().flat_map(|(_, payload)| payload.clone()).collect();
    assert_eq!(whole, b"one two three");
    assert_eq!(complete, &("InvokeComplete".to_owned(), b"{}".to_vec()));

    let broken = ask("{\"do\": \"break\"}").header("x-amz-log-type", "Tail");
    let broken = events(&broken.send().await.body);
    let end: Value = serde_json::from_slice(&broken.last().unwrap().1).unwrap();
    let log = STANDARD.decode(end["LogResult"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("REPORT RequestId"));
    assert_eq!(end["ErrorCode"], "Unhandled");
    assert!(end["ErrorDetails"].as_str().unwrap().contains("Boom"));

    let buffered = events(&ask("{\"a\": 1}").send().await.body);
    assert_eq!(buffered[0], ("PayloadChunk".to_owned(), b"{\"a\": 1}".to_vec()));
    assert_eq!(buffered[1].0, "InvokeComplete");

    let failed = events(&ask("{\"do\": \"fail\"}").header("x-amz-log-type", "Tail").send().await.body);
    let end: Value = serde_json::from_slice(&failed.last().unwrap().1).unwrap();
    assert_eq!((failed.len(), &end["ErrorCode"]), (1, &json!("Unhandled")));
    let log = STANDARD.decode(end["LogResult"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("hello from the log"));
}
