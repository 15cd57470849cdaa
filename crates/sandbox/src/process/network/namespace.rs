//! A network namespace of this server's making, and a virtual machine's interface in it.
#![expect(unsafe_code, reason = "neither call has a safe wrapper; each says why it is sound")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsRawFd, OwnedFd},
};

/// Makes a network namespace in which nothing is but a loopback interface that is down, and does `work` in it. Blocks.
pub(crate) fn in_a_new_one<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<(OwnedFd, T)> {
    let make = || {
        // SAFETY: it changes the network of this thread alone, which ends with this.
        match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
            0 => Ok((File::open("/proc/thread-self/ns/net")?.into(), work()?)),
            _ => Err(io::Error::last_os_error()),
        }
    };
    let made = std::thread::Builder::new().name("machine-network".into()).spawn(make)?;
    made.join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that makes a network namespace panicked")))
}

/// The device that interfaces of programs are made with.
pub(super) const DEVICE: &str = "/dev/net/tun";

/// Makes an interface `name` in this thread's namespace, whose packets a program of user `owner` sends and takes; none: of
/// root's. It stays when no program has it.
pub(super) fn make_tap(name: &str, owner: Option<u32>) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open(DEVICE)?;
    // SAFETY: all zeroes are a valid `ifreq`; its name ends with a NUL, since what is copied is shorter.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let letters = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (to, from) in letters.zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // As monitors open it: a network's frames, with virtio's header before them.
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: the kernel reads and writes a `struct ifreq`, which outlives the call.
    done(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })?;
    if let Some(owner) = owner {
        let owner = libc::c_ulong::from(owner);
        // SAFETY: both take a number.
        done(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETOWNER as _, owner) })?;
    }
    // SAFETY: it takes a number.
    done(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETPERSIST as _, 1 as libc::c_ulong) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
