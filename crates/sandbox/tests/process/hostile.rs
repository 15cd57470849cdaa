//! What runtimes may send to the Runtime API, and that it hurts nobody.

use std::time::Duration;

use sonagi_model::limits;

use crate::support::{Bench, Collected, PROVIDED};

/// A runtime with raw sockets. `attack(event)` runs for each event, before the answer `"fine"` is sent.
fn runtime(attack: &str) -> String {
    format!(
        r#"#!/usr/bin/python3.11
import os, socket, sys, time, json
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
V = "/2018-06-01/runtime/"
def connect():
    s = socket.create_connection((host, int(port)))
    s.settimeout(10)
    return s
def receive(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more: return None, b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    size = int([l for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")][0].split(b":")[1])
    while len(body) < size: body += s.recv(65536)
    return head.decode(), body
def ask(s, text, body=b""):
    s.sendall(text.encode() + body)
    return receive(s)
def post(path, body=b"", headers=""):
    s = connect()
    return ask(s, f"POST {{V}}{{path}} HTTP/1.1\r\nContent-Length: {{len(body)}}\r\n{{headers}}\r\n", body)
def status(reply): return reply[0] and int(reply[0].split()[1])
main = connect()
while True:
    head, event = ask(main, f"GET {{V}}invocation/next HTTP/1.1\r\n\r\n")
    id = [l for l in head.split("\r\n") if l.startswith("Lambda-Runtime-Aws-Request-Id")][0].split(": ")[1]
    said = None
{attack}
    body = json.dumps(said).encode()
    ask(main, f"POST {{V}}invocation/{{id}}/response HTTP/1.1\r\nContent-Length: {{len(body)}}\r\n\r\n", body)
"#
    )
}

async fn says(attack: &str) -> serde_json::Value {
    let bench = Bench::new();
    let mut running = bench.run(PROVIDED, &runtime(attack)).await;
    let mut said = serde_json::Value::Null;
    for _ in 0..2 {
        let done = running.invoke("{}").await;
        assert!(done.finished.reusable);
        said = serde_json::from_str(done.success()).unwrap();
    }
    drop(running);
    bench.nothing_is_left().await;
    said
}

#[tokio::test]
async fn requests_out_of_place_are_refused_with_lambdas_errors() {
    let said = says(
        r#"    said = []
    for path in ["invocation/00000000-0000-0000-0000-000000000000/response", "invocation/x/error", "init/error", "what"]:
        r = post(path, b"{}")
        said.append([status(r), json.loads(r[1])["errorType"]])
    s = connect()
    r = ask(s, f"GET {V}invocation/next HTTP/1.1\r\n\r\n")
    said.append([status(r), json.loads(r[1])["errorType"]])
    r = ask(s, f"GET /2020-01-01/extension/event/next HTTP/1.1\r\n\r\n")
    said.append([status(r), json.loads(r[1])["errorType"]])"#,
    )
    .await;
    assert_eq!(
        said,
        serde_json::json!([
            [400, "InvalidRequestID"],
            [400, "InvalidRequestID"],
            [403, "InvalidStateTransition"],
            [404, "NotFound"],
            [403, "InvalidStateTransition"],
            [403, "Extension.MissingExtensionIdentifier"],
        ])
    );
}

#[tokio::test]
async fn garbage_and_half_requests_do_not_disturb_an_invocation() {
    let said = says(
        r#"    said = []
    for text in ["garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x00\x01\x02\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"]:
        said.append(status(ask(connect(), text)))
    s = connect()
    try:
        said.append(status(ask(s, "GET / HTTP/1.1\r\nX: " + "x" * 200000)))
    except OSError: said.append(431)
    # Half a head, half a body, and nothing at all; kept open.
    kept = [connect() for _ in range(3)]
    kept[0].sendall(b"GET /2018-06-01/runt")
    kept[1].sendall(f"POST {V}invocation/{id}/error HTTP/1.1\r\nContent-".encode())"#,
    )
    .await;
    assert_eq!(said, serde_json::json!([400, 400, 400, 400, 400, 431]));
}

#[tokio::test]
async fn a_runtime_has_only_so_many_connections() {
    let said = says(
        r#"    kept, refused = [], 0
    for _ in range(100):
        s = connect(); s.setblocking(True); kept.append(s)
    time.sleep(0.1)
    for s in kept:
        s.setblocking(False)
        try:
            refused += s.recv(1) == b""
        except BlockingIOError: pass
        except ConnectionResetError: refused += 1
    said = refused
    for s in kept: s.close()
    time.sleep(0.1)"#,
    )
    .await;
    // One is the runtime's own.
    assert_eq!(said, serde_json::json!(100 - (limits::RUNTIME_CONNECTIONS - 1)));
}

#[tokio::test]
async fn an_answer_that_never_ends_is_timed_out() {
    let bench = Bench::new();
    for half in ["Content-Length: 100\\r\\n\\r\\nhalf", "Transfer-Encoding: chunked\\r\\n\\r\\n4\\r\\nhalf"] {
        let attack = format!(
            r#"    main.sendall((f"POST {{V}}invocation/{{id}}/response HTTP/1.1\r\n" + "{half}").encode())
    time.sleep(60)"#
        );
        let mut running = bench.run(PROVIDED, &runtime(&attack)).await;
        let done = running.invoke_within("{}", Duration::from_millis(400)).await;
        assert_eq!(done.failure().0, "Sandbox.Timedout");
        assert!(!done.finished.reusable);
    }
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    let bench = Bench::new();
    let attack = r#"    main.sendall(f"POST {V}invocation/{id}/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    while True: main.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")"#;
    let mut running = bench.run(PROVIDED, &runtime(attack)).await;
    let done = running.invoke_within("{}", Duration::from_millis(1500)).await;
    assert_eq!(done.failure().0, "Function.ResponseSizeTooLarge");
    assert!(!done.finished.reusable);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_why() {
    let bench = Bench::new();
    let start = r#"    main.sendall(f"POST {V}invocation/{id}/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".encode())"#;
    for (end, wanted) in [
        ("    os._exit(3)", "Runtime.ExitError"),
        ("    main.close(); main = connect(); continue", "Runtime.TruncatedResponse"),
        ("    time.sleep(60)", "Sandbox.Timedout"),
        ("    main.sendall(b'nonsense'); main = connect(); continue", "Runtime.TruncatedResponse"),
    ] {
        let mut running = bench.run(PROVIDED, &runtime(&format!("{start}\n{end}"))).await;
        let done = running.invoke_within("{}", Duration::from_millis(800)).await;
        let Collected::Stream { content_type, body, failure } = &done.answer else {
            panic!("{:?}", done.answer)
        };
        assert_eq!((content_type.as_str(), body.as_slice()), ("a/b", &b"half"[..]));
        assert_eq!(failure.as_ref().map(|failure| failure.0.as_str()), Some(wanted), "{end}");
    }
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn an_answer_given_with_the_last_breath_counts() {
    let bench = Bench::new();
    let attack = r#"    main.sendall(f"POST {V}invocation/{id}/response HTTP/1.1\r\nContent-Length: 4\r\n\r\nlast".encode())
    os._exit(0)"#;
    let mut running = bench.run(PROVIDED, &runtime(attack)).await;
    let done = running.invoke("{}").await;
    assert_eq!(done.success(), "last");
    assert!(!done.finished.reusable);
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let said = says(
        r#"    s = connect()
    s.sendall(f"POST {V}invocation/x/response HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
    said = s.recv(1000).decode()
    s.sendall(b"{}")
    said = [said.split()[1], status(receive(s))]"#,
    )
    .await;
    assert_eq!(said, serde_json::json!(["100", 400]));
}

#[tokio::test]
async fn output_without_end_is_bounded_by_the_deadline() {
    let bench = Bench::new();
    let mut running =
        bench.run(PROVIDED, &runtime("    while True: sys.stdout.write('y' * 70000 + '\\n')")).await;
    let done = running.invoke_within("{}", Duration::from_millis(400)).await;
    assert_eq!(done.failure().0, "Sandbox.Timedout");
    assert!(running.logs.of(done.request).iter().rev().skip(1).all(|line| line.len() == 70_000));
    bench.nothing_is_left().await;
}
