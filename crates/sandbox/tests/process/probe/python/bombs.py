"""What takes more than its share, or stays longer than it may.

Each has an end of its own far above what a sandbox allows (`most`), so that a machine without one survives it.
"""

import errno
import fcntl
import mmap
import os
import signal
import socket
import struct
import sys
import threading

# Seconds after which every process of a bomb ends by itself.
LIFE = 30
MIB = 1 << 20
SPIN = f"""
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE): signal.signal(number, signal.SIG_IGN)
signal.alarm({LIFE})
while True: os.urandom(4096)
"""


def said(count, error=None):
    return {"count": count, "error": error and errno.errorcode.get(error.errno, str(error))}


def processes(event):
    """Every process forks as fast as it can, and its children do the same."""
    born = mmap.mmap(-1, 4096)
    parent, error = os.getpid(), None
    while (count := struct.unpack_from("q", born)[0]) < event["most"]:
        try:
            child = os.fork()
        except OSError as refused:
            # A child goes on trying, as a bomb does, for as long as it lives.
            if os.getpid() == parent:
                error = refused
                break
            continue
        if child == 0:
            os.setsid()
            signal.alarm(LIFE)
            # Not exact, and close enough.
            struct.pack_into("q", born, 0, struct.unpack_from("q", born)[0] + 1)
    while os.getpid() != parent:
        signal.pause()
    return said(count, error)


def threads(event):
    threading.stack_size(64 << 10)
    stop = threading.Event()
    for count in range(event["most"]):
        try:
            threading.Thread(target=stop.wait, daemon=True).start()
        except RuntimeError:
            return {"count": count, "error": "EAGAIN"}
    return said(event["most"])


def memory(event):
    kept = []
    for count in range(event["most"]):
        try:
            kept.append(bytes([count & 127 | 1]) * MIB)
        except MemoryError:
            return {"count": count, "error": "ENOMEM"}
    return said(len(kept))


def memory_in_a_child(event):
    child = os.fork()
    if child == 0:
        signal.alarm(LIFE)
        os.setsid()
        memory(event)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"count": 0, "error": signal.Signals(-code).name if code < 0 else f"exit {code}"}


def disk(event):
    block = b"\x55" * MIB
    with open("/tmp/bomb", "wb", buffering=0) as file:
        for count in range(event["most"]):
            try:
                file.write(block)
            except OSError as error:
                return said(count, error)
    return said(event["most"])


def inodes(event):
    for count in range(event["most"]):
        try:
            os.close(os.open(f"/tmp/{count}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError as error:
            return said(count, error)
    return said(event["most"])


def descriptors(event):
    kept = []
    for count in range(event["most"]):
        try:
            kept.append(open("/dev/null"))
        except OSError as error:
            return said(count, error)
    return said(event["most"])


def log(event):
    """Writes lines until it is stopped, or `most` MiB are written."""
    lines = (b"y" * 1023 + b"\n") * 64
    for _ in range(event["most"] * 16):
        sys.stdout.flush()
        os.write(1, lines)
    return said(event["most"])


def buffers(event):
    """Fills the kernel's buffers of as many sockets and pipes as it may have."""
    kept, filled, part = [], 0, b"\x55" * (64 << 10)
    while filled < event["most"] * MIB:
        try:
            pair = socket.socketpair()
            read, write = os.pipe()
        except OSError as error:
            return said(filled // MIB, error)
        kept.append((pair, read))
        try:
            fcntl.fcntl(write, 1031, MIB)
        except OSError:
            pass
        for end in [one.fileno() for one in pair] + [write]:
            os.set_blocking(end, False)
            try:
                while True:
                    filled += os.write(end, part)
            except OSError:
                pass
    return said(filled // MIB)


def start_spinning(event):
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", SPIN, event["marker"]])


def cling(event):
    """Ignores every signal that can be ignored, has children that do too, and stays."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    for _ in range(event["most"]):
        start_spinning(event)
    while True:
        pass


def daemon(event):
    """Leaves a process behind that belongs to nobody, in a session of its own, and answers."""
    child = os.fork()
    if child == 0:
        os.setsid()
        start_spinning(event)
        os._exit(0)
    os.waitpid(child, 0)
    return said(1)


def spinners(event):
    for _ in range(event["most"]):
        start_spinning(event)
    return said(event["most"])


def echo(event):
    return event


BOMBS = {
    work.__name__: work
    for work in [
        echo,
        processes,
        threads,
        memory,
        memory_in_a_child,
        disk,
        inodes,
        descriptors,
        log,
        buffers,
        cling,
        daemon,
        spinners,
    ]
}
