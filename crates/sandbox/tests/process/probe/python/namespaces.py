"""Mounts, roots and namespaces: what would make another room, or lead into one."""

import ctypes
import fcntl
import mmap
import os
import signal

from attempt import C, call, in_child, others, ran

NAMESPACES = {
    "user": 0x10000000,
    "mnt": 0x20000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "ipc": 0x8000000,
    "uts": 0x4000000,
    "cgroup": 0x2000000,
    "time": 0x80,
}

def mount(a):
    for kind in "tmpfs proc sysfs devpts mqueue cgroup cgroup2 overlay ext4 fuse securityfs debugfs".split():
        a.call(kind, "mount", b"none", b"/tmp", kind.encode(), 0, None)
    a.call("bind", "mount", b"/", b"/tmp", None, 0x5000, None)
    a.call("move", "mount", b"/usr", b"/tmp", None, 0x2000, None)
    for path in [b"/", b"/usr", b"/var/task", b"/proc"]:
        a.call(f"writable {path}", "mount", None, path, None, 0x20, None)
        a.call(f"writable bind {path}", "mount", None, path, None, 0x1020, None)
        a.call(f"shared {path}", "mount", None, path, None, 0x100000, None)
    # The program that is setuid elsewhere.
    a.way("program", lambda: ran(["mount", "-t", "tmpfs", "none", "/tmp"]))


def mount_by_descriptors(a):
    a.call("open a file system", "fsopen", b"tmpfs", 0)
    a.call("configure", "fsconfig", 0, 6, None, None, 0)
    a.call("make a mount", "fsmount", 0, 0, 0)
    a.call("pick", "fspick", -100, b"/", 0)
    a.call("copy a tree", "open_tree", -100, b"/", 0x8001)
    a.call("open a tree", "open_tree", -100, b"/", 0)
    a.call("move", "move_mount", -100, b"/usr", -100, b"/tmp", 0)
    a.call("set attributes", "mount_setattr", -100, b"/", 0x8000, (ctypes.c_ulong * 4)(0, 1, 0, 0), 32)


def unmount(a):
    for path in [b"/", b"/tmp", b"/proc", b"/usr", b"/var/task", b"/dev/null"]:
        for flags in [0, 1, 2]:
            a.call(f"{path} {flags}", "umount2", path, flags)


def change_the_root(a):
    for path in ["/tmp", "/proc/1/root", "/"]:
        a.way(f"chroot {path}", lambda: in_child(lambda: os.chroot(path)))
    a.call("pivot", "pivot_root", b"/tmp", b"/tmp")


def unshare(a):
    for name, flag in NAMESPACES.items():
        a.way(name, lambda: in_child(lambda: call("unshare", flag)))
        a.way(f"{name} as a new user", lambda: in_child(lambda: call("unshare", flag | NAMESPACES["user"])))
    a.way("program", lambda: ran(["unshare", "-Urm", "true"]))


def clone_into_namespaces(a):
    def born(flags):
        stack = mmap.mmap(-1, 65536)
        top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + 65536
        child = call("clone", END, top, flags | signal.SIGCHLD, None)
        os.waitpid(child, 0)

    for name, flag in NAMESPACES.items():
        if name != "time":
            a.way(f"clone {name}", lambda: born(flag))
            a.way(f"clone {name} as a new user", lambda: born(flag | NAMESPACES["user"]))


END = ctypes.cast(C._exit, ctypes.c_void_p)


def enter_namespaces(a):
    def enter(path):
        fd = os.open(path, os.O_RDONLY)
        return in_child(lambda: call("setns", fd, 0))

    for pid in others(a.event) + ["self"]:
        for name in [*NAMESPACES, "pid_for_children"]:
            a.way(f"/proc/{pid}/ns/{name}", lambda: enter(f"/proc/{pid}/ns/{name}"))
            a.way(f"parent of {pid} {name}", lambda: fcntl.ioctl(open(f"/proc/{pid}/ns/{name}"), 0xB702))
        for name, flag in NAMESPACES.items():
            number = os.getpid() if pid == "self" else pid
            a.way(f"handle of {pid}: {name}", lambda: call("setns", os.pidfd_open(number), flag))
    a.way("program", lambda: ran(["nsenter", "-t", "1", "-a", "true"]))


ATTEMPTS = [
    mount,
    mount_by_descriptors,
    unmount,
    change_the_root,
    unshare,
    clone_into_namespaces,
    enter_namespaces,
]
