//! An environment's listener: it accepts connections and reads the head of each one's next request.

use std::{io, net::Ipv4Addr, sync::Arc};

use sonagi_model::{Clock, clock, limits};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::{Semaphore, mpsc},
    task::{AbortHandle, JoinSet},
};

use super::{
    connection::{Connection, Ended, Stream},
    head::Head,
    replies,
};

/// A request whose head has come in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: Connection,
    pub(crate) head: Head,
}

/// Dropping it closes the listener and every connection that is not in its owner's hands.
#[derive(Debug)]
pub(crate) struct Doorway {
    /// `127.0.0.1:<port>`: `AWS_LAMBDA_RUNTIME_API`. Empty, where a runtime comes another way.
    pub(crate) address: String,
    arrivals: mpsc::Receiver<Arrival>,
    handed_back: mpsc::Sender<Connection>,
    task: AbortHandle,
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Doorway {
    pub(crate) async fn open(clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::tcp(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, clock)
    }

    /// Over a listener that exists, be it in another network namespace.
    pub(crate) fn over(listener: std::net::TcpListener, clock: Arc<dyn Clock>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::tcp(TcpListener::from_std(listener)?, clock)
    }

    /// For a runtime in a virtual machine, whose connections come through a socket of this machine's.
    pub(crate) fn at(listener: UnixListener, clock: Arc<dyn Clock>) -> Self {
        Self::serve(Listener::Unix(listener), String::new(), clock)
    }

    fn tcp(listener: TcpListener, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let address = listener.local_addr()?.to_string();
        Ok(Self::serve(Listener::Tcp(listener), address, clock))
    }

    fn serve(listener: Listener, address: String, clock: Arc<dyn Clock>) -> Self {
        // As many places as connections: a send never waits.
        let (arrived, arrivals) = mpsc::channel(limits::RUNTIME_CONNECTIONS);
        let (handed_back, returns) = mpsc::channel(limits::RUNTIME_CONNECTIONS);
        let task = tokio::spawn(serve(listener, arrived, returns, clock)).abort_handle();
        Self { address, arrivals, handed_back, task }
    }

    /// The next request on any connection that is not in its owner's hands. Safe to drop.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }

    /// A request that is there already.
    pub(crate) fn arrived(&mut self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
    }

    /// Has the connection watched for its next request, unless it is to be closed.
    pub(crate) fn hand_back(&self, connection: Connection) {
        if connection.persists() {
            // There are no more connections than places, so this fails only when nobody listens any more.
            let _ = self.handed_back.try_send(connection);
        }
    }
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

async fn serve(
    listener: Listener,
    arrived: mpsc::Sender<Arrival>,
    mut returns: mpsc::Receiver<Connection>,
    clock: Arc<dyn Clock>,
) {
    let places = Arc::new(Semaphore::new(limits::RUNTIME_CONNECTIONS));
    let mut readers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    // One more than it may have: closed at once.
                    let Ok(permit) = Arc::clone(&places).try_acquire_owned() else { continue };
                    let Ok(connection) = Connection::new(stream, permit) else { continue };
                    readers.spawn(read(connection, arrived.clone(), Arc::clone(&clock)));
                }
                Err(error) => {
                    tracing::debug!(%error, "accept a runtime's connection");
                    clock.sleep(limits::RUNTIME_ACCEPT_PAUSE).await;
                }
            },
            connection = returns.recv() => match connection {
                Some(connection) => {
                    readers.spawn(read(connection, arrived.clone(), Arc::clone(&clock)));
                }
                None => return,
            },
            Some(_) = readers.join_next(), if !readers.is_empty() => {}
        }
    }
}

/// Waits as long as it takes for a request to begin, but not long for its head to end.
async fn read(mut connection: Connection, arrived: mpsc::Sender<Arrival>, clock: Arc<dyn Clock>) {
    if connection.begun().await.is_err() {
        return;
    }
    let deadline = clock.tick() + limits::HEAD_TIMEOUT;
    match clock::within(&*clock, deadline, connection.head()).await {
        Some(Ok(head)) => {
            let _ = arrived.send(Arrival { connection, head }).await;
        }
        Some(Err(ended)) => refuse(connection, ended).await,
        None => {}
    }
}

/// Says why, and closes. The words fit the socket's buffer, so this does not wait for a client that does not read.
pub(crate) async fn refuse(mut connection: Connection, ended: Ended) {
    let words = match ended {
        Ended::Closed => return,
        Ended::Malformed => replies::malformed(),
        Ended::HeadTooLarge => replies::head_too_large(),
    };
    let _ = connection.send(&words).await;
}
