//! The least of a Lambda runtime.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

const VERSION: &str = "/2018-06-01/runtime/invocation";

/// Answers events for ever.
#[expect(clippy::disallowed_methods, reason = "the Runtime API's address is in a variable")]
pub(crate) fn serve(handle: fn(&Value) -> Value) {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    let mut kept = Vec::new();
    loop {
        let next = format!("GET {VERSION}/next HTTP/1.1\r\n\r\n");
        let Some((head, event)) = ask(&mut stream, next.as_bytes(), &mut kept) else { return };
        let Some(request) = header(&head, "lambda-runtime-aws-request-id") else { return };
        let answer = handle(&serde_json::from_slice(&event).unwrap_or(Value::Null)).to_string();
        let size = answer.len();
        let post =
            format!("POST {VERSION}/{request}/response HTTP/1.1\r\nContent-Length: {size}\r\n\r\n{answer}");
        if ask(&mut stream, post.as_bytes(), &mut kept).is_none() {
            return;
        }
    }
}

fn header(head: &str, wanted: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
    })
}

/// Sends a request and reads the whole reply. `kept` holds what was read beyond the last one.
fn ask(stream: &mut TcpStream, request: &[u8], kept: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    stream.write_all(request).ok()?;
    let mut more = |kept: &mut Vec<u8>| {
        let mut part = [0; 8192];
        let size = stream.read(&mut part).ok().filter(|size| *size > 0)?;
        kept.extend_from_slice(&part[..size]);
        Some(())
    };
    let end = loop {
        if let Some(at) = kept.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(kept)?;
    };
    let head = String::from_utf8_lossy(&kept[..end]).into_owned();
    let size: usize = header(&head, "content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
    while kept.len() < end + size {
        more(kept)?;
    }
    let body = kept[end..end + size].to_vec();
    kept.drain(..end + size);
    Some((head, body))
}
