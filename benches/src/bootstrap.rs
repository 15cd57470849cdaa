//! The `provided` function: answers "hello" as fast as a plain blocking loop can.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result, bail};

#[expect(clippy::disallowed_methods, reason = "this is how a runtime learns where to ask for work")]
fn main() -> Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").context("not in an environment")?;
    let stream = TcpStream::connect(&api).context("reach the Runtime API")?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n");
    writer.write_all(next.as_bytes())?;
    let mut line = String::new();
    let mut event = Vec::new();
    loop {
        let id = read(&mut reader, &mut line, &mut event)?.context("an invocation without an id")?;
        let body = br#"{"statusCode":200,"body":"hello"}"#;
        let mut answer = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {api}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        answer.extend_from_slice(next.as_bytes());
        writer.write_all(&answer)?;
        read(&mut reader, &mut line, &mut event)?;
    }
}

/// Reads one response; gives the request id if it has one.
fn read(reader: &mut BufReader<TcpStream>, line: &mut String, body: &mut Vec<u8>) -> Result<Option<String>> {
    let (mut id, mut length) = (None, 0);
    loop {
        line.clear();
        if reader.read_line(line)? == 0 {
            bail!("the Runtime API is gone");
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
            id = Some(value.trim().to_owned());
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    body.resize(length, 0);
    reader.read_exact(body)?;
    Ok(id)
}
