"""Calls that change the machine, or that open much of the kernel to whoever may make them."""

import ctypes
import mmap
import os
import socket
import struct
import time

from attempt import C, MACHINE, in_child


def load_modules(a):
    a.call("from memory", "init_module", ctypes.create_string_buffer(64), 64, b"")
    a.call("from a file", "finit_module", 0, b"", 0)
    a.call("remove", "delete_module", b"nothing_like_it", os.O_NONBLOCK)


def replace_the_kernel(a):
    a.call("kexec_load", "kexec_load", 0, 0, None, 0)
    a.call("kexec_file_load", "kexec_file_load", 0, 0, 0, None, 0)


def restart_the_machine(a):
    a.call("disable the keys", "reboot", 0)
    a.call("restart", "reboot", 0x01234567)


def swap(a):
    a.call("on", "swapon", b"/tmp/nothing", 0)
    a.call("off", "swapoff", b"/tmp/nothing")


def io_uring(a):
    a.call("set up", "io_uring_setup", 4, ctypes.create_string_buffer(120))
    a.call("enter", "io_uring_enter", 0, 1, 0, 0, None, 0)
    a.call("register", "io_uring_register", 0, 0, None, 0)


def bpf(a):
    a.call("map", "bpf", 0, (ctypes.c_uint * 16)(2, 4, 4, 1), 64)
    code, name = (ctypes.c_ulong * 2)(0xB7, 0x95), ctypes.create_string_buffer(b"GPL")
    program = (ctypes.c_ulong * 8)(1 | 2 << 32, ctypes.addressof(code), ctypes.addressof(name))
    a.call("program", "bpf", 5, program, 64)
    a.call("first program", "bpf", 11, (ctypes.c_ulong * 8)(), 64)


def handle_page_faults(a):
    a.call("userfaultfd", "userfaultfd", 0)
    a.call("user mode", "userfaultfd", 1)


def performance_events(a):
    wanted = (ctypes.c_ulong * 16)(1 | 128 << 32, 1, 0, 0, 0, 1 << 5 | 1 << 6)
    a.call("own", "perf_event_open", wanted, 0, -1, -1, 0)
    a.call("the processor's", "perf_event_open", wanted, -1, 0, -1, 0)


def keys(a):
    a.call("find", "keyctl", 0, -4, 1, 0, 0)
    a.call("session", "keyctl", 1, None, 0, 0, 0)
    a.call("add", "add_key", b"user", b"probe", b"probe", 5, -4)
    a.call("request", "request_key", b"user", b"probe", None, 0)


def quota_and_accounting(a):
    room = ctypes.create_string_buffer(128)
    a.call("quota", "quotactl", 0x80000100, None, 0, room)
    a.call("quota format", "quotactl", 0x80000400, b"/dev/vda", 0, room)
    a.call("quota by descriptor", "quotactl_fd", 0, 0x80000400, 0, room)
    a.call("accounting", "acct", b"/tmp/accounts")
    a.call("no accounting", "acct", None)


def ports_of_the_processor(a):
    a.call("iopl", "iopl", 3)
    a.call("ioperm", "ioperm", 0x80, 1, 1)
    a.call("modify_ldt", "modify_ldt", 1, ctypes.create_string_buffer(16), 16)


def set_names(a):
    a.way("host", lambda: socket.sethostname("probe"))
    a.call("domain", "setdomainname", b"probe", 5)


def set_clocks(a):
    now = time.time_ns()
    a.way("clock", lambda: time.clock_settime_ns(time.CLOCK_REALTIME, now))
    a.call("day", "settimeofday", (ctypes.c_long * 2)(now // 10**9, now % 10**9 // 1000), None)
    adjustment = (ctypes.c_long * 26)(0x4000)
    adjustment[11] = 10_000
    a.call("adjust", "adjtimex", adjustment)
    a.call("adjust clock", "clock_adjtime", 0, adjustment)


def watch_the_file_systems(a):
    a.call("fanotify", "fanotify_init", 0, 0)
    a.call("fanotify reports", "fanotify_init", 0x200, 0)


def rare_calls(a):
    a.call("memfd_secret", "memfd_secret", 0)
    a.call("process_madvise", "process_madvise", 0, None, 0, 0, 0)
    a.call("open_tree_attr", "open_tree_attr", -100, b"/", 1, None, 0)


def calls_of_other_processors(a):
    if MACHINE:
        return
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

    def run(code):
        page.seek(0)
        page.write(code)
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        if -4096 < result < 0:
            raise OSError(-result, "")
        return result

    # push rbx; mov ebx, first; xor ecx, ecx; xor edx, edx; mov eax, number; int 0x80; pop rbx; ret
    def door(number, first):
        return b"\x53\xbb" + struct.pack("I", first) + b"\x31\xc9\x31\xd2\xb8" + struct.pack("I", number) + b"\xcd\x80\x5b\xc3"

    for name, number, first in [
        ("getpid", 20, 0), ("getuid", 24, 0), ("mount", 21, 0), ("unshare", 310, 0x10000000), ("socketcall", 102, 1),
    ]:  # fmt: skip
        a.way(f"32 bits: {name}", lambda: in_child(lambda: run(door(number, first))))
    for name, number in [("getpid", 39), ("mount", 165), ("unshare", 272), ("ptrace", 521), ("execve", 520)]:
        a.way(f"x32: {name}", lambda: in_child(lambda: call_number(0x40000000 | number)))
    a.way("upper half", lambda: in_child(lambda: call_number(101 | 1 << 40)))


def call_number(number):
    ctypes.set_errno(0)
    if (result := C.syscall(ctypes.c_long(number), None, None, None)) == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


ATTEMPTS = [
    load_modules,
    replace_the_kernel,
    restart_the_machine,
    swap,
    io_uring,
    bpf,
    handle_page_faults,
    performance_events,
    keys,
    quota_and_accounting,
    ports_of_the_processor,
    set_names,
    set_clocks,
    watch_the_file_systems,
    rare_calls,
    calls_of_other_processors,
]
