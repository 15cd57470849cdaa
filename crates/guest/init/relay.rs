//! Ports of the machine's loopback interface that lead to the host.
//!
//! A client that waits for its first answer when the machine is restored (the runtime does, in `…/next`) notices nothing:
//! its connection stays, and what it had sent is sent again on a new connection to the host. A client that has had
//! answers before finds its connection closed, and makes a new one.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    control::{Control, Generation},
    output::Output,
    protocol::{Relay, Word},
    runtime, sys,
};

/// Bytes that are passed on at once.
const SIZE: usize = 64 << 10;
/// Bytes of an unanswered request that are kept to be sent again.
const KEPT: usize = 16 << 10;
/// Connections of one port. The host has a limit of its own, which is lower.
const CONNECTIONS: usize = 128;

/// Listens from here on.
pub(crate) fn listen(relay: Relay, control: Arc<Control>, output: Output, user: u32) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, relay.port))?;
    let count = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else {
                sys::pause(1);
                continue;
            };
            let place = Place::take(&count);
            let (control, output) = (Arc::clone(&control), output.clone());
            if let Some(place) = place {
                thread::spawn(move || {
                    // Whatever ends it, both sides find their connections closed.
                    let _ = pass(client, relay, &control, &output, user);
                    drop(place);
                });
            }
        }
    });
    Ok(())
}

/// One of the connections that there may be.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(count));
        (before < CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The way to the host, as both directions see it.
struct Way {
    host: UnixStream,
    generation: Generation,
    /// What was sent and may be sent again; none once anything has come back, or it is too long.
    unanswered: Option<Vec<u8>>,
}

fn pass(
    client: TcpStream,
    relay: Relay,
    control: &Arc<Control>,
    output: &Output,
    user: u32,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let generation = control.generation();
    let host = sys::connect_host(relay.host)?;
    let way = Arc::new(Mutex::new(Way { host, generation, unanswered: Some(Vec::new()) }));
    let (up_client, up_way) = (client.try_clone()?, Arc::clone(&way));
    let (up_control, up_output) = (Arc::clone(control), output.clone());
    let up = thread::spawn(move || up(up_client, &up_way, &up_control, &up_output, user));
    let _ = down(&client, &way, relay, control);
    let _ = client.shutdown(Shutdown::Both);
    let _ = lock(&way).host.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the client to the host.
fn up(mut client: TcpStream, way: &Mutex<Way>, control: &Control, output: &Output, user: u32) {
    let mut buffer = vec![0; SIZE];
    let mut said = None;
    loop {
        let size = match client.read(&mut buffer) {
            Ok(0) => break,
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        // First what was written before this was sent.
        output.flush();
        let memory = runtime::memory(user);
        // The host of a restored machine has heard nothing of what was said before.
        let news = Some((control.generation(), memory));
        if news != said {
            said = news;
            let _ = control.say(&Word::Usage(memory));
        }
        let mut way = lock(way);
        let Way { host, unanswered, .. } = &mut *way;
        if let Some(kept) = unanswered {
            kept.extend_from_slice(&buffer[..size]);
            if kept.len() > KEPT {
                *unanswered = None;
            }
        }
        // A connection that a restore has broken is replaced by the other direction, which sends this again.
        if host.write_all(&buffer[..size]).is_err() && way.unanswered.is_none() {
            break;
        }
    }
    let _ = lock(way).host.shutdown(Shutdown::Write);
}

/// From the host to the client.
fn down(mut client: &TcpStream, way: &Mutex<Way>, relay: Relay, control: &Control) -> io::Result<()> {
    let mut buffer = vec![0; SIZE];
    loop {
        let mut host = lock(way).host.try_clone()?;
        loop {
            match host.read(&mut buffer) {
                Ok(0) => break,
                Ok(size) => {
                    lock(way).unanswered = None;
                    client.write_all(&buffer[..size])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let generation = {
            let way = lock(way);
            if way.unanswered.as_ref().is_none_or(Vec::is_empty) {
                return Ok(());
            }
            way.generation
        };
        if !control.after(generation) {
            return Ok(());
        }
        let mut way = lock(way);
        way.generation = control.generation();
        way.host = sys::connect_host(relay.host)?;
        let again = way.unanswered.clone().unwrap_or_default();
        way.host.write_all(&again)?;
    }
}
