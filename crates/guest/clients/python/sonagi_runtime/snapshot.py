"""What happens between the initialisation and the first invocation of a function that has SnapStart.

The platform keeps the initialised process, and copies it for every environment: the process forks a child that asks
for a fork of its own, and stands there. When a copy is wanted it gets it, and that fork wakes in a sandbox of its own.
What must not be the same in two copies is renewed here. The platform has made sure before that there is one thread,
and nothing open that two processes would get in each other's way with.
"""

import os
import sys

import _socket

from . import failures, sink
from .context import LambdaContext

# The number of the socket through which a copy is asked for.
_GATE = 3


def restore(api, environ):
    """Runs the hooks, and returns in an environment that is to serve."""
    try:
        callables = _hooks("get_before_snapshot")
        while callables:  # In the reverse order of their registration.
            function, arguments, named = callables.pop()
            function(*arguments, **named)
        if api.restore_next() == 205:
            _be_copied(api, environ)
        else:
            _draw_anew()  # It may be another machine that goes on here, of many.
    except BaseException as error:
        _refuse(api, error, "init/error", "Runtime.BeforeSnapshotError", 64)
    try:
        for function, arguments, named in _hooks("get_after_restore"):
            function(*arguments, **named)
    except BaseException as error:
        _refuse(api, error, "restore/error", "Runtime.AfterRestoreError", 65)


def _hooks(name):
    """What the function has registered, if it has; its own copy of the module counts, like ours."""
    module = sys.modules.get("snapshot_restore_py")
    return getattr(module, name)() if module else []


def _refuse(api, error, path, kind, status):
    if isinstance(error, SystemExit) and isinstance(error.code, str) and "Runtime API" in error.code:
        raise error  # The platform is gone; there is nobody to tell.
    failure = failures.describe(error, "")
    failures.log(failure)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    api.post(path, failures.header({"errorType": kind}), failures.encode(failure))
    os._exit(status)


def _be_copied(api, environ):
    """Returns in each copy."""
    import gc

    # A collection writes to every object that it looks at, and what is written to is no longer shared.
    gc.collect()
    gc.freeze()
    _hang_up(api)
    while True:
        child = os.fork()
        if not child:
            break
        os.waitpid(child, 0)
    gate = _socket.socket(fileno=_GATE)
    gate.send(b"%d" % os.getpid())
    if gate.recv(1) != b"+":
        os._exit(0)
    leads_to_log = _same_as_output()
    # Here it stands until a copy is wanted. The copy's standard output is its own log.
    if os.fork():
        os._exit(0)
    gate.close()
    for number in leads_to_log:
        os.dup2(1, number, number < _GATE or os.get_inheritable(number))
    sink.renew()
    api.forget()
    _open_anew()
    _take_over(api.get("assignment"), environ)
    _draw_anew()


def _hang_up(api):
    """Ends every connection: the other side knows one client, and there will be many."""
    api.forget()
    for number in _open_numbers():
        try:
            link = _socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        try:
            link.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass
        link.close()


def _same_as_output():
    """What leads to where the standard output and error lead, besides the first of them."""
    log = {_identity(1), _identity(2)}
    return [2] + [number for number in _open_numbers() if _identity(number) in log]


def _identity(number):
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open_anew():
    """Files that are read: two processes with one position would read each half of it."""
    for number in _open_numbers():
        own = "/proc/self/fd/%d" % number
        try:
            if not os.readlink(own).startswith("/") or not os.path.isfile(own):
                continue
            kept = os.get_inheritable(number)
            position = os.lseek(number, 0, os.SEEK_CUR)
            anew = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        os.lseek(anew, position, os.SEEK_SET)
        os.dup2(anew, number, kept)
        os.close(anew)


def _open_numbers():
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    return [number for number in numbers if number > _GATE]


def _take_over(body, environ):
    import time

    environ.clear()
    for line in bytes(body).split(b"\0"):
        name, equals, value = line.partition(b"=")
        if equals and name not in (b"SONAGI_LAYERS", b"SONAGI_SDK"):
            environ[os.fsdecode(name)] = os.fsdecode(value)
    time.tzset()
    os.chdir(environ["LAMBDA_TASK_ROOT"])
    LambdaContext.read(environ)


def _draw_anew():
    """Random numbers. `os.urandom` and what is made from it are new by themselves; these are not."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    ssl = sys.modules.get("_ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(32), 32.0)
