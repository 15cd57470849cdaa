"""The entry: short, because the interpreter compiles this file anew at every start."""

import sys

if __name__ == "__main__":  # Not in the processes that `multiprocessing` spawns: they run this file too.
    folder = __file__.rpartition("/")[0] or "."
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    import sonagi_runtime

    del sys.path[0]
    if sys.argv[1:] == ["--compile"]:
        sonagi_runtime.compile_files()
    else:
        sonagi_runtime.main()
