//! Reading single records of the newest commit, as many at once as are asked for.
//!
//! A snapshot is a connection, a thread and a read transaction for a while. Whoever wants one record shares all of that
//! with everybody who wants one at the same moment: what waits is read in one read transaction, which begins after it was
//! asked for and so sees every commit that had returned by then.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use bytes::Bytes;
use rusqlite::Connection;
use sonagi_model::limits;
use tokio::sync::oneshot;

use super::{overlay, schema};
use crate::{Error, Result};

pub(super) struct Lookups {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Lookup>,
    closed: bool,
}

struct Lookup {
    key: Box<[u8]>,
    answer: oneshot::Sender<Result<Option<Bytes>>>,
}

impl Lookups {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for _ in 0..limits::LOOKUP_THREADS {
            let connection = schema::checked("open a reader", schema::open_beside(folder))?;
            let mine = Arc::clone(&shared);
            let thread = std::thread::Builder::new()
                .name("records-lookup".to_owned())
                .spawn(move || mine.run(&connection))
                .map_err(|cause| Error::io("start a reader's thread", cause))?;
            threads.push(thread);
        }
        Ok(Self { shared, threads })
    }

    pub(super) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let (answer, found) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if state.closed {
                return Err(Error::Closed);
            }
            if state.waiting.len() >= limits::LOOKUPS {
                return Err(Error::Busy);
            }
            state.waiting.push(Lookup { key: key.into(), answer });
        }
        self.shared.wanted.notify_one();
        found.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Lookups {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wanted.notify_all();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, connection: &Connection) {
        let mut lookups = Vec::new();
        while self.take(&mut lookups) {
            if let Err(error) = read(connection, &mut lookups) {
                // Those that have no answer yet get this one.
                for lookup in lookups.drain(..) {
                    drop(lookup.answer.send(Err(Error::storage("read a record", &error))));
                }
            }
        }
    }

    /// What waits; waits for it. False: nobody will ask any more.
    fn take(&self, lookups: &mut Vec<Lookup>) -> bool {
        let mut state = self.state();
        loop {
            if !state.waiting.is_empty() {
                std::mem::swap(&mut state.waiting, lookups);
                return true;
            }
            if state.closed {
                return false;
            }
            state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn read(connection: &Connection, lookups: &mut Vec<Lookup>) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    for lookup in lookups.drain(..) {
        let found = schema::checked("read a record", overlay::get(connection, &lookup.key));
        // Nobody waits for it any more, if this fails.
        drop(lookup.answer.send(found));
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
