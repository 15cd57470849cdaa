//! One connection of a runtime's.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use bytes::{Bytes, BytesMut};
use sonagi_model::limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::OwnedSemaphorePermit,
};

use super::{
    body::{Body, Part},
    head::{Expectation, Head, Persistence},
    replies,
};

/// Bytes that are read at once.
const READ_SIZE: usize = 16 << 10;
/// Up to this many bytes, copying the payload behind its head is cheaper than a second system call.
const JOINED_SIZE: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    buffer: BytesMut,
    /// How much of the buffer was searched for a head's end.
    searched: usize,
    persistence: Persistence,
    /// Answers that are sent together with the next, since the client has asked for that already.
    unsent: Vec<u8>,
    /// One of the connections that the environment may have.
    _permit: OwnedSemaphorePermit,
}

/// What a runtime connects over.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    async fn read_buf(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Unix(stream) => stream.write_all(bytes).await,
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Why a connection is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Closed,
    Malformed,
    HeadTooLarge,
}

impl Connection {
    pub(super) fn new(stream: Stream, permit: OwnedSemaphorePermit) -> io::Result<Self> {
        if let Stream::Tcp(stream) = &stream {
            stream.set_nodelay(true)?;
        }
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            searched: 0,
            persistence: Persistence::KeepAlive,
            unsent: Vec::new(),
            _permit: permit,
        })
    }

    /// The next request's head. Safe to drop and to call again.
    pub(crate) async fn head(&mut self) -> Result<Head, Ended> {
        loop {
            if let Some(head) = self.buffered_head()? {
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    fn buffered_head(&mut self) -> Result<Option<Head>, Ended> {
        // RFC 9112, 2.2: an empty line or two before a request are to be passed over.
        while self.searched == 0 && self.buffer.starts_with(b"\r\n") {
            let _ = self.buffer.split_to(2);
        }
        let from = self.searched.saturating_sub(3);
        let Some(end) = self.buffer[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > limits::RUNTIME_HEAD_SIZE {
                Err(Ended::HeadTooLarge)
            } else {
                Ok(None)
            };
        };
        let text = self.buffer.split_to(from + end + 4);
        self.searched = 0;
        if text.len() > limits::RUNTIME_HEAD_SIZE {
            return Err(Ended::HeadTooLarge);
        }
        let head = Head::parse(&text).map_err(|_| Ended::Malformed)?;
        self.persistence = head.persistence;
        Ok(Some(head))
    }

    /// Ready when a request has begun, or the connection has ended.
    pub(super) async fn begun(&mut self) -> Result<(), Ended> {
        while self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(())
    }

    /// Tells the client that waits for leave that it may send its body.
    pub(crate) async fn invite(&mut self, head: &Head) -> io::Result<()> {
        match head.expectation {
            Expectation::Continue => self.stream.write_all(replies::CONTINUE).await,
            Expectation::None => Ok(()),
        }
    }

    /// A body of `size` bytes in one piece. Safe to drop and to call again.
    pub(crate) async fn whole(&mut self, size: usize) -> Result<Bytes, Ended> {
        if self.buffer.len() < size {
            self.buffer.reserve(size - self.buffer.len());
        }
        while self.buffer.len() < size {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(size).freeze())
    }

    /// The next part of a body; never [`Part::Starved`]. Safe to drop and to call again.
    pub(crate) async fn part(&mut self, body: &mut Body) -> Result<Part, Ended> {
        loop {
            match body.decode(&mut self.buffer).map_err(|_| Ended::Malformed)? {
                Part::Starved => self.fill().await?,
                part @ (Part::Data(_) | Part::End(_)) => return Ok(part),
            }
        }
    }

    /// Reads a body that nobody wants. Safe to drop, but not to call again.
    pub(crate) async fn discard(&mut self, head: &Head) -> Result<(), Ended> {
        self.invite(head).await.map_err(|_| Ended::Closed)?;
        let mut body = Body::new(head.length);
        self.discard_rest(&mut body).await
    }

    /// The same for what is left of a body.
    pub(crate) async fn discard_rest(&mut self, body: &mut Body) -> Result<(), Ended> {
        while let Part::Data(_) = self.part(body).await? {}
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Ended> {
        if self.buffer.capacity() == self.buffer.len() {
            self.buffer.reserve(READ_SIZE);
        }
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Ended::Closed),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) async fn send(&mut self, reply: &[u8]) -> io::Result<()> {
        if self.unsent.is_empty() {
            return self.stream.write_all(reply).await;
        }
        self.unsent.extend_from_slice(reply);
        let both = std::mem::take(&mut self.unsent);
        self.stream.write_all(&both).await
    }

    /// Sends a reply at once, or with the next one if the client's next request is here already: a client that
    /// pipelines waits for both anyway, and is spared being woken for the first.
    pub(crate) async fn send_soon(&mut self, reply: &[u8]) -> io::Result<()> {
        if self.buffer.windows(4).any(|four| four == b"\r\n\r\n") {
            self.unsent.extend_from_slice(reply);
            return Ok(());
        }
        self.send(reply).await
    }

    /// A head and the payload behind it. The head's buffer may be used up.
    pub(crate) async fn send_both(&mut self, head: &mut Vec<u8>, payload: &[u8]) -> io::Result<()> {
        if payload.len() <= JOINED_SIZE {
            head.extend_from_slice(payload);
            return self.send(head).await;
        }
        self.send(head).await?;
        self.stream.write_all(payload).await
    }

    /// Whether another request may come on it.
    pub(crate) fn persists(&self) -> bool {
        self.persistence == Persistence::KeepAlive
    }

    /// Whether the other side still waits, as far as this side can know: it has neither closed nor sent anything.
    pub(crate) fn waits(&self) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        let mut byte = [0_u8; 1];
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        matches!(rustix::net::recv(&self.stream, &mut byte, flags), Err(rustix::io::Errno::AGAIN))
    }
}
