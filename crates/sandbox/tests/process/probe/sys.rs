//! System calls as they are, right or wrong: what can break by them is this process, and it is there to be broken.
#![expect(unsafe_code, reason = "the probe makes calls that nothing safe would let it make")]

use std::{
    ffi::CStr,
    io::{self, Read, Write},
};

use crate::attempt::{Refusal, Tried};

pub(crate) fn call<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Result<i64, Refusal> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: the callers pass memory of theirs that outlives the call, or addresses that are nobody's, which the
    // kernel answers with EFAULT. A call that should have been refused may do harm, which is the question asked.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(io::Error::last_os_error().into()) } else { Ok(result) }
}

/// A text's address. Only for literals, which are never moved or freed.
pub(crate) fn at(text: &'static CStr) -> usize {
    text.as_ptr() as usize
}

pub(crate) fn pid() -> i32 {
    std::process::id() as i32
}

/// The child's number in the parent, 0 in the child. For a process of one thread.
pub(crate) fn fork() -> Result<i32, Refusal> {
    // SAFETY: the probe has a single thread whenever it forks, so that the child may do what the parent may.
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(io::Error::last_os_error().into()) } else { Ok(pid) }
}

/// Ends the process at once, with nothing flushed or dropped.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: it does not return, and touches no memory.
    unsafe { libc::_exit(status) }
}

/// Does `work` in a child, so that what it does to its process does not stay. A child that was killed says by which
/// signal.
pub(crate) fn in_child(work: impl FnOnce() -> Tried) -> Tried {
    let (mut read, mut write) = io::pipe()?;
    let child = fork()?;
    if child == 0 {
        drop(read);
        let said = match work() {
            Ok(got) => format!("+{got}"),
            Err(Refusal(error)) => format!("-{error}"),
        };
        let _ = write.write_all(said.as_bytes());
        leave(0);
    }
    drop(write);
    let mut said = String::new();
    let _ = read.read_to_string(&mut said);
    let ended = wait(child)?;
    match said.split_at_checked(1) {
        Some(("+", got)) => Ok(got.into()),
        Some((_, error)) => Err(error.into()),
        None => Err(ended.as_str().into()),
    }
}

/// How a child ended, in words.
pub(crate) fn wait(child: i32) -> Result<String, Refusal> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match unsafe { libc::waitpid(child, &raw mut status, 0) } {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error.into());
                }
            }
            _ if libc::WIFSIGNALED(status) => return Ok(signal_name(libc::WTERMSIG(status))),
            _ => return Ok(format!("exit {}", libc::WEXITSTATUS(status))),
        }
    }
}

fn signal_name(signal: i32) -> String {
    let names = [
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGBUS, "SIGBUS"),
    ];
    names
        .iter()
        .find(|(known, _)| *known == signal)
        .map_or(format!("signal {signal}"), |(_, name)| (*name).into())
}

pub(crate) fn ignore(signal: i32) {
    // SAFETY: to ignore a signal runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Zeroed memory that is shared with children, of `size` bytes; never given back.
pub(crate) fn shared_counter() -> Option<&'static std::sync::atomic::AtomicU64> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at a place of the kernel's choice; it is zeroed, aligned to a page, large enough for the
    // number, and never unmapped.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        (memory != libc::MAP_FAILED).then(|| &*memory.cast())
    }
}

/// A call through the processor's 32-bit door, which has numbers of its own.
#[cfg(target_arch = "x86_64")]
pub(crate) fn call_32(number: u32, first: u32) -> Tried {
    let mut result: i64 = i64::from(number);
    // SAFETY: the kernel saves all registers but the result's and r8 to r11; the calls made get no memory.
    unsafe {
        std::arch::asm!(
            "xchg rbx, {first}", "int 0x80", "xchg rbx, {first}",
            first = inout(reg) u64::from(first) => _,
            inout("rax") result,
            in("rcx") 0, in("rdx") 0, in("rsi") 0, in("rdi") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    let result = result as i32;
    if (-4095..0).contains(&result) { Err(Refusal(name_of(-result))) } else { Ok(result.to_string()) }
}

const NAMES: [(i32, &str); 43] = [
    (libc::EACCES, "EACCES"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::EBADF, "EBADF"),
    (libc::EBUSY, "EBUSY"),
    (libc::ECHILD, "ECHILD"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::ECONNRESET, "ECONNRESET"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::EEXIST, "EEXIST"),
    (libc::EFAULT, "EFAULT"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH"),
    (libc::EINVAL, "EINVAL"),
    (libc::EIO, "EIO"),
    (libc::EISDIR, "EISDIR"),
    (libc::ELOOP, "ELOOP"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENAMETOOLONG, "ENAMETOOLONG"),
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOENT, "ENOENT"),
    (libc::ENOEXEC, "ENOEXEC"),
    (libc::ENOKEY, "ENOKEY"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::ENOPROTOOPT, "ENOPROTOOPT"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::ENOTBLK, "ENOTBLK"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::ENOTTY, "ENOTTY"),
    (libc::ENXIO, "ENXIO"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EOVERFLOW, "EOVERFLOW"),
    (libc::EPERM, "EPERM"),
    (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
    (libc::EROFS, "EROFS"),
    (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
    (libc::ESRCH, "ESRCH"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (libc::ETXTBSY, "ETXTBSY"),
    (libc::EUSERS, "EUSERS"),
    (libc::EXDEV, "EXDEV"),
];

pub(crate) fn name_of(number: i32) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or(format!("error {number}"), |(_, name)| (*name).to_owned())
}
