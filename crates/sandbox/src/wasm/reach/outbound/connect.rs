//! A new connection: to an address that was checked, and to no other.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sonagi_model::{AppName, Tick, clock::within, function::OutboundScheme, limits};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::oneshot,
    task::JoinSet,
};
use wasmtime_wasi_http::{Error, WasiBody};

use super::{
    Inner, failure,
    pool::{Connection, Counted},
    rules::{Destination, Host, Passes},
};

impl Inner {
    /// Connects until `deadline`. The connection lives on the client's own runtime, whose sockets no guest's
    /// computing holds up.
    pub(super) async fn connect(
        self: &Arc<Self>,
        app: &AppName,
        to: &Destination,
        passes: Passes,
        deadline: Tick,
    ) -> Result<Connection, Error> {
        let (inner, app, to) = (Arc::clone(self), app.clone(), to.clone());
        let mut task = JoinSet::new();
        // Dropped, and so ended, with whoever waits for it.
        task.spawn_on(
            async move {
                let addresses = inner.addresses(&app, &to.host, passes, deadline).await?;
                let opened = inner.open(&to, addresses);
                within(&*inner.config.clock, deadline, opened).await.unwrap_or(Err(Error::ConnectionTimeout))
            },
            &self.config.runtime,
        );
        match task.join_next().await {
            Some(Ok(connected)) => connected,
            Some(Err(_)) | None => Err(Error::InternalError(None)),
        }
    }

    /// Where the host is, of what passes.
    async fn addresses(
        &self,
        app: &AppName,
        host: &Host,
        passes: Passes,
        deadline: Tick,
    ) -> Result<Vec<IpAddr>, Error> {
        let found = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.resolve(app, name.clone(), deadline).await?,
        };
        if found.is_empty() {
            return Err(Error::DnsError { rcode: None, info_code: None });
        }
        let mut passing = Vec::new();
        for address in found.into_iter().map(|address| address.to_canonical()) {
            if passes.address(address) && !passing.contains(&address) {
                passing.push(address);
            }
        }
        passing.truncate(limits::OUTBOUND_ADDRESSES);
        if passing.is_empty() { Err(Error::DestinationIpProhibited) } else { Ok(passing) }
    }

    async fn resolve(&self, app: &AppName, name: String, deadline: Tick) -> Result<Vec<IpAddr>, Error> {
        let slot = self.pool.count(app, Counted::Lookup)?;
        let resolver = Arc::clone(&self.config.resolver);
        let (sender, receiver) = oneshot::channel();
        // A look-up of the machine cannot be ended: it counts until it ends by itself, whoever still waits for it.
        self.config.runtime.spawn(async move {
            let found = resolver.resolve(&name).await;
            drop(slot);
            drop(sender.send(found));
        });
        match within(&*self.config.clock, deadline, receiver).await {
            None => Err(Error::DnsTimeout),
            Some(Ok(Ok(addresses))) => Ok(addresses),
            Some(Ok(Err(_)) | Err(_)) => Err(Error::DnsError { rcode: None, info_code: None }),
        }
    }

    async fn open(&self, to: &Destination, addresses: Vec<IpAddr>) -> Result<Connection, Error> {
        let (stream, address) = self.race(addresses, to.port).await?;
        // It costs a segment, and spares small requests a wait of 40 ms.
        stream.set_nodelay(true).map_err(|error| failure::connecting(&error))?;
        let sender = match to.scheme {
            OutboundScheme::Http => self.shake_hands(stream).await?,
            OutboundScheme::Https => self.shake_hands(self.tls.secure(&to.host, stream).await?).await?,
        };
        Ok(Connection { sender, address })
    }

    /// The first of the addresses that answers; each gets a head start on the next.
    async fn race(&self, addresses: Vec<IpAddr>, port: u16) -> Result<(TcpStream, IpAddr), Error> {
        let mut left = addresses.into_iter();
        let mut attempts = JoinSet::new();
        let mut failed = Error::DestinationUnavailable;
        loop {
            if let Some(address) = left.next() {
                attempts.spawn(async move {
                    TcpStream::connect(SocketAddr::new(address, port)).await.map(|stream| (stream, address))
                });
            } else if attempts.is_empty() {
                return Err(failed);
            }
            let next = async {
                match left.len() {
                    0 => std::future::pending().await,
                    _ => self.config.clock.sleep(limits::OUTBOUND_NEXT_ADDRESS).await,
                }
            };
            tokio::select! {
                biased;
                Some(ended) = attempts.join_next() => match ended {
                    Ok(Ok(connected)) => return Ok(connected),
                    Ok(Err(error)) => failed = failure::connecting(&error),
                    Err(_) => failed = Error::InternalError(None),
                },
                () = next => {}
            }
        }
    }

    async fn shake_hands<S>(&self, stream: S) -> Result<http1::SendRequest<WasiBody>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(limits::OUTBOUND_HEAD_SIZE)
            .max_headers(limits::OUTBOUND_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failure::exchanging(&error))?;
        // How it ends is told to whoever uses it; it ends when nobody can any more.
        self.config.runtime.spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
