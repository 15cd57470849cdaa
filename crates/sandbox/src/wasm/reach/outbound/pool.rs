//! Connections that wait for their next request, and the count of requests under way: both by app.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use hyper::client::conn::http1::SendRequest;
use sonagi_model::{AppName, Clock, Tick, limits};
use wasmtime_wasi_http::{Error, WasiBody};

use super::rules::{Destination, Passes};

/// An open connection, between two requests.
pub(super) struct Connection {
    pub(super) sender: SendRequest<WasiBody>,
    /// Where it leads: checked anew for each request that wants to use it, since another function's rules may differ.
    pub(super) address: IpAddr,
}

pub(super) struct Pool {
    apps: Mutex<Apps>,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct Apps {
    by_name: HashMap<AppName, App>,
    requests: usize,
    lookups: usize,
    idle: usize,
    sweeper: Sweeper,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sweeper {
    #[default]
    Resting,
    Running,
}

/// There as long as it has anything.
#[derive(Default)]
struct App {
    requests: usize,
    lookups: usize,
    /// The longest idle first.
    idle: VecDeque<Idle>,
}

struct Idle {
    destination: Destination,
    connection: Connection,
    until: Tick,
}

/// What is counted, until it is dropped.
pub(super) struct Slot {
    pool: Arc<Pool>,
    app: AppName,
    counted: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Request,
    Lookup,
}

impl Pool {
    pub(super) fn new(clock: Arc<dyn Clock>, runtime: tokio::runtime::Handle) -> Arc<Self> {
        Arc::new(Self { apps: Mutex::default(), clock, runtime })
    }

    /// One more of what is counted, if there may be one more.
    pub(super) fn count(self: &Arc<Self>, app: &AppName, counted: Counted) -> Result<Slot, Error> {
        let mut apps = self.lock();
        let all = match counted {
            Counted::Request => apps.requests < limits::OUTBOUND_REQUESTS,
            Counted::Lookup => apps.lookups < limits::OUTBOUND_LOOKUPS,
        };
        let own = apps.by_name.get(app).is_none_or(|app| match counted {
            Counted::Request => app.requests < limits::OUTBOUND_REQUESTS_APP,
            Counted::Lookup => app.lookups < limits::OUTBOUND_LOOKUPS_APP,
        });
        if !(all && own) {
            return Err(Error::ConnectionLimitReached);
        }
        match counted {
            Counted::Request => apps.requests += 1,
            Counted::Lookup => apps.lookups += 1,
        }
        let of = apps.by_name.entry(app.clone()).or_default();
        match counted {
            Counted::Request => of.requests += 1,
            Counted::Lookup => of.lookups += 1,
        }
        Ok(Slot { pool: Arc::clone(self), app: app.clone(), counted })
    }

    /// A connection of this app that leads there, to an address that passes: the one that was used last.
    pub(super) fn take(&self, app: &AppName, to: &Destination, passes: Passes) -> Option<Connection> {
        let now = self.clock.tick();
        let mut apps = self.lock();
        let apps = &mut *apps;
        let own = apps.by_name.get_mut(app)?;
        let before = own.idle.len();
        own.idle.retain(|idle| idle.until > now && !idle.connection.sender.is_closed());
        let found = own.idle.iter().rposition(|idle| {
            idle.destination == *to
                && passes.address(idle.connection.address)
                && idle.connection.sender.is_ready()
        });
        let taken = found.and_then(|place| own.idle.remove(place));
        apps.idle -= before - own.idle.len();
        apps.forget(app);
        taken.map(|idle| idle.connection)
    }

    /// Keeps a connection for the app's next request, if there is room for it.
    pub(super) fn park(self: &Arc<Self>, app: &AppName, destination: Destination, connection: Connection) {
        let until = self.clock.tick() + limits::OUTBOUND_IDLE_TIME;
        let mut apps = self.lock();
        let apps = &mut *apps;
        let own = apps.by_name.entry(app.clone()).or_default();
        if own.idle.len() == limits::OUTBOUND_IDLE_APP {
            own.idle.pop_front();
            apps.idle -= 1;
        }
        if apps.idle < limits::OUTBOUND_IDLE {
            own.idle.push_back(Idle { destination, connection, until });
            apps.idle += 1;
        }
        apps.forget(app);
        if apps.sweeper == Sweeper::Resting && apps.idle > 0 {
            apps.sweeper = Sweeper::Running;
            self.runtime.spawn(sweep(Arc::downgrade(self), Arc::clone(&self.clock)));
        }
    }

    /// Closes what was idle for too long. `None` when nothing is left.
    fn sweep(&self) -> Option<Tick> {
        let now = self.clock.tick();
        let mut apps = self.lock();
        let mut left = 0;
        apps.by_name.retain(|_, app| {
            app.idle.retain(|idle| idle.until > now && !idle.connection.sender.is_closed());
            left += app.idle.len();
            app.needed()
        });
        apps.idle = left;
        let next = apps.by_name.values().filter_map(|app| app.idle.front()).map(|idle| idle.until).min();
        if next.is_none() {
            apps.sweeper = Sweeper::Resting;
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, Apps> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        let apps = self.lock();
        assert_eq!(apps.idle, apps.by_name.values().map(|app| app.idle.len()).sum::<usize>());
        apps.idle
    }

    #[cfg(test)]
    pub(super) fn requests(&self) -> usize {
        self.lock().requests
    }

    /// Nothing is counted and nothing kept.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let apps = self.lock();
        apps.by_name.is_empty() && apps.requests == 0 && apps.lookups == 0 && apps.idle == 0
    }
}

impl Apps {
    fn forget(&mut self, app: &AppName) {
        if self.by_name.get(app).is_some_and(|app| !app.needed()) {
            self.by_name.remove(app);
        }
    }
}

impl App {
    fn needed(&self) -> bool {
        self.requests > 0 || self.lookups > 0 || !self.idle.is_empty()
    }
}

async fn sweep(pool: Weak<Pool>, clock: Arc<dyn Clock>) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.sweep()) {
        clock.sleep_until(next).await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut apps = self.pool.lock();
        let apps = &mut *apps;
        let Some(own) = apps.by_name.get_mut(&self.app) else { return };
        match self.counted {
            Counted::Request => (apps.requests, own.requests) = (apps.requests - 1, own.requests - 1),
            Counted::Lookup => (apps.lookups, own.lookups) = (apps.lookups - 1, own.lookups - 1),
        }
        apps.forget(&self.app);
    }
}
