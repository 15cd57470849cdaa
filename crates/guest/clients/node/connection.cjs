// One persistent HTTP/1.1 connection to the Runtime API, on a raw socket: Node's `http` costs a start and every
// round trip several times as much. Responses come in the order of the requests, which may be pipelined.
'use strict';

const net = require('net');

const ROOT = '/2018-06-01/runtime/';
const NEXT = `GET ${ROOT}invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
const HEAD_END = Buffer.from('\r\n\r\n');
const READ_SIZE = 1 << 16;
// Bytes of a response's head: the client context and the trace are in it.
const HEAD_SIZE = 1 << 20;

class Connection {
  constructor(address) {
    if (address.startsWith('unix:')) {
      this.target = { path: address.slice(5) };
    } else {
      const colon = address.lastIndexOf(':');
      this.target = {
        host: address.slice(0, colon).replace(/^\[|\]$/g, '') || '127.0.0.1',
        port: Number(address.slice(colon + 1)),
        noDelay: true,
      };
    }
    this.address = address;
    this.socket = null;
    // Requests without a response, oldest first: { text, stream, resolve }.
    this.waiting = [];
    this.failures = 0;
    this.forget();
  }

  // Sends `answer`, if any, and the request for the next invocation behind it, in one write.
  async next(answer) {
    let receipt = null;
    let text = NEXT;
    if (answer !== null) {
      const first = message(answer.path, answer.head, answer.body);
      receipt = this.expect(first, answer.path);
      text = first + NEXT;
    }
    const invocation = this.expect(NEXT, 'invocation/next');
    this.write(text);
    this.hold();
    if (receipt !== null) check(await receipt, answer.path);
    const response = await invocation;
    if (response.status !== 200) fatal(`the Runtime API answered ${response.status} to invocation/next`);
    this.release();
    return response;
  }

  post(path, { head, body }) {
    const text = message(path, head, body);
    const response = this.expect(text, path);
    this.write(text);
    this.hold();
    return response;
  }

  get(path) {
    const text = `GET ${ROOT}${path} HTTP/1.1\r\nHost: runtime\r\n\r\n`;
    const response = this.expect(text, path);
    this.write(text);
    this.hold();
    return response;
  }

  // A request whose body follows in parts, by `write`. It cannot be sent again: its response is `null` if the
  // connection breaks.
  stream(path, head) {
    const response = this.expect(null, path);
    this.write(`POST ${ROOT}${path} HTTP/1.1\r\nHost: runtime\r\n${head}Transfer-Encoding: chunked\r\n\r\n`);
    return response;
  }

  write(data, done) {
    if (this.socket === null) this.open();
    return this.socket.write(data, done);
  }

  // Whether the connection keeps the event loop alive: it does while the runtime itself waits for a response.
  hold() {
    this.socket?.ref();
  }

  release() {
    this.socket?.unref();
  }

  close() {
    const { socket } = this;
    this.socket = null;
    this.forget();
    socket?.destroy();
  }

  expect(text, path) {
    return new Promise((resolve) => this.waiting.push({ text, path, resolve }));
  }

  open() {
    const socket = net.connect({
      ...this.target,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_SIZE),
        callback: (count, buffer) => {
          if (socket === this.socket) this.read(buffer.subarray(0, count));
          return true;
        },
      },
    });
    socket.on('error', (error) => (socket.cause = error));
    socket.on('close', () => this.lost(socket));
    this.socket = socket;
    this.forget();
  }

  // What got no response is sent again, once: the platform refuses a second answer to the same request, so that
  // nothing counts twice.
  lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (this.waiting.length > 0 && this.waiting[0].text === null) this.waiting.shift().resolve(null);
    if (this.waiting.length === 0) return;
    this.failures += 1;
    if (this.failures === 2) {
      fatal(`the Runtime API at ${this.address} is gone: ${socket.cause?.message ?? 'closed'}`);
    }
    this.write(this.waiting.map((request) => request.text ?? '').join(''));
  }

  forget() {
    // Bytes that were read and not understood yet, and the response whose body is being read.
    this.rest = null;
    this.response = null;
  }

  read(data) {
    if (this.rest !== null) {
      data = Buffer.concat([this.rest, data]);
      this.rest = null;
    }
    while (data.length > 0) {
      if (this.response === null) {
        const end = data.indexOf(HEAD_END);
        if (end < 0) {
          if (data.length > HEAD_SIZE) fatal("a response's head from the Runtime API is too large");
          this.rest = Buffer.from(data);
          return;
        }
        this.response = parseHead(data.utf8Slice(0, end));
        data = data.subarray(end + 4);
      }
      const { response } = this;
      if (response.chunked) {
        const used = readChunks(response, data);
        data = data.subarray(used);
        if (!response.ended) {
          this.rest = Buffer.from(data);
          return;
        }
      } else if (data.length < response.left) {
        response.parts.push(Buffer.from(data));
        response.left -= data.length;
        return;
      } else {
        const last = data.subarray(0, response.left);
        data = data.subarray(response.left);
        response.body =
          response.parts.length === 0
            ? last.utf8Slice(0, last.length)
            : Buffer.concat([...response.parts, last]).toString('utf8');
      }
      this.response = null;
      this.failures = 0;
      const request = this.waiting.shift();
      if (request === undefined) fatal('the Runtime API answered what nobody asked');
      request.resolve(response);
    }
  }
}

function parseHead(text) {
  const lines = text.split('\r\n');
  const headers = {};
  for (let i = 1; i < lines.length; i += 1) {
    const colon = lines[i].indexOf(':');
    headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 1).trim();
  }
  return {
    status: Number(lines[0].split(' ', 2)[1]),
    headers,
    body: '',
    parts: [],
    left: Number(headers['content-length'] ?? 0),
    chunked: headers['transfer-encoding'] === 'chunked',
    ended: false,
  };
}

// Takes whole chunks off the front of `data`; returns how many bytes it used.
function readChunks(response, data) {
  let at = 0;
  for (;;) {
    const line = data.indexOf('\r\n', at);
    if (line < 0) return at;
    const size = parseInt(data.latin1Slice(at, line), 16);
    if (size === 0) {
      const end = data.indexOf(HEAD_END, line);
      if (end < 0) return at;
      response.body = Buffer.concat(response.parts).toString('utf8');
      response.ended = true;
      return end + 4;
    }
    if (data.length < line + 2 + size + 2) return at;
    response.parts.push(Buffer.from(data.subarray(line + 2, line + 2 + size)));
    at = line + 2 + size + 2;
  }
}

function message(path, head, body) {
  const size = Buffer.byteLength(body);
  return `POST ${ROOT}${path} HTTP/1.1\r\nHost: runtime\r\n${head}Content-Length: ${size}\r\n\r\n${body}`;
}

// A refused answer (too large, too late) is the platform's to tell; the runtime goes on, as on Lambda.
function check(response, path) {
  if (response !== null && (response.status === 403 || response.status >= 500)) {
    fatal(`the Runtime API answered ${response.status} to ${path}`);
  }
}

function fatal(text) {
  require('fs').writeSync(2, `${text}\n`);
  process.exit(1);
}

module.exports = { Connection, check };
