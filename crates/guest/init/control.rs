//! The connection over which the host gives orders and hears what happens.
//!
//! It breaks when the machine is restored from a snapshot, as all vsock connections do. Then a new one is made, the host
//! says what has changed, and whoever waits in [`Control::after`] goes on.

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    protocol::{self, End, Order, Orders, Renewal, Visit, Word},
    sys,
};

/// How long there may be no host.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two attempts to reach it, in milliseconds.
const PAUSE: i32 = 5;
const ATTEMPTS: u32 = (PATIENCE.as_millis() / PAUSE as u128) as u32;

/// How often the machine was renewed: what came from before a restore can be told from what came after.
pub(crate) type Generation = u64;

pub(crate) struct Control {
    state: Mutex<State>,
    renewed: Condvar,
    random: File,
}

struct State {
    connection: UnixStream,
    generation: Generation,
    credentials: Renewal,
    /// Said again on a new connection.
    ended: Option<End>,
}

impl Control {
    /// Connects, and gets the orders.
    pub(crate) fn open() -> io::Result<(Arc<Self>, Orders)> {
        // Opened before the root changes; after it there is one too, and this needs no path.
        let random = File::open("/dev/random")?;
        let mut connection = connect(Visit::First)?;
        let Order::Start(orders) = order(&mut connection)? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let state = State { connection, generation: 0, credentials: Renewal::default(), ended: None };
        Ok((Arc::new(Self { state: Mutex::new(state), renewed: Condvar::new(), random }), *orders))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says a word. What is lost with its connection is said again, if it still matters, or not.
    pub(crate) fn say(&self, word: &Word) -> io::Result<()> {
        protocol::write_frame(&mut self.state().connection, &word.encode())
    }

    pub(crate) fn has_ended(&self, end: End) {
        let mut state = self.state();
        state.ended = Some(end);
        let _ = protocol::write_frame(&mut state.connection, &Word::Ended(end).encode());
    }

    pub(crate) fn generation(&self) -> Generation {
        self.state().generation
    }

    /// Waits until the machine has been renewed since `generation`; false if it was not.
    pub(crate) fn after(&self, generation: Generation) -> bool {
        let waited =
            self.renewed.wait_timeout_while(self.state(), PATIENCE, |state| state.generation == generation);
        waited.map_or_else(|poisoned| poisoned.into_inner().0.generation, |(state, _)| state.generation)
            != generation
    }

    /// Waits until the machine has been renewed since `generation`, however long it takes.
    pub(crate) fn wait(&self, generation: Generation) {
        // A poisoned lock is as good as any: the state is whole after each statement.
        drop(self.renewed.wait_while(self.state(), |state| state.generation == generation));
    }

    /// What the credentials' port answers, and to whom.
    pub(crate) fn credentials(&self) -> Renewal {
        self.state().credentials.clone()
    }

    /// Sets the clock, and all else that must not be as in another machine of the same snapshot.
    pub(crate) fn renew(&self, renewal: &Renewal) -> io::Result<()> {
        sys::add_entropy(&self.random, &renewal.entropy)?;
        sys::set_clock(renewal.time)?;
        boot_id(&renewal.boot_id)?;
        let mut state = self.state();
        let before = std::mem::replace(&mut state.credentials, renewal.clone());
        if renewal.authorization.is_empty() {
            state.credentials.authorization = before.authorization;
        }
        Ok(())
    }

    /// Waits for the host, which says no more than that the machine was restored. Returns when it is gone for good.
    pub(crate) fn follow(&self) -> io::Result<()> {
        loop {
            let mut reading = self.state().connection.try_clone()?;
            // Nothing is to come on a connection that holds; so whatever ends the reading ends the connection.
            let _ = protocol::read_frame(&mut reading);
            let mut connection = connect(Visit::Again)?;
            let Order::Renew(renewal) = order(&mut connection)? else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            self.renew(&renewal)?;
            protocol::write_frame(&mut connection, &Word::Renewed.encode())?;
            let mut state = self.state();
            if let Some(end) = state.ended {
                protocol::write_frame(&mut connection, &Word::Ended(end).encode())?;
            }
            state.connection = connection;
            state.generation += 1;
            self.renewed.notify_all();
        }
    }
}

/// Connects to the host's control port, and says hello.
fn connect(visit: Visit) -> io::Result<UnixStream> {
    let mut failed = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..ATTEMPTS {
        let hello = Word::Hello { version: protocol::VERSION, visit };
        let connected = sys::connect_host(protocol::CONTROL_PORT).and_then(|mut connection| {
            protocol::write_frame(&mut connection, &hello.encode())?;
            Ok(connection)
        });
        match connected {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = error,
        }
        sys::pause(PAUSE);
    }
    Err(failed)
}

fn order(connection: &mut UnixStream) -> io::Result<Order> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let body = protocol::read_frame(connection)?;
    connection.set_read_timeout(None)?;
    Ok(Order::decode(&body)?)
}

/// The kernel has one for each boot, which all machines of a snapshot would share. The file is one in the initial RAM
/// disk, laid over the kernel's.
fn boot_id(id: &str) -> io::Result<()> {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    if id.is_empty() {
        return Ok(());
    }
    let own = Path::new("/dev/boot_id");
    // Before the root has changed there is no function to see it, and this folder is not the one that it will see.
    if !Path::new("/dev/fd").exists() {
        return Ok(());
    }
    let first = !own.exists();
    fs::write(own, format!("{id}\n"))?;
    if first { sys::attach(own, Path::new(FILE), "", sys::BIND, "") } else { Ok(()) }
}
