"""One persistent HTTP/1.1 connection to the Runtime API, over TCP or (`unix:/path`) a Unix socket."""

import os

import _socket

_ROOT = "/2018-06-01/runtime/"
_NEXT = ("GET " + _ROOT + "invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n").encode()
# Bytes of a response's head: the client context and the trace are in it.
_HEAD_SIZE = 1 << 20
_READ_SIZE = 1 << 16
# Bodies up to this size are joined with their head into one write.
_JOIN_SIZE = 1 << 16


class Connection:
    def __init__(self, address):
        self._address = address
        self._socket = None
        self._identity = None
        self._pending = b""

    def next(self, answer):
        """Sends `answer`, if any, and the request for the next invocation behind it; returns that one.

        A connection that breaks is opened anew, and what got no receipt is sent again: the platform refuses a
        second answer to the same request, so that nothing is counted twice.
        """
        failures = 0
        while True:
            try:
                self._connect()
                if answer is None:
                    self._send(_NEXT, None)
                else:
                    path, kind, body = answer
                    self._send(_head(path, kind, len(body)), body, _NEXT)
                    status, _, _ = self._receive()
                    _check(status, path)
                    answer = None
                    failures = 0
                status, headers, body = self._receive()
            except OSError as error:
                self._drop()
                failures += 1
                if failures == 2:
                    raise SystemExit("the Runtime API at {} is gone: {}".format(self._address, error))
                continue
            if status != 200:
                raise SystemExit("the Runtime API answered {} to invocation/next".format(status))
            return headers, body

    def restore_next(self):
        """The status of the answer: 200, or 205 if this process is to be copied."""
        self._connect()
        self._send("GET {}restore/next HTTP/1.1\r\nHost: runtime\r\n\r\n".format(_ROOT).encode(), None)
        status, _, _ = self._receive()
        if status not in (200, 205):
            raise SystemExit("the Runtime API answered {} to restore/next".format(status))
        return status

    def forget(self):
        """The connection is another process's, or is nobody's any more."""
        self._drop()
        self._pending = b""

    def get(self, path):
        self._connect()
        self._send("GET {}{} HTTP/1.1\r\nHost: runtime\r\n\r\n".format(_ROOT, path).encode(), None)
        status, _, body = self._receive()
        if status != 200:
            raise SystemExit("the Runtime API answered {} to {}".format(status, path))
        return body

    def post(self, path, kind, body):
        self._connect()
        self._send(_head(path, kind, len(body)), body)
        self._receive()

    def _connect(self):
        if self._socket is not None:
            if self._is_ours():
                return
            self._drop()
        address = self._address
        if address.startswith("unix:"):
            link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            link.connect(address[5:])
        else:
            host, _, port = address.rpartition(":")
            host = host.strip("[]") or "127.0.0.1"
            family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
            link = _socket.socket(family, _socket.SOCK_STREAM)
            link.connect((host, int(port)))
            link.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self._socket = link
        self._identity = _identity(link.fileno())
        self._pending = b""

    def _is_ours(self):
        """Functions that become daemons close every descriptor; its number may mean another file by now."""
        try:
            return _identity(self._socket.fileno()) == self._identity
        except OSError:
            return False

    def _drop(self):
        link, self._socket = self._socket, None
        if link is None:
            return
        try:
            ours = _identity(link.fileno()) == self._identity
        except OSError:
            ours = False
        if ours:
            link.close()
        else:
            link.detach()

    def _send(self, head, body, tail=b""):
        link = self._socket
        if body is None:
            link.sendall(head)
        elif len(body) <= _JOIN_SIZE:
            link.sendall(b"".join((head, body, tail)))
        else:
            link.sendall(head)
            link.sendall(body)
            if tail:
                link.sendall(tail)

    def _receive(self):
        """One response: its status, its headers (names in lower case) and its body."""
        data = self._pending
        end = data.find(b"\r\n\r\n")
        while end < 0:
            if len(data) > _HEAD_SIZE:
                raise OSError("a response's head is too large")
            seen = max(len(data) - 3, 0)
            data += self._read()
            end = data.find(b"\r\n\r\n", seen)
        lines = data[:end].decode("utf-8", "replace").split("\r\n")
        rest = data[end + 4 :]
        try:
            status = int(lines[0].split(" ", 2)[1])
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            if "chunked" in headers.get("transfer-encoding", "").lower():
                body = self._chunks(rest)
            else:
                body = self._exactly(rest, int(headers.get("content-length", "0")))
        except (IndexError, ValueError):
            raise OSError("a response that is not HTTP/1.1")
        if headers.get("connection", "").lower() == "close":
            self._drop()
        return status, headers, body

    def _exactly(self, data, size):
        have = len(data)
        if have >= size:
            self._pending = data[size:]
            return data[:size]
        self._pending = b""
        body = bytearray(size)
        body[:have] = data
        view = memoryview(body)
        while have < size:
            count = self._socket.recv_into(view[have:])
            if not count:
                raise ConnectionResetError("closed within a response")
            have += count
        return body

    def _chunks(self, data):
        body = bytearray()
        self._pending = data
        while True:
            size = int(self._line().split(b";")[0], 16)
            if not size:
                break
            body += self._exactly(self._pending, size)
            self._line()
        while self._line():  # Trailers, up to the empty line.
            pass
        return body

    def _line(self):
        data = self._pending
        while b"\r\n" not in data:
            data += self._read()
        line, _, self._pending = data.partition(b"\r\n")
        return line

    def _read(self):
        if self._socket is None:
            raise ConnectionResetError("closed as the platform announced")
        data = self._socket.recv(_READ_SIZE)
        if not data:
            raise ConnectionResetError("closed by the platform")
        return data


def _head(path, kind, size):
    if ":" not in kind:
        kind = "Content-Type: " + kind
    return "POST {}{} HTTP/1.1\r\nHost: runtime\r\n{}\r\nContent-Length: {}\r\n\r\n".format(
        _ROOT, path, kind, size
    ).encode("utf-8")


def _check(status, path):
    """A refused answer (too large, too late) is the platform's to tell; the runtime goes on, as on Lambda."""
    if status == 403 or status >= 500:
        raise SystemExit("the Runtime API answered {} to {}".format(status, path))


def _identity(descriptor):
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
