//! A socket that gives back what was read while sniffing, and says when its client reads and writes.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::registry::State;

pub(super) struct Io {
    stream: TcpStream,
    state: Arc<State>,
    /// Read already, to be read again.
    sniffed: Sniffed,
}

/// The first bytes of a connection.
#[derive(Default)]
pub(super) struct Sniffed {
    pub(super) bytes: [u8; PREFACE.len()],
    pub(super) filled: usize,
    given: usize,
}

/// What a client of HTTP/2 with prior knowledge sends first (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Io {
    pub(super) fn new(stream: TcpStream, state: Arc<State>, sniffed: Sniffed) -> Self {
        Self { stream, state, sniffed }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &result {
            Poll::Ready(_) => self.state.wrote(),
            Poll::Pending => self.state.blocked(),
        }
        result
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Sniffed { bytes, filled, given } = &mut self.sniffed;
        if given < filled {
            let rest = &bytes[*given..*filled];
            let taken = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..taken]);
            *given += taken;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.state.read();
        }
        result
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
