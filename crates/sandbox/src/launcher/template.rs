//! The first process of a template: a sandbox whose runtime is initialised and serves nobody, but is copied.
//!
//! ```text
//!  template's sandbox                                      a copy's sandbox, made by this process
//!    1  this process ───────────────clone────────────────►   1  its first process
//!    2  the runtime                                           n  the copy's runtime
//!       └─ 3  the standby, a fork that waits ──moved and forked──►┘
//! ```
//!
//! The runtime forks a standby and waits for its end. The standby is told by its `gate` to ask for a fork of its own:
//! there it is stopped, and stands until a copy is wanted. Then, by [`Tracee`], it enters the sandbox that was made for
//! the copy. Its fork is born in there, loses the powers that entering gave, and is the copy; the standby ends, and the
//! runtime forks another. Always true here:
//! - nothing of the function's runs with any capability, nor may it enter another sandbox by itself;
//! - a copy's sandbox belongs to the template's: no other function's process can get into it, and it ends with it.

use std::{
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, Signal, WaitOptions},
};
use sonagi_model::limits;

use super::{
    Failure, Step, confine, disks, environment, init,
    message::{self, Word},
    order::Sandbox,
    root, serve, still, sys,
    trace::{Traced, Tracee},
};

/// The first process of a template's sandbox.
pub(super) struct Template<'a> {
    runtime: Pid,
    children: &'a OwnedFd,
    /// Leads to the standby, whichever it is.
    gate: UnixStream,
    /// It stands where it has asked for its fork.
    standby: Option<Tracee>,
    /// It has been copied, and is to end soon.
    spent: Option<Tracee>,
    /// Whether one is made to stand as soon as there is one.
    ahead: bool,
    users: Option<u32>,
    copies: Vec<Copy>,
    /// How many copies were made.
    made: u32,
}

struct Copy {
    init: Pid,
    runtime: Pid,
    conversation: UnixStream,
}

/// The first number of a copy's runtime in its sandbox: no copy has the template's, or another's of late, which programs
/// go by that draw random numbers (RAND_bytes of OpenSSL, `tempfile` of Python).
const FIRST_NUMBER: u32 = 100;
const NUMBERS: u32 = 30_000;
/// How long a copy has the processors for itself before the next standby is forked.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

impl<'a> Template<'a> {
    pub(super) fn new(runtime: Pid, children: &'a OwnedFd, gate: UnixStream, users: Option<u32>) -> Self {
        Self {
            runtime,
            children,
            gate,
            standby: None,
            spent: None,
            ahead: true,
            users,
            copies: Vec::new(),
            made: 0,
        }
    }

    /// Does what the driver asks for, until it goes.
    pub(super) fn run(mut self, socket: &UnixStream) -> ! {
        loop {
            let mut files =
                vec![PollFd::new(self.children, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
            if self.ahead && self.standby.is_none() {
                files.push(PollFd::new(&self.gate, PollFlags::IN));
            }
            let pause = self.spent.is_some().then_some(PAUSE);
            let quiet = match rustix::event::poll(&mut files, pause.as_ref()) {
                Ok(count) => count == 0,
                Err(rustix::io::Errno::INTR) => false,
                Err(_) => std::process::exit(super::FAILED),
            };
            let asked = !files[1].revents().is_empty();
            let stands = files.get(2).is_some_and(|gate| !gate.revents().is_empty());
            if quiet {
                self.end_spent();
            }
            if asked && self.serve(socket).is_err() {
                std::process::exit(super::FAILED);
            }
            if stands && !asked {
                // What goes wrong here goes wrong again when a copy is wanted, and is said then.
                self.standby = self.stand().ok();
                self.ahead = self.standby.is_some();
            }
            // A copy's making may have taken the news of an end.
            self.reap(socket);
        }
    }

    fn serve(&mut self, socket: &UnixStream) -> io::Result<()> {
        let (mut byte, mut files) = ([0], Vec::new());
        if message::receive(socket, &mut byte, &mut files)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut files = files.into_iter();
        let Some(conversation) = files.next().map(UnixStream::from) else {
            init::hold_or_resume(byte);
            return Ok(());
        };
        let done = match (byte, files.next(), files.next().map(UnixStream::from)) {
            ([message::STILL], _, _) => still::check(self.runtime).map_err(|reason| Failure {
                step: Step::Still,
                errno: 0,
                subject: reason.replace('\n', " "),
            }),
            ([message::COPY], Some(output), Some(lease)) => {
                self.copy(&conversation, output, lease, files.collect())
            }
            (_, _, _) => return Ok(()),
        };
        let word = match done {
            Ok(()) => Word::Started,
            Err(failure) => Word::Failed(failure),
        };
        // The driver may have given it up.
        let _ = message::say(&conversation, &word, &[]);
        Ok(())
    }

    fn reap(&mut self, socket: &UnixStream) {
        let mut signals = [0; 512];
        let _ = rustix::io::read(self.children, &mut signals);
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == self.runtime {
                let _ = message::say(socket, &Word::Ended(status.as_raw()), &[]);
                if self.copies.is_empty() {
                    std::process::exit(0);
                }
            }
            if let Some(copy) = self.copies.iter().find(|copy| copy.runtime == pid) {
                let _ = message::say(&copy.conversation, &Word::Ended(status.as_raw()), &[]);
                let _ = rustix::process::kill_process(copy.init, Signal::KILL);
            }
            self.copies.retain(|copy| copy.init != pid);
            // What is left of it was waited for just now.
            for held in [&mut self.spent, &mut self.standby] {
                if let Some(ended) = held.take_if(|standby| standby.pid() == pid.as_raw_nonzero().get()) {
                    ended.forget();
                }
            }
        }
    }

    /// Makes a copy.
    fn copy(
        &mut self,
        conversation: &UnixStream,
        output: OwnedFd,
        lease: UnixStream,
        groups: Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        let lost = |error| Step::Order.failed(error, "");
        let copying = |error| Step::Copy.failed(error, "");
        let (order, _) = message::order(conversation).map_err(lost)?;
        let sandbox = order.sandbox.unwrap_or_default();
        let kept = conversation.try_clone().map_err(lost)?;
        self.made = self.made.wrapping_add(1);
        let (ready, say_ready) = UnixStream::pair().map_err(lost)?;
        let room = Room {
            sandbox: &sandbox,
            lease: sandbox.wants_a_disk().then_some(lease),
            last_number: FIRST_NUMBER + self.made % NUMBERS,
            groups: &groups,
            children: self.children,
        };
        let init = match self.clone_init().map_err(|error| Step::Namespaces.failed(error, ""))? {
            sys::Cloned::Child => {
                drop((ready, output));
                self.copies.clear();
                let Err(failure) = room.become_it(conversation, &say_ready);
                let _ = message::say(conversation, &Word::Failed(failure), &[]);
                std::process::exit(super::FAILED);
            }
            sys::Cloned::Parent { pid, handle } => {
                drop(say_ready);
                message::say(conversation, &Word::Born(pid), &[handle.as_fd()]).map_err(lost)?;
                // It speaks on the same socket, and not before this.
                rustix::io::write(&ready, b"+").map_err(|error| lost(error.into()))?;
                Pid::from_raw(pid).ok_or_else(|| copying(io::ErrorKind::InvalidData.into()))?
            }
        };
        // While its sandbox is being made, unless it stands already.
        self.end_spent();
        let standby = match self.standby.take() {
            Some(standby) => Ok(standby),
            None => self.stand(),
        };
        let moved = standby.and_then(|mut standby| {
            let failed = |doing| move |error| Step::Copy.failed(error, doing);
            let namespaces = namespaces(&ready).map_err(failed("its sandbox"))?;
            standby.renew(limits::COPY_TIMEOUT);
            let all: Vec<_> =
                [&output].into_iter().chain(&groups).chain(&namespaces).map(AsFd::as_fd).collect();
            message::send(&self.gate, b"g", &all).map_err(failed("pass its files"))?;
            let files = take(&mut standby, all.len()).map_err(failed("take its files"))?;
            let (log, rest) =
                files.split_first().ok_or_else(|| copying(io::ErrorKind::InvalidData.into()))?;
            let (groups, namespaces) = rest.split_at(groups.len());
            write_to(&mut standby, *log).map_err(failed("write to its log"))?;
            join(&mut standby, groups).map_err(failed("join the groups"))?;
            enter(&mut standby, namespaces).map_err(failed("enter the sandbox"))?;
            close(&mut standby, &files).map_err(failed("close its files"))?;
            let copy = standby.fork().map_err(failed("fork"))?;
            let runtime = powerless(copy).map_err(failed("lose its powers"))?;
            // Its end has the runtime fork another: not while the copy needs the processors.
            self.spent = Some(standby);
            Ok(runtime)
        });
        match moved {
            Ok(runtime) => {
                self.copies.push(Copy { init, runtime, conversation: kept });
                Ok(())
            }
            Err(failure) => {
                let _ = rustix::process::kill_process(init, Signal::KILL);
                Err(failure)
            }
        }
    }

    fn end_spent(&mut self) {
        if let Some(spent) = self.spent.take() {
            spent.end();
        }
    }

    /// The process that is to be copied, where it has asked for its fork.
    fn stand(&self) -> Result<Tracee, Failure> {
        let failed = |doing| move |error| Step::Copy.failed(error, doing);
        let pid = self.number_of_standby().map_err(failed("standby"))?;
        let traced = Traced::seize(pid, limits::COPY_TIMEOUT).map_err(failed("trace it"))?;
        rustix::io::write(&self.gate, b"+").map_err(|error| failed("tell the standby")(error.into()))?;
        traced.run_to_fork().map_err(failed("wait for its fork"))
    }

    fn number_of_standby(&self) -> io::Result<i32> {
        let mut text = [0; 16];
        self.gate.set_read_timeout(Some(limits::COPY_TIMEOUT))?;
        let size = rustix::io::read(&self.gate, &mut text)?;
        let pid: i32 =
            std::str::from_utf8(&text[..size]).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        // It says so itself, and gains nothing by naming another: all of them are the function's, but the first.
        if pid > 1 { Ok(pid) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// A process in namespaces of its own, which belong to the function's user: so that a process of that user may enter
    /// them.
    fn clone_init(&self) -> io::Result<sys::Cloned> {
        if self.users.is_none() {
            return sys::clone(serve::NAMESPACES, None);
        }
        sys::act_as(root::USER, root::GROUP)?;
        let cloned = sys::clone(serve::NAMESPACES, None);
        if !matches!(cloned, Ok(sys::Cloned::Child)) {
            sys::act_as(0, 0)?;
        }
        cloned
    }
}

/// Of a sandbox, by their names below `/proc/<pid>/ns`: the user namespace gives the right to enter the others.
const NAMESPACES: [&str; 7] = ["user", "cgroup", "ipc", "uts", "net", "pid", "mnt"];

/// The number that the runtime finds its gate at.
pub(super) const GATE: i32 = 3;

/// What the first process of a copy's sandbox makes it of.
struct Room<'a> {
    sandbox: &'a Sandbox,
    /// Where its `/tmp` comes from.
    lease: Option<UnixStream>,
    last_number: u32,
    groups: &'a [OwnedFd],
    children: &'a OwnedFd,
}

impl Room<'_> {
    fn become_it(
        self,
        conversation: &UnixStream,
        ready: &UnixStream,
    ) -> Result<std::convert::Infallible, Failure> {
        let namespaces = |error| Step::Namespaces.failed(error, "");
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| namespaces(error.into()))?;
        match rustix::io::read(ready, &mut [0]) {
            Ok(1) => {}
            Ok(_) | Err(_) => return Err(Step::Order.failed(io::ErrorKind::UnexpectedEof.into(), "")),
        }
        self.map_self().map_err(namespaces)?;
        for group in self.groups {
            rustix::io::write(group, b"0").map_err(|error| Step::Group.failed(error.into(), ""))?;
        }
        sys::unshare(libc::CLONE_NEWCGROUP).map_err(namespaces)?;
        environment::open_doors(self.sandbox, conversation)?;
        environment::mount_proc("/proc")?;
        if let Some(lease) = &self.lease {
            // It is refused below, if it was not heard.
            let _ = disks::claim(lease);
        }
        environment::mount_temporary(self.sandbox, self.lease.as_ref(), conversation, "/tmp")?;
        environment::wait_for_network(self.sandbox, conversation)?;
        fs::write("/proc/sys/kernel/ns_last_pid", self.last_number.to_string())
            .map_err(|error| Step::Copy.failed(error, "ns_last_pid"))?;
        confine::keep_nothing().map_err(|error| Step::Privileges.failed(error, ""))?;
        self.show(ready).map_err(|error| Step::Order.failed(error, ""))?;
        rest(self.children, conversation)
    }

    /// Passes this process's namespaces on: the copy may not look into this process to find them.
    fn show(&self, ready: &UnixStream) -> io::Result<()> {
        let open = |name: &str| fs::File::open(format!("/proc/self/ns/{name}"));
        let all = NAMESPACES.into_iter().map(open).collect::<io::Result<Vec<_>>>()?;
        let borrowed: Vec<_> = all.iter().map(AsFd::as_fd).collect();
        message::send(ready, b"+", &borrowed)
    }

    /// This process's user is the function's, in here as well.
    fn map_self(&self) -> io::Result<()> {
        // Its own files below `/proc` are its user's only then. Nobody else has all of its numbers at this moment.
        confine::be_open()?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", root::USER))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", root::GROUP))?;
        confine::be_private()?;
        sys::be(root::USER, root::GROUP)
    }
}

/// Reaps what the function leaves behind, until the driver goes.
fn rest(children: &OwnedFd, conversation: &UnixStream) -> ! {
    loop {
        let mut files = [PollFd::new(children, PollFlags::IN), PollFd::new(conversation, PollFlags::IN)];
        match rustix::event::poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::process::exit(super::FAILED),
        }
        if !files[1].revents().is_empty() {
            init::obey(conversation, None, None);
        }
        let mut signals = [0; 512];
        let _ = rustix::io::read(children, &mut signals);
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
    }
}

/// The namespaces of a sandbox that is ready.
fn namespaces(ready: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    ready.set_read_timeout(Some(limits::COPY_TIMEOUT))?;
    let mut files = Vec::new();
    match message::receive(ready, &mut [0], &mut files)? {
        1 if files.len() == NAMESPACES.len() => Ok(files),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Has the process take the files that are on their way to it through its gate: their numbers in it.
fn take(tracee: &mut Tracee, count: usize) -> io::Result<Vec<u64>> {
    /// `struct msghdr`, `struct iovec`, a byte, `struct cmsghdr`, and room for the files: in words.
    const VECTOR: usize = 7;
    const BYTE: usize = VECTOR + 2;
    const CONTROL: usize = BYTE + 1;
    let control = 2 + count.div_ceil(2);
    let mut words = vec![0_u64; CONTROL + control];
    let at = tracee.place();
    let address = |word: usize| at + (word * size_of::<u64>()) as u64;
    words[2] = address(VECTOR);
    words[3] = 1;
    words[4] = address(CONTROL);
    words[5] = (control * size_of::<u64>()) as u64;
    words[VECTOR] = address(BYTE);
    words[VECTOR + 1] = 1;
    tracee.put(&words)?;
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    tracee.call(libc::SYS_recvmsg, [GATE as u64, at, flags as u64, 0, 0, 0])?;
    let mut files = Vec::new();
    for number in 0..count {
        let word = tracee.word(address(CONTROL + 2 + number / 2))?;
        files.push(if number % 2 == 0 { word & 0xffff_ffff } else { word >> 32 });
    }
    Ok(files)
}

/// Has the process write to its own log from here on: its standard output, and the rest follows by itself.
fn write_to(tracee: &mut Tracee, log: u64) -> io::Result<()> {
    tracee.call(libc::SYS_dup3, [log, libc::STDOUT_FILENO as u64, 0, 0, 0, 0]).map(drop)
}

/// Has the process join the groups whose entrances it has.
fn join(tracee: &mut Tracee, entrances: &[u64]) -> io::Result<()> {
    let zero = tracee.put(&[u64::from(b'0')])?;
    for &file in entrances {
        tracee.call(libc::SYS_write, [file, zero, 1, 0, 0, 0])?;
    }
    Ok(())
}

/// Moves the process into the namespaces; what it forks is born in them.
fn enter(tracee: &mut Tracee, namespaces: &[u64]) -> io::Result<()> {
    for &file in namespaces {
        tracee.call(libc::SYS_setns, [file, 0, 0, 0, 0, 0])?;
    }
    Ok(())
}

/// Has the process close all of these. They have come together, and mostly have numbers in a row.
fn close(tracee: &mut Tracee, files: &[u64]) -> io::Result<()> {
    for row in files.chunk_by(|one, next| one + 1 == *next) {
        if let (Some(&first), Some(&last)) = (row.first(), row.last()) {
            tracee.call(libc::SYS_close_range, [first, last, 0, 0, 0, 0])?;
        }
    }
    Ok(())
}

/// Takes away what entering the sandbox gave, and lets the copy go.
fn powerless(mut copy: Tracee) -> io::Result<Pid> {
    /// `_LINUX_CAPABILITY_VERSION_3`, and the process itself; then nothing of anything.
    const HEADER: u64 = 0x2008_0522;
    let header = copy.put(&[HEADER, 0, 0, 0])?;
    let nothing = header + size_of::<u64>() as u64;
    copy.call(libc::SYS_capset, [header, nothing, 0, 0, 0, 0])?;
    // What was put there lies in memory that the function may have shared out.
    let status = fs::read_to_string(format!("/proc/{}/status", copy.pid()))?;
    let has = |line: &str| {
        let set =
            ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"].iter().find_map(|name| line.strip_prefix(name));
        set.is_some_and(|set| set.trim().bytes().any(|digit| digit != b'0'))
    };
    if status.lines().any(has) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let pid = copy.release()?;
    Pid::from_raw(pid).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// So that the gate can be waited on by whoever has it.
pub(super) fn gate() -> io::Result<(UnixStream, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((ours.into(), theirs))
}

/// In the runtime: the gate has its number, and stays open across the exec.
pub(super) fn place_gate(gate: OwnedFd) -> io::Result<()> {
    if gate.as_raw_fd() == GATE {
        rustix::io::fcntl_setfd(&gate, rustix::io::FdFlags::empty())?;
        std::mem::forget(gate);
        return Ok(());
    }
    sys::duplicate_to(gate.as_fd(), GATE)
}
