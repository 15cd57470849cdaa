//! What an environment writes to its standard output and error: lines for the log.
//!
//! Both go through one pipe, so that they keep their order; out of a virtual machine they come through a socket.
//! Extensions have a pipe of their own.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use sonagi_model::{Clock, RequestId, logs::LogSink};
use tokio::net::{UnixStream, unix::pipe};

use crate::{
    extensions::telemetry::{Category, Telemetry},
    lines::Lines,
};

/// Bytes that are read at once: what a pipe holds.
const READ_SIZE: usize = 64 << 10;
/// Bytes that are read before others have their turn.
const TURN_SIZE: usize = 256 << 10;
/// Bytes that are read at the end of an invocation, at the most: a process that never stops writing is not waited for.
const DRAIN_SIZE: usize = 16 << 20;

pub(crate) struct Output {
    runtime: Stream,
    /// Of extensions, if there are some.
    beside: Option<Box<Stream>>,
}

/// What is written in one place.
struct Stream {
    pipe: Option<Source>,
    lines: Lines,
    buffer: Vec<u8>,
    /// Bytes read in this turn.
    read: usize,
}

/// Where lines come from.
enum Source {
    Pipe(pipe::Receiver),
    Socket(UnixStream),
}

impl Source {
    async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Pipe(pipe) => pipe.readable().await,
            Self::Socket(socket) => socket.readable().await,
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.try_read(buffer),
            Self::Socket(socket) => socket.try_read(buffer),
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Pipe(pipe) => pipe.as_fd(),
            Self::Socket(socket) => socket.as_fd(),
        }
    }
}

impl Output {
    pub(super) fn new(pipe: OwnedFd, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Ok(Self::from(Source::Pipe(pipe::Receiver::from_owned_fd(pipe)?), logs, clock))
    }

    pub(crate) fn of_machine(socket: UnixStream, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> Self {
        Self::from(Source::Socket(socket), logs, clock)
    }

    fn from(source: Source, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> Self {
        Self { runtime: Stream::new(source, logs, clock), beside: None }
    }

    /// What its extensions write comes from here.
    pub(super) fn with_beside(
        mut self,
        pipe: OwnedFd,
        logs: Arc<dyn LogSink>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let source = Source::Pipe(pipe::Receiver::from_owned_fd(pipe)?);
        self.beside = Some(Box::new(Stream::new(source, logs, clock)));
        Ok(self)
    }

    /// Has its extensions told of each line.
    pub(super) fn tell(&mut self, telemetry: &Arc<Telemetry>) {
        self.runtime.lines.tell(Category::Function, Arc::clone(telemetry));
        if let Some(beside) = &mut self.beside {
            beside.lines.tell(Category::Extension, Arc::clone(telemetry));
        }
    }

    /// Says whose lines those from now on are.
    pub(super) fn tag(&mut self, request: RequestId) {
        self.runtime.lines.tag(request);
        if let Some(beside) = &mut self.beside {
            beside.lines.tag(request);
        }
    }

    /// Passes lines on for as long as it is polled; never ready. Safe to drop.
    pub(super) async fn pass_on(&mut self) -> std::convert::Infallible {
        match &mut self.beside {
            None => self.runtime.pass_on().await,
            Some(beside) => tokio::select! {
                never = self.runtime.pass_on() => never,
                never = beside.pass_on() => never,
            },
        }
    }

    /// Passes on all that has been written so far, a line without an end included.
    pub(crate) fn drain(&mut self) {
        self.runtime.drain();
        if let Some(beside) = &mut self.beside {
            beside.drain();
        }
    }
}

impl Stream {
    fn new(source: Source, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> Self {
        Self { pipe: Some(source), lines: Lines::new(logs, clock), buffer: Vec::new(), read: 0 }
    }

    async fn pass_on(&mut self) -> std::convert::Infallible {
        while let Some(pipe) = &self.pipe {
            if pipe.readable().await.is_err() {
                break;
            }
            self.buffer.resize(READ_SIZE, 0);
            match pipe.try_read(&mut self.buffer) {
                Ok(0) => self.pipe = None,
                Ok(size) => {
                    self.lines.push(&self.buffer[..size]);
                    self.read += size;
                    if self.read >= TURN_SIZE {
                        // Somebody else's turn: this one may never stop writing.
                        self.read = 0;
                        tokio::task::yield_now().await;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.read = 0,
                Err(_) => self.pipe = None,
            }
        }
        std::future::pending().await
    }

    fn drain(&mut self) {
        let mut most = DRAIN_SIZE;
        while let Some(pipe) = &self.pipe {
            if self.buffer.is_empty() {
                self.buffer.resize(READ_SIZE, 0);
            }
            // Past tokio, which knows of data only once it has polled for it.
            match rustix::io::read(pipe, self.buffer.as_mut_slice()) {
                Ok(0) => self.pipe = None,
                Ok(size) => {
                    self.lines.push(&self.buffer[..size]);
                    most = most.saturating_sub(size);
                    if most == 0 {
                        break;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(_) => self.pipe = None,
            }
        }
        self.lines.flush();
        // An idle environment needs no buffer.
        self.buffer = Vec::new();
    }
}
