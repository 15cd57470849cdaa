"""JSON as Lambda's Python runtime reads and writes it, on the interpreter's C scanner and encoder alone.

What Lambda's runtime writes and the `json` module refuses: `bytes` (as UTF-8 text, also as keys), named tuples
(as objects), and `Decimal` (exactly). `NaN` and the infinities are written as such.
"""

import sys

from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner


class _Scan:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__


_scan = make_scanner(_Scan())


def decode(body):
    text = body.decode("utf-8")
    trimmed = text.strip(" \t\n\r")
    try:
        value, end = _scan(trimmed, 0)
        if end == len(trimmed):
            return value
    except (StopIteration, ValueError):
        pass
    import json  # For its error alone: where in the text it is, and what.

    return json.loads(text)


class _Raw(str):
    """Text that goes into the answer as it is."""


class _HasDecimal(Exception):
    pass


def encoder(ensure_ascii):
    """A function from a value to its JSON as bytes."""
    escape = encode_basestring_ascii if ensure_ascii else encode_basestring

    def escape_or_raw(text):
        return str(text) if type(text) is _Raw else escape(text)

    def run(value, default, escape):
        return "".join(make_encoder({}, default, escape, None, ": ", ", ", False, False, True)(value, 0))

    def encode(value):
        if _named_tuples_may_be():
            value = _plain(value)
        try:
            text = run(value, _default, escape)
        except _HasDecimal:
            text = run(_plain(value), _default_exact, escape_or_raw)
        except TypeError as error:
            if not str(error).startswith("keys must be"):
                raise
            text = run(_plain(value), _default_exact, escape_or_raw)
        return text.encode("utf-8")

    return encode


def _default(value):
    if isinstance(value, bytes):
        return value.decode("utf-8")
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        raise _HasDecimal
    raise TypeError("Object of type {} is not JSON serializable".format(value.__class__.__name__))


def _default_exact(value):
    try:
        return _default(value)
    except _HasDecimal:
        return float("nan") if value.is_nan() else _Raw(value)


# The C encoder writes a named tuple as an array and asks nobody. Looking into every answer costs time, so it is
# done only once the function has defined such a class itself.
_tuples_seen = 0
_tuples_found = False
_FOREIGN = frozenset(("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "jmespath"))


def _named_tuples_may_be():
    global _tuples_seen, _tuples_found
    classes = tuple.__subclasses__()
    if len(classes) != _tuples_seen:
        _tuples_seen = len(classes)
        standard = getattr(sys, "stdlib_module_names", ())
        _tuples_found = any(
            hasattr(found, "_asdict")
            and found.__module__.partition(".")[0] not in standard
            and found.__module__.partition(".")[0] not in _FOREIGN
            for found in classes
        )
    return _tuples_found


def _plain(value, depth=0):
    """The value with named tuples as dictionaries and text as keys; what it does not know it leaves alone."""
    if depth > sys.getrecursionlimit() // 4:
        return value  # The encoder says what is wrong with a circle.
    if isinstance(value, tuple):
        if hasattr(value, "_asdict"):
            return _plain(value._asdict(), depth + 1)
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            key.decode("utf-8") if isinstance(key, bytes) else key: _plain(item, depth + 1)
            for key, item in value.items()
        }
    return value
