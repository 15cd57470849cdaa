"""Rights: users, capabilities, setuid files, priorities, limits."""

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import stat
import struct
import time

from attempt import C, Refused, call, in_child, ran


def status(pid, wanted):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(wanted + ":"):
                return " ".join(line.split()[1:])
    return ""


def standing(a):
    none = "0" * 16

    def compare(name, wanted):
        found = status("self", name)
        if found == wanted:
            raise Refused("none")
        return found

    for name, wanted in [
        ("Uid", "993 993 993 993"), ("Gid", "990 990 990 990"), ("Groups", ""), ("CapInh", none), ("CapPrm", none),
        ("CapEff", none), ("CapBnd", none), ("CapAmb", none), ("NoNewPrivs", "1"), ("Seccomp", "2"),
    ]:  # fmt: skip
        a.way(name, lambda: compare(name, wanted))


def become_root(a):
    for name, work in [
        ("setuid", lambda: os.setuid(0)),
        ("setgid", lambda: os.setgid(0)),
        ("setreuid", lambda: os.setreuid(0, 0)),
        ("setregid", lambda: os.setregid(0, 0)),
        ("setresuid", lambda: os.setresuid(0, 0, 0)),
        ("setresgid", lambda: os.setresgid(0, 0, 0)),
        ("setgroups none", lambda: os.setgroups([])),
        ("setgroups", lambda: os.setgroups([0])),
    ]:
        a.way(name, lambda: in_child(work))

    def filesystem(function):
        getattr(C, function)(0)
        if getattr(C, function)(-1) == 0:
            return 0
        raise Refused("unchanged")

    for function in ["setfsuid", "setfsgid"]:
        a.way(function, lambda: in_child(lambda: filesystem(function)))
    a.way("program", lambda: ran(["su", "-c", "true"]))


def raise_capabilities(a):
    header = (ctypes.c_uint * 2)(0x20080522, 0)
    for name, data in [("all", [2**32 - 1] * 6), ("inheritable", [0, 0, 2**32 - 1] * 2), ("one", [0, 1 << 21, 0, 0, 0, 0])]:
        a.call(name, "capset", header, (ctypes.c_uint * 6)(*data))
    for name, option, first, second in [
        ("ambient", 47, 2, 21), ("new privileges", 38, 0, 0), ("secure bits", 28, 0, 0), ("drop", 24, 21, 0),
        ("memory map", 35, 6, 0x1000), ("no filter", 22, 0, 0),
    ]:  # fmt: skip
        a.call(name, "prctl", option, first, second, 0, 0)
    with open("/tmp/capable", "w"):
        value = struct.pack("5I", 0x02000001, 1 << 21, 0, 0, 0)
        for name in ["security.capability", "trusted.overlay.opaque"]:
            a.way(f"file {name}", lambda: os.setxattr("/tmp/capable", name, value))


def users_of(path):
    null = os.open("/dev/null", os.O_RDWR)
    child = os.fork()
    if child == 0:
        try:
            for fd in range(3):
                os.dup2(null, fd)
            os.execve(path, [path], {})
        except OSError:
            os._exit(127)
    os.close(null)
    for _ in range(50):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            break
        time.sleep(0.01)
    users = status(child, "Uid"), status(child, "Gid")
    os.kill(child, signal.SIGKILL)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 127:
        raise Refused("not run")
    if users == (status("self", "Uid"), status("self", "Gid")):
        raise Refused("unchanged")
    return users


def setuid_files(a):
    found = []
    for top in ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib", "/usr/libexec"]:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                if stat.S_ISREG(mode) and mode & 0o6000 and mode & 1:
                    found.append(path)
    for path in found[:20]:
        a.way(path, lambda: users_of(path))


def make_a_setuid_file(a):
    path = "/tmp/setuid"
    with open("/usr/bin/env", "rb") as source, open(path, "wb") as file:
        file.write(source.read())
    a.way("give to root", lambda: os.chown(path, 0, 0))
    a.way("give to root's group", lambda: os.chown(path, -1, 0))

    def run(mode):
        os.chmod(path, mode)
        return users_of(path)

    for mode in [0o4755, 0o2755, 0o6755]:
        a.way(oct(mode)[2:], lambda: run(mode))
    os.unlink(path)


def personality(a):
    for wanted in [0x400000, 0x40000, 0x440000, 0x100000, 0x200000, 0x1, 0x8]:
        a.way(hex(wanted), lambda: in_child(lambda: call("personality", wanted)))


def terminal(a):
    for fd in range(3):
        for name, request in [("push", 0x5412), ("console", 0x541D), ("linux", 0x541C)]:
            a.way(f"{name} {fd}", lambda: fcntl.ioctl(fd, request, b"\n"))
    for path in ["/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/ttyS0", "/dev/ptmx", "/dev/pts/ptmx"]:
        a.way(path, lambda: os.open(path, os.O_RDWR))
    a.way("pair", os.openpty)
    a.call("hang up", "vhangup")


def scheduling(a):
    a.way("fifo", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
    a.way("round robin", lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)))
    deadline = ctypes.create_string_buffer(struct.pack("IIQiIQQQ", 48, 6, 0, 0, 0, 10**6, 10**7, 10**7))
    a.call("deadline", "sched_setattr", 0, deadline, 0)
    a.way("nice -1", lambda: os.setpriority(os.PRIO_PROCESS, 0, -1))
    a.way("nice -20", lambda: os.nice(-20))
    a.call("disk", "ioprio_set", 1, 0, 1 << 13)


def lock_memory(a):
    memory = ctypes.create_string_buffer(b"\1" * (32 << 20))
    a.call("lock", "mlock", memory, len(memory))
    a.call("lock on fault", "mlock2", memory, len(memory), 1)
    a.way("lock all", lambda: in_child(lambda: call("mlockall", 3)))
    a.way("huge page", lambda: mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000))
    a.call("huge segment", "shmget", 0, 2 << 20, 0o5600)


def raise_limits(a):
    for name, limit in [("files", resource.RLIMIT_NOFILE), ("cores", resource.RLIMIT_CORE), ("locked", resource.RLIMIT_MEMLOCK)]:
        soft, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY:
            a.way(name, lambda: "without a limit")
        else:
            # The kernel's answer, which the module would make a ValueError of.
            more = (ctypes.c_ulong * 2)(soft, hard + 1)
            a.call(name, "setrlimit", int(limit), more)


ATTEMPTS = [
    standing,
    become_root,
    raise_capabilities,
    setuid_files,
    make_a_setuid_file,
    personality,
    terminal,
    scheduling,
    lock_memory,
    raise_limits,
]
