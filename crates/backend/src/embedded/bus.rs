//! [`Bus`] within one process.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_model::{Clock, clock::within, limits};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    Error, Result,
    bus::{Bus, Membership, Message, Request, Service, Subscription},
};

/// A [`Bus`] within one process. Subscriptions end with [`Error::Closed`] when it is dropped.
pub struct LocalBus {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Registry {
    next_id: AtomicU64,
    next_server: AtomicUsize,
    subscribers: Mutex<Subscribers>,
    servers: Mutex<HashMap<String, Vec<Server>>>,
    /// Group, member, and how many guards show the member.
    groups: Mutex<BTreeMap<String, BTreeMap<String, usize>>>,
}

/// Those without a wildcard are found by their subject; the others are all tried.
#[derive(Default)]
struct Subscribers {
    exact: HashMap<String, HashMap<u64, Arc<Backlog>>>,
    wild: HashMap<u64, (Vec<String>, Arc<Backlog>)>,
}

struct Server {
    id: u64,
    requests: mpsc::Sender<Request>,
}

impl LocalBus {
    /// The clock is what the time for an answer is measured with.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { registry: Arc::default(), clock }
    }
}

impl Drop for LocalBus {
    fn drop(&mut self) {
        let subscribers = std::mem::take(&mut *lock(&self.registry.subscribers));
        let exact = subscribers.exact.into_values().flat_map(HashMap::into_values);
        let wild = subscribers.wild.into_values().map(|(_, backlog)| backlog);
        exact.chain(wild).for_each(|backlog| backlog.close());
        lock(&self.registry.servers).clear();
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, subject: &str, payload: Bytes) -> Result<()> {
        check_subject(subject)?;
        check_payload(&payload)?;
        let message = Message { subject: subject.to_owned(), payload };
        // The lock is held while the message is handed out, so that all subscribers see one publisher's order.
        let subscribers = lock(&self.registry.subscribers);
        if let Some(exact) = subscribers.exact.get(subject) {
            exact.values().for_each(|backlog| backlog.push(message.clone()));
        }
        for (pattern, backlog) in subscribers.wild.values() {
            if matches(pattern, subject) {
                backlog.push(message.clone());
            }
        }
        Ok(())
    }

    async fn subscribe(&self, subject: &str) -> Result<Box<dyn Subscription>> {
        let pattern = check_pattern(subject)?;
        let id = self.registry.next_id.fetch_add(1, Ordering::Relaxed);
        let backlog = Arc::new(Backlog::default());
        let mut subscribers = lock(&self.registry.subscribers);
        match &pattern {
            Some(words) => {
                subscribers.wild.insert(id, (words.clone(), Arc::clone(&backlog)));
            }
            None => {
                subscribers.exact.entry(subject.to_owned()).or_default().insert(id, Arc::clone(&backlog));
            }
        }
        drop(subscribers);
        let exact = if pattern.is_none() { Some(subject.to_owned()) } else { None };
        Ok(Box::new(LocalSubscription { id, exact, backlog, registry: Arc::downgrade(&self.registry) }))
    }

    async fn request(&self, subject: &str, payload: Bytes, wait: Duration) -> Result<Bytes> {
        check_subject(subject)?;
        check_payload(&payload)?;
        let deadline = self.clock.tick() + wait;
        let answer = self.ask(subject, payload)?;
        match within(&*self.clock, deadline, answer).await {
            Some(Ok(reply)) => {
                check_payload(&reply)?;
                Ok(reply)
            }
            // In time or not: the server let go of the request without an answer.
            Some(Err(_)) | None => Err(Error::NoReply { subject: subject.to_owned() }),
        }
    }

    async fn serve(&self, subject: &str) -> Result<Box<dyn Service>> {
        check_subject(subject)?;
        let (requests, received) = mpsc::channel(limits::BUS_BACKLOG);
        let id = self.registry.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&self.registry.servers).entry(subject.to_owned()).or_default().push(Server { id, requests });
        Ok(Box::new(LocalService {
            id,
            subject: subject.to_owned(),
            received,
            registry: Arc::downgrade(&self.registry),
        }))
    }

    async fn join(&self, group: &str, member: &str) -> Result<Box<dyn Membership>> {
        check_subject(group)?;
        check_subject(member)?;
        let mut groups = lock(&self.registry.groups);
        *groups.entry(group.to_owned()).or_default().entry(member.to_owned()).or_default() += 1;
        drop(groups);
        Ok(Box::new(LocalMembership {
            group: group.to_owned(),
            member: member.to_owned(),
            registry: Arc::downgrade(&self.registry),
        }))
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        check_subject(group)?;
        let groups = lock(&self.registry.groups);
        Ok(groups.get(group).map(|members| members.keys().cloned().collect()).unwrap_or_default())
    }
}

impl LocalBus {
    /// Hands the request to the next server in turn that has room for it.
    fn ask(&self, subject: &str, payload: Bytes) -> Result<oneshot::Receiver<Bytes>> {
        let servers = lock(&self.registry.servers);
        let Some(servers) = servers.get(subject).filter(|servers| !servers.is_empty()) else {
            return Err(Error::NoResponder { subject: subject.to_owned() });
        };
        let first = self.registry.next_server.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let mut request = Request { payload, reply };
        for turn in 0..servers.len() {
            let server = &servers[first.wrapping_add(turn) % servers.len()];
            match server.requests.try_send(request) {
                Ok(()) => return Ok(answer),
                Err(
                    mpsc::error::TrySendError::Full(refused) | mpsc::error::TrySendError::Closed(refused),
                ) => request = refused,
            }
        }
        Err(Error::Busy)
    }
}

/// What one subscriber has not read yet.
#[derive(Default)]
struct Backlog {
    state: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Message>,
    size: usize,
    closed: bool,
}

impl Backlog {
    /// Never waits: the oldest make room.
    fn push(&self, message: Message) {
        let mut waiting = lock(&self.state);
        waiting.size += message.payload.len();
        waiting.messages.push_back(message);
        while waiting.messages.len() > limits::BUS_BACKLOG || waiting.size > limits::BUS_BACKLOG_SIZE {
            let Some(oldest) = waiting.messages.pop_front() else { break };
            waiting.size -= oldest.payload.len();
        }
        drop(waiting);
        self.ready.notify_one();
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.ready.notify_one();
    }

    async fn pop(&self) -> Result<Message> {
        loop {
            {
                let mut waiting = lock(&self.state);
                if let Some(message) = waiting.messages.pop_front() {
                    waiting.size -= message.payload.len();
                    return Ok(message);
                }
                if waiting.closed {
                    return Err(Error::Closed);
                }
            }
            self.ready.notified().await;
        }
    }
}

struct LocalSubscription {
    id: u64,
    exact: Option<String>,
    backlog: Arc<Backlog>,
    registry: Weak<Registry>,
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Result<Message> {
        self.backlog.pop().await
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let mut subscribers = lock(&registry.subscribers);
        match &self.exact {
            Some(subject) => {
                if let Some(exact) = subscribers.exact.get_mut(subject) {
                    exact.remove(&self.id);
                    if exact.is_empty() {
                        subscribers.exact.remove(subject);
                    }
                }
            }
            None => {
                subscribers.wild.remove(&self.id);
            }
        }
    }
}

struct LocalService {
    id: u64,
    subject: String,
    received: mpsc::Receiver<Request>,
    registry: Weak<Registry>,
}

#[async_trait]
impl Service for LocalService {
    async fn next(&mut self) -> Result<Request> {
        loop {
            let request = self.received.recv().await.ok_or(Error::Closed)?;
            // Nobody waits for the answer any more.
            if !request.reply.is_closed() {
                return Ok(request);
            }
        }
    }
}

impl Drop for LocalService {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let mut servers = lock(&registry.servers);
        if let Some(serving) = servers.get_mut(&self.subject) {
            serving.retain(|server| server.id != self.id);
            if serving.is_empty() {
                servers.remove(&self.subject);
            }
        }
    }
}

struct LocalMembership {
    group: String,
    member: String,
    registry: Weak<Registry>,
}

impl Membership for LocalMembership {}

impl Drop for LocalMembership {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let mut groups = lock(&registry.groups);
        let Some(members) = groups.get_mut(&self.group) else { return };
        if let Some(guards) = members.get_mut(&self.member) {
            *guards -= 1;
            if *guards == 0 {
                members.remove(&self.member);
            }
        }
        if members.is_empty() {
            groups.remove(&self.group);
        }
    }
}

fn check_subject(subject: &str) -> Result<()> {
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>'))
    };
    if subject.len() <= limits::BUS_SUBJECT_SIZE && subject.split('.').all(is_word) {
        Ok(())
    } else {
        Err(Error::Subject { subject: subject.to_owned() })
    }
}

/// The words of a subscription's subject, if there is a wildcard among them.
fn check_pattern(subject: &str) -> Result<Option<Vec<String>>> {
    let words: Vec<_> = subject.split('.').collect();
    let last = words.len() - 1;
    let is_wild = |(index, word): (usize, &&str)| *word == "*" || (*word == ">" && index == last);
    let plain: Vec<_> =
        words.iter().enumerate().map(|word| if is_wild(word) { "x" } else { word.1 }).collect();
    check_subject(&plain.join(".")).map_err(|_| Error::Subject { subject: subject.to_owned() })?;
    let wild = words.iter().enumerate().any(is_wild);
    Ok(wild.then(|| words.into_iter().map(str::to_owned).collect()))
}

fn matches(pattern: &[String], subject: &str) -> bool {
    let mut words = subject.split('.');
    for wanted in pattern {
        match (wanted.as_str(), words.next()) {
            (_, None) => return false,
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(word)) if wanted == word => {}
            (_, Some(_)) => return false,
        }
    }
    words.next().is_none()
}

fn check_payload(payload: &Bytes) -> Result<()> {
    let limit = limits::BUS_PAYLOAD_SIZE;
    if payload.len() > limit {
        return Err(Error::TooLarge { what: "the message's payload", size: payload.len(), limit });
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
