"""What functions see and what becomes of their answers: python boto3_runtimes.py http://127.0.0.1:4566 [127.0.0.1:8080]

Real handlers in Python, Node and sh, created and invoked with boto3.
"""

import base64
import json
import time
import urllib.request
import uuid

from checked import ARN, GATEWAY, PYTHON, ROLE, client, events, package

NODE = "nodejs20.x"
made = []


def create(name, files, handler, runtime, **more):
    name = f"{name}-{uuid.uuid4().hex[:8]}"
    client.create_function(
        FunctionName=name, Runtime=runtime, Role=ROLE, Handler=handler, Code={"ZipFile": package(files)},
        **{"Timeout": 10} | more,
    )  # fmt: skip
    made.append(name)
    return name


def invoke(name, payload=None, **more):
    """The payload as bytes, the lines of the log, and the answer."""
    if payload is not None:
        more["Payload"] = payload if isinstance(payload, bytes) else json.dumps(payload)
    answer = client.invoke(FunctionName=name, LogType="Tail", **more)
    return answer["Payload"].read(), base64.b64decode(answer["LogResult"]).decode().splitlines(), answer


def succeeds(name, payload=None, **more):
    body, log, answer = invoke(name, payload, **more)
    assert "FunctionError" not in answer, (body, log)
    return json.loads(body)


def fails(name, error_type, payload=None):
    body, log, answer = invoke(name, payload)
    assert answer["FunctionError"] == "Unhandled", body
    error = json.loads(body)
    assert error["errorType"] == error_type, error
    return error, log


PYTHON_APP = """
import datetime, decimal, json, logging, os, sys, time

logging.getLogger().setLevel("INFO")
COUNT = 0

class Odd(Exception):
    pass

def context_of(event, context):
    first = context.get_remaining_time_in_millis()
    time.sleep(0.05)
    return {
        "name": context.function_name, "version": context.function_version, "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb, "request": context.aws_request_id, "group": context.log_group_name,
        "stream": context.log_stream_name, "identity": [context.identity.cognito_identity_id,
        context.identity.cognito_identity_pool_id], "left": first, "later": context.get_remaining_time_in_millis(),
        "client": context.client_context and {
            "custom": context.client_context.custom, "env": context.client_context.env,
            "title": context.client_context.client.app_title,
        },
        "environment": dict(os.environ), "cwd": os.getcwd(),
    }

def handler(event, context):
    global COUNT
    COUNT += 1
    do = event["do"]
    if do == "context":
        return context_of(event, context)
    if do == "echo":
        return event["value"]
    if do == "count":
        return COUNT
    if do == "print":
        print("one")
        sys.stderr.write("two\\n")
        logging.info("three")
        print("four", end="")
        sys.stdout.flush()
        print(" \\u2603 five\\nsix")
        logging.getLogger("x").warning("seven\\neight")
        return None
    if do == "large":
        return "x" * event["size"]
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "exit":
        os._exit(3)
    if do == "sys_exit":
        sys.exit(4)
    if do == "set":
        return {1, 2}
    if do == "decimal":
        return {"d": decimal.Decimal("1.5")}
    if do == "odd":
        try:
            {}["missing"]
        except KeyError:
            raise Odd("it was odd: \\u00e4")
    if do == "crash":
        import ctypes
        ctypes.string_at(0)
    if do == "memory":
        return len(bytearray(event["size"]))
"""


def python_gives_a_context():
    name = create("context", {"app.py": PYTHON_APP}, "app.handler", PYTHON, MemorySize=192, Environment={"Variables": {"MINE": "ü"}})
    context = {"custom": {"a": 1}, "env": {"b": "c"}, "client": {"app_title": "t"}}
    seen = succeeds(name, {"do": "context"}, ClientContext=base64.b64encode(json.dumps(context).encode()).decode())
    environment = seen["environment"]
    assert seen["name"] == name and seen["version"] == "$LATEST" and seen["arn"] == ARN + name, seen
    assert seen["memory"] in ("192", 192) and seen["group"] == f"/aws/lambda/{name}", seen
    assert "[$LATEST]" in seen["stream"] and seen["identity"] == [None, None], seen
    assert 9000 < seen["left"] <= 10_000 and 40 <= seen["left"] - seen["later"] < 2000, seen
    assert seen["client"] == {"custom": {"a": 1}, "env": {"b": "c"}, "title": "t"}, seen
    expected = {
        "MINE": "ü", "_HANDLER": "app.handler", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{PYTHON}", "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": seen["stream"], "TZ": ":UTC",
    }  # fmt: skip
    for key, value in expected.items():
        assert environment.get(key) == value, (key, environment.get(key))
    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "PATH", "_X_AMZN_TRACE_ID"]:
        assert environment.get(key), key
    # Not every machine has Lambda's own.
    assert environment["LANG"] in ("en_US.UTF-8", "C.UTF-8"), environment["LANG"]
    assert seen["cwd"] == environment["LAMBDA_TASK_ROOT"], seen["cwd"]


def python_answers_are_json():
    name = create("answers", {"app.py": PYTHON_APP}, "app.handler", PYTHON)
    for value in ["text", "", 1, 1.5, None, True, [], {}, [1, [2, {"a": None}]], {"ü": "日本語 🎉 \u2028 \0"}]:
        assert succeeds(name, {"do": "echo", "value": value}) == value, value
    # Large answers and events pass; one byte over the limit is Lambda's failure.
    limit = 6 * 1024 * 1024
    assert len(succeeds(name, {"do": "large", "size": limit - 2})) == limit - 2
    event = json.dumps({"do": "echo", "value": ""})
    filler = "y" * (limit - len(event))
    assert succeeds(name, {"do": "echo", "value": filler}) == filler
    error, _ = fails(name, "Function.ResponseSizeTooLarge", {"do": "large", "size": limit + 200})
    assert "exceeded maximum allowed payload size (6291556 bytes)" in error["errorMessage"], error
    # It lives on: the failure is not the environment's.
    assert succeeds(name, {"do": "count"}) > 10
    error, _ = fails(name, "Runtime.MarshalError", {"do": "set"})
    assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable", error
    assert succeeds(name, {"do": "decimal"}) == {"d": 1.5}
    assert succeeds(name, {"do": "count"}) > 10


def python_says_what_went_wrong():
    name = create("wrong", {"app.py": PYTHON_APP}, "app.handler", PYTHON, Timeout=1)
    error, log = fails(name, "Odd", {"do": "odd"})
    assert error["errorMessage"] == "it was odd: ä" and "in handler" in "".join(error["stackTrace"]), error
    assert any("[ERROR] Odd: it was odd: ä" in line for line in log), log
    assert any(line.startswith("Traceback (most recent call last):") for line in log), log
    error, log = fails(name, "Sandbox.Timedout", {"do": "sleep", "seconds": 5})
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds"), error
    assert any("Task timed out after 1.00 seconds" in line for line in log), log
    assert log[-1].endswith("Status: timeout"), log
    error, log = fails(name, "Runtime.ExitError", {"do": "exit"})
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3"), error
    fails(name, "Runtime.ExitError", {"do": "sys_exit"})
    error, _ = fails(name, "Runtime.ExitError", {"do": "crash"})
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: segmentation fault"), error
    # Each began anew.
    assert succeeds(name, {"do": "count"}) == 1
    fails(name, "KeyError", {"no": "do"})


def python_prints_in_order():
    name = create("prints", {"app.py": PYTHON_APP}, "app.handler", PYTHON)
    for _ in range(2):
        _, log, answer = invoke(name, {"do": "print"})
        request = answer["ResponseMetadata"]["RequestId"]
        assert log[0].startswith("START") and log[1:3] == ["one", "two"], log
        level, at, whose, text = log[3].split("\t")
        assert (level, whose, text) == ("[INFO]", request, "three") and at.endswith("Z"), log
        assert log[4:6] == ["four ☃ five", "six"], log
        assert log[6].startswith("[WARNING]") and "seven" in log[6] and "eight" in log[7], log
        assert log[8].startswith("END") and log[9].startswith("REPORT") and len(log) == 10, log


def python_finds_modules():
    files = {
        "pets/__init__.py": "NAME = 'pets'\n",
        "pets/deep/__init__.py": "",
        "pets/deep/app.py": "from pets import NAME\nfrom . import __name__ as own\n\ndef handler(event, context):\n    return [NAME, own]\n",
        "broken.py": "def handler(:\n",
        "raises.py": "1 / 0\n",
        "lacks.py": "import no_such_module\n",
    }
    for handler in ["pets.deep.app.handler", "pets/deep/app.handler"]:
        name = create("modules", files, handler, PYTHON)
        assert succeeds(name) == ["pets", "pets.deep"], handler
    for handler, error_type, words in [
        ("broken.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken'"),
        ("raises.handler", "ZeroDivisionError", "division by zero"),
        ("lacks.handler", "Runtime.ImportModuleError", "Unable to import module 'lacks': No module named 'no_such_module'"),
        ("absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'"),
        ("pets.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'pets'"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
    ]:
        error, _ = fails(create("modules", files, handler, PYTHON), error_type)
        assert words in error["errorMessage"], error


NODE_APP = """
const { setTimeout: sleep } = require("node:timers/promises");
class Odd extends Error { constructor(message) { super(message); this.name = "Odd"; } }

exports.async = async (event, context) => {
  if (event.do === "fail") throw new Odd("as asked");
  if (event.do === "text") throw "only text";
  if (event.do === "reject") { Promise.reject(new Odd("nobody waits")); await sleep(1000); }
  if (event.do === "uncaught") { setTimeout(() => { throw new Odd("out of turn"); }, 1); await sleep(1000); }
  if (event.do === "sleep") await sleep(5000);
  if (event.do === "exit") process.exit(3);
  if (event.do === "large") return "x".repeat(event.size);
  if (event.do === "undefined") return undefined;
  if (event.do === "big") return 1n;
  if (event.do === "print") { console.log("one %d", 1); console.error("two"); console.log({ a: [1] }); process.stdout.write("three\\n"); return; }
  if (event.do === "context") return {
    name: context.functionName, version: context.functionVersion, arn: context.invokedFunctionArn,
    memory: context.memoryLimitInMB, request: context.awsRequestId, group: context.logGroupName,
    stream: context.logStreamName, left: context.getRemainingTimeInMillis(), client: context.clientContext,
    wait: context.callbackWaitsForEmptyEventLoop,
  };
  return event.value;
};
exports.callback = (event, context, callback) => {
  if (event.do === "fail") return callback(new Odd("as asked"));
  if (event.do === "text") return callback("only text");
  if (event.do === "throw") throw new Odd("at once");
  setTimeout(() => callback(null, { value: event.value }), 5);
};
exports.plain = (event) => event.value;
exports.stream = awslambda.streamifyResponse(async (event, out, context) => {
  if (event.do === "early") throw new Odd("before");
  out.setContentType("text/plain");
  for (const part of ["one ", "two ", "three"]) {
    out.write(part);
    await sleep(100);
    if (event.do === "late") throw new Odd("within");
    if (event.do === "stuck") await sleep(10000);
  }
  console.log("streamed");
  out.end();
});
exports.http = awslambda.streamifyResponse(async (event, out) => {
  out = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { "x-a": "b", "content-type": "text/plain" }, cookies: ["c=d"] });
  for (const part of ["one ", "two ", "three"]) { out.write(part); await sleep(50); }
  out.end();
});
"""


def node_handlers_of_each_style():
    files = {
        "index.js": NODE_APP,
        "esm.mjs": "import { readFileSync } from 'node:fs';\nconst own = await Promise.resolve(1);\nexport const handler = async (event) => ({ own, event });\n",
        "broken.js": "exports.handler = (\n",
        "raises.js": "throw new TypeError('at load');\n",
        "lacks.js": "require('no-such-package');\n",
        "src/deep.js": "exports.a = { b: async () => 'nested' };\n",
    }
    name = create("async", files, "index.async", NODE)
    for value in ["text", "", 1, None, True, [], {}, {"ü": "日本語 🎉"}]:
        assert succeeds(name, {"value": value}) == value
    assert succeeds(name, {"do": "undefined"}) is None
    limit = 6 * 1024 * 1024
    assert len(succeeds(name, {"do": "large", "size": limit - 2})) == limit - 2
    fails(name, "Function.ResponseSizeTooLarge", {"do": "large", "size": limit + 200})
    error, log = fails(name, "Odd", {"do": "fail"})
    assert error["errorMessage"] == "as asked" and error["trace"][0] == "Odd: as asked", error
    assert any("ERROR\tInvoke Error" in line for line in log), log
    seen = succeeds(name, {"do": "context"}, ClientContext=base64.b64encode(b'{"custom":{"a":1}}').decode())
    assert seen["name"] == name and seen["arn"] == ARN + name and seen["memory"] in ("128", 128), seen
    assert 8000 < seen["left"] <= 10_000 and seen["client"] == {"custom": {"a": 1}} and seen["wait"] is True, seen
    _, log, answer = invoke(name, {"do": "print"})
    request = answer["ResponseMetadata"]["RequestId"]
    assert log[1].endswith(f"\t{request}\tINFO\tone 1") and log[2].endswith(f"\t{request}\tERROR\ttwo"), log
    assert log[3].endswith("\tINFO\t{ a: [ 1 ] }") and log[4] == "three", log
    error, _ = fails(name, "Runtime.UnhandledPromiseRejection", {"do": "reject"})
    assert "nobody waits" in error["errorMessage"], error
    fails(name, "Odd", {"do": "uncaught"})
    error, _ = fails(name, "Runtime.ExitError", {"do": "exit"})
    assert error["errorMessage"].endswith("exit status 3"), error
    client.update_function_configuration(FunctionName=name, Timeout=1)
    fails(name, "Sandbox.Timedout", {"do": "sleep"})

    name = create("callback", files, "index.callback", NODE)
    assert succeeds(name, {"value": [1]}) == {"value": [1]}
    for do, message in [("fail", "as asked"), ("throw", "at once")]:
        error, _ = fails(name, "Odd", {"do": do})
        assert error["errorMessage"] == message, error
    for handler in ["esm.handler"]:
        assert succeeds(create("esm", files, handler, NODE), {"a": 1}) == {"own": 1, "event": {"a": 1}}
    assert succeeds(create("deep", files, "src/deep.a.b", NODE)) == "nested"
    for handler, error_type, words in [
        ("broken.handler", "Runtime.UserCodeSyntaxError", "SyntaxError"),
        ("raises.handler", "TypeError", "at load"),
        ("lacks.handler", "Runtime.ImportModuleError", "Cannot find module 'no-such-package'"),
        ("absent.handler", "Runtime.ImportModuleError", "Cannot find module 'absent'"),
        ("index.absent", "Runtime.HandlerNotFound", "index.absent is undefined or not exported"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler"),
    ]:
        error, _ = fails(create("modules", files, handler, NODE), error_type)
        assert words in error["errorMessage"], error


def stream(name, payload=None, **more):
    answer = client.invoke_with_response_stream(
        FunctionName=name, LogType="Tail", Payload=json.dumps(payload or {}), **more
    )
    chunks, complete = events(answer)
    return chunks, complete, base64.b64decode(complete["LogResult"]).decode()


def node_streams():
    name = create("stream", {"index.js": NODE_APP}, "index.stream", NODE, Timeout=2)
    chunks, complete, log = stream(name)
    assert chunks == [b"one ", b"two ", b"three"] and "ErrorCode" not in complete, (chunks, complete)
    assert "streamed" in log and "REPORT RequestId" in log, log
    began = time.monotonic()
    answer = client.invoke_with_response_stream(FunctionName=name)
    next(iter(answer["EventStream"]))
    assert time.monotonic() - began < 0.25, "the first chunk waited for the last"
    chunks, complete, _ = stream(name, {"do": "early"})
    assert complete["ErrorCode"] and "before" in complete["ErrorDetails"], complete
    chunks, complete, log = stream(name, {"do": "late"})
    assert chunks[0] == b"one " and complete["ErrorCode"] and "within" in complete["ErrorDetails"], (chunks, complete)
    assert "REPORT RequestId" in log, log
    chunks, complete, log = stream(name, {"do": "stuck"})
    assert chunks == [b"one "] and "Task timed out after 2.00 seconds" in complete["ErrorDetails"], (chunks, complete)
    assert "Task timed out" in log, log
    # Who does not stream gets the whole.
    body, log, answer = invoke(name)
    assert body == b"one two three" and any("streamed" in line for line in log), (body, log)

    name = create("http", {"index.js": NODE_APP}, "index.http", NODE)
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"]
    host = url.split("://")[1].strip("/")
    request = urllib.request.Request(f"http://{GATEWAY or host}/", headers={"Host": host})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201 and answer.headers["x-a"] == "b" and answer.headers["set-cookie"] == "c=d"
        assert answer.headers["content-type"] == "text/plain" and answer.read() == b"one two three"


BOOTSTRAP = """#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  head="$(mktemp)"
  event="$(curl -sS -L -D "$head" "$api/invocation/next")"
  id="$(sed -n 's/^lambda-runtime-aws-request-id: *\\([^\\r]*\\).*/\\1/Ip' "$head" | tr -d '\\r')"
  echo "handling $id with $_HANDLER" >&2
  case "$event" in
    *fail*) curl -sS -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Shell.Error' \\
      -d '{"errorType":"Shell.Error","errorMessage":"as asked"}' "$api/invocation/$id/error" ;;
    *exit*) exit 7 ;;
    *) printf '%s' "$event" | curl -sS -o /dev/null --data-binary @- "$api/invocation/$id/response" ;;
  esac
done
"""


def a_bootstrap_in_sh():
    for runtime in ["provided.al2023", "provided.al2", "provided"]:
        name = create("sh", {"bootstrap": BOOTSTRAP}, "some.handler", runtime)
        body, log, _ = invoke(name, {"a": "ü"})
        assert json.loads(body) == {"a": "ü"} and any("with some.handler" in line for line in log), (body, log)
    error, _ = fails(name, "Shell.Error", {"do": "fail"})
    assert error["errorMessage"] == "as asked", error
    error, _ = fails(name, "Runtime.ExitError", {"do": "exit"})
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 7"), error
    fails(create("sh", {"other": BOOTSTRAP}, "x", "provided.al2023"), "Runtime.InvalidEntrypoint")


STEPS = [
    python_gives_a_context, python_answers_are_json, python_says_what_went_wrong, python_prints_in_order,
    python_finds_modules, node_handlers_of_each_style, node_streams, a_bootstrap_in_sh,
]  # fmt: skip

if __name__ == "__main__":
    try:
        for step in STEPS:
            began = time.monotonic()
            step()
            print(f"{step.__name__}: {(time.monotonic() - began) * 1000:.0f} ms")
    finally:
        for name in made:
            client.delete_function(FunctionName=name)
