//! The load: connections that each send the next request when the answer has come, or at a pace.

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

/// What a good answer has in its body: "hello" or "Hello" and something.
const GREETING: &[u8] = b"ello";

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    request: Vec<u8>,
}

impl Target {
    /// GET `path`.
    pub(crate) fn new(address: SocketAddr, host: &str, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        Self { address, request }
    }

    /// POST of so many bytes.
    pub(crate) fn post(address: SocketAddr, host: &str, path: &str, size: usize) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n");
        Self { address, request: [head.as_bytes(), &vec![b'x'; size]].concat() }
    }
}

/// What one run showed.
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) latency: Samples,
}

/// Asks over `connections` for `length`.
pub(crate) async fn run(target: &Target, connections: usize, length: Duration) -> Result<Run> {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let mut client = Client::connect(target.address).await?;
        let target = target.clone();
        tasks.spawn(async move {
            let mut samples = Vec::with_capacity(1 << 16);
            while began.elapsed() < length {
                samples.push(client.timed(&target).await?);
            }
            anyhow::Ok(samples)
        });
    }
    let samples = gathered(tasks).await?;
    let per_second = samples.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Run { per_second, latency: Samples::new(samples) })
}

/// Asks `rate` times a second for `length`, whether or not the answers come: each sample is counted from when its request
/// was due, if its connection was still busy then.
pub(crate) async fn paced(target: &Target, connections: u32, rate: u32, length: Duration) -> Result<Samples> {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    let step = Duration::from_secs(1) / rate;
    for connection in 0..connections {
        let mut client = Client::connect(target.address).await?;
        let target = target.clone();
        tasks.spawn(async move {
            let mut samples = Vec::new();
            let mut due = began + step * connection;
            while due < began + length {
                let late = due.elapsed();
                if late.is_zero() {
                    // The timer's own slack is no matter of the server's.
                    tokio::time::sleep_until(due.into()).await;
                }
                samples.push(late + client.timed(&target).await?);
                due += step * connections;
            }
            anyhow::Ok(samples)
        });
    }
    Ok(Samples::new(gathered(tasks).await?))
}

async fn gathered(mut tasks: JoinSet<Result<Vec<Duration>>>) -> Result<Vec<Duration>> {
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        samples.extend(done??);
    }
    Ok(samples)
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    /// One request, and how long it took; fails unless the answer is 200 and greets.
    pub(crate) async fn timed(&mut self, target: &Target) -> Result<Duration> {
        let sent = Instant::now();
        let head = self.exchange(&target.request).await?;
        let took = sent.elapsed();
        let good = self.buffer.starts_with(b"HTTP/1.1 200") && find(&self.buffer[head..], GREETING).is_some();
        if !good {
            let request = String::from_utf8_lossy(&target.request);
            bail!(
                "an unexpected answer to {}: {}",
                request.trim_end(),
                String::from_utf8_lossy(&self.buffer)
            );
        }
        Ok(took)
    }

    /// One request, whatever comes; gives the status.
    pub(crate) async fn status(&mut self, target: &Target) -> Result<u16> {
        self.exchange(&target.request).await?;
        self.answered()
    }

    /// Whether the last answer was the last of its connection.
    pub(crate) fn is_over(&self) -> bool {
        let head = find(&self.buffer, b"\r\n\r\n").unwrap_or_default();
        header(&self.buffer[..head], "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// One request as it is to be sent; gives the answer's status and body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let head = self.exchange(request).await?;
        Ok((self.answered()?, &self.buffer[head + 4..]))
    }

    fn answered(&self) -> Result<u16> {
        let status = self.buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        status.and_then(|digits| digits.parse().ok()).context("an answer without a status")
    }

    /// Leaves the whole answer in the buffer; gives the length of its head.
    async fn exchange(&mut self, request: &[u8]) -> Result<usize> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let whole = match content_length(&self.buffer[..head]) {
                Some(length) => self.buffer.len() >= head + 4 + length,
                // In chunks: nothing comes after the last one.
                None => self.buffer[head..].ends_with(b"\r\n0\r\n\r\n"),
            };
            if whole {
                return Ok(head);
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn content_length(head: &[u8]) -> Option<usize> {
    header(head, "content-length")?.parse().ok()
}

fn header<'a>(head: &'a [u8], wanted: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}
