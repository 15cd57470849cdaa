"""What the boto3 tests share: clients whose every answer is held against AWS's own model of the service.

botocore passes over what it does not know; here a member that the service does not have, or of another type, fails.
"""

import io
import json
import re
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
# The gateway's address, if its name is not to be looked up.
GATEWAY = sys.argv[2] if len(sys.argv) > 2 else None
PYTHON = f"python3.{sys.version_info.minor}"
ROLE = "arn:aws:iam::000000000000:role/tests"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"

# Errors that are of every operation ("Common Errors"), or that Sonagi has beside Lambda's.
COMMON = {
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException", "InvalidSignatureException",
    "MissingAuthenticationTokenException", "NotImplementedException", "RequestEntityTooLargeException",
    "SerializationException", "UnrecognizedClientException", "ValidationException",
}  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TYPES = {
    "string": str, "integer": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool,
    "timestamp": (int, float, str), "blob": str, "list": list, "map": dict, "structure": dict,
}  # fmt: skip


def matches(shape, value, at):
    assert isinstance(value, TYPES[shape.type_name]), (at, shape.type_name, value)
    if shape.type_name == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, item in value.items():
            assert name in members, f"{at}.{name} is not in the model of {shape.name}"
            # Lambda sends null for the marker of a last page.
            if item is not None:
                matches(members[name], item, f"{at}.{name}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            matches(shape.member, item, f"{at}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            matches(shape.value, item, f"{at}.{key}")
    elif shape.type_name == "string" and getattr(shape, "enum", None):
        assert value in shape.enum, (at, value)


def check(response_dict, context=None, **_):
    headers = response_dict["headers"]
    assert UUID.fullmatch(headers["x-amzn-requestid"]), headers
    operation = MODEL.operation_model(response_dict["context"]["operation_name"])
    body, status = response_dict["body"], response_dict["status_code"]
    if status >= 300:
        known = {shape.error_code: shape for shape in operation.error_shapes}
        code = headers["x-amzn-errortype"]
        assert code in known or code in COMMON, (operation.name, code)
        assert headers["content-type"] == "application/json"
        if code in known:
            assert status == known[code].metadata.get("error", {}).get("httpStatusCode", 400), (code, status)
        names = set(json.loads(body))
        assert names & {"message", "Message"} and names <= {"message", "Message", "Type", "Reason"}, body
        return
    output = operation.output_shape
    members = output.members if output else {}
    # An invocation and a deletion say with their status what became of them.
    if not any(member.serialization.get("location") == "statusCode" for member in members.values()):
        assert status == operation.http.get("responseCode", 200), (operation.name, status)
    if not any("location" not in member.serialization for member in members.values()):
        assert body == b"", (operation.name, body)
    elif "payload" not in output.serialization:
        assert headers["content-type"] == "application/json", headers
        answer = json.loads(body)
        matches(output, answer, operation.name)
        # botocore would say nothing of one that is missing.
        for name in output.required_members:
            assert name in answer, (operation.name, name)


def connect(service, **settings):
    config = Config(retries={"max_attempts": 0}, read_timeout=60, **settings)
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", config=config)


client = connect("lambda")
MODEL = client.meta.service_model
client.meta.events.register("response-received.lambda", check)


def package(files):
    """A zip; the same files are the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100755 << 16
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def refused(code, status, call, **arguments):
    """Asserts that a call fails with this error, and gives its message."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} did not come")


def events(answer):
    """The chunks of a streamed answer, and what ended it."""
    chunks, complete = [], None
    for event in answer["EventStream"]:
        assert complete is None, "something came after the end"
        if "PayloadChunk" in event:
            chunks.append(event["PayloadChunk"]["Payload"])
        else:
            complete = event["InvokeComplete"]
    return chunks, complete
