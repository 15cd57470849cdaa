//! A running process of an environment, as the rest of the driver sees it.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    sync::Arc,
};

use sonagi_model::limits;
use tokio::{io::unix::AsyncFd, sync::oneshot};

use super::{
    dial,
    machine::Machine,
    remains::{self, Cleared, Confinement, Remains},
    reports::{Report, Reports},
    tree, watch,
};
use crate::{ending::Exit, extensions::telemetry::Dial, launcher::message};

/// Dropping it has everything killed and removed by the machine's janitors.
pub(crate) struct Process {
    machine: Arc<Machine>,
    remains: Option<Remains>,
    /// The same process once more, to wait for its end.
    ended: AsyncFd<OwnedFd>,
    meter: Meter,
    /// Taken before the end: with its group goes what it used.
    last_peak: u64,
    killed_for_memory: bool,
    held: bool,
    /// Of one with extensions, whose ends it says too.
    reports: Option<Box<Reports>>,
    /// Where and how its processor time is limited once it has begun.
    processors: Option<(PathBuf, String)>,
}

/// Where to read how much memory was used at the most; an open file, so that reading it costs one system call.
enum Meter {
    Group(File),
    /// `/proc/<pid>/status` has the peak of a single process; the sum over all is taken when it is polled.
    Tree {
        reaper: i32,
        peak: u64,
        limit: u64,
    },
}

impl Process {
    pub(super) fn new(machine: Arc<Machine>, mut remains: Remains, memory: u64) -> io::Result<Self> {
        let processors = match &remains.confinement {
            Confinement::Group(group) => group.processor_limit(memory),
            Confinement::Namespace(_) | Confinement::Tree(_) => None,
        };
        let meter = match &mut remains.confinement {
            Confinement::Group(group) => {
                Meter::Group(group.take_peak().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?)
            }
            Confinement::Namespace(reaper) | Confinement::Tree(reaper) => {
                Meter::Tree { reaper: reaper.as_raw_nonzero().get(), peak: 0, limit: memory }
            }
        };
        let handle = remains.handle.try_clone();
        let mut process = match handle.and_then(watch::watch) {
            Ok(ended) => {
                let (last_peak, killed_for_memory) = (0, false);
                let (held, reports) = (false, None);
                Self {
                    machine,
                    remains: None,
                    ended,
                    meter,
                    last_peak,
                    killed_for_memory,
                    held,
                    reports,
                    processors,
                }
            }
            Err(error) => {
                machine.clear(remains, |_| {});
                return Err(error);
            }
        };
        process.remains = Some(remains);
        Ok(process)
    }

    /// From here on its processor time is limited to its share. Before, while it initialises, it may have what is
    /// there, as on Lambda.
    pub(super) fn limit_processors(&mut self) -> io::Result<()> {
        // The kernel's own file: nothing waits for a device.
        self.processors.take().map_or(Ok(()), |(file, line)| std::fs::write(file, line))
    }

    /// Listens to the first process of its sandbox, which stays when the runtime has ended.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let socket = self.remains.as_mut().and_then(|remains| remains.socket.as_mut());
        let (socket, hearing) = socket.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        self.reports = Some(Box::new(Reports::new(socket, std::mem::take(hearing))?));
        Ok(())
    }

    /// What is known of the ends of its runtime and its extensions, if it has extensions.
    pub(super) fn reports(&self) -> &[Report] {
        self.reports.as_ref().map(|reports| reports.heard()).unwrap_or_default()
    }

    /// Ready when one more is known; without extensions, when it has [ended](Self::ended). Safe to drop.
    pub(super) async fn report(&mut self) {
        match &mut self.reports {
            Some(reports) => reports.next().await,
            None => self.ended().await,
        }
    }

    /// Ready when the process or an extension has ended on its own, or used more memory than it may. Safe to drop.
    pub(super) async fn ended(&mut self) {
        if self.remains.is_none() || !self.reports().is_empty() {
            return;
        }
        tokio::select! {
            _ = next_report(&mut self.reports) => {}
            // A process's handle is readable from its end on, and for ever.
            _ = self.ended.readable() => {}
            () = poll_memory(&self.machine, &mut self.meter) => self.killed_for_memory = true,
        }
    }

    /// Whether the process itself has ended, or an extension.
    pub(super) fn has_ended(&self) -> bool {
        !self.reports().is_empty() || self.remains.is_none() || remains::peek(self.ended.get_ref()).is_some()
    }

    /// Stops all that runs in its sandbox, until it is [resumed](Self::resume).
    pub(super) fn hold(&mut self) {
        if !self.held && self.tell(message::HOLD).is_some() {
            self.held = true;
        }
    }

    /// Has it go on if it was held.
    pub(super) fn resume(&mut self) {
        if self.held {
            self.held = false;
            self.tell(message::RESUME);
        }
    }

    /// Has its runtime begin, which waited for the extensions.
    pub(super) fn begin(&self) {
        self.tell(message::BEGIN);
    }

    /// Tells the runtime that it is to end.
    pub(super) fn terminate(&self) {
        if self.tell(message::TERMINATE).is_none()
            && let Some(Remains { handle, confinement: Confinement::Group(_), .. }) = &self.remains
        {
            // Without a sandbox it is the runtime itself. It may have ended.
            let _ = rustix::process::pidfd_send_signal(handle, rustix::process::Signal::TERM);
        }
    }

    /// Kills the runtime alone.
    pub(super) fn kill_runtime(&self) {
        self.tell(message::KILL);
    }

    /// The way to what listens in it.
    pub(super) fn dial(&self) -> io::Result<Arc<dyn Dial>> {
        let remains = self.remains.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        match (&remains.confinement, &remains.socket) {
            (Confinement::Group(_) | Confinement::Namespace(_), Some((socket, _))) => {
                Ok(Arc::new(dial::Sandboxed(socket.try_clone()?)))
            }
            (Confinement::Group(_) | Confinement::Namespace(_), None) | (Confinement::Tree(_), _) => {
                Ok(Arc::new(dial::Unconfined))
            }
        }
    }

    /// Tells the first process of its sandbox, if it has one.
    fn tell(&self, word: u8) -> Option<()> {
        let remains = self.remains.as_ref()?;
        let (socket, _) = match remains.confinement {
            Confinement::Group(_) | Confinement::Namespace(_) => remains.socket.as_ref()?,
            Confinement::Tree(_) => return None,
        };
        // Whoever does not hear it has ended.
        message::send(socket, &[word], &[]).ok()
    }

    /// To the first process of its sandbox.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        let remains = self.remains.as_ref().and_then(|remains| remains.socket.as_ref());
        let (socket, _) = remains.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        socket.try_clone()
    }

    /// Kills all of the environment, and is ready when it is gone. Safe to drop: it goes on without.
    pub(super) async fn kill(&mut self) -> Option<Exit> {
        let peak = self.memory_peak();
        let remains = self.remains.take()?;
        self.last_peak = peak;
        let (done, cleared) = oneshot::channel();
        self.machine.clear(remains, move |cleared: Cleared| {
            let _ = done.send(cleared);
        });
        let exit = cleared.await.ok().and_then(|cleared| cleared.exit);
        let own = self.reports.as_ref().and_then(|reports| reports.runtime());
        match (own, exit) {
            (_, _) if self.killed_for_memory => Some(Exit::OutOfMemory),
            (Some(Exit::Signal(libc::SIGKILL)), Some(Exit::OutOfMemory)) => Some(Exit::OutOfMemory),
            (own, exit) => own.or(exit),
        }
    }

    /// Bytes that all of the environment uses now, where its group tells.
    pub(super) fn memory_used(&self) -> Option<u64> {
        match &self.remains.as_ref()?.confinement {
            Confinement::Group(group) => group.used(),
            Confinement::Namespace(_) | Confinement::Tree(_) => None,
        }
    }

    /// Bytes that the environment used at the most so far.
    pub(super) fn memory_peak(&mut self) -> u64 {
        if self.remains.is_none() {
            return self.last_peak;
        }
        match &mut self.meter {
            Meter::Group(file) => {
                let mut text = [0_u8; 32];
                let size = rustix::io::pread(file.as_fd(), &mut text, 0).unwrap_or(0);
                std::str::from_utf8(&text[..size]).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
            }
            Meter::Tree { reaper, peak, .. } => {
                *peak = (*peak).max(tree::memory(*reaper));
                *peak
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(remains) = self.remains.take() {
            self.machine.clear(remains, |_| {});
        }
    }
}

/// Never ready without any.
async fn next_report(reports: &mut Option<Box<Reports>>) {
    match reports {
        Some(reports) => reports.next().await,
        None => std::future::pending().await,
    }
}

/// Where nothing else limits memory: ready when it is used up. Elsewhere never ready.
async fn poll_memory(machine: &Machine, meter: &mut Meter) {
    match meter {
        Meter::Group(_) => std::future::pending().await,
        Meter::Tree { reaper, peak, limit } => loop {
            machine.clock.sleep(limits::MEMORY_POLL).await;
            let used = tree::memory(*reaper);
            *peak = (*peak).max(used);
            if used > *limit {
                return;
            }
        },
    }
}
