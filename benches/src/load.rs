//! The load: connections that each send the next request when the answer has come.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::statistics::Samples;

/// What one run showed.
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) latency: Samples,
}

/// Sends GET / with `host` over `connections` for `length`.
pub(crate) async fn run(
    address: SocketAddr,
    host: &str,
    connections: usize,
    length: Duration,
) -> Result<Run> {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let mut client = Client::connect(address, host).await?;
        tasks.spawn(async move {
            let mut samples = Vec::with_capacity(1 << 16);
            while began.elapsed() < length {
                let sent = Instant::now();
                client.get().await?;
                samples.push(sent.elapsed());
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        samples.extend(done??);
    }
    let per_second = samples.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Run { per_second, latency: Samples::new(samples) })
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, host: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        Ok(Self { stream, request, buffer: Vec::with_capacity(4_096) })
    }

    /// One request; fails unless the answer is 200 and ends with "hello".
    pub(crate) async fn get(&mut self) -> Result<()> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let length = content_length(&self.buffer[..head]).context("an answer without a length")?;
            if self.buffer.len() < head + 4 + length {
                continue;
            }
            if !self.buffer.starts_with(b"HTTP/1.1 200") || !self.buffer.ends_with(b"hello") {
                bail!("an unexpected answer: {}", String::from_utf8_lossy(&self.buffer));
            }
            return Ok(());
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}
