//! Hostile input is normal: a clear error with the right status, nothing lost, and nobody else notices.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use sonagi_harness::{Answer, App, Program, World, get, request, send};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use zip::{ZipWriter, write::SimpleFileOptions};

const HELLO: &str = "def handler(event, context):\n    return 'fine'\n";

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// CreateFunction, unsigned.
pub(crate) async fn create(platform: SocketAddr, name: &str, zip: &[u8], handler: &str) -> Answer {
    let body = json!({
        "FunctionName": name, "Runtime": "python3.11", "Handler": handler,
        "Role": "arn:aws:iam::000000000000:role/test", "Code": { "ZipFile": STANDARD.encode(zip) },
    });
    let request = request("POST", &platform.to_string(), "/2015-03-31/functions")
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    send(platform, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_no_good_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let whole = zip(&[("app.py", HELLO.as_bytes())]);
    let bomb = zip(&[("app.py", HELLO.as_bytes()), ("zeros", &vec![0; 300 << 20])]);
    assert!(bomb.len() < 1 << 20);
    let cases: [(&str, &[u8]); 6] = [
        ("no zip at all", b"nonsense"),
        ("nothing", b""),
        ("cut off", &whole[..whole.len() / 2]),
        ("a bomb", &bomb),
        ("leaves by ..", &zip(&[("../../escape.py", b"x")])),
        ("leaves by /", &zip(&[("/etc/escape", b"x")])),
    ];
    for (what, bytes) in cases {
        let refused = create(world.platform(), "bad", bytes, "app.handler").await;
        assert_eq!(refused.status, 400, "{what}: {}", refused.text());
        assert_eq!(refused.header("x-amzn-errortype"), "InvalidParameterValueException", "{what}");
        let body: Value = refused.json();
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap();
        assert!(message.len() > 10, "{what}: {message}");
        assert_eq!(world.invoke("bad", "{}").await.status, 404, "{what}");
    }
    let made = create(world.platform(), "good", &whole, "app.handler").await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(world.invoke("good", "{}").await.text(), "\"fine\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_handler_is_the_functions_own_error() {
    let world = World::start().await;
    let files = zip(&[("app.py", HELLO.as_bytes())]);
    let cases = [
        ("nofile.handler", "Runtime.ImportModuleError", "Unable to import module 'nofile'"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
    ];
    for (index, (handler, kind, text)) in cases.into_iter().enumerate() {
        let name = format!("wrong{index}");
        assert_eq!(create(world.platform(), &name, &files, handler).await.status, 201);
        let answer = world.invoke(&name, "{}").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
        assert_eq!(answer.json()["errorType"], kind, "{}", answer.text());
        assert!(answer.json()["errorMessage"].as_str().unwrap().contains(text), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_the_limit_are_refused_at_both_doors() {
    let world = World::start().await;
    world
        .deploy(&App::python("echo", "def handler(event, context):\n    return len(event.get('body', ''))\n"))
        .await;
    let most = 6 * 1024 * 1024;
    let at_the_limit = world.invoke("echo-f", format!("{{\"body\":\"{}\"}}", "x".repeat(most - 11))).await;
    assert_eq!(at_the_limit.status, 200, "{}", at_the_limit.text());
    assert_eq!(at_the_limit.text(), (most - 11).to_string());
    let over = world.invoke("echo-f", format!("{{\"body\":\"{}\"}}", "x".repeat(most - 10))).await;
    assert_eq!(over.status, 413);
    assert_eq!(over.header("x-amzn-errortype"), "RequestTooLargeException");
    assert!(over.text().contains("Request must be smaller than 6291456 bytes"), "{}", over.text());
    let gateway = world.post("echo", "/", vec![b'x'; (10 << 20) + 1]).await;
    assert_eq!(gateway.status, 413, "{}", gateway.text());
    assert_eq!(world.post("echo", "/", "12345").await.text(), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_the_limit_is_the_functions_error() {
    let world = World::start().await;
    let source = "def handler(event, context):\n    return 'x' * event['size']\n";
    world.deploy(&App::python("big", source)).await;
    let most = 6 * 1024 * 1024 + 100;
    let fits = world.invoke("big-f", json!({ "size": most - 2 }).to_string()).await;
    assert_eq!((fits.status.as_u16(), fits.body.len()), (200, most));
    let over = world.invoke("big-f", json!({ "size": most - 1 }).to_string()).await;
    assert_eq!(over.json()["errorType"], "Function.ResponseSizeTooLarge", "{}", over.text());
    assert_eq!(world.invoke("big-f", json!({ "size": 1 }).to_string()).await.text(), "\"x\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_closed_and_others_are_served_meanwhile() {
    let world = World::start().await;
    world.deploy(&App::python("fine", HELLO)).await;
    for door in [world.platform(), world.gateway()] {
        let mut half = TcpStream::connect(door).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nHost: fine.local").await.unwrap();
        let mut nonsense = TcpStream::connect(door).await.unwrap();
        nonsense.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        nonsense.read_to_end(&mut answer).await.unwrap();
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        assert_eq!(world.get("fine", "/").await.text(), "fine");
        // The head's deadline closes it; the limit is real time, since it protects the process.
        let mut rest = Vec::new();
        half.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_silent_connections_stop_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = Program::server(&folder.path().join("data")).await;
    let app = App::python("fine", HELLO);
    let endpoint = format!("http://{}", ready.platform);
    Program::run(&["deploy", app.path().to_str().unwrap(), "--endpoint", &endpoint]).await.passed();
    let wanted = 10_000.min(sonagi_server::raise_file_limit() as usize - 500);
    let mut silent = Vec::with_capacity(wanted);
    for index in 0..wanted {
        // Loopback's ephemeral ports are shared with whatever else runs: spread over a few local addresses.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let local = format!("127.0.{}.1:0", 1 + index % 4);
        socket.bind(local.parse().unwrap()).unwrap();
        silent.push(socket.connect(ready.gateway).await.unwrap());
    }
    for _ in 0..5 {
        assert_eq!(get(ready.gateway, "fine.localhost", "/").await.text(), "fine");
    }
    // Every one of them is closed by the time that a head may take.
    for connection in &mut silent {
        let mut byte = [0; 64];
        let read = tokio::time::timeout(Duration::from_secs(60), connection.read(&mut byte)).await;
        let read = read.expect("a silent connection is closed");
        assert!(matches!(read, Ok(0) | Err(_)) || byte.starts_with(b"HTTP/1.1 408"));
    }
    assert_eq!(get(ready.gateway, "fine.localhost", "/").await.text(), "fine");
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("small");
    std::fs::create_dir(&data).unwrap();
    // A file system of its own, which goes with the server.
    let (server, ready) = Program::server_on_small_disk(&data, "24m").await;
    let inside = format!("/proc/{}/root{}", server.id(), data.display());
    let package = zip(&[("app.py", HELLO.as_bytes())]);
    assert_eq!(create(ready.platform, "before", &package, "app.handler").await.status, 201);
    let invoke = async |name: &str| {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let request =
            request("POST", &ready.platform.to_string(), &path).body(Bytes::from_static(b"{}")).unwrap();
        send(ready.platform, request).await
    };
    assert_eq!(invoke("before").await.text(), "\"fine\"");

    let mut filler = std::fs::File::create(format!("{inside}/filler")).unwrap();
    while filler.write_all(&[7; 4096]).is_ok() {}
    let mut refused = 0;
    for index in 0..20 {
        let answer = create(ready.platform, &format!("during{index}"), &package, "app.handler").await;
        if answer.status.is_success() {
            // Whatever was acknowledged is there.
            assert_eq!(invoke(&format!("during{index}")).await.text(), "\"fine\"");
        } else {
            assert!(answer.status.is_server_error(), "{} {}", answer.status, answer.text());
            assert!(!answer.text().contains("sqlite"), "an internal text: {}", answer.text());
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk was not full");
    assert_eq!(invoke("before").await.text(), "\"fine\"", "what runs goes on");

    drop(filler);
    std::fs::remove_file(format!("{inside}/filler")).unwrap();
    let after = create(ready.platform, "after", &package, "app.handler").await;
    assert_eq!(after.status, 201, "{}", after.text());
    assert_eq!(invoke("after").await.text(), "\"fine\"");
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_where_it_runs_is_explained_and_everybody_else_goes_on() {
    let world = World::start().await;
    let mut library = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0\x01\0\0\0".to_vec();
    library.resize(1_024, 0);
    let writes = b"def handler(event, context):\n    open('/var/task/cache', 'w')\n";
    let loads = b"import ctypes\ndef handler(event, context):\n    ctypes.CDLL('/var/task/lib/pets.so')\n";
    let forks = b"import os, time\ndef handler(event, context):\n    if os.fork() > 0:\n        os._exit(1)\n    time.sleep(99)\n";
    let cases: [(&str, &[u8], &str, &str); 3] = [
        ("writes", writes, "OSError", "HINT a function can write to /tmp and nowhere else"),
        ("loads", loads, "OSError", "HINT /var/task/lib/pets.so is built for aarch64, and this machine is"),
        ("forks", forks, "Runtime.ExitError", "exit status 1"),
    ];
    let good = zip(&[("app.py", HELLO.as_bytes())]);
    assert_eq!(create(world.platform(), "good", &good, "app.handler").await.status, 201);
    for (name, code, kind, said) in cases {
        let package = zip(&[("app.py", code), ("lib/pets.so", &library)]);
        assert_eq!(create(world.platform(), name, &package, "app.handler").await.status, 201, "{name}");
        for _ in 0..2 {
            let answer = world.invoke(name, "{}").await;
            assert_eq!(answer.json()["errorType"], kind, "{name}: {}", answer.text());
            let tail = STANDARD.decode(answer.header("x-amz-log-result")).unwrap();
            let tail = String::from_utf8_lossy(&tail).into_owned() + answer.text();
            assert!(tail.contains(said), "{name}: {tail}");
            assert_eq!(world.invoke("good", "{}").await.text(), "\"fine\"", "beside {name}");
        }
    }
}
