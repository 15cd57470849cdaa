"""A Python function that tries to get out of its sandbox, or to hurt its neighbours.

It makes the attempts of the native probe (`main.rs`), under the same names and with the same answers, in Python's own
ways: through the C library, the interpreter's modules and the machine's programs.
"""

import json
import os
import sys

import bombs
import files
import kernel
import namespaces
import network
import privileges
import processes
from attempt import Attempt

MODULES = [files, processes, network, namespaces, privileges, kernel]
ATTEMPTS = {work.__name__: work for module in MODULES for work in module.ATTEMPTS}


def handler(event, context):
    name = event["attempt"]
    # It is where the host's processes are: nothing of this may be tried there.
    if os.readlink("/proc/self/ns/pid") == event["host"]:
        return {"attempt": name, "outcome": "unsafe", "errors": [], "ways": {}}
    if name in bombs.BOMBS:
        return bombs.BOMBS[name](event)
    attempt = Attempt(event)
    ATTEMPTS[name](attempt)
    errors = sorted(attempt.errors) if attempt.ways else ["nothing"]
    outcome = "done" if attempt.done else "refused"
    return {"attempt": name, "outcome": outcome, "errors": errors, "ways": attempt.ways}


if __name__ == "__main__":  # By hand: one event.
    print(json.dumps(handler(json.loads(sys.argv[1]), None)))
