// Streamed answers ("Configuring a Lambda function to stream responses"): a chunked request whose trailers tell of
// an error that came after the answer had begun.
'use strict';

const { Writable } = require('stream');
const { check } = require('./connection.cjs');
const { describe, header, InvalidStreamingOperation } = require('./errors.cjs');
const { HIGH_WATER_MARK } = require('./handler.cjs');
const log = require('./console.cjs');

const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_END = Buffer.alloc(8);

class ResponseStream extends Writable {
  constructor(api, id, highWaterMark) {
    super({ highWaterMark, decodeStrings: true });
    this.api = api;
    this.path = `invocation/${id}/response`;
    this.contentType = 'application/octet-stream';
    this.response = null;
    this.refused = false;
    this.tailSent = false;
    this._onBeforeFirstWrite = null;
  }

  get begun() {
    return this.response !== null;
  }

  setContentType(type) {
    if (this.begun) throw new InvalidStreamingOperation('Cannot set content-type, too late.');
    this.contentType = type;
  }

  // What is neither text nor bytes is written as JSON, as on Lambda.
  write(chunk, encoding, done) {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) chunk = JSON.stringify(chunk);
    return super.write(chunk, encoding, done);
  }

  begin() {
    if (this.begun) return;
    this.response = this.api.stream(
      this.path,
      `Content-Type: ${header(this.contentType)}\r\n` +
        'Lambda-Runtime-Function-Response-Mode: streaming\r\n' +
        'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n',
    );
    this.response.then(() => {
      // An answer that the platform does not want to the end (too large, say): the rest has nowhere to go.
      if (!this.tailSent) this.refused = true;
    });
    const before = this._onBeforeFirstWrite;
    if (typeof before === 'function') before((part) => this.send(Buffer.from(part)));
  }

  send(chunk, done) {
    if (this.refused) return done?.();
    if (chunk.length === 0) return done?.();
    const frame = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]);
    this.api.write(frame, () => done?.());
  }

  _write(chunk, _encoding, done) {
    this.begin();
    this.send(chunk, done);
  }

  _final(done) {
    this.begin();
    this.finishWith('', done);
  }

  // Ends an answer that had begun with an error in its trailers.
  fail(error) {
    const found = describe(error);
    const body = Buffer.from(JSON.stringify(found)).toString('base64');
    this.finishWith(
      `Lambda-Runtime-Function-Error-Type: ${header(found.errorType)}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n`,
    );
  }

  finishWith(trailers, done) {
    if (!this.refused && !this.tailSent) {
      this.tailSent = true;
      this.api.write(`0\r\n${trailers}\r\n`, () => done?.());
    } else {
      done?.();
    }
  }
}

// Writes the status, headers and cookies of an HTTP answer before its body.
class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(PRELUDE_END);
    };
    return stream;
  }
}

// A function that runs one invocation of a streaming handler. It resolves to the answer still to be sent: `null`
// when the stream was it.
function runner(api, handler, { generation, makeContext, errorAnswer, setCurrent, setWhenEmpty }) {
  return async (headers, body) => {
    const id = headers['lambda-runtime-aws-request-id'];
    const stream = new ResponseStream(api, id, handler[HIGH_WATER_MARK]);
    const context = generation >= 24 ? {} : { callbackWaitsForEmptyEventLoop: true };
    // Nothing is left that could end the stream, or that the function still waits for.
    const empty = new Promise(setWhenEmpty);
    const settle = async () => {
      api.hold();
      check(await stream.response, stream.path);
      api.release();
      if (stream.refused) api.close();
      return null;
    };
    const failed = (error) => {
      log.failure('Invoke Error', error);
      if (!stream.begun) return { path: `invocation/${id}/error`, ...errorAnswer(error) };
      stream.fail(error);
      return settle();
    };
    setCurrent({
      fail: (error) => {
        if (!stream.begun) return api.post(`invocation/${id}/error`, errorAnswer(error));
        stream.fail(error);
        api.hold();
        return stream.response;
      },
    });
    try {
      const finished = new Promise((resolve, reject) => {
        stream.once('finish', resolve);
        stream.once('error', reject);
        stream.once('close', resolve);
      });
      finished.catch(() => {});
      const result = handler(JSON.parse(body), stream, makeContext(headers, context));
      if (typeof result?.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
      const value = await Promise.race([result, empty]);
      if (value !== undefined) console.warn('Streaming handlers ignore return values.');
      await Promise.race([finished, empty]);
      if (!stream.writableFinished) throw new Error('Response stream is not finished.');
    } catch (error) {
      return failed(error);
    }
    const outcome = await settle();
    if (context.callbackWaitsForEmptyEventLoop) await empty;
    return outcome;
  };
}

module.exports = { runner, HttpResponseStream };
