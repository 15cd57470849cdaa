"""How a failure is told: to the caller as JSON, to the log as text or JSON."""

import os
import time
import traceback

from . import Fault, codec, sink

_FOLDER = os.path.dirname(__file__)
_INDENT = "\u00a0"  # Lambda's logs indent a traceback with no-break spaces.


def describe(error, request_id):
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message = type(error).__name__, _text(error)
        frames = traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename.startswith(_FOLDER):
            del frames[0]
        trace = traceback.format_list([(f.filename, f.lineno, f.name, f.line) for f in frames])
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def encode(failure):
    return codec.encoder(True)(failure)


def header(failure):
    kind = failure["errorType"].encode("ascii", "replace").decode()
    return "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + "".join(
        letter if " " <= letter <= "~" else "?" for letter in kind
    )


def log(failure):
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = codec.encoder(True)(dict(timestamp=now, level="ERROR", **failure))
        sink.write(line.decode("ascii") + "\n")
        return
    message = failure["errorMessage"]
    lines = ["[ERROR] {}{}".format(failure["errorType"], ": " + message if message else "")]
    lines.append("Traceback (most recent call last):")
    for entry in failure["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append(_INDENT * (len(line) - len(text)) + text)
    sink.write("\n".join(lines) + "\n")


def _text(error):
    try:
        return str(error)
    except Exception:
        return "<{} whose text cannot be had>".format(type(error).__name__)
