//! Brings batches to a subscriber.

use std::{io, sync::Arc};

use bytes::Bytes;
use sonagi_model::{Clock, clock, limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use super::{Dial, Line, backlog::Backlog, subscription::Destination};

/// Whether what is in an environment runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Motion {
    Runs,
    Held,
}

/// Goes on until it is aborted.
pub(super) async fn deliver(
    backlog: Arc<Backlog>,
    destination: Destination,
    dial: Arc<dyn Dial>,
    mut motion: watch::Receiver<Motion>,
    clock: Arc<dyn Clock>,
) {
    let mut line = None;
    loop {
        let batch = backlog.batch(&*clock).await;
        let mut pause = limits::TELEMETRY_PAUSE;
        loop {
            if motion.wait_for(|motion| *motion == Motion::Runs).await.is_err() {
                return;
            }
            let sent = patiently(send(&batch, &destination, &*dial, &mut line), &mut motion, &*clock).await;
            match sent {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, "telemetry was not delivered, and is sent again"),
            }
            line = None;
            clock.sleep(pause).await;
            pause = (pause * 2).min(limits::TELEMETRY_PAUSE_MAX);
        }
    }
}

/// Within the time that an acknowledgement may take, which does not run while the environment is held.
async fn patiently(
    work: impl Future<Output = io::Result<()>>,
    motion: &mut watch::Receiver<Motion>,
    clock: &dyn Clock,
) -> io::Result<()> {
    tokio::pin!(work);
    loop {
        motion.mark_unchanged();
        let late = clock.tick() + limits::TELEMETRY_ACKNOWLEDGEMENT;
        if let Some(done) = clock::within(clock, late, &mut work).await {
            return done;
        }
        let was_held = motion.has_changed().unwrap_or(false) || *motion.borrow() == Motion::Held;
        if !was_held || motion.wait_for(|motion| *motion == Motion::Runs).await.is_err() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

async fn send(
    batch: &[Bytes],
    destination: &Destination,
    dial: &dyn Dial,
    kept: &mut Option<Line>,
) -> io::Result<()> {
    match destination {
        Destination::Http { port, authority, path } => {
            let mut line = dial.dial(*port).await?;
            line.write_all(&request(batch, authority, path)).await?;
            acknowledged(&mut line).await
        }
        Destination::Tcp { port } => {
            let line = match kept {
                Some(line) => line,
                None => kept.insert(dial.dial(*port).await?),
            };
            let mut text = Vec::new();
            for event in batch {
                text.extend_from_slice(event);
                text.push(b'\n');
            }
            line.write_all(&text).await
        }
    }
}

fn request(batch: &[Bytes], authority: &str, path: &str) -> Vec<u8> {
    // The brackets, and what is between.
    let size = batch.iter().map(|event| event.len() + 1).sum::<usize>() + 1;
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\
         Connection: close\r\n\r\n["
    )
    .into_bytes();
    for (number, event) in batch.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        text.extend_from_slice(event);
    }
    text.push(b']');
    text
}

/// Reads an answer as far as its status goes; all else of it is nobody's concern.
async fn acknowledged(line: &mut Line) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; limits::HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(&head) {
            Ok(httparse::Status::Complete(size)) => match answer.code {
                Some(100..=199) => drop(head.drain(..size)),
                Some(200..=299) => return Ok(()),
                Some(_) | None => return Err(io::Error::other("the listener answers with an error")),
            },
            Ok(httparse::Status::Partial) if head.len() < limits::HEADERS_SIZE => {
                if line.read_buf(&mut head).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Ok(httparse::Status::Partial) | Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use sonagi_model::clock::ManualClock;
    use tokio::{io::DuplexStream, sync::mpsc};

    use super::{super::subscription::Buffering, *};

    /// Each connection goes to the test, in turn.
    struct Listener(Mutex<mpsc::UnboundedSender<DuplexStream>>);

    #[async_trait::async_trait]
    impl Dial for Listener {
        async fn dial(&self, _: u16) -> io::Result<Line> {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            self.0.lock().unwrap().send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(ours))
        }
    }

    struct World {
        backlog: Arc<Backlog>,
        connections: mpsc::UnboundedReceiver<DuplexStream>,
        motion: watch::Sender<Motion>,
        clock: Arc<ManualClock>,
    }

    fn world(destination: Destination) -> World {
        let (sender, connections) = mpsc::unbounded_channel();
        let buffering = Buffering { items: 1, bytes: 1 << 18, timeout: Duration::from_secs(1) };
        let backlog = Arc::new(Backlog::new(buffering));
        let motion = watch::Sender::new(Motion::Runs);
        let clock = Arc::new(ManualClock::default());
        let dial = Arc::new(Listener(Mutex::new(sender)));
        let (own, runs) = (Arc::clone(&backlog), motion.subscribe());
        tokio::spawn(deliver(own, destination, dial, runs, Arc::clone(&clock) as Arc<dyn Clock>));
        World { backlog, connections, motion, clock }
    }

    fn http() -> Destination {
        Destination::Http { port: 80, authority: "sandbox:80".into(), path: "/".into() }
    }

    async fn read(connection: &mut DuplexStream, until: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(until.as_bytes()) {
            assert!(connection.read_buf(&mut text).await.unwrap() > 0, "{}", String::from_utf8_lossy(&text));
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn what_is_not_acknowledged_is_sent_again() {
        let mut world = world(http());
        world.backlog.push(Bytes::from("{\"a\":1}"));
        let mut first = world.connections.recv().await.unwrap();
        let sent = read(&mut first, "]").await;
        assert!(sent.starts_with("POST / HTTP/1.1\r\nHost: sandbox:80\r\n"), "{sent}");
        assert!(sent.contains("\r\nContent-Length: 9\r\n"), "{sent}");
        first.write_all(b"HTTP/1.1 500 No\r\n\r\n").await.unwrap();
        world.clock.advance(limits::TELEMETRY_PAUSE).await;
        let mut second = world.connections.recv().await.unwrap();
        assert!(read(&mut second, "]").await.ends_with("[{\"a\":1}]"));
        second.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        world.backlog.push(Bytes::from("{\"b\":2}"));
        let mut third = world.connections.recv().await.unwrap();
        assert!(read(&mut third, "]").await.ends_with("[{\"b\":2}]"));
    }

    #[tokio::test]
    async fn nothing_is_sent_while_the_environment_is_held() {
        let mut world = world(http());
        world.motion.send_replace(Motion::Held);
        world.backlog.push(Bytes::from("{}"));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(world.connections.try_recv().is_err());
        world.motion.send_replace(Motion::Runs);
        assert!(world.connections.recv().await.is_some());
    }

    #[tokio::test]
    async fn tcp_gets_a_line_for_each_event_on_one_connection() {
        let mut world = world(Destination::Tcp { port: 9 });
        world.backlog.push(Bytes::from("{\"a\":1}"));
        world.backlog.push(Bytes::from("{\"b\":2}"));
        let mut only = world.connections.recv().await.unwrap();
        assert_eq!(read(&mut only, "{\"b\":2}\n").await, "{\"a\":1}\n{\"b\":2}\n");
    }
}
