//! The kernel's calls for virtual machines, as far as the probe needs them.
#![expect(unsafe_code, reason = "KVM is ioctls and shared memory; each says why it is sound")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::Path,
    ptr::{self, NonNull},
};

const GET_API_VERSION: libc::c_ulong = 0xae00;
const CREATE_VM: libc::c_ulong = 0xae01;
const GET_VCPU_MMAP_SIZE: libc::c_ulong = 0xae04;
const CREATE_VCPU: libc::c_ulong = 0xae41;
const SET_USER_MEMORY_REGION: libc::c_ulong = 0x4020_ae46;
const RUN: libc::c_ulong = 0xae80;
const SET_REGS: libc::c_ulong = 0x4090_ae82;
const GET_SREGS: libc::c_ulong = 0x8138_ae83;
const SET_SREGS: libc::c_ulong = 0x4138_ae84;

/// The version of KVM's interface that has not changed since 2007.
const API_VERSION: i32 = 12;
const PAGE: usize = 4_096;
/// Where the loop is, in the guest's memory.
const START: u64 = 0x1000;
/// Sixteen-bit code: `again: dec ecx; jnz again; hlt`.
const LOOP: [u8; 5] = [0x66, 0x49, 0x75, 0xfc, 0xf4];
/// `kvm_run.exit_reason`: the guest has halted.
const HALTED: u32 = 5;
const EXIT_REASON: usize = 8;

/// The kernel's `struct kvm_userspace_memory_region`.
#[repr(C)]
struct MemoryRegion {
    slot: u32,
    flags: u32,
    guest: u64,
    size: u64,
    host: u64,
}

/// The kernel's `struct kvm_regs`.
#[repr(C)]
#[derive(Default)]
struct Registers {
    /// `rax`, `rbx`, `rcx`, `rdx`, `rsi`, `rdi`, `rsp`, `rbp`, `r8` to `r15`.
    general: [u64; 16],
    rip: u64,
    rflags: u64,
}

/// Memory that is shared with the kernel.
struct Mapped {
    start: NonNull<libc::c_void>,
    size: usize,
}

impl Mapped {
    fn new(size: usize, flags: i32, file: i32) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the kernel's choice touches nothing that exists.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, file, 0) };
        match NonNull::new(start) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED => Ok(Self { start, size }),
            Some(_) | None => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing points into it when it is dropped.
        unsafe { libc::munmap(self.start.as_ptr(), self.size) };
    }
}

fn call(file: &impl AsRawFd, request: libc::c_ulong, argument: libc::c_ulong) -> io::Result<i32> {
    // SAFETY: the requests that come here take a number or nothing.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, argument) } {
        result @ 0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives a `struct` of the request's own size, to be read or written.
fn give<T>(file: &impl AsRawFd, request: libc::c_ulong, argument: &mut T) -> io::Result<()> {
    debug_assert_eq!((request >> 16 & 0x3fff) as usize, size_of::<T>());
    // SAFETY: the request's number holds the size of what it takes, which is the argument's.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, ptr::from_mut(argument)) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A virtual processor that can do nothing but count down.
pub(super) struct Counter {
    processor: OwnedFd,
    shared: Mapped,
    // Both are held for the processor's sake.
    _machine: OwnedFd,
    _memory: Mapped,
}

impl Counter {
    pub(super) fn new(device: &Path) -> io::Result<Self> {
        let kvm: File = OpenOptions::new().read(true).write(true).open(device)?;
        if call(&kvm, GET_API_VERSION, 0)? != API_VERSION {
            return Err(io::Error::other("it is not the KVM of Linux"));
        }
        // SAFETY: the calls give new file descriptors that nobody else owns.
        let own = |file: i32| unsafe { OwnedFd::from_raw_fd(file) };
        let machine = own(call(&kvm, CREATE_VM, 0)?);
        let memory = Mapped::new(PAGE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        // SAFETY: the mapping is a page, the loop is shorter, and nobody else has it yet.
        unsafe { ptr::copy_nonoverlapping(LOOP.as_ptr(), memory.start.as_ptr().cast(), LOOP.len()) };
        let mut region = MemoryRegion {
            slot: 0,
            flags: 0,
            guest: START,
            size: PAGE as u64,
            host: memory.start.as_ptr() as u64,
        };
        give(&machine, SET_USER_MEMORY_REGION, &mut region)?;
        let size = usize::try_from(call(&kvm, GET_VCPU_MMAP_SIZE, 0)?).unwrap_or(PAGE);
        let processor = own(call(&machine, CREATE_VCPU, 0)?);
        let shared = Mapped::new(size.max(PAGE), libc::MAP_SHARED, processor.as_raw_fd())?;
        // `struct kvm_sregs`, which begins with the code segment: its base, a limit, and its selector.
        let mut special = [0_u8; 0x138];
        give(&processor, GET_SREGS, &mut special)?;
        special[..8].fill(0);
        special[12..14].fill(0);
        give(&processor, SET_SREGS, &mut special)?;
        Ok(Self { processor, shared, _machine: machine, _memory: memory })
    }

    /// Counts down from `turns`: two instructions a turn, in ring 0.
    pub(super) fn count(&mut self, turns: u32) -> io::Result<()> {
        let mut registers = Registers { rip: START, rflags: 2, ..Registers::default() };
        registers.general[2] = u64::from(turns);
        give(&self.processor, SET_REGS, &mut registers)?;
        loop {
            match call(&self.processor, RUN, 0) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // SAFETY: the kernel keeps a `struct kvm_run` there, of a page at the least, and writes to it only within RUN.
        let reason =
            unsafe { self.shared.start.as_ptr().cast::<u8>().add(EXIT_REASON).cast::<u32>().read_volatile() };
        if reason == HALTED {
            Ok(())
        } else {
            Err(io::Error::other(format!(
                "a loop of three instructions ended for reason {reason} and not by its halt"
            )))
        }
    }
}
