// How a failure is told: to the caller as `{ errorType, errorMessage, trace }`, to the log as one line of JSON.
'use strict';

const util = require('util');

const named = (name) => {
  const made = { [name]: class extends Error {} }[name];
  made.prototype.name = `Runtime.${name}`;
  return made;
};

class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
}
UnhandledPromiseRejection.prototype.name = 'Runtime.UnhandledPromiseRejection';

function isError(value) {
  return (
    util.types.isNativeError(value) ||
    (typeof value?.name === 'string' && typeof value.message === 'string' && typeof value.stack === 'string')
  );
}

function describe(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
    return { errorType: String(error.name), errorMessage: String(error.message), trace: String(error.stack).split('\n') };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

// A header's value: what a header cannot hold is replaced.
function header(text) {
  return String(text).replace(/[^ -~]/g, '?');
}

function logged(error) {
  const whole = error instanceof Error ? error : new Error(error);
  try {
    return JSON.stringify(whole, (_, value) => {
      if (!(value instanceof Error)) return value;
      const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
      if (typeof value.stack === 'string') shown.stack = value.stack.split('\n');
      return shown;
    });
  } catch {
    return JSON.stringify(describe(whole));
  }
}

module.exports = {
  describe,
  header,
  logged,
  UnhandledPromiseRejection,
  CallbackHandlerDeprecated: named('CallbackHandlerDeprecated'),
  HandlerNotFound: named('HandlerNotFound'),
  ImportModuleError: named('ImportModuleError'),
  InvalidStreamingOperation: named('InvalidStreamingOperation'),
  MalformedHandlerName: named('MalformedHandlerName'),
  MalformedStreamingHandler: named('MalformedStreamingHandler'),
  UserCodeSyntaxError: named('UserCodeSyntaxError'),
};
