// Runs a Node handler behind the Lambda Runtime API (2018-06-01).
//
// Start reading at `serve`. What is always true here:
// - while the handler runs, the connection does not keep the event loop alive: `beforeExit` says that nothing is
//   left to wait for, which is when a callback's answer leaves (`callbackWaitsForEmptyEventLoop`);
// - an uncaught exception or an unhandled rejection is reported as the invocation's failure and ends the process;
// - what a plain invocation does not need (streams, error texts, ES module hooks) is loaded when it is needed.
'use strict';

const { Connection } = require('./connection.cjs');

const env = process.env;
const api = new Connection(env.AWS_LAMBDA_RUNTIME_API);
// What depends on the function's variables, known from `start` on.
let log = null;
// The generation of Lambda runtime that the function asked for: Node 24 dropped callbacks.
let generation = 0;

// The invocation that runs: `fail` reports its failure and resolves once the platform has it.
let current = null;
let phase = 'init';
// What to do when the event loop is empty.
let whenEmpty = null;

process.on('beforeExit', () => {
  const act = whenEmpty;
  whenEmpty = null;
  if (act !== null) setImmediate(act);
});
process.on('uncaughtException', (error) => {
  log.failure('Uncaught Exception', error);
  die(error, 129);
});
process.on('unhandledRejection', (reason, promise) => {
  const { UnhandledPromiseRejection } = require('./errors.cjs');
  const error = new UnhandledPromiseRejection(reason, promise);
  log.failure('Unhandled Promise Rejection', error);
  die(error, 128);
});

async function die(error, status) {
  try {
    api.hold();
    if (current !== null) await current.fail(error);
    else if (phase === 'init') await api.post('init/error', errorAnswer(error));
  } finally {
    process.exit(status);
  }
}

async function serve() {
  log.patch();
  let handler;
  let streaming;
  try {
    const { load, isStreaming } = require('./handler.cjs');
    handler = await load(env.LAMBDA_TASK_ROOT ?? '/var/task', env._HANDLER ?? '');
    streaming = isStreaming(handler);
    if (generation >= 24 && handler.length >= 3 && !streaming) {
      const { CallbackHandlerDeprecated } = require('./errors.cjs');
      throw new CallbackHandlerDeprecated(
        'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need ' +
          'to modify this function to use a supported handler signature to use Node.js 24 or later. For more information ' +
          'see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
      );
    }
  } catch (error) {
    log.failure('Uncaught Exception', error);
    return die(error, 129);
  }
  phase = 'serve';
  const run = streaming ? require('./streaming.cjs').runner(api, handler, surroundings) : runBuffered.bind(null, handler);
  let answer = null;
  for (;;) {
    const { headers, body } = await api.next(answer);
    log.setRequest(headers['lambda-runtime-aws-request-id'], headers['lambda-runtime-aws-tenant-id']);
    const trace = headers['lambda-runtime-trace-id'];
    if (trace !== undefined) env._X_AMZN_TRACE_ID = trace;
    else delete env._X_AMZN_TRACE_ID;
    answer = await run(headers, body);
    current = null;
    whenEmpty = null;
  }
}

function runBuffered(handler, headers, body) {
  return new Promise((settle) => {
    const id = headers['lambda-runtime-aws-request-id'];
    const succeed = (result) => {
      let text;
      try {
        text = JSON.stringify(result === undefined ? null : result);
      } catch {
        return fail(new Error('Unable to stringify response body'));
      }
      settle({ path: `invocation/${id}/response`, head: 'Content-Type: application/json\r\n', body: text ?? 'null' });
    };
    const fail = (error) => {
      log.failure('Invoke Error', error);
      settle({ path: `invocation/${id}/error`, ...errorAnswer(error) });
    };
    current = { fail: (error) => api.post(`invocation/${id}/error`, errorAnswer(error)) };
    // A handler that neither calls back nor returns a promise has answered `null` once nothing is left to do.
    whenEmpty = () => succeed(null);

    if (generation >= 24) {
      (async () => handler(JSON.parse(body), makeContext(headers, {})))().then(succeed, fail);
      return;
    }
    let finished = false;
    const once = (act) => (...values) => {
      if (finished) return;
      finished = true;
      whenEmpty = null;
      act(...values);
    };
    const done = (error, result) => (error === undefined || error === null ? succeed(result) : fail(error));
    const callback = once((error, result) => {
      if (error !== undefined && error !== null) fail(error);
      else if (!context.callbackWaitsForEmptyEventLoop) succeed(result);
      else whenEmpty = () => succeed(result);
    });
    const context = {
      callbackWaitsForEmptyEventLoop: true,
      done: once(done),
      succeed: once(succeed),
      fail: once((error) => fail(error ?? 'handled')),
    };
    try {
      const result = handler(JSON.parse(body), makeContext(headers, context), callback);
      if (typeof result?.then === 'function') result.then(context.succeed, context.fail);
    } catch (error) {
      callback(error ?? 'handled');
    }
  });
}

// What the runner of streaming handlers shares with this file.
const surroundings = {
  get generation() {
    return generation;
  },
  makeContext,
  errorAnswer,
  setCurrent: (invocation) => (current = invocation),
  setWhenEmpty: (act) => (whenEmpty = act),
};

function makeContext(headers, context) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return Object.assign(context, {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: parseHeader(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  });
}

function parseHeader(text, name) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

function errorAnswer(error) {
  const { describe, header } = require('./errors.cjs');
  const found = describe(error);
  return {
    head: `Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: ${header(found.errorType)}\r\n`,
    body: JSON.stringify(found),
  };
}

function start() {
  log = require('./console.cjs');
  generation = Number(/nodejs(\d+)/.exec(env.AWS_EXECUTION_ENV)?.[1] ?? process.versions.node.split('.')[0]);
  serve();
}

// Waits, initialised as far as it can be, for the platform to say whose function this is.
async function assignment() {
  require('./handler.cjs');
  const { status, body } = await api.get('assignment');
  if (status !== 200) process.exit(1);
  for (const name of Object.keys(env)) delete env[name];
  for (const line of body.split('\0')) {
    const at = line.indexOf('=');
    if (at > 0) env[line.slice(0, at)] = line.slice(at + 1);
  }
  process.chdir(env.LAMBDA_TASK_ROOT);
}

if (env.SONAGI_WAITS) assignment().then(start);
else start();
