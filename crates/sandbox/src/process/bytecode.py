# Compiles every module below a folder and writes the bytecode to standard output, each behind the sizes of its name and
# of itself; two zeros end it. Nothing of the modules is run. See bytecode.rs.
import importlib.util
import marshal
import os
import struct
import sys

ROOT = sys.argv[1]
# What the compiler says of the modules is nobody's concern here, and would stand between the others.
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
out = os.fdopen(os.dup(1), "wb", 1 << 16)


def code(path):
    with open(path, "rb") as file:
        source = file.read()
    body = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
    # PEP 552: with the source's hash, and that nobody is to compare it.
    return importlib.util.MAGIC_NUMBER + struct.pack("<I", 1) + importlib.util.source_hash(source) + body


for folder, folders, files in os.walk(ROOT):
    brought = "__pycache__" in folders or "__pycache__" in files
    folders[:] = sorted(name for name in folders if name != "__pycache__")
    for name in sorted(files):
        path = os.path.join(folder, name)
        if brought or not name.endswith(".py") or os.path.islink(path):
            continue
        try:
            body = code(path)
            place = os.fsencode(os.path.relpath(importlib.util.cache_from_source(path), ROOT))
        except (Exception, MemoryError, RecursionError):
            continue
        out.write(struct.pack("<II", len(place), len(body)) + place + body)
        out.flush()
out.write(struct.pack("<II", 0, 0))
out.flush()
