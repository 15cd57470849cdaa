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
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use sonagi_model::{Clock, clock, limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::Handle,
    sync::oneshot,
    task::AbortHandle,
};

use super::resolvers;

/// Bytes of a message's head (RFC 1035, 4.1.1).
const HEAD: usize = 12;
/// The bit of the third byte that makes a message an answer.
const ANSWER: u8 = 0x80;

/// All that is served; ends when dropped.
#[derive(Debug)]
pub(super) struct Names {
    runtime: Handle,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whose questions come to two sockets.
#[derive(Debug, Clone)]
pub(super) enum Askers {
    /// Many environments', each by its address.
    Addresses,
    /// One's alone, and whom they are passed on to; none: whom the machine asks.
    One(Option<Arc<[IpAddr]>>),
}

impl Names {
    /// In a thread with a runtime of its own: whoever opens the network may have none, and names are resolved however
    /// busy the platform is.
    pub(super) fn start(resolvers: PathBuf, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("sonagi-names".into()).spawn(move || {
            // Nobody sends: it ends.
            let _ = runtime.block_on(stopped);
        })?;
        let shared =
            Shared { resolvers, clock, turns: Turns::default(), own: Mutex::default(), count: 0.into() };
        Ok(Self { runtime: handle, shared: Arc::new(shared), stop: Some(stop), thread: Some(thread) })
    }

    /// Answers what comes to the sockets.
    pub(super) fn serve(
        &self,
        udp: std::net::UdpSocket,
        tcp: std::net::TcpListener,
        askers: Askers,
    ) -> io::Result<Serving> {
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let number = self.shared.count.fetch_add(1, Ordering::Relaxed);
        let served = Arc::new(Served { shared: Arc::clone(&self.shared), number, askers });
        let task = self.runtime.spawn(async move {
            let both = async { tokio::join!(datagrams(udp, &served), connections(tcp, &served)) };
            let ((Err(error), _) | (Ok(()), Err(error))) = both.await else { return };
            tracing::error!(%error, "names are no longer resolved for environments");
        });
        Ok(Serving(task.abort_handle()))
    }

    /// From here on the questions that come from `address` go to `resolvers`; without any, to whom the machine asks.
    pub(super) fn direct(&self, address: Ipv4Addr, resolvers: Option<Arc<[IpAddr]>>) {
        let mut own = self.shared.own.lock().unwrap_or_else(PoisonError::into_inner);
        match resolvers {
            Some(resolvers) => own.insert(address.into(), resolvers),
            None => own.remove(&address.into()),
        };
    }
}

/// Two sockets that are served; no longer when this is dropped.
#[derive(Debug)]
pub(super) struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Names {
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
    /// Of environments whose network has resolvers of its own.
    own: Mutex<HashMap<IpAddr, Arc<[IpAddr]>>>,
    /// What has been served so far.
    count: AtomicU64,
}

/// Two sockets, and who asks there.
#[derive(Debug)]
struct Served {
    shared: Arc<Shared>,
    number: u64,
    askers: Askers,
}

impl Served {
    /// Who asks from `address`, and whom that is passed on to.
    fn asker(&self, address: IpAddr) -> (Asker, Option<Arc<[IpAddr]>>) {
        match &self.askers {
            Askers::One(resolvers) => (Asker::Number(self.number), resolvers.clone()),
            Askers::Addresses => {
                let own = self.shared.own.lock().unwrap_or_else(PoisonError::into_inner);
                (Asker::Address(address), own.get(&address).cloned())
            }
        }
    }
}

impl Shared {
    /// As the file says now, where nothing else is said: a laptop moves from one network to the next.
    async fn resolvers(&self, own: Option<&[IpAddr]>) -> Vec<SocketAddr> {
        match own {
            Some(own) => own.iter().map(|&address| SocketAddr::new(address, resolvers::PORT)).collect(),
            None => resolvers::named(&tokio::fs::read_to_string(&self.resolvers).await.unwrap_or_default()),
        }
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

/// An environment: by its address among many, or by its own sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Address(IpAddr),
    Number(u64),
}

/// Who is being served.
#[derive(Debug, Default)]
struct Turns(Mutex<HashMap<(Asker, Kind), usize>>);

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
    of: (Asker, Kind),
}

impl Turn {
    fn take(shared: &Arc<Shared>, asker: Asker, kind: Kind) -> Option<Self> {
        let mut turns = shared.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = turns.values().sum();
        let own = turns.get(&(asker, kind)).copied().unwrap_or_default();
        if own >= kind.most() || all >= limits::RESOLVER_QUERIES {
            return None;
        }
        turns.insert((asker, kind), own + 1);
        Some(Self { shared: Arc::clone(shared), of: (asker, kind) })
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

async fn datagrams(socket: std::net::UdpSocket, served: &Served) -> io::Result<()> {
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
        let (asker, resolvers) = served.asker(from.ip());
        let Some(turn) = Turn::take(&served.shared, asker, Kind::Query) else { continue };
        let (socket, query) = (Arc::clone(&socket), query.to_vec());
        tokio::spawn(async move {
            let shared = Arc::clone(&turn.shared);
            if let Some(answer) = datagram(&shared, resolvers.as_deref(), &query).await {
                let _ = socket.send_to(&answer, from).await;
            }
            drop(turn);
        });
    }
}

/// What the first resolver that answers says.
async fn datagram(shared: &Shared, own: Option<&[IpAddr]>, query: &[u8]) -> Option<Vec<u8>> {
    for resolver in shared.resolvers(own).await {
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

async fn connections(listener: std::net::TcpListener, served: &Served) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Too many open files: others are closed meanwhile.
            Err(_) => {
                let clock = &served.shared.clock;
                let soon = clock.tick() + limits::RESOLVER_PAUSE;
                clock.sleep_until(soon).await;
                continue;
            }
        };
        let (asker, resolvers) = served.asker(from.ip());
        let Some(turn) = Turn::take(&served.shared, asker, Kind::Connection) else { continue };
        tokio::spawn(async move {
            let shared = Arc::clone(&turn.shared);
            // The client hears of it by the connection's end.
            let _ = conversation(&shared, resolvers.as_deref(), client).await;
            drop(turn);
        });
    }
}

/// Queries one after the other, each behind its length (RFC 1035, 4.2.2).
async fn conversation(shared: &Shared, own: Option<&[IpAddr]>, mut client: TcpStream) -> io::Result<()> {
    loop {
        let query =
            shared.within(limits::RESOLVER_IDLE, message(&mut client, limits::RESOLVER_QUERY_SIZE)).await?;
        if !is_query(&query) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let answer = over_connection(shared, own, &query).await?;
        shared.within(limits::RESOLVER_IDLE, say(&mut client, &answer)).await?;
    }
}

async fn over_connection(shared: &Shared, own: Option<&[IpAddr]>, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for resolver in shared.resolvers(own).await {
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
        Arc::new(Shared {
            resolvers: "/nonexistent".into(),
            clock,
            turns: Turns::default(),
            own: Mutex::default(),
            count: 0.into(),
        })
    }

    #[test]
    fn one_environment_cannot_have_all_turns() {
        let shared = shared();
        let (greedy, modest) = (Asker::Address([198, 18, 0, 2].into()), Asker::Number(7));
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
        let address = |number: u32| Asker::Address(Ipv4Addr::from(0xc612_0002 + number).into());
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
