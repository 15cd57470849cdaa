//! What an environment writes to its standard output and error: lines for the log.
//!
//! Both go through one pipe, so that they keep their order.

use std::{io, os::fd::OwnedFd, sync::Arc};

use sonagi_model::{Clock, RequestId, logs::LogSink};
use tokio::net::unix::pipe;

use crate::lines::Lines;

/// Bytes that are read at once: what a pipe holds.
const READ_SIZE: usize = 64 << 10;
/// Bytes that are read before others have their turn.
const TURN_SIZE: usize = 256 << 10;
/// Bytes that are read at the end of an invocation, at the most: a process that never stops writing is not waited for.
const DRAIN_SIZE: usize = 16 << 20;

pub(super) struct Output {
    pipe: Option<pipe::Receiver>,
    lines: Lines,
    buffer: Vec<u8>,
    /// Bytes read in this turn.
    read: usize,
}

impl Output {
    pub(super) fn new(pipe: OwnedFd, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let lines = Lines::new(logs, clock);
        Ok(Self { pipe: Some(pipe::Receiver::from_owned_fd(pipe)?), lines, buffer: Vec::new(), read: 0 })
    }

    /// Says whose lines those from now on are.
    pub(super) fn tag(&mut self, request: RequestId) {
        self.lines.tag(request);
    }

    /// Passes lines on for as long as it is polled; never ready. Safe to drop.
    pub(super) async fn pass_on(&mut self) -> std::convert::Infallible {
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

    /// Passes on all that has been written so far, a line without an end included.
    pub(super) fn drain(&mut self) {
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
