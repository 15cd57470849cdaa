"""boto3 against functions with an extension in a layer: python boto3_extensions.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program.
"""

import base64
import json

from checked import PYTHON, ROLE, client, package

WATCHER = """#!/usr/bin/env python3
import http.client, json, os, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

def line(*words):
    print(*words, flush=True)

done = threading.Event()

class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            kind, record = event["type"], event["record"]
            if kind == "function" and "said" in record:
                line("told of", record.split()[-2:])
            if kind == "platform.report":
                line("told of the report", record["requestId"], record["metrics"]["memorySizeMB"], record["status"])
            if kind == "platform.runtimeDone":
                done.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass

def ask(method, path, headers, body=None):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request(method, path, body, headers)
    answer = api.getresponse()
    assert answer.status == 200, answer.read()
    return answer, json.loads(answer.read())

server = HTTPServer(("sandbox.localdomain", 4243), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
answer, told = ask(
    "POST", "/2020-01-01/extension/register",
    {"Lambda-Extension-Name": "watcher"}, json.dumps({"events": ["INVOKE", "SHUTDOWN"]}),
)
me = {"Lambda-Extension-Identifier": answer.getheader("Lambda-Extension-Identifier")}
ask("PUT", "/2022-07-01/telemetry", me, json.dumps({
    "schemaVersion": "2022-12-13", "types": ["platform", "function"], "buffering": {"timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"},
}))
line("watches", told["functionName"], told["functionVersion"], told["handler"])
while True:
    _, event = ask("GET", "/2020-01-01/extension/event/next", me)
    if event["eventType"] == "SHUTDOWN":
        line("shutdown", event["shutdownReason"])
        sys.exit(0)
    done.wait()
    done.clear()
    line("saw", event["requestId"])
"""
NODE = "exports.handler = async (event, context) => { console.log('said', event.n); return context.awsRequestId; };"
PYTHON_CODE = """
def handler(event, context):
    print("said", event["n"])
    return context.aws_request_id
"""

layer = client.publish_layer_version(
    LayerName="watcher", Content={"ZipFile": package({"extensions/watcher": WATCHER})}
)["LayerVersionArn"]
for name, runtime, files in [
    ("watched-python", PYTHON, {"app.py": PYTHON_CODE}),
    ("watched-node", "nodejs20.x", {"app.js": NODE}),
]:
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": package(files)},
        Layers=[layer],
        Timeout=20,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    for number in range(2):
        answer = client.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps({"n": number}))
        assert "FunctionError" not in answer, answer["Payload"].read()
        log = base64.b64decode(answer["LogResult"]).decode().splitlines()
        request = json.load(answer["Payload"])
        assert f"saw {request}" in log, log
        assert f"told of ['said', '{number}']" in log, log
        assert f"REPORT RequestId: {request}" in log[-1], log
