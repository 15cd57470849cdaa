//! Where the AWS SDKs inside find credentials that change with a restore.
//!
//! As on Lambda, a function that starts from a snapshot has `AWS_CONTAINER_CREDENTIALS_FULL_URI` and
//! `AWS_CONTAINER_AUTHORIZATION_TOKEN` in the place of the keys themselves ("Container credential provider", AWS SDKs and
//! Tools Reference Guide).

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use crate::{control::Control, protocol, sys};

/// Bytes of a request's head.
const HEAD: usize = 8 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens from here on. One client is answered after the other: it is a few bytes, and a slow one is cut off.
pub(crate) fn listen(control: Arc<Control>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, protocol::CREDENTIALS_PORT))?;
    thread::spawn(move || {
        for client in listener.incoming() {
            match client {
                Ok(client) => drop(answer(client, &control)),
                Err(_) => sys::pause(1),
            }
        }
    });
    Ok(())
}

fn answer(mut client: TcpStream, control: &Control) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let size = client.read(&mut buffer)?;
        if size == 0 || head.len() > HEAD {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..size]);
    }
    let now = control.credentials();
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.split("\r\n");
    let asked = lines.next().is_some_and(|line| line.starts_with("GET /credentials "));
    let allowed = lines.any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value.trim() == now.authorization
        })
    });
    let (status, body) = match (asked, allowed) {
        (true, true) => ("200 OK", now.credentials.as_str()),
        (true, false) => ("403 Forbidden", "{}"),
        (false, _) => ("404 Not Found", "{}"),
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
