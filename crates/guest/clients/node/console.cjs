// `console` as on Lambda: each call is one line with its time, request id and level, or one JSON object ("Using
// Lambda advanced logging controls with Node.js"). Lines go straight to the standard output that the process was
// started with, before the call returns.
'use strict';

const fs = require('fs');
const util = require('util');

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const json = (process.env.AWS_LAMBDA_LOG_FORMAT ?? '').toUpperCase() === 'JSON';

let requestId;
let tenantId;

function patch() {
  const least = Math.max(LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? '').toUpperCase()), 0);
  const format = json ? jsonLine : textLine;
  for (const [method, level] of [
    ['trace', 'TRACE'],
    ['debug', 'DEBUG'],
    ['info', 'INFO'],
    ['log', 'INFO'],
    ['warn', 'WARN'],
    ['error', 'ERROR'],
    ['fatal', 'FATAL'],
  ]) {
    console[method] =
      LEVELS.indexOf(level) < least ? () => {} : (...values) => write(`${format(level, values).replace(/\n/g, '\r')}\n`);
  }
}

function textLine(level, values) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...values)}`;
}

function jsonLine(level, values) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (tenantId !== undefined) line.tenantId = tenantId;
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...line, message: values[0] }, (_, value) =>
        value instanceof Error ? { ...shown(value), ...value } : value,
      );
    } catch {
      return JSON.stringify({ ...line, message: util.format(values[0]) });
    }
  }
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify({ ...line, message: util.format(...values), ...(error && shown(error)) });
}

function shown(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  };
}

// A failure of the function's, in the runtime's own words.
function failure(title, error) {
  if (json) console.error(error instanceof Error ? error : new Error(error));
  else console.error(title, `\t${require('./errors.cjs').logged(error)}`);
}

// What nobody can take is lost: a log never fails a function.
function write(text) {
  const data = Buffer.from(text);
  for (let at = 0; at < data.length; ) {
    try {
      at += fs.writeSync(1, data, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return;
      // The pipe is full, and `process.stdout` made it non-blocking.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function setRequest(request, tenant) {
  requestId = request;
  tenantId = tenant;
}

module.exports = { patch, failure, setRequest };
