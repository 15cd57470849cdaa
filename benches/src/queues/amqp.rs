//! A broker that speaks AMQP 0.9.1, as much of it as is measured (the specification's sections are named by class and
//! method).

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::broker::{Broker, Receiver, Sender};

/// Messages that a receiver may have and not have acknowledged.
const PREFETCH: u16 = 100;
/// The only channel of a connection.
const CHANNEL: u16 = 1;

/// Of a frame (4.2.3).
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xce;

/// Of queues.
const DURABLE: u8 = 2;
/// In the properties of a message: only the delivery mode is there, and it is "persistent".
const PERSISTENT: [u8; 3] = [0x10, 0x00, 2];

type Name = (u16, u16);

const START: Name = (10, 10);
const START_OK: Name = (10, 11);
const TUNE: Name = (10, 30);
const TUNE_OK: Name = (10, 31);
const OPEN: Name = (10, 40);
const OPEN_OK: Name = (10, 41);
const CLOSE: Name = (10, 50);
const CHANNEL_OPEN: Name = (20, 10);
const CHANNEL_OPEN_OK: Name = (20, 11);
const CHANNEL_CLOSE: Name = (20, 40);
const DECLARE: Name = (50, 10);
const DECLARE_OK: Name = (50, 11);
const DELETE: Name = (50, 40);
const DELETE_OK: Name = (50, 41);
const QOS: Name = (60, 10);
const QOS_OK: Name = (60, 11);
const CONSUME: Name = (60, 20);
const CONSUME_OK: Name = (60, 21);
const PUBLISH: Name = (60, 40);
const DELIVER: Name = (60, 60);
const ACK: Name = (60, 80);
/// An extension of RabbitMQ's ("Consumer Acknowledgements and Publisher Confirms").
const SELECT: Name = (85, 10);
const SELECT_OK: Name = (85, 11);

/// How a queue keeps what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Classic,
    /// A log of its own, which is fsynced before it confirms.
    Quorum,
}

#[derive(Debug, Clone)]
pub(super) struct Amqp {
    pub(super) address: SocketAddr,
    pub(super) kind: Kind,
}

pub(super) struct Publisher {
    connection: Connection,
    queue: String,
    /// How many messages were published.
    published: u64,
}

pub(super) struct Consumer {
    connection: Connection,
    /// The newest delivery that was received, and not the last one that was acknowledged.
    received: Option<u64>,
}

impl Broker for Amqp {
    type Sender = Publisher;
    type Receiver = Consumer;

    async fn create(&self, queue: &str) -> Result<()> {
        let kind: &[u8] = match self.kind {
            Kind::Classic => b"classic",
            Kind::Quorum => b"quorum",
        };
        let mut arguments = Vec::new();
        short(&mut arguments, "x-queue-type");
        arguments.push(b'S');
        long(&mut arguments, kind);
        let mut declare = vec![0, 0];
        short(&mut declare, queue);
        declare.push(DURABLE);
        long(&mut declare, &arguments);
        Connection::open(self.address).await?.call(DECLARE, &declare, DECLARE_OK).await
    }

    async fn delete(&self, queue: &str) -> Result<()> {
        let mut delete = vec![0, 0];
        short(&mut delete, queue);
        delete.push(0);
        Connection::open(self.address).await?.call(DELETE, &delete, DELETE_OK).await
    }

    async fn sender(&self, queue: &str) -> Result<Publisher> {
        let mut connection = Connection::open(self.address).await?;
        connection.call(SELECT, &[0], SELECT_OK).await?;
        Ok(Publisher { connection, queue: queue.to_owned(), published: 0 })
    }

    async fn receiver(&self, queue: &str) -> Result<Consumer> {
        let mut connection = Connection::open(self.address).await?;
        let mut qos = vec![0; 4];
        qos.extend_from_slice(&PREFETCH.to_be_bytes());
        qos.push(0);
        connection.call(QOS, &qos, QOS_OK).await?;
        let mut consume = vec![0, 0];
        short(&mut consume, queue);
        // A tag that the broker chooses, no flags, no arguments.
        consume.extend_from_slice(&[0; 6]);
        connection.call(CONSUME, &consume, CONSUME_OK).await?;
        Ok(Consumer { connection, received: None })
    }
}

impl Sender for Publisher {
    async fn send(&mut self, bodies: &[String]) -> Result<()> {
        let mut publish = vec![0, 0, 0];
        short(&mut publish, &self.queue);
        publish.push(0);
        for body in bodies {
            let mut header = Vec::with_capacity(16);
            header.extend_from_slice(&PUBLISH.0.to_be_bytes());
            header.extend_from_slice(&[0, 0]);
            header.extend_from_slice(&(body.len() as u64).to_be_bytes());
            header.extend_from_slice(&PERSISTENT);
            self.connection.method(CHANNEL, PUBLISH, &publish);
            self.connection.frame(HEADER, CHANNEL, &header);
            self.connection.frame(BODY, CHANNEL, body.as_bytes());
        }
        self.connection.flush().await?;
        let first = self.published + 1;
        self.published += bodies.len() as u64;
        let mut open: Vec<u64> = (first..=self.published).collect();
        while !open.is_empty() {
            let Frame { kind, payload } = self.connection.next().await?;
            let mut fields = Fields(&payload);
            ensure!(kind == METHOD && fields.name()? == ACK, "a message was not confirmed");
            let (tag, multiple) = (fields.u64()?, fields.u8()? != 0);
            open.retain(|one| if multiple { *one > tag } else { *one != tag });
        }
        Ok(())
    }
}

impl Receiver for Consumer {
    async fn receive(&mut self, most: usize) -> Result<Vec<String>> {
        let mut bodies = Vec::new();
        // Of what the broker has pushed; the first may be awaited.
        while bodies.is_empty() || (bodies.len() < most && self.connection.has_whole_message()?) {
            let Frame { payload, .. } = self.connection.next().await?;
            let mut fields = Fields(&payload);
            ensure!(fields.name()? == DELIVER, "something other than a delivery came");
            fields.short()?;
            let tag = fields.u64()?;
            let Frame { payload: header, .. } = self.connection.next().await?;
            let size = usize::try_from(Fields(header.get(4..).context("a header")?).u64()?)?;
            let mut body = Vec::with_capacity(size);
            while body.len() < size {
                body.extend_from_slice(&self.connection.next().await?.payload);
            }
            self.received = Some(tag);
            bodies.push(String::from_utf8(body)?);
        }
        Ok(bodies)
    }

    async fn delete(&mut self) -> Result<()> {
        let Some(tag) = self.received.take() else { return Ok(()) };
        let mut ack = tag.to_be_bytes().to_vec();
        // And all before it.
        ack.push(1);
        self.connection.method(CHANNEL, ACK, &ack);
        self.connection.flush().await
    }
}

struct Frame {
    kind: u8,
    payload: Vec<u8>,
}

/// A connection with one channel.
struct Connection {
    stream: TcpStream,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// Where in `incoming` the next frame begins.
    at: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect to the broker")?;
        stream.set_nodelay(true)?;
        let mut connection =
            Self { stream, outgoing: b"AMQP\0\0\x09\x01".to_vec(), incoming: Vec::new(), at: 0 };
        connection.flush().await?;
        connection.expect(START).await?;
        let mut start_ok = vec![0; 4];
        short(&mut start_ok, "PLAIN");
        long(&mut start_ok, b"\0guest\0guest");
        short(&mut start_ok, "en_US");
        connection.method(0, START_OK, &start_ok);
        connection.flush().await?;
        let tune = connection.expect(TUNE).await?;
        // The same limits, and no heartbeats.
        let mut tune_ok = tune.get(..6).context("its limits")?.to_vec();
        tune_ok.extend_from_slice(&[0, 0]);
        connection.method(0, TUNE_OK, &tune_ok);
        let mut open = Vec::new();
        short(&mut open, "/");
        open.extend_from_slice(&[0, 0]);
        connection.method(0, OPEN, &open);
        connection.flush().await?;
        connection.expect(OPEN_OK).await?;
        connection.call(CHANNEL_OPEN, &[0], CHANNEL_OPEN_OK).await?;
        Ok(connection)
    }

    /// A method of the channel and its answer.
    async fn call(&mut self, name: Name, arguments: &[u8], answer: Name) -> Result<()> {
        self.method(CHANNEL, name, arguments);
        self.flush().await?;
        self.expect(answer).await?;
        Ok(())
    }

    /// The arguments of the method that must come next.
    async fn expect(&mut self, name: Name) -> Result<Vec<u8>> {
        let Frame { kind, payload } = self.next().await?;
        let mut fields = Fields(&payload);
        let came = fields.name()?;
        ensure!(kind == METHOD && came == name, "the method {came:?} came instead of {name:?}");
        Ok(fields.0.to_vec())
    }

    fn method(&mut self, channel: u16, name: Name, arguments: &[u8]) {
        let name = [name.0.to_be_bytes(), name.1.to_be_bytes()].concat();
        self.frame(METHOD, channel, &[&name, arguments].concat());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.outgoing.push(kind);
        self.outgoing.extend_from_slice(&channel.to_be_bytes());
        long(&mut self.outgoing, payload);
        self.outgoing.push(END);
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.outgoing).await?;
        self.outgoing.clear();
        Ok(())
    }

    /// The next frame; fails if the broker closes the channel or the connection.
    async fn next(&mut self) -> Result<Frame> {
        loop {
            let Some((kind, end)) = self.whole(self.at)? else {
                self.incoming.drain(..self.at);
                self.at = 0;
                ensure!(
                    self.stream.read_buf(&mut self.incoming).await? > 0,
                    "the broker closed the connection"
                );
                continue;
            };
            let payload = self.incoming[self.at + 7..end - 1].to_vec();
            self.at = end;
            if kind == HEARTBEAT {
                continue;
            }
            if kind == METHOD {
                let mut fields = Fields(&payload);
                if [CLOSE, CHANNEL_CLOSE].contains(&fields.name()?) {
                    bail!("the broker says {} {}", fields.u16()?, String::from_utf8_lossy(fields.short()?));
                }
            }
            return Ok(Frame { kind, payload });
        }
    }

    /// The kind and the end of the frame that begins there, if all of it has come.
    fn whole(&self, at: usize) -> Result<Option<(u8, usize)>> {
        let Some(&[kind, _, _, a, b, c, d]) = self.incoming.get(at..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        let end = at + 8 + u32::from_be_bytes([a, b, c, d]) as usize;
        match self.incoming.get(end - 1) {
            None => Ok(None),
            Some(&END) => Ok(Some((kind, end))),
            Some(_) => bail!("a frame has no end"),
        }
    }

    /// Whether a delivery, its header and its body have come: what is measured fits into one frame.
    fn has_whole_message(&self) -> Result<bool> {
        let mut at = self.at;
        for _ in 0..3 {
            let Some((_, end)) = self.whole(at)? else { return Ok(false) };
            at = end;
        }
        Ok(true)
    }
}

/// The fields of a method that are to be read still (4.2.5).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().context("a method is cut off")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn name(&mut self) -> Result<Name> {
        Ok((self.u16()?, self.u16()?))
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.take()?))
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    fn short(&mut self) -> Result<&'a [u8]> {
        let size = usize::from(self.u8()?);
        let (text, rest) = self.0.split_at_checked(size).context("a method is cut off")?;
        self.0 = rest;
        Ok(text)
    }
}

/// Appends a short string, of at most 255 bytes.
fn short(to: &mut Vec<u8>, text: &str) {
    to.push(text.len() as u8);
    to.extend_from_slice(text.as_bytes());
}

/// Appends a long string, a table or a frame's payload.
fn long(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    to.extend_from_slice(bytes);
}
