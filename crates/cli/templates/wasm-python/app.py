import json
from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import config
from wit_world.imports.types import (
    Fields,
    IncomingBody,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

# A header of events alone: no client of the gateway can send it.
EVENT = "lambda-runtime-aws-request-id"


def on_request(path: str) -> dict:
    """Answers GET /hello?name=…"""
    name = parse_qs(urlsplit(path).query).get("name", ["world"])[0]
    print(f"hello, {name}")
    return {"message": f"{config.get('greeting')}, {name}!"}


def on_event(kind: str, data: dict) -> dict:
    """Answers an event, which comes as a CloudEvents request: its data is the body, all else is in headers."""
    print(f"an event of type {kind}")
    return {"got": data}


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        with request.headers() as headers:
            kind = headers.get("ce-type")[0].decode() if headers.has(EVENT) else None
        if kind is None:
            answer = on_request(request.path_with_query() or "/")
        else:
            answer = on_event(kind, json.loads(read(request.consume())))
        send(response_out, json.dumps(answer).encode())


def read(body: IncomingBody) -> bytes:
    chunks = []
    with body.stream() as stream:
        while True:
            try:
                chunks.append(stream.blocking_read(64 * 1024))
            except Err:  # The end.
                break
    IncomingBody.finish(body)
    return b"".join(chunks)


def send(response_out: ResponseOutparam, data: bytes) -> None:
    response = OutgoingResponse(Fields.from_list([("content-type", b"application/json")]))
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    with body.write() as stream:
        for start in range(0, len(data), 4096):
            stream.blocking_write_and_flush(data[start : start + 4096])
    OutgoingBody.finish(body, None)
