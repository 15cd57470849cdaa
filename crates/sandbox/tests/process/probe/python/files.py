"""Files: the host's, the platform's, other environments', the kernel's; and what must not be written."""

import ctypes
import os
import select
import socket
import stat
import struct
import sys

from attempt import Refused, descriptors, open_to_write, others, read, write

UP = "/../../../../../../../.."


def read_every_way(a, what):
    path = a.event.get(what, "/nothing")
    a.way("absolute", lambda: read(path))
    for start in ["/proc/self/root", "/proc/self/cwd", "/var/task", "/tmp", "/proc/self/task/../../.."]:
        a.way(start, lambda: read(start + UP + path))
    for pid in others(a.event):
        for link in ["root", "cwd"]:
            a.way(f"/proc/{pid}/{link}", lambda: read(f"/proc/{pid}/{link}{UP}{path}"))
    os.symlink(path, "/tmp/link")
    a.way("link", lambda: read("/tmp/link"))
    os.unlink("/tmp/link")
    for fd in descriptors():
        a.way(f"descriptor {fd}", lambda: os.close(os.open("." + UP + path, os.O_RDONLY, dir_fd=fd)))


def read_a_file_of_the_host(a):
    read_every_way(a, "secret")


def read_the_data_folder(a):
    read_every_way(a, "data")


def read_the_neighbours_files(a):
    read_every_way(a, "neighbours_file")


def read_private_files(a):
    for path in [
        "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssl/private", "/root/.bashrc", "/root/.ssh/authorized_keys", "/var/log/dpkg.log", "/var/lib/dpkg/status",
        "/run/docker.sock",
    ]:  # fmt: skip
        a.way(path, lambda: read(path))


def list_folders(a):
    def names(path):
        found = os.listdir(path)
        if not found:
            raise Refused("empty")
        return found

    for path in [
        "/root", "/home", "/boot", "/media", "/mnt", "/run", "/srv", "/sys", "/sys/fs/cgroup", "/sys/kernel/debug",
        "/dev/shm", "/dev/pts", "/dev/mapper", "/dev/mqueue", "/var/lib", "/var/log", "/var/run", "/var/tmp", "/work",
        "/proc/1/fd", "/proc/1/cwd", "/proc/1/root", "/proc/1/map_files",
        "/proc/tty/driver",
    ] + a.event.get("folders", []):  # fmt: skip
        a.way(path, lambda: names(path))


def read_the_kernel(a):
    for path in [
        "/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/vda", "/dev/sda",
        "/dev/nvme0n1", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/userfaultfd", "/proc/kpagecount",
        "/proc/kpageflags", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/timer_list", "/proc/sched_debug",
        "/sys/kernel/notes", "/sys/firmware/dmi/tables/DMI", "/sys/kernel/security/lsm",
    ]:  # fmt: skip
        a.way(path, lambda: read(path))

    def addresses(path):
        with open(path) as file:
            for line in file:
                word = line.split()[0].split("-")[0]
                if len(word) >= 8 and word.strip("0"):
                    return word
        raise Refused("hidden")

    for path in ["/proc/kallsyms", "/proc/iomem"]:
        a.way(path, lambda: addresses(path))
    a.call("syslog read", "klogctl", 3, ctypes.create_string_buffer(4096), 4096)
    a.call("syslog size", "klogctl", 10, None, 0)


def write_kernel_settings(a):
    written = {
        "/proc/self/uid_map": b"0 0 1\n",
        "/proc/self/gid_map": b"0 0 1\n",
        "/proc/self/setgroups": b"allow",
        "/proc/self/attr/current": b"unconfined",
        "/proc/sys/kernel/ns_last_pid": b"1",
    }
    for path in [
        "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/modprobe", "/proc/sys/kernel/panic", "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/usermodehelper/bset", "/proc/sys/fs/suid_dumpable",
        "/proc/sys/fs/file-max", "/proc/sys/vm/drop_caches", "/proc/sys/vm/overcommit_memory",
        "/proc/sys/vm/mmap_min_addr", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/user/max_user_namespaces",
        "/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/1/oom_score_adj", "/proc/1/uid_map",
        "/proc/1/coredump_filter", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/memory/release_agent", *written,
    ]:  # fmt: skip
        if path in written:
            a.way(path, lambda: write(path, written[path]))
        elif not (path.startswith("/proc/1/") and os.getpid() == 1):
            a.way(path, lambda: open_to_write(path))


def write_read_only_files(a):
    folders = "/ /bin /dev /etc /lib /opt /usr /usr/bin /usr/lib /var /var/runtime /var/task".split()
    for folder in folders:
        path = os.path.join(folder, "probe")
        a.way(path, lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)))
        a.way(f"mkdir {path}", lambda: os.mkdir(path))
    for path in ["/etc/passwd", "/etc/hosts", "/usr/bin/env", __file__, sys.executable]:
        a.way(f"write {path}", lambda: open_to_write(path))
        a.way(f"truncate {path}", lambda: os.truncate(path, 10**9))
        a.way(f"chmod {path}", lambda: os.chmod(path, 0o4777))
        a.way(f"unlink {path}", lambda: os.unlink(path))
        a.way(f"rename {path}", lambda: os.rename(path, "/tmp/taken"))
        a.way(f"link {path}", lambda: os.link(path, "/tmp/linked", follow_symlinks=False))
    a.way("rename /var/task", lambda: os.rename("/var/task", "/var/moved"))
    a.way("chmod /dev/null", lambda: os.chmod("/dev/null", 0))


def lower_the_oom_score(a):
    path = "/proc/self/oom_score_adj"
    now = int(read(path))
    for wanted in [now - 1, -1000]:
        a.way(wanted, lambda: write(path, str(wanted).encode()))


def overwrite_programs(a):
    def again(path):
        with open(path, "rb") as file:
            open_to_write(f"/proc/self/fd/{file.fileno()}")

    for path in ["/proc/1/exe", "/proc/self/exe", "/proc/thread-self/exe", "/usr/bin/env"]:
        a.way(path, lambda: open_to_write(path))
        a.way(f"{path} again", lambda: again(path))


def open_by_handle(a):
    for path in ["/", "/usr", "/var/task", "/tmp"]:
        handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136), ctypes.c_int()
        a.call(f"name {path}", "name_to_handle_at", -100, path.encode(), handle, ctypes.byref(mount), 0)
        root = ctypes.create_string_buffer(struct.pack("IiII", 8, 1, 2, 0), 136)
        folder = os.open(path, os.O_RDONLY)
        a.call(f"open {path}", "open_by_handle_at", folder, root, os.O_RDONLY)
        os.close(folder)


def use_descriptors(a):
    def known(fd, link):
        if fd == 0 and link == "/dev/null" or fd in (1, 2) and link.startswith("pipe:"):
            raise Refused("known")
        if link.startswith("socket:"):
            with socket.socket(fileno=os.dup(fd)) as one:
                if one.family == socket.AF_INET and one.getpeername()[0] == "127.0.0.1":
                    raise Refused("known")
        if link.startswith("pipe:"):
            asked = select.poll()
            asked.register(fd, 0)
            if any(events & select.POLLHUP for _, events in asked.poll(0)):
                # Nobody is at its other end, so that nothing comes through.
                raise Refused("dead-pipe")
        return link

    for fd in descriptors():
        link = os.readlink(f"/proc/self/fd/{fd}")
        a.way(f"{fd} {link}", lambda: known(fd, link))


def make_devices(a):
    for name, kind, device in [
        ("block 8:0", stat.S_IFBLK, (8, 0)),
        ("block 254:0", stat.S_IFBLK, (254, 0)),
        ("memory", stat.S_IFCHR, (1, 1)),
        ("null", stat.S_IFCHR, (1, 3)),
        ("terminal", stat.S_IFCHR, (5, 0)),
    ]:
        a.way(name, lambda: os.mknod("/tmp/device", kind | 0o666, os.makedev(*device)))


def find_control_groups(a):
    def hidden(path):
        if path == "/":
            raise Refused("hidden")
        return path

    for pid in ["self", "1"]:
        with open(f"/proc/{pid}/cgroup") as file:
            for line in file:
                a.way(f"{pid} {line.strip()}", lambda: hidden(line.strip().rsplit(":", 1)[1]))
    with open("/proc/self/mountinfo") as file:
        for line in file:
            if " - cgroup" in line:
                a.way(line.split()[4], lambda: open_to_write(line.split()[4] + "/cgroup.procs"))


def learn_the_hosts_paths(a):
    def told(path):
        with open(path, errors="replace") as file:
            text = file.read()
        for line in text.splitlines():
            if any(word in line for word in a.event.get("hidden", [])):
                return line
        raise Refused("hidden")

    for name in ["1/maps", "1/environ", "1/cgroup", "self/maps", "self/environ", "self/cmdline", "self/cgroup"]:
        a.way(f"/proc/{name}", lambda: told(f"/proc/{name}"))


ATTEMPTS = [
    read_a_file_of_the_host,
    read_the_data_folder,
    read_the_neighbours_files,
    read_private_files,
    list_folders,
    read_the_kernel,
    write_kernel_settings,
    write_read_only_files,
    lower_the_oom_score,
    overwrite_programs,
    open_by_handle,
    use_descriptors,
    make_devices,
    find_control_groups,
    learn_the_hosts_paths,
]
