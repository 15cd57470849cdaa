//! The way from the server to what listens inside an environment.

use std::{
    io,
    net::Ipv4Addr,
    os::{fd::AsFd, unix::net::UnixStream},
};

use async_trait::async_trait;
use tokio::{
    io::Interest,
    net::{TcpSocket, TcpStream, UnixStream as Readiness},
};

use crate::{
    extensions::telemetry::{Dial, Line},
    launcher::message::{self, Hearing, Word},
};

/// Into a sandbox, by a socket of its network that its first process passes out.
pub(super) struct Sandboxed(pub(super) UnixStream);

/// To this machine's own loopback interface, where there is no sandbox.
pub(super) struct Unconfined;

#[async_trait]
impl Dial for Sandboxed {
    async fn dial(&self, port: u16) -> io::Result<Line> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        message::send(&self.0, &[message::SOCKET], &[theirs.as_fd()])?;
        drop(theirs);
        let readiness = Readiness::from_std(ours.try_clone()?)?;
        let mut hearing = Hearing::default();
        let socket = loop {
            readiness.readable().await?;
            match readiness.try_io(Interest::READABLE, || hearing.word(&ours)) {
                Ok(Some((Word::Connect, mut files))) => {
                    break files.pop().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
                }
                Ok(Some(_) | None) => return Err(io::ErrorKind::ConnectionReset.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        };
        let socket = std::net::TcpStream::from(socket);
        socket.set_nonblocking(true)?;
        let line = TcpSocket::from_std_stream(socket).connect((Ipv4Addr::LOCALHOST, port).into()).await?;
        Ok(Box::new(line))
    }
}

#[async_trait]
impl Dial for Unconfined {
    async fn dial(&self, port: u16) -> io::Result<Line> {
        Ok(Box::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?))
    }
}
