// The JavaScript SDK v3 against a platform: node sdk_lambda.mjs http://127.0.0.1:4566
import assert from "node:assert/strict";
import zlib from "node:zlib";
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteFunctionCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionCommand,
  GetFunctionUrlConfigCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  InvalidParameterValueException,
  LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  ResourceConflictException,
  ResourceNotFoundException,
  TooManyRequestsException,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  paginateListFunctions,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";

const client = new LambdaClient({ endpoint: process.argv[2], maxAttempts: 1 });

/** A zip with one stored file. */
function zip(name, text) {
  const data = Buffer.from(text);
  const path = Buffer.from(name);
  const crc = zlib.crc32 ? zlib.crc32(data) : crc32(data);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt32LE(crc, 10);
  common.writeUInt32LE(data.length, 14);
  common.writeUInt32LE(data.length, 18);
  common.writeUInt16LE(path.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, path, data]);
  const central = Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, Buffer.alloc(14), path]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

function crc32(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const source = `
exports.plain = async (event, context) => {
  console.log("seen", event);
  if (event.fail) throw new TypeError("as asked");
  return { doubled: event.n * 2, key: process.env.KEY, custom: context.clientContext?.custom };
};
exports.stream = awslambda.streamifyResponse(async (event, out) => {
  for (const part of ["one ", "two ", "three"]) {
    out.write(part);
    if (event.fail) throw new TypeError("within");
  }
  out.end();
});`;
const text = (bytes) => Buffer.from(bytes).toString();
const log = (base64) => Buffer.from(base64, "base64").toString();
// What was made is taken away even if an assertion fails.
const suffix = Math.random().toString(16).slice(2, 10);
const [plain, stream] = ["plain", "stream"].map((kind) => `${kind}-${suffix}`);

const create = (name, more = {}) =>
  client.send(new CreateFunctionCommand({
    FunctionName: name,
    Runtime: "nodejs20.x",
    Handler: `index.${name.split("-")[0]}`,
    Role: "arn:aws:iam::000000000000:role/test",
    Code: { ZipFile: zip("index.js", source) },
    ...more,
  }));

async function creates() {
  for (const name of [plain, stream]) {
    const made = await create(name);
    assert.equal(made.$metadata.httpStatusCode, 201);
    assert.match(made.$metadata.requestId, /^[0-9a-f-]{36}$/);
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 30 }, { FunctionName: name });
  }
  await assert.rejects(create(plain), (error) => {
    assert.ok(error instanceof ResourceConflictException);
    assert.equal(error.message, `Function already exist: ${plain}`);
    return error.$metadata.httpStatusCode === 409;
  });
  const broken = { Code: { ZipFile: Buffer.from("no zip") } };
  await assert.rejects(create(`other-${suffix}`, broken), InvalidParameterValueException);
  const { Code, Configuration } = await client.send(new GetFunctionCommand({ FunctionName: plain }));
  const code = Buffer.from(await (await fetch(Code.Location)).arrayBuffer());
  assert.deepEqual(code, zip("index.js", source));
  assert.equal(Configuration.CodeSize, code.length);
  const names = [];
  for await (const page of paginateListFunctions({ client, pageSize: 1 }, {})) {
    names.push(...page.Functions.map((one) => one.FunctionName));
  }
  assert.ok(names.includes(plain) && names.includes(stream));
}

async function invokes() {
  const answer = await client.send(new InvokeCommand({ FunctionName: plain, Payload: '{"n": 21}', LogType: "Tail" }));
  assert.deepEqual([answer.StatusCode, answer.ExecutedVersion, answer.FunctionError], [200, "$LATEST", undefined]);
  assert.deepEqual(JSON.parse(text(answer.Payload)), { doubled: 42 });
  assert.match(log(answer.LogResult), /seen \{ n: 21 \}[^]*REPORT RequestId/);
  const context = Buffer.from('{"custom":{"k":"v"}}').toString("base64");
  const seen = await client.send(new InvokeCommand({ FunctionName: plain, Payload: '{"n": 1}', ClientContext: context }));
  assert.deepEqual(JSON.parse(text(seen.Payload)), { doubled: 2, custom: { k: "v" } });
  const failed = await client.send(new InvokeCommand({ FunctionName: plain, Payload: '{"fail": true}' }));
  assert.equal(failed.FunctionError, "Unhandled");
  const { errorType, errorMessage, trace } = JSON.parse(text(failed.Payload));
  assert.deepEqual([errorType, errorMessage, trace[0]], ["TypeError", "as asked", "TypeError: as asked"]);
  const dry = await client.send(new InvokeCommand({ FunctionName: plain, InvocationType: "DryRun" }));
  assert.equal(dry.StatusCode, 204);
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: stream, ReservedConcurrentExecutions: 0 }));
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: stream })), (error) => {
    assert.ok(error instanceof TooManyRequestsException);
    assert.ok(Number(error.retryAfterSeconds) >= 1);
    return error.Reason === "ReservedFunctionConcurrentInvocationLimitExceeded";
  });
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName: stream, ReservedConcurrentExecutions: 5 }));
}

async function streamed(payload) {
  const command = { FunctionName: stream, Payload: JSON.stringify(payload), LogType: "Tail" };
  const { EventStream } = await client.send(new InvokeWithResponseStreamCommand(command));
  let all = "";
  let complete;
  for await (const event of EventStream) {
    if (event.PayloadChunk) all += text(event.PayloadChunk.Payload);
    if (event.InvokeComplete) complete = event.InvokeComplete;
  }
  assert.match(log(complete.LogResult), /REPORT RequestId/);
  return [all, complete];
}

async function streams() {
  const [all, complete] = await streamed({});
  assert.equal(all, "one two three");
  assert.equal(complete.ErrorCode, undefined);
  const [part, failed] = await streamed({ fail: true });
  assert.ok("one two three".startsWith(part), part);
  assert.equal(failed.ErrorCode, "Unhandled");
  assert.match(failed.ErrorDetails, /within/);
}

async function updates() {
  const Environment = { Variables: { KEY: "v" } };
  const changed = await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: plain, Environment }));
  assert.deepEqual(changed.Environment, Environment);
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30 }, { FunctionName: plain });
  const { Version } = await client.send(new PublishVersionCommand({ FunctionName: plain }));
  await client.send(new CreateAliasCommand({ FunctionName: plain, Name: "live", FunctionVersion: Version }));
  const ZipFile = zip("index.js", "exports.plain = async () => 2;");
  await client.send(new UpdateFunctionCodeCommand({ FunctionName: plain, ZipFile }));
  const run = async (more) => JSON.parse(text((await client.send(new InvokeCommand({ FunctionName: plain, ...more }))).Payload));
  assert.equal(await run({}), 2);
  assert.deepEqual(await run({ Qualifier: "live", Payload: '{"n": 1}' }), { doubled: 2, key: "v" });
  const made = await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: plain, AuthType: "NONE" }));
  const shown = await client.send(new GetFunctionUrlConfigCommand({ FunctionName: plain }));
  assert.equal(made.FunctionUrl, shown.FunctionUrl);
  await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName: plain }));
}

try {
  for (const step of [creates, invokes, streams, updates]) {
    await step();
    console.log(step.name);
  }
} finally {
  for (const name of [plain, stream]) await client.send(new DeleteFunctionCommand({ FunctionName: name }));
}
await assert.rejects(client.send(new InvokeCommand({ FunctionName: plain })), ResourceNotFoundException);
console.log("passed");
