// The JavaScript SDK v3 against a platform: node sdk_lambda.mjs http://127.0.0.1:4566
import assert from "node:assert/strict";
import zlib from "node:zlib";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  ResourceNotFoundException,
  waitUntilFunctionActiveV2,
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
exports.plain = async (event) => ({ doubled: event.n * 2 });
exports.stream = awslambda.streamifyResponse(async (event, out) => {
  for (const part of ["one ", "two ", "three"]) out.write(part);
  out.end();
});`;

for (const kind of ["plain", "stream"]) {
  await client.send(new CreateFunctionCommand({
    FunctionName: kind,
    Runtime: "nodejs20.x",
    Handler: `index.${kind}`,
    Role: "arn:aws:iam::000000000000:role/test",
    Code: { ZipFile: zip("index.js", source) },
  }));
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 30 }, { FunctionName: kind });
}

const plain = await client.send(new InvokeCommand({ FunctionName: "plain", Payload: '{"n": 21}', LogType: "Tail" }));
assert.equal(plain.StatusCode, 200);
assert.deepEqual(JSON.parse(Buffer.from(plain.Payload).toString()), { doubled: 42 });
assert.match(Buffer.from(plain.LogResult, "base64").toString(), /REPORT RequestId/);

const streamed = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "stream" }));
let text = "";
let complete = false;
for await (const event of streamed.EventStream) {
  if (event.PayloadChunk) text += Buffer.from(event.PayloadChunk.Payload).toString();
  if (event.InvokeComplete) complete = !event.InvokeComplete.ErrorCode;
}
assert.equal(text, "one two three");
assert.ok(complete);

await client.send(new DeleteFunctionCommand({ FunctionName: "plain" }));
await assert.rejects(client.send(new InvokeCommand({ FunctionName: "plain" })), ResourceNotFoundException);
console.log("passed");
