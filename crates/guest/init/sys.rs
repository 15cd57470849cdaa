//! The system calls of the init that the standard library does not offer.
#![expect(unsafe_code, reason = "these calls have no safe wrapper; each says why it is sound")]

use std::{
    ffi::{CString, c_char, c_int, c_long, c_ulong, c_void},
    fs::File,
    io,
    net::{Ipv4Addr, UdpSocket},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, net::UnixStream},
    },
    path::Path,
    ptr,
};

// No crate but the standard library goes into the init, so what it calls is declared here, as Linux on 64 bits has it.
unsafe extern "C" {
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn chroot(path: *const c_char) -> c_int;
    fn mknod(path: *const c_char, mode: u32, device: u64) -> c_int;
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn connect(socket: c_int, address: *const c_void, length: u32) -> c_int;
    fn ioctl(file: c_int, request: c_ulong, ...) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn setrlimit(resource: c_int, limit: *const Limit) -> c_int;
    fn clock_settime(clock: c_int, time: *const Time) -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn poll(files: *mut Poll, count: c_ulong, milliseconds: c_int) -> c_int;
    fn reboot(command: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn umask(mask: u32) -> u32;
    fn fcntl(file: c_int, command: c_int, ...) -> c_int;
}

#[repr(C)]
struct Limit {
    soft: u64,
    hard: u64,
}

#[repr(C)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

#[repr(C)]
struct Poll {
    file: c_int,
    events: i16,
    found: i16,
}

pub(crate) const READ_ONLY: c_ulong = 1;
pub(crate) const NO_SETUID: c_ulong = 2;
pub(crate) const NO_DEVICES: c_ulong = 4;
pub(crate) const NO_EXEC: c_ulong = 8;
pub(crate) const NO_ACCESS_TIMES: c_ulong = 1024;
pub(crate) const BIND: c_ulong = 4096;
pub(crate) const MOVE: c_ulong = 8192;

fn done(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// `mount(2)`.
pub(crate) fn attach(source: &Path, target: &Path, kind: &str, flags: c_ulong, data: &str) -> io::Result<()> {
    let (source, target) = (text(source)?, text(target)?);
    let (kind, data) = (CString::new(kind)?, CString::new(data)?);
    // SAFETY: all four are C strings that outlive the call.
    done(unsafe { mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) })
        .map(drop)
}

pub(crate) fn change_root(path: &Path) -> io::Result<()> {
    let path = text(path)?;
    // SAFETY: the path is a C string that outlives the call.
    done(unsafe { chroot(path.as_ptr()) }).map(drop)
}

/// A character device that everybody may read and write.
pub(crate) fn device(path: &Path, major: u64, minor: u64) -> io::Result<()> {
    const CHARACTER: u32 = 0o020_000;
    let path = text(path)?;
    // SAFETY: the path is a C string that outlives the call; the rest are numbers.
    done(unsafe { mknod(path.as_ptr(), CHARACTER | 0o666, major << 8 | minor) }).map(drop)
}

/// Files are made with the mode that is asked for.
pub(crate) fn no_mask() {
    // SAFETY: it takes and gives a number.
    unsafe { umask(0) };
}

pub(crate) fn load_module(module: &File) -> io::Result<()> {
    const FINIT_MODULE: c_long = if cfg!(target_arch = "aarch64") { 273 } else { 313 };
    // SAFETY: an open file, an empty C string and no flags.
    match unsafe { syscall(FINIT_MODULE, module.as_raw_fd(), c"".as_ptr(), 0) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[repr(C)]
struct VsockAddress {
    family: u16,
    reserved: u16,
    port: u32,
    machine: u32,
    rest: [u8; 4],
}

/// A connection to a port of the host's. The standard library has no type for it, and its type for another family of
/// stream sockets does all that is wanted.
pub(crate) fn connect_host(port: u32) -> io::Result<UnixStream> {
    const VSOCK: c_int = 40;
    const STREAM: c_int = 1;
    const CLOSE_ON_EXEC: c_int = 0o2_000_000;
    const HOST: u32 = 2;
    // SAFETY: it takes numbers, and gives a new file descriptor that nobody else owns, or -1.
    let socket = unsafe {
        let file = done(socket(VSOCK, STREAM | CLOSE_ON_EXEC, 0))?;
        OwnedFd::from_raw_fd(file)
    };
    let address = VsockAddress { family: VSOCK as u16, reserved: 0, port, machine: HOST, rest: [0; 4] };
    // SAFETY: the address is a `struct sockaddr_vm` of the given size that outlives the call.
    done(unsafe {
        connect(socket.as_raw_fd(), ptr::from_ref(&address).cast(), size_of::<VsockAddress>() as u32)
    })?;
    Ok(UnixStream::from(socket))
}

/// The kernel's `struct ifreq` with flags in it.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

/// The same with an address.
#[repr(C)]
struct InterfaceAddress {
    name: [u8; 16],
    address: SocketAddress,
    rest: [u8; 8],
}

/// The kernel's `struct sockaddr_in`.
#[repr(C)]
#[derive(Clone, Copy)]
struct SocketAddress {
    family: u16,
    port: u16,
    address: [u8; 4],
    rest: [u8; 8],
}

impl From<Ipv4Addr> for SocketAddress {
    fn from(address: Ipv4Addr) -> Self {
        const INET: u16 = 2;
        Self { family: INET, port: 0, address: address.octets(), rest: [0; 8] }
    }
}

/// The kernel's `struct rtentry`.
#[repr(C)]
struct Route {
    before: c_ulong,
    to: SocketAddress,
    gateway: SocketAddress,
    mask: SocketAddress,
    flags: u16,
    between: u16,
    also: c_ulong,
    and: *const c_void,
    metric: i16,
    device: *const c_char,
    size: c_ulong,
    window: c_ulong,
    time: u16,
}

pub(crate) fn loopback_up() -> io::Result<()> {
    interface_up("lo")
}

pub(crate) fn interface_up(name: &str) -> io::Result<()> {
    const SET_FLAGS: c_ulong = 0x8914;
    const UP_AND_RUNNING: i16 = 0x41;
    let request = InterfaceFlags { name: interface(name), flags: UP_AND_RUNNING, rest: [0; 22] };
    // SAFETY: the kernel reads a whole `struct ifreq`, 40 bytes, whose name ends with a NUL.
    done(unsafe { ioctl(any()?.as_raw_fd(), SET_FLAGS, ptr::from_ref(&request)) }).map(drop)
}

/// An interface's address, and how many bits of it are its network's.
pub(crate) fn give_address(name: &str, own: Ipv4Addr, prefix: u8) -> io::Result<()> {
    const SET_ADDRESS: c_ulong = 0x8916;
    const SET_MASK: c_ulong = 0x891c;
    let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0));
    let any = any()?;
    for (what, address) in [(SET_ADDRESS, own), (SET_MASK, mask)] {
        let request = InterfaceAddress { name: interface(name), address: address.into(), rest: [0; 8] };
        // SAFETY: as above.
        done(unsafe { ioctl(any.as_raw_fd(), what, ptr::from_ref(&request)) })?;
    }
    Ok(())
}

/// Everything is reached by `gateway`.
pub(crate) fn route_by(gateway: Ipv4Addr) -> io::Result<()> {
    const ADD_ROUTE: c_ulong = 0x890b;
    const UP_BY_GATEWAY: u16 = 3;
    let route = Route {
        before: 0,
        to: Ipv4Addr::UNSPECIFIED.into(),
        gateway: gateway.into(),
        mask: Ipv4Addr::UNSPECIFIED.into(),
        flags: UP_BY_GATEWAY,
        between: 0,
        also: 0,
        and: ptr::null(),
        metric: 0,
        device: ptr::null(),
        size: 0,
        window: 0,
        time: 0,
    };
    // SAFETY: the kernel reads a whole `struct rtentry`, in which no pointer leads anywhere.
    done(unsafe { ioctl(any()?.as_raw_fd(), ADD_ROUTE, ptr::from_ref(&route)) }).map(drop)
}

/// A socket by which the kernel is told about interfaces.
fn any() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
}

/// As the kernel has a name: with a NUL behind it.
fn interface(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let size = name.len().min(15);
    bytes[..size].copy_from_slice(&name.as_bytes()[..size]);
    bytes
}

/// Nothing that is executed from now on can gain a privilege.
pub(crate) fn no_more_privileges() -> io::Result<()> {
    const DROP_FROM_BOUNDING_SET: c_int = 24;
    const NO_NEW_PRIVILEGES: c_int = 38;
    for capability in 0..64 as c_ulong {
        // SAFETY: both calls take numbers only.
        if unsafe { prctl(DROP_FROM_BOUNDING_SET, capability, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) } < 0
        {
            // The kernel has no more of them.
            break;
        }
    }
    // SAFETY: as above.
    done(unsafe { prctl(NO_NEW_PRIVILEGES, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) })
        .map(drop)
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource {
    Core = 4,
    Processes = 6,
    Files = 7,
}

pub(crate) fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limit = Limit { soft: most, hard: most };
    // SAFETY: the limit is a `struct rlimit` that outlives the call.
    done(unsafe { setrlimit(resource as c_int, ptr::from_ref(&limit)) }).map(drop)
}

/// Sets the wall clock: nanoseconds since 1970.
pub(crate) fn set_clock(time: u64) -> io::Result<()> {
    const REALTIME: c_int = 0;
    const SECOND: u64 = 1_000_000_000;
    let time = Time { seconds: (time / SECOND) as i64, nanoseconds: (time % SECOND) as i64 };
    // SAFETY: the time is a `struct timespec` that outlives the call.
    done(unsafe { clock_settime(REALTIME, ptr::from_ref(&time)) }).map(drop)
}

/// Entropy that counts, and a new seed from it at once.
pub(crate) fn add_entropy(random: &File, entropy: &[u8]) -> io::Result<()> {
    const ADD_ENTROPY: c_ulong = 0x4008_5203;
    const RESEED: c_ulong = 0x5207;
    // `struct rand_pool_info`: bits, bytes, and the bytes.
    let bytes = entropy.len() as i32;
    let pool = [&(bytes * 8).to_ne_bytes()[..], &bytes.to_ne_bytes(), entropy].concat();
    // SAFETY: the kernel reads as many bytes after the two numbers as the second of them says.
    done(unsafe { ioctl(random.as_raw_fd(), ADD_ENTROPY, pool.as_ptr()) })?;
    // SAFETY: it takes no argument.
    done(unsafe { ioctl(random.as_raw_fd(), RESEED, 0 as c_ulong) }).map(drop)
}

/// Waits for any child to end: which, and `wait(2)`'s status.
pub(crate) fn reap() -> io::Result<(u32, i32)> {
    let mut status = 0;
    // SAFETY: the status outlives the call.
    let child = done(unsafe { waitpid(-1, &mut status, 0) })?;
    Ok((child.unsigned_abs(), status))
}

/// Waits until there is something to read, or the other side has closed it.
pub(crate) fn readable(file: &impl AsRawFd) -> io::Result<()> {
    const INPUT: i16 = 1;
    let mut poll_one = Poll { file: file.as_raw_fd(), events: INPUT, found: 0 };
    // SAFETY: one `struct pollfd`, which outlives the call.
    done(unsafe { poll(&mut poll_one, 1, -1) }).map(drop)
}

/// Lets a moment pass, while the kernel finds its devices or the host begins to listen.
pub(crate) fn pause(milliseconds: i32) {
    // SAFETY: no file is given, so nothing is read or written.
    unsafe { poll(ptr::null_mut(), 0, milliseconds) };
}

/// Reads give an error where they would wait.
pub(crate) fn never_wait(file: &impl AsRawFd) -> io::Result<()> {
    const SET_FLAGS: c_int = 4;
    const NON_BLOCKING: c_int = 0o4000;
    // SAFETY: it takes numbers only; the file is the caller's, who keeps it open.
    done(unsafe { fcntl(file.as_raw_fd(), SET_FLAGS, NON_BLOCKING) }).map(drop)
}

/// Ends the machine. Firecracker takes a reboot for the end.
pub(crate) fn end_machine() -> ! {
    const RESTART: c_int = 0x0123_4567;
    // SAFETY: it takes a number; nothing of this process is used after it.
    unsafe { reboot(RESTART) };
    std::process::exit(1)
}
