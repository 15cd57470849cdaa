use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

use crate::activity::{Active, Activity};

/// The tasks that own environments, so that all can be waited for and, in the end, be stopped.
#[derive(Default)]
pub(crate) struct Tasks {
    running: Arc<Mutex<Running>>,
    activity: Activity,
}

#[derive(Default)]
struct Running {
    next: u64,
    handles: HashMap<u64, AbortHandle>,
}

/// Strikes its task off the list when it ends, however it ends.
struct Ticket {
    running: Arc<Mutex<Running>>,
    id: u64,
    _active: Active,
}

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let active = self.activity.begin();
        // Held until the handle is in, so that a task that ends at once does not strike itself off too early.
        let mut running = lock(&self.running);
        running.next += 1;
        let id = running.next;
        let ticket = Ticket { running: self.running.clone(), id, _active: active };
        let handle = tokio::spawn(async move {
            let _ticket = ticket;
            task.await;
        });
        running.handles.insert(id, handle.abort_handle());
    }

    /// Stops every task at its next wait; what it owns is dropped.
    pub(crate) fn abort(&self) {
        let handles: Vec<_> = lock(&self.running).handles.values().cloned().collect();
        handles.iter().for_each(AbortHandle::abort);
    }

    /// Ready when no task is left.
    pub(crate) async fn over(&self) {
        self.activity.over().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.running).handles.remove(&self.id);
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
