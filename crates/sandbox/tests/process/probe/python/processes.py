"""Processes: to see them, to read them, to trace them, to end them."""

import ctypes
import os
import resource
import signal

from attempt import Refused, call, in_child, others, read, seen


def see_processes(a):
    known = {1, os.getpid()}
    for pid in seen() - known:
        a.way(f"/proc/{pid}", lambda: read(f"/proc/{pid}/cmdline"))
    for pid in set(range(1, 40_000)) | set(a.event.get("pids", [])) - known:
        if pid not in known:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                continue
            except PermissionError:
                pass
            a.way(f"kill {pid}", lambda: "there")


def read_processes(a):
    for pid in others(a.event):
        own = f"/proc/{pid}/"
        for name in ["environ", "maps", "smaps", "auxv", "stack", "syscall", "pagemap", "mountinfo"]:
            if not (pid == 1 and name == "mountinfo"):
                a.way(own + name, lambda: read(own + name))
        for name in ["exe", "cwd", "root", "ns/pid", "ns/mnt", "ns/net"]:
            a.way(own + name, lambda: os.readlink(own + name))
        for name in ["fd", "map_files", "root", "cwd"]:
            a.way(f"{own}{name}/", lambda: os.listdir(own + name))
        a.way(f"{own}mem read", lambda: os.close(os.open(own + "mem", os.O_RDONLY)))
        a.way(f"{own}mem write", lambda: os.close(os.open(own + "mem", os.O_RDWR)))


def reach_into_processes(a):
    buffer = ctypes.create_string_buffer(16)
    piece = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 16)

    def limit(pid):
        try:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))
        except ValueError:  # Which is what the module makes of EPERM.
            raise Refused("EPERM") from None
        # Where there is one user only, the first process is this one's equal: it hurts its own sandbox.
        if pid == 1 and os.stat("/proc/1/stat").st_uid == os.stat("/proc/self/stat").st_uid:
            raise Refused("own")

    for pid in others(a.event):
        a.call(f"{pid} read", "process_vm_readv", pid, piece, 1, piece, 1, 0)
        a.call(f"{pid} write", "process_vm_writev", pid, piece, 1, piece, 1, 0)
        a.call(f"{pid} compare", "kcmp", pid, os.getpid(), 0, 0, 0)
        a.way(f"{pid} descriptor", lambda: call("pidfd_getfd", os.pidfd_open(pid), 0, 0))
        a.way(f"{pid} limit", lambda: limit(pid))


def trace(a):
    a.way("traceme", lambda: in_child(lambda: call("ptrace", 0, 0, 0, 0)))
    for pid in others(a.event):
        a.call(f"attach {pid}", "ptrace", 16, pid, 0, 0)
        a.call(f"seize {pid}", "ptrace", 0x4206, pid, 0, 0)
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    a.call("seize a child", "ptrace", 0x4206, child, 0, 0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def kill_init(a):
    def still_there(send):
        send()
        with open("/proc/1/stat") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        if state in "RSD":
            raise Refused("unchanged")
        return state

    if os.getpid() == 1:
        return
    for number in ["SIGKILL", "SIGSTOP", "SIGTERM", "SIGHUP", "SIGABRT", "SIGUSR1", "SIGCHLD"]:
        sent = signal.Signals[number]
        a.way(f"kill {number}", lambda: still_there(lambda: os.kill(1, sent)))
        a.way(f"handle {number}", lambda: still_there(lambda: signal.pidfd_send_signal(os.pidfd_open(1), sent)))


def kill_everyone(a):
    for number in [signal.SIGSTOP, signal.SIGKILL]:
        a.way(f"all {number}", lambda: os.kill(-1, number))


def kill_the_hosts_processes(a):
    for pid in a.event.get("pids", []):
        if pid != os.getpid():
            a.way(f"kill {pid}", lambda: os.kill(pid, signal.SIGKILL))
            a.way(f"stop group {pid}", lambda: os.killpg(pid, signal.SIGSTOP))
            a.way(f"handle {pid}", lambda: os.pidfd_open(pid))


ATTEMPTS = [
    see_processes,
    read_processes,
    reach_into_processes,
    trace,
    kill_init,
    kill_everyone,
    kill_the_hosts_processes,
]
