"""The runtime hooks of SnapStart for Python, as Lambda's own runtime has them ("Lambda SnapStart runtime hooks").

What is registered runs with its arguments: before the snapshot in the reverse order of its registration, and after
each restore in that order.
"""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """Has `func` called before the initialised function is kept to be copied. Returns it: it can be a decorator."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Has `func` called in each copy before its first invocation. Returns it: it can be a decorator."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore
