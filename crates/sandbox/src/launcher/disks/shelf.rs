//! The file systems that wait to be used, and the threads that make and empty them.

use std::{
    collections::HashMap,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use sonagi_model::limits;

use super::{
    super::{Failure, Step},
    disk::{self, Disk},
    format::Format,
};

/// Those that are ready, by their size, and how many are under way.
pub(super) struct Shelf {
    ready: HashMap<u64, Vec<Disk>>,
    making: HashMap<u64, usize>,
    lent: usize,
    orders: mpsc::Sender<u64>,
    used: mpsc::Sender<Disk>,
    done: mpsc::Receiver<Done>,
    /// Has a byte in it when something is done.
    bell: UnixStream,
}

/// What a thread has done.
pub(super) enum Done {
    Made(u64, Result<Disk, Failure>),
    Cleared(Option<Disk>),
}

/// Whether the bell has rung, and is to be silent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    Yes,
    No,
}

/// The size that nearly all have.
const USUAL: u64 = (limits::EPHEMERAL_STORAGE_MIN as u64) << 20;

impl Shelf {
    /// An empty one, with its threads: file systems are made in files below `beside` and mounted in folders of `place`.
    pub(super) fn open(beside: OwnedFd, place: PathBuf) -> io::Result<Self> {
        let (bell, ring) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ring.set_nonblocking(true)?;
        let (orders, ordered) = mpsc::channel::<u64>();
        let (used, to_clear) = mpsc::channel::<Disk>();
        let (tell, done) = mpsc::channel();
        let maker = Arc::new(Maker { formats: Mutex::default(), beside, place, made: AtomicU64::new(0) });
        let ordered = Arc::new(Mutex::new(ordered));
        for _ in 0..limits::DISK_MAKERS {
            let (maker, ordered) = (Arc::clone(&maker), Arc::clone(&ordered));
            let tell = Teller { done: tell.clone(), ring: ring.try_clone()? };
            thread::Builder::new().name("disk-make".into()).spawn(move || {
                loop {
                    let next = ordered.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(bytes) = next else { return };
                    tell.tell(Done::Made(bytes, maker.make(bytes)));
                }
            })?;
        }
        let tell = Teller { done: tell, ring };
        thread::Builder::new().name("disk-clear".into()).spawn(move || {
            for disk in to_clear {
                tell.tell(Done::Cleared(disk.clear()));
            }
        })?;
        Ok(Self { ready: HashMap::new(), making: HashMap::new(), lent: 0, orders, used, done, bell })
    }

    /// Readable when something is made.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// All that was done since; what was made or emptied is on the shelf already. Gives what could not be made.
    pub(super) fn collect(&mut self, rung: Rung) -> Vec<(u64, Failure)> {
        let mut bytes = [0; 64];
        while rung == Rung::Yes && matches!(rustix::io::read(&self.bell, &mut bytes), Ok(1..)) {}
        let mut failures = Vec::new();
        while let Ok(done) = self.done.try_recv() {
            match done {
                Done::Made(bytes, made) => {
                    let making = self.making.entry(bytes).or_default();
                    *making = making.saturating_sub(1);
                    match made {
                        Ok(disk) => self.put(disk),
                        Err(failure) => failures.push((bytes, failure)),
                    }
                }
                Done::Cleared(disk) => {
                    if let Some(disk) = disk {
                        self.put(disk);
                    }
                }
            }
        }
        failures
    }

    fn put(&mut self, disk: Disk) {
        let ready = self.ready.entry(disk.bytes).or_default();
        if ready.len() < limits::DISKS_KEPT {
            ready.push(disk);
        }
    }

    pub(super) fn take(&mut self, bytes: u64) -> Option<Disk> {
        let disk = self.ready.get_mut(&bytes)?.pop()?;
        self.lent += 1;
        Some(disk)
    }

    /// Whose environment has ended.
    pub(super) fn give_back(&mut self, disk: Disk) {
        self.lent = self.lent.saturating_sub(1);
        // The thread is there as long as this process.
        let _ = self.used.send(disk);
    }

    /// Has as many made as are waited for.
    pub(super) fn have(&mut self, bytes: u64, wanted: usize) {
        let making = self.making.entry(bytes).or_default();
        while *making < wanted {
            *making += 1;
            let _ = self.orders.send(bytes);
        }
    }

    /// The first few.
    pub(super) fn begin(&mut self) {
        self.have(USUAL, limits::DISKS_FIRST);
    }

    /// Whether more should be made in the background.
    pub(super) fn is_low(&self) -> bool {
        let making: usize = self.making.values().sum();
        let ready = self.ready.get(&USUAL).map_or(0, Vec::len);
        making == 0 && (ready < limits::DISKS_SPARE || ready + self.lent < limits::DISKS_AHEAD)
    }

    /// One more.
    pub(super) fn add(&mut self) {
        self.have(USUAL, 1);
    }
}

struct Teller {
    done: mpsc::Sender<Done>,
    ring: UnixStream,
}

impl Teller {
    fn tell(&self, done: Done) {
        // What is emptied is not waited for: it is found with the next thing that happens.
        let waited_for = matches!(done, Done::Made(_, _));
        let _ = self.done.send(done);
        if !waited_for {
            return;
        }
        // A full socket rings as well.
        let _ = rustix::io::write(&self.ring, b"+");
    }
}

struct Maker {
    formats: Mutex<HashMap<u64, Arc<Format>>>,
    beside: OwnedFd,
    place: PathBuf,
    made: AtomicU64,
}

impl Maker {
    fn make(&self, bytes: u64) -> Result<Disk, Failure> {
        let format = self.format(bytes)?;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Disk::make(bytes, &format, &self.beside, self.place.join(number.to_string()))
    }

    fn format(&self, bytes: u64) -> Result<Arc<Format>, Failure> {
        disk::is_a_disk(&self.beside)?;
        // Whoever else wants one in the meantime waits for this one.
        let mut formats = self.formats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(format) = formats.get(&bytes) {
            return Ok(Arc::clone(format));
        }
        let format = Format::make(bytes).map_err(|error| Step::Disk.failed(error, "mkfs.ext4"))?;
        let format = Arc::new(format);
        formats.insert(bytes, Arc::clone(&format));
        Ok(format)
    }
}
