//! Names for environments: what they ask is passed on to the machine's resolvers, and the answer back.
//!
//! Nothing is kept, so that no environment can spoil what another one hears. A query has a socket of its own towards the
//! resolver, which makes its port as hard to guess as the kernel can. Every environment has so many queries at a time,
//! and so have all together; what comes on top is not heard, and asked again by whoever asked.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use sonagi_model::{Clock, clock, limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::oneshot,
};

use super::{resolvers, rules::Resolving};

/// Bytes of a message's head (RFC 1035, 4.1.1).
const HEAD: usize = 12;
/// The bit of the third byte that makes a message an answer.
const ANSWER: u8 = 0x80;

/// A running forwarder; ends when dropped.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) resolving: Resolving,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Listens at `address`, on ports that are free. In a thread with a runtime of its own: whoever opens the network
    /// may have none, and names are resolved however busy the platform is.
    pub(super) fn start(address: Ipv4Addr, resolvers: PathBuf, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let udp = std::net::UdpSocket::bind((address, 0))?;
        let tcp = std::net::TcpListener::bind((address, 0))?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let resolving = Resolving { udp: udp.local_addr()?.port(), tcp: tcp.local_addr()?.port() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("sonagi-names".into()).spawn(move || {
            runtime.block_on(async {
                let both = async {
                    let shared = Arc::new(Shared { resolvers, clock, turns: Turns::default() });
                    tokio::join!(datagrams(udp, &shared), connections(tcp, &shared))
                };
                tokio::select! {
                    _ = stopped => {}
                    ended = both => {
                        let ((Err(error), _) | (Ok(()), Err(error))) = ended else { return };
                        tracing::error!(%error, "names are no longer resolved for environments");
                    }
                }
            });
        })?;
        Ok(Self { resolving, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    resolvers: PathBuf,
    clock: Arc<dyn Clock>,
    turns: Turns,
}

impl Shared {
    /// As the file says now: a laptop moves from one network to the next.
    async fn resolvers(&self) -> Vec<SocketAddr> {
        resolvers::named(&tokio::fs::read_to_string(&self.resolvers).await.unwrap_or_default())
    }

    async fn within<T>(
        &self,
        time: std::time::Duration,
        work: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let deadline = self.clock.tick() + time;
        clock::within(&*self.clock, deadline, work).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Who is being served.
#[derive(Debug, Default)]
struct Turns(Mutex<HashMap<(IpAddr, Kind), usize>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Query,
    Connection,
}

impl Kind {
    const fn most(self) -> usize {
        match self {
            Self::Query => limits::RESOLVER_QUERIES_PER_ENVIRONMENT,
            Self::Connection => limits::RESOLVER_CONNECTIONS_PER_ENVIRONMENT,
        }
    }
}

/// A place among those who are served; given up when dropped.
#[derive(Debug)]
struct Turn {
    shared: Arc<Shared>,
    of: (IpAddr, Kind),
}

impl Turn {
    fn take(shared: &Arc<Shared>, address: IpAddr, kind: Kind) -> Option<Self> {
        let mut turns = shared.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = turns.values().sum();
        let own = turns.get(&(address, kind)).copied().unwrap_or_default();
        if own >= kind.most() || all >= limits::RESOLVER_QUERIES {
            return None;
        }
        turns.insert((address, kind), own + 1);
        Some(Self { shared: Arc::clone(shared), of: (address, kind) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.shared.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = turns.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                turns.remove(&self.of);
            }
        }
    }
}

/// Whether it can be a query: anything else is not passed on.
fn is_query(message: &[u8]) -> bool {
    message.len() >= HEAD && message[2] & ANSWER == 0
}

/// Whether `message` can be the answer to `query`.
fn answers(message: &[u8], query: &[u8]) -> bool {
    message.len() >= HEAD && message[..2] == query[..2] && message[2] & ANSWER != 0
}

async fn datagrams(socket: std::net::UdpSocket, shared: &Arc<Shared>) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    // One more than is taken, so that what is too long is seen to be.
    let mut buffer = vec![0; limits::RESOLVER_QUERY_SIZE + 1];
    loop {
        // Nobody's mistake ends it: an error is of what was sent before.
        let Ok((size, from)) = socket.recv_from(&mut buffer).await else { continue };
        let query = &buffer[..size];
        if size > limits::RESOLVER_QUERY_SIZE || !is_query(query) {
            continue;
        }
        let Some(turn) = Turn::take(shared, from.ip(), Kind::Query) else { continue };
        let (socket, query) = (Arc::clone(&socket), query.to_vec());
        tokio::spawn(async move {
            let shared = Arc::clone(&turn.shared);
            if let Some(answer) = datagram(&shared, &query).await {
                let _ = socket.send_to(&answer, from).await;
            }
            drop(turn);
        });
    }
}

/// What the first resolver that answers says.
async fn datagram(shared: &Shared, query: &[u8]) -> Option<Vec<u8>> {
    for resolver in shared.resolvers().await {
        let asked = shared.within(limits::RESOLVER_TIMEOUT, async {
            let any = if resolver.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).await?;
            // From here on the kernel drops what comes from anybody else.
            socket.connect(resolver).await?;
            socket.send(query).await?;
            let mut answer = vec![0; limits::RESOLVER_ANSWER_SIZE];
            loop {
                let size = socket.recv(&mut answer).await?;
                if answers(&answer[..size], query) {
                    answer.truncate(size);
                    return Ok(answer);
                }
            }
        });
        match asked.await {
            Ok(answer) => return Some(answer),
            Err(error) => tracing::debug!(%error, %resolver, "a resolver does not answer"),
        }
    }
    None
}

async fn connections(listener: std::net::TcpListener, shared: &Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Too many open files: others are closed meanwhile.
            Err(_) => {
                let soon = shared.clock.tick() + limits::RESOLVER_PAUSE;
                shared.clock.sleep_until(soon).await;
                continue;
            }
        };
        let Some(turn) = Turn::take(shared, from.ip(), Kind::Connection) else { continue };
        tokio::spawn(async move {
            let shared = Arc::clone(&turn.shared);
            // The client hears of it by the connection's end.
            let _ = conversation(&shared, client).await;
            drop(turn);
        });
    }
}

/// Queries one after the other, each behind its length (RFC 1035, 4.2.2).
async fn conversation(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    loop {
        let query =
            shared.within(limits::RESOLVER_IDLE, message(&mut client, limits::RESOLVER_QUERY_SIZE)).await?;
        if !is_query(&query) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let answer = over_connection(shared, &query).await?;
        shared.within(limits::RESOLVER_IDLE, say(&mut client, &answer)).await?;
    }
}

async fn over_connection(shared: &Shared, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for resolver in shared.resolvers().await {
        let asked = shared.within(limits::RESOLVER_TIMEOUT, async {
            let mut stream = TcpStream::connect(resolver).await?;
            say(&mut stream, query).await?;
            let answer = message(&mut stream, limits::RESOLVER_ANSWER_SIZE).await?;
            if answers(&answer, query) { Ok(answer) } else { Err(io::ErrorKind::InvalidData.into()) }
        });
        match asked.await {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn say(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let size = u16::try_from(message.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    stream.write_all(&[&size.to_be_bytes(), message].concat()).await
}

async fn message(stream: &mut TcpStream, most: usize) -> io::Result<Vec<u8>> {
    let size = usize::from(stream.read_u16().await?);
    if size > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; size];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Arc<Shared> {
        let clock = Arc::new(sonagi_model::clock::ManualClock::at(sonagi_model::Timestamp(0)));
        Arc::new(Shared { resolvers: "/nonexistent".into(), clock, turns: Turns::default() })
    }

    #[test]
    fn one_environment_cannot_have_all_turns() {
        let shared = shared();
        let (greedy, modest) = (IpAddr::from([198, 18, 0, 2]), IpAddr::from([198, 18, 0, 3]));
        let mut taken: Vec<Turn> = std::iter::from_fn(|| Turn::take(&shared, greedy, Kind::Query)).collect();
        assert_eq!(taken.len(), limits::RESOLVER_QUERIES_PER_ENVIRONMENT);
        assert!(Turn::take(&shared, modest, Kind::Query).is_some());
        let connections: Vec<Turn> =
            std::iter::from_fn(|| Turn::take(&shared, greedy, Kind::Connection)).collect();
        assert_eq!(connections.len(), limits::RESOLVER_CONNECTIONS_PER_ENVIRONMENT);
        taken.pop();
        assert!(Turn::take(&shared, greedy, Kind::Query).is_some());
        drop((taken, connections));
        assert!(shared.turns.0.lock().unwrap().is_empty());
    }

    #[test]
    fn all_environments_together_have_so_many_turns() {
        let shared = shared();
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(0xc612_0002 + number));
        let taken: Vec<Turn> = (0..u32::from(limits::NETWORK_ENVIRONMENTS))
            .flat_map(|number| std::iter::repeat_n(number, 2))
            .map_while(|number| Turn::take(&shared, address(number), Kind::Query))
            .collect();
        assert_eq!(taken.len(), limits::RESOLVER_QUERIES);
    }

    #[test]
    fn only_questions_are_passed_on_and_only_their_answers_come_back() {
        let query = [7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let mut answer = query;
        answer[2] |= ANSWER;
        assert!(is_query(&query) && !is_query(&answer) && !is_query(&query[..11]) && !is_query(&[]));
        assert!(answers(&answer, &query) && !answers(&query, &query));
        let mut other = answer;
        other[1] = 8;
        assert!(!answers(&other, &query) && !answers(&answer[..11], &query));
    }

    #[tokio::test]
    async fn what_is_longer_than_it_may_be_is_not_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        say(&mut client, &[1; 20]).await.unwrap();
        assert_eq!(message(&mut server, 20).await.unwrap(), [1; 20]);
        say(&mut client, &[1; 21]).await.unwrap();
        assert_eq!(message(&mut server, 20).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
