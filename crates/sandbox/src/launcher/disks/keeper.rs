//! The process that holds all file systems: it lends them, and takes them back.

use std::{
    convert::Infallible,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, Resource, Rlimit, Signal},
};
use sonagi_model::limits;

use super::{
    super::{
        Failure, Step,
        message::{self, Word},
    },
    disk::{self, Disk},
    shelf::{Rung, Shelf},
};

/// Serves the launcher at the other end of `requests`, until that ends.
pub(super) fn run(requests: OwnedFd, beside: OwnedFd, place: &Path, launcher: Pid) -> io::Result<Infallible> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if !super::is_child_of(launcher) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // Three files for each file system.
    let files = rustix::process::getrlimit(Resource::Nofile).maximum;
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files, maximum: files });
    disk::ground(place)?;
    let room = beside.try_clone()?;
    let mut shelf = Shelf::open(beside, place.to_path_buf())?;
    shelf.begin();
    let mut keeper = Keeper { shelf, room, leases: Vec::new(), broken: None, awaits: Awaits::Quiet };
    loop {
        keeper.turn(&requests)?;
    }
}

struct Keeper {
    shelf: Shelf,
    /// Where the files are.
    room: OwnedFd,
    leases: Vec<Lease>,
    /// Why none can be made at present.
    broken: Option<Failure>,
    awaits: Awaits,
}

/// What it does next if nobody asks for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// The end of the first rush, before it makes more than a few.
    Quiet,
    /// The next of those that are made ahead, one after the other.
    Next,
}

/// One environment's.
struct Lease {
    bytes: u64,
    state: State,
}

enum State {
    /// Whose it is has not been said.
    Unclaimed(UnixStream),
    /// The process is known, and waits.
    Claimed(UnixStream, OwnedFd),
    /// It has one, until it ends.
    Held(OwnedFd, Disk),
    Over,
}

impl Keeper {
    /// Waits for something to happen, and sees to it.
    fn turn(&mut self, requests: &OwnedFd) -> io::Result<()> {
        let patience = self.patience().map(|patience| Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: patience.subsec_nanos().into(),
        });
        let happened: Vec<bool> = {
            let mut files: Vec<_> = [requests.as_fd(), self.shelf.bell()]
                .into_iter()
                .chain(self.leases.iter().filter_map(Lease::awaited))
                .map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN))
                .collect();
            match rustix::event::poll(&mut files, patience.as_ref()) {
                Ok(0) => Vec::new(),
                Ok(_) => files.iter().map(|file| !file.revents().is_empty()).collect(),
                Err(rustix::io::Errno::INTR) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        };
        let Some((&[asked, rung], leases)) = happened.split_first_chunk::<2>() else {
            self.idle();
            return Ok(());
        };
        // Before any is added.
        for (at, _) in leases.iter().enumerate().filter(|(_, happened)| **happened) {
            self.hear(at);
        }
        self.collect(if rung { Rung::Yes } else { Rung::No });
        if asked {
            self.accept(requests)?;
        }
        self.lend();
        self.leases.retain(|lease| !matches!(lease.state, State::Over));
        Ok(())
    }

    /// Puts what was made and emptied on the shelf.
    fn collect(&mut self, rung: Rung) {
        for (bytes, failure) in self.shelf.collect(rung) {
            self.refuse(bytes, &failure);
            self.broken = Some(failure);
        }
    }

    fn patience(&self) -> Option<Duration> {
        match (&self.broken, self.awaits) {
            (Some(_), _) => Some(limits::DISK_RETRY),
            (None, _) if !self.shelf.is_low() => None,
            (None, Awaits::Quiet) => Some(limits::DISKS_QUIET),
            (None, Awaits::Next) => Some(limits::DISKS_PAUSE),
        }
    }

    fn idle(&mut self) {
        self.collect(Rung::No);
        self.awaits = Awaits::Next;
        // Perhaps it can be done now.
        self.broken = None;
        if self.shelf.is_low() {
            self.shelf.add();
        }
    }

    /// One more lease, of a process that is known or will say so.
    fn accept(&mut self, requests: &OwnedFd) -> io::Result<()> {
        let (mut bytes, mut files) = ([0; 8], Vec::new());
        let size = message::receive(requests, &mut bytes, &mut files)?;
        if size == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut files = files.into_iter();
        let Some(socket) = files.next().map(UnixStream::from) else { return Ok(()) };
        let state = match files.next() {
            Some(process) => State::Claimed(socket, process),
            None => State::Unclaimed(socket),
        };
        self.leases.push(Lease { bytes: u64::from_le_bytes(bytes), state });
        Ok(())
    }

    fn hear(&mut self, at: usize) {
        let Some(lease) = self.leases.get_mut(at) else { return };
        lease.state = match std::mem::replace(&mut lease.state, State::Over) {
            State::Unclaimed(socket) => {
                let mut files = Vec::new();
                match (message::receive(&socket, &mut [0], &mut files), files.pop()) {
                    (Ok(1), Some(process)) => State::Claimed(socket, process),
                    (Ok(_) | Err(_), _) => State::Over,
                }
            }
            // It has gone, or given it up.
            State::Claimed(_, _) | State::Over => State::Over,
            State::Held(_, disk) => {
                self.shelf.give_back(disk);
                State::Over
            }
        };
    }

    /// Gives what there is to those that wait, and has as many made as are lacking.
    fn lend(&mut self) {
        let mut lacking = std::collections::HashMap::<u64, usize>::new();
        for lease in &mut self.leases {
            let State::Claimed(socket, _) = &lease.state else { continue };
            let refusal = match (disk::has_room(&self.room, lease.bytes), &self.broken) {
                (Err(failure), _) => Some(failure),
                (Ok(()), broken) => match (self.shelf.take(lease.bytes), broken) {
                    (Some(mut disk), _) => {
                        let State::Claimed(socket, process) =
                            std::mem::replace(&mut lease.state, State::Over)
                        else {
                            continue;
                        };
                        let lent = disk.lend();
                        let _ = match lent {
                            Ok(mount) => message::say(&socket, &Word::Mounts, &[mount.as_fd()]),
                            Err(error) => {
                                let failure = Step::Disk.failed(error, "lend");
                                message::say(&socket, &Word::Failed(failure), &[])
                            }
                        };
                        // Where it did not arrive it is taken back when the process has ended.
                        lease.state = State::Held(process, disk);
                        continue;
                    }
                    (None, Some(failure)) => Some(failure.clone()),
                    (None, None) => None,
                },
            };
            match refusal {
                Some(failure) => {
                    let _ = message::say(socket, &Word::Failed(failure), &[]);
                    lease.state = State::Over;
                }
                None => *lacking.entry(lease.bytes).or_default() += 1,
            }
        }
        for (bytes, wanted) in lacking {
            self.shelf.have(bytes, wanted);
        }
    }

    /// Tells those that wait for one of this size.
    fn refuse(&mut self, bytes: u64, failure: &Failure) {
        for lease in self.leases.iter_mut().filter(|lease| lease.bytes == bytes) {
            if let State::Claimed(socket, _) = &lease.state {
                let _ = message::say(socket, &Word::Failed(failure.clone()), &[]);
                lease.state = State::Over;
            }
        }
    }
}

impl Lease {
    /// What shows that something has happened to it.
    fn awaited(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Unclaimed(socket) | State::Claimed(socket, _) => Some(socket.as_fd()),
            State::Held(process, _) => Some(process.as_fd()),
            State::Over => None,
        }
    }
}
