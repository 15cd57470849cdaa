//! Another process's system calls, made to happen: what moves a copy of a template into its own sandbox without a
//! moment in which the function's code runs with more than a function has.
//!
//! For the time of the move the copy is traced. It stops where it asks for a new process, and there the calls are made
//! in its place that a function may not make; `setns` above all, which the filter of a template lets through for a
//! traced process only.
#![expect(unsafe_code, reason = "ptrace has no safe wrapper; each call says why it is sound")]

use std::{
    io, mem, ptr,
    time::{Duration, Instant},
};

use libc::{c_long, c_void};

/// What a fork looks like when it starts: everything that would share memory is no copy.
const SHARED: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_VFORK) as u64;
/// Bytes below the stack that a call's arguments are put at: past what the function itself may keep there without
/// having moved its stack (System V ABI, "red zone", 128 bytes).
const BELOW: u64 = 1_024;
/// Stops before a process that should ask for a copy of itself is given up.
const STOPS: usize = 20_000;

/// A process under our control. Dropping it kills it.
pub(super) struct Traced {
    pid: i32,
    deadline: Instant,
}

/// One that stands where it has asked for a copy of itself, or is that copy.
pub(super) struct Tracee {
    traced: Traced,
    registers: libc::user_regs_struct,
    fork: Fork,
}

/// The call that makes a copy.
#[derive(Clone, Copy)]
struct Fork {
    call: i64,
    arguments: [u64; 6],
}

/// Why a traced process has stopped.
enum Stop {
    Entry {
        call: i64,
        arguments: [u64; 6],
    },
    Exit,
    /// It has made a new process, which stops too.
    Born,
    /// To be gone on with.
    Other {
        signal: i32,
    },
}

impl Traced {
    /// Takes control of `pid`, which runs on until [`run_to_fork`](Self::run_to_fork). `limit` is for all of it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the launcher is a program of its own, without the server's clock"
    )]
    pub(super) fn seize(pid: i32, limit: Duration) -> io::Result<Self> {
        let options = libc::PTRACE_O_TRACESYSGOOD
            | libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACEVFORK
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_TRACESECCOMP
            | libc::PTRACE_O_EXITKILL;
        request(libc::PTRACE_SEIZE, pid, 0, options as u64)?;
        let traced = Self { pid, deadline: Instant::now() + limit };
        request(libc::PTRACE_INTERRUPT, pid, 0, 0)?;
        traced.stop()?;
        Ok(traced)
    }

    /// Has it run up to where it asks for a copy of itself, which it does not get yet.
    pub(super) fn run_to_fork(self) -> io::Result<Tracee> {
        let mut signal = 0;
        for _ in 0..STOPS {
            request(libc::PTRACE_SYSCALL, self.pid, 0, signal as u64)?;
            signal = 0;
            match self.stop()? {
                Stop::Entry { call, arguments } if is_fork(call, &arguments) => {
                    let tracee = Tracee {
                        registers: registers(self.pid)?,
                        traced: self,
                        fork: Fork { call, arguments },
                    };
                    return tracee.refuse_fork();
                }
                Stop::Entry { .. } | Stop::Exit => {}
                Stop::Other { signal: other } => signal = other,
                Stop::Born => return Err(lost()),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Waits until it stops.
    fn stop(&self) -> io::Result<Stop> {
        let status = self.wait()?;
        let signal = (status >> 8) & 0xff;
        match (signal, status >> 16) {
            (_, libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE) => {
                Ok(Stop::Born)
            }
            (signal, 0) if signal == libc::SIGTRAP | 0x80 => self.syscall(),
            (signal, 0) => Ok(Stop::Other { signal }),
            // What the filter let through, an interruption, the birth of a copy.
            (_, _) => Ok(Stop::Other { signal: 0 }),
        }
    }

    fn syscall(&self) -> io::Result<Stop> {
        // SAFETY: numbers, of which all zeroes are valid.
        let mut info: libc::ptrace_syscall_info = unsafe { mem::zeroed() };
        let size = size_of_val(&info) as u64;
        request(libc::PTRACE_GET_SYSCALL_INFO, self.pid, size, ptr::from_mut(&mut info) as u64)?;
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                // SAFETY: of an entry the kernel has filled in this member.
                let entry = unsafe { info.u.entry };
                Ok(Stop::Entry { call: entry.nr as i64, arguments: entry.args })
            }
            _ => Ok(Stop::Exit),
        }
    }

    /// A stop's status, as `wait` says it.
    fn wait(&self) -> io::Result<i32> {
        loop {
            let mut status = 0;
            // SAFETY: the status outlives the call, which stores a number there.
            match unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL | libc::WNOHANG) } {
                0 => self.pause()?,
                -1 => return Err(io::Error::last_os_error()),
                _ if libc::WIFSTOPPED(status) => return Ok(status),
                _ => return Err(lost()),
            }
        }
    }

    /// A moment, in which it may stop; an error when its time is over.
    #[expect(
        clippy::disallowed_methods,
        reason = "the launcher is a program of its own, without the server's clock"
    )]
    fn pause(&self) -> io::Result<()> {
        if Instant::now() >= self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // SAFETY: the set is initialised by `sigemptyset`; nothing is stored. SIGCHLD is blocked, so that it ends this
        // and is taken here: whoever reads the file for it is told to look by `Template::copy`.
        unsafe {
            let mut signals: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&mut signals);
            libc::sigaddset(&mut signals, libc::SIGCHLD);
            let moment = libc::timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            libc::sigtimedwait(&signals, ptr::null_mut(), &moment);
        }
        Ok(())
    }
}

impl Tracee {
    fn refuse_fork(self) -> io::Result<Self> {
        let mut none = self.registers;
        none.orig_rax = u64::MAX;
        set_registers(self.traced.pid, &none)?;
        request(libc::PTRACE_SYSCALL, self.traced.pid, 0, 0)?;
        match self.traced.stop()? {
            Stop::Exit => Ok(self),
            Stop::Entry { .. } | Stop::Born | Stop::Other { .. } => Err(lost()),
        }
    }

    /// Makes a call in its place. What it returns.
    pub(super) fn call(&mut self, call: c_long, arguments: [u64; 6]) -> io::Result<u64> {
        self.begin(call, arguments)?;
        loop {
            // The one instruction that asks the kernel: it stops once, after it, and not before it as well.
            request(libc::PTRACE_SINGLESTEP, self.traced.pid, 0, 0)?;
            match self.traced.stop()? {
                Stop::Other { signal: libc::SIGTRAP } => break,
                // What the filter lets through.
                Stop::Other { signal: 0 } => {}
                Stop::Entry { .. } | Stop::Exit | Stop::Born | Stop::Other { .. } => return Err(lost()),
            }
        }
        let result = registers(self.traced.pid)?.rax as i64;
        match result {
            -4_095..0 => Err(io::Error::from_raw_os_error((-result) as i32)),
            _ => Ok(result as u64),
        }
    }

    /// Gives it the copy of itself that it has asked for, and control of that one.
    pub(super) fn fork(&mut self) -> io::Result<Self> {
        let Fork { call, arguments } = self.fork;
        self.begin(call as c_long, arguments)?;
        loop {
            request(libc::PTRACE_SYSCALL, self.traced.pid, 0, 0)?;
            match self.traced.stop()? {
                Stop::Born => break,
                Stop::Entry { .. } | Stop::Other { signal: 0 } => {}
                Stop::Exit => {
                    let result = registers(self.traced.pid)?.rax as i64;
                    return Err(io::Error::from_raw_os_error((-result) as i32));
                }
                Stop::Other { .. } => return Err(lost()),
            }
        }
        let mut pid: libc::c_ulong = 0;
        request(libc::PTRACE_GETEVENTMSG, self.traced.pid, 0, ptr::from_mut(&mut pid) as u64)?;
        let pid = i32::try_from(pid).map_err(|_| lost())?;
        let copy = Traced { pid, deadline: self.traced.deadline };
        copy.stop()?;
        Ok(Self { registers: registers(pid)?, traced: copy, fork: self.fork })
    }

    pub(super) fn pid(&self) -> i32 {
        self.traced.pid
    }

    /// `limit` is for all that follows.
    #[expect(
        clippy::disallowed_methods,
        reason = "the launcher is a program of its own, without the server's clock"
    )]
    pub(super) fn renew(&mut self, limit: Duration) {
        self.traced.deadline = Instant::now() + limit;
    }

    /// Ends it. Its parent hears of that only once whoever traces it has heard.
    pub(super) fn end(self) {
        let pid = self.traced.pid;
        drop(self.traced);
        loop {
            let mut status = 0;
            // SAFETY: the status outlives the call, which stores a number there. SIGKILL is on its way, and nothing
            // stops that.
            let waited = unsafe { libc::waitpid(pid, &mut status, libc::__WALL) };
            let interrupted = waited < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
            if !interrupted && (waited < 0 || !libc::WIFSTOPPED(status)) {
                return;
            }
        }
    }

    /// It has ended, and was waited for.
    pub(super) fn forget(self) {
        mem::forget(self.traced);
    }

    /// Lets it go on from where it asked, as the copy.
    pub(super) fn release(self) -> io::Result<i32> {
        let mut own = self.registers;
        own.rax = 0;
        own.orig_rax = u64::MAX;
        set_registers(self.traced.pid, &own)?;
        request(libc::PTRACE_DETACH, self.traced.pid, 0, 0)?;
        let pid = self.traced.pid;
        mem::forget(self.traced);
        Ok(pid)
    }

    /// Where its calls may find what is put there.
    pub(super) fn place(&self) -> u64 {
        (self.registers.rsp - BELOW) & !0xf
    }

    /// Puts bytes, a whole number of words, at that place: the address.
    pub(super) fn put(&self, words: &[u64]) -> io::Result<u64> {
        let at = self.place();
        for (address, &word) in (at..).step_by(size_of::<u64>()).zip(words) {
            request(libc::PTRACE_POKEDATA, self.traced.pid, address, word)?;
        }
        Ok(at)
    }

    /// Reads the word at `address`.
    pub(super) fn word(&self, address: u64) -> io::Result<u64> {
        let mut word: u64 = 0;
        // The system call, unlike the library's function, stores the word.
        request(libc::PTRACE_PEEKDATA, self.traced.pid, address, ptr::from_mut(&mut word) as u64)?;
        Ok(word)
    }

    /// Has `call` be what it does next: the instruction that asks the kernel is the one it has just come from.
    fn begin(&self, call: c_long, arguments: [u64; 6]) -> io::Result<()> {
        let mut own = self.registers;
        own.rip -= SYSCALL_SIZE;
        own.rax = call as u64;
        own.orig_rax = u64::MAX;
        [own.rdi, own.rsi, own.rdx, own.r10, own.r8, own.r9] = arguments;
        set_registers(self.traced.pid, &own)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // SAFETY: two numbers. The process cannot have been reaped: it would have ended, and then `wait` is the one to
        // see it; a second signal to what has been waited for finds nobody.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
    }
}

/// Bytes of the instruction that asks the kernel.
const SYSCALL_SIZE: u64 = 2;

fn is_fork(call: i64, arguments: &[u64; 6]) -> bool {
    call == libc::SYS_fork || (call == libc::SYS_clone && arguments[0] & SHARED == 0)
}

fn registers(pid: i32) -> io::Result<libc::user_regs_struct> {
    // SAFETY: numbers, of which all zeroes are valid.
    let mut registers = unsafe { mem::zeroed() };
    request(libc::PTRACE_GETREGS, pid, 0, ptr::from_mut(&mut registers) as u64)?;
    Ok(registers)
}

fn set_registers(pid: i32, registers: &libc::user_regs_struct) -> io::Result<()> {
    request(libc::PTRACE_SETREGS, pid, 0, ptr::from_ref(registers) as u64)
}

fn request(request: libc::c_uint, pid: i32, address: u64, data: u64) -> io::Result<()> {
    // SAFETY: what the kernel reads or stores at `data` is of the size that the request is for: every caller in this
    // file gives a number or the address of a value of that type, which outlives the call. `address` is in the other
    // process, or a size.
    let done = unsafe {
        libc::syscall(
            libc::SYS_ptrace,
            c_long::from(request),
            pid,
            address as *mut c_void,
            data as *mut c_void,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// It did not do what it should have.
fn lost() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
