"""boto3 against SnapStart: python boto3_snapstart.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program. Over the program, since copies are told from starts by time.
"""

import base64
import json
import re
import uuid

from botocore.exceptions import WaiterError
from checked import PYTHON, ROLE, client, package, refused

NAME = "snap-" + uuid.uuid4().hex[:8]
HANDLER = """
import os, time
from snapshot_restore_py import register_after_restore, register_before_snapshot

time.sleep(0.3)
born = time.monotonic_ns()
restored = []
register_after_restore(restored.append, "restored")

def handler(event, context):
    return [born, restored, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.environ["AWS_SESSION_TOKEN"]]
"""


def invoke(qualifier):
    answer = client.invoke(FunctionName=NAME, Qualifier=qualifier, LogType="Tail")
    assert "FunctionError" not in answer, answer["Payload"].read()
    report = base64.b64decode(answer["LogResult"]).decode().splitlines()[-1]
    return json.load(answer["Payload"]), report


made = client.create_function(
    FunctionName=NAME,
    Runtime=PYTHON,
    Role=ROLE,
    Handler="app.handler",
    Code={"ZipFile": package({"app.py": HANDLER})},
    SnapStart={"ApplyOn": "PublishedVersions"},
    MemorySize=512,
)
assert made["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}, made
client.get_waiter("function_active_v2").wait(FunctionName=NAME)
version = client.publish_version(FunctionName=NAME)
assert version["SnapStart"]["OptimizationStatus"] == "On", version
assert (version["State"], version["StateReasonCode"]) == ("Pending", "Creating"), version
# The waiter looks every 5 s.
client.get_waiter("published_version_active").wait(
    FunctionName=NAME, Qualifier=version["Version"], WaiterConfig={"Delay": 1}
)
shown = client.get_function_configuration(FunctionName=NAME, Qualifier=version["Version"])
assert (shown["State"], shown["SnapStart"]["OptimizationStatus"]) == ("Active", "On"), shown

(latest, restored, kind, _), report = invoke("$LATEST")
assert (kind, restored) == ("on-demand", []), kind
assert "Init Duration: " in report and "Restore Duration" not in report, report

(born, restored, kind, _), report = invoke(version["Version"])
assert (kind, restored) == ("snap-start", ["restored"]), (kind, restored)
assert born != latest
whole = re.search(r"\tRestore Duration: ([0-9.]+) ms\tBilled Restore Duration: ([0-9]+) ms", report)
assert whole and "Init Duration" not in report, report

# An environment of another memory is another version's, and has an initialisation of its own.
client.update_function_configuration(FunctionName=NAME, MemorySize=256)
client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
# It is invoked while it is pending, and waits.
other = client.publish_version(FunctionName=NAME)["Version"]
(another, _, _, two), _ = invoke(other)
assert another != born and two

message = refused(
    "InvalidParameterValueException",
    400,
    client.put_provisioned_concurrency_config,
    FunctionName=NAME,
    Qualifier=other,
    ProvisionedConcurrentExecutions=1,
)
assert message == "Provisioned Concurrency is not supported for functions with SnapStart enabled.", message
message = refused(
    "InvalidParameterValueException",
    400,
    client.update_function_configuration,
    FunctionName=NAME,
    Runtime="nodejs20.x",
)
assert message == "nodejs20.x is not supported for SnapStart enabled functions.", message

# A version that cannot be initialised says so; what failed is tried again by an invocation.
broken = package({"app.py": "import nothing_of_that_name\n"})
failed = client.update_function_code(FunctionName=NAME, ZipFile=broken, Publish=True)
assert failed["State"] == "Pending", failed
try:
    client.get_waiter("published_version_active").wait(
        FunctionName=NAME, Qualifier=failed["Version"], WaiterConfig={"Delay": 1}
    )
    raise AssertionError("the waiter says that it is active")
except WaiterError as error:
    shown = error.last_response
assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "FunctionError"), shown
assert (shown["LastUpdateStatus"], shown["LastUpdateStatusReasonCode"]) == ("Failed", "FunctionError"), shown
assert "Runtime.ImportModuleError" in shown["StateReason"], shown
answer = client.invoke(FunctionName=NAME, Qualifier=failed["Version"])
assert "Runtime.ImportModuleError" in answer["Payload"].read().decode(), answer
message = refused(
    "InvalidParameterValueException",
    400,
    client.update_function_configuration,
    FunctionName=NAME,
    EphemeralStorage={"Size": 1024},
)
assert "512 MB is not supported for SnapStart enabled functions" in message, message
client.delete_function(FunctionName=NAME)
print("ok")
