"""Where the runtime's own log lines go: the standard output that the process was started with.

The function may put anything in place of `sys.stdout`; its log goes on.
"""

import os
import time

_STANDARD_OUTPUT = 1


def _identity(descriptor):
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _duplicate():
    try:
        return os.dup(_STANDARD_OUTPUT)
    except OSError:
        return _STANDARD_OUTPUT


_output = _duplicate()
_output_identity = _identity(_output)


def renew():
    """The log is another, at the same number."""
    global _output_identity
    _output_identity = _identity(_output)


def write(text):
    """Writes `text` whole, to a line's end. What nobody can take is lost: a log never fails a function."""
    if not text.endswith("\n"):
        text += "\n"
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    output = _output if _identity(_output) == _output_identity else _STANDARD_OUTPUT
    while data:
        try:
            data = data[os.write(output, data) :]
        except BlockingIOError:
            time.sleep(0.001)  # The function made the pipe non-blocking, and it is full.
        except OSError:
            return
