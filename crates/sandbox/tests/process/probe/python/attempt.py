"""What was tried, and what came of it; and how to call what Python has no function for."""

import ctypes
import errno
import os
import platform
import signal
import subprocess

C = ctypes.CDLL(None, use_errno=True)
MACHINE = 0 if platform.machine() == "x86_64" else 1
# Calls that the C library has no function for: on x86_64, on aarch64.
NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, 9999),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "process_madvise": (440, 440),
    "pivot_root": (155, 41),
    "quotactl_fd": (443, 443),
    "request_key": (249, 218),
    "sched_setattr": (314, 274),
    "userfaultfd": (323, 282),
}


class Refused(Exception):
    """Why something did not work, in a word of our own."""


class Attempt:
    def __init__(self, event):
        self.event, self.ways, self.errors, self.done = event, {}, set(), False

    def way(self, name, work):
        try:
            said, self.done = f"done: {work()!r:.200}", True
        except Refused as refused:
            said = str(refused)
            self.errors.add(said)
        except OSError as error:
            said = name_of(error)
            self.errors.add(said)
        self.ways[str(name)] = said

    def call(self, name, function, *arguments):
        self.way(name, lambda: call(function, *arguments))


def name_of(error):
    if error.errno == errno.EOPNOTSUPP:  # Which has two names.
        return "EOPNOTSUPP"
    return errno.errorcode.get(error.errno, f"error {error.errno}") if error.errno else type(error).__name__


def call(function, *arguments):
    """Calls a function of the C library by its name, or the kernel by the call's."""
    arguments = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found = getattr(C, function, None) if function not in NUMBERS else None
    ctypes.set_errno(0)
    if found is None:
        result = C.syscall(ctypes.c_long(NUMBERS[function][MACHINE]), *arguments)
    else:
        result = found(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def in_child(work):
    """Does it in a child, so that what it does to its process does not stay."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            said = "+" + str(work())
        except Refused as refused:
            said = "-" + str(refused)
        except OSError as error:
            said = "e" + str(error.errno)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if said[:1] == "+":
        return said[1:]
    if said[:1] == "e":
        raise OSError(int(said[1:]), "")
    raise Refused(said[1:] or (signal.Signals(-status).name if status < 0 else f"exit {status}"))


def read(path):
    with open(path, "rb", buffering=0) as file:
        text = file.read(64)
    if not text:
        raise Refused("empty")
    return text


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def open_to_write(path):
    os.close(os.open(path, os.O_WRONLY))


def descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.readlink("/proc/self/fd/" + name)
            found.append(int(name))
        except OSError:
            pass
    return found


def seen():
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def others(event):
    return sorted((seen() | {1} | set(event.get("pids", []))) - {os.getpid()})


def ran(command):
    if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        raise Refused("failed")
