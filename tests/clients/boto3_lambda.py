"""boto3 against Lambda's API: python boto3_lambda.py http://127.0.0.1:4566 [127.0.0.1:8080]

Plain asserts; the first that fails ends the program. Runs on a platform with Python, and leaves nothing behind.
"""

import base64
import io
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
# The gateway's address, if its name is not to be looked up.
GATEWAY = sys.argv[2] if len(sys.argv) > 2 else None
RUNTIME = f"python3.{sys.version_info.minor}"
ROLE = "arn:aws:iam::000000000000:role/tests"
NAME = "boto3-" + uuid.uuid4().hex[:8]

settings = Config(retries={"max_attempts": 0}, read_timeout=60)
client = boto3.client("lambda", endpoint_url=ENDPOINT, region_name="us-east-1", config=settings)

HANDLER = """
import os

def handler(event, context):
    print("seen", event)
    if event.get("fail"):
        raise ValueError("as asked")
    return {
        "event": event,
        "key": os.environ.get("KEY"),
        "arn": context.invoked_function_arn,
        "client": context.client_context.custom if context.client_context else None,
        "code": CODE,
    }
"""


def package(code):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("app.py", f"CODE = {code!r}\n{HANDLER}")
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


def creates():
    made = client.create_function(
        FunctionName=NAME,
        Runtime=RUNTIME,
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": package(1)},
        Environment={"Variables": {"KEY": "v"}},
        Tags={"team": "pets"},
        Timeout=20,
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionArn"].endswith(f":function:{NAME}"), made
    client.get_waiter("function_exists").wait(FunctionName=NAME)
    client.get_waiter("function_active_v2").wait(FunctionName=NAME)
    refused(
        "ResourceConflictException", 409, client.create_function,
        FunctionName=NAME, Runtime=RUNTIME, Role=ROLE, Handler="app.handler", Code={"ZipFile": package(1)},
    )  # fmt: skip


def shows():
    got = client.get_function(FunctionName=NAME)
    configuration = got["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["CodeSize"] == len(package(1)), configuration
    assert got["Tags"] == {"team": "pets"}
    with urllib.request.urlopen(got["Code"]["Location"]) as answer:
        assert answer.read() == package(1)
    try:
        urllib.request.urlopen(got["Code"]["Location"].replace("size=", "size=1"))
        raise AssertionError("a changed link gave code")
    except urllib.error.HTTPError as error:
        assert error.code == 403
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
    assert NAME in [function["FunctionName"] for page in pages for function in page["Functions"]]
    by_arn = client.get_function_configuration(FunctionName=configuration["FunctionArn"])
    assert by_arn["FunctionName"] == NAME
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] >= 1


def invokes():
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps({"n": 1}), LogType="Tail")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer
    assert answer["ExecutedVersion"] == "$LATEST"
    body = json.load(answer["Payload"])
    assert body["event"] == {"n": 1} and body["key"] == "v" and body["code"] == 1, body
    log = base64.b64decode(answer["LogResult"]).decode()
    request = answer["ResponseMetadata"]["RequestId"]
    assert f"START RequestId: {request}" in log and "seen {'n': 1}" in log and "REPORT RequestId" in log, log

    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    answer = client.invoke(FunctionName=NAME, ClientContext=context)
    body = json.load(answer["Payload"])
    assert body["client"] == {"k": "v"} and body["event"] == {}, body

    failed = client.invoke(FunctionName=NAME, Payload=b'{"fail": true}')
    assert failed["StatusCode"] == 200 and failed["FunctionError"] == "Unhandled", failed
    error = json.load(failed["Payload"])
    assert error["errorType"] == "ValueError" and error["errorMessage"] == "as asked", error
    assert "stackTrace" in error

    assert client.invoke(FunctionName=NAME, InvocationType="DryRun")["StatusCode"] == 204
    refused("NotImplementedException", 501, client.invoke, FunctionName=NAME, InvocationType="Event")
    message = refused("InvalidRequestContentException", 400, client.invoke, FunctionName=NAME, Payload=b"{no")
    assert message.startswith("Could not parse request body into json"), message
    message = refused("RequestTooLargeException", 413, client.invoke, FunctionName=NAME, Payload=b'"%s"' % (b"x" * 6291456))
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation", message
    message = refused("ResourceNotFoundException", 404, client.invoke, FunctionName="nobody")
    assert message == "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody", message


def streams():
    answer = client.invoke_with_response_stream(FunctionName=NAME, Payload=b'{"n": 2}', LogType="Tail")
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    chunks, complete = b"", None
    for event in answer["EventStream"]:
        if "PayloadChunk" in event:
            chunks += event["PayloadChunk"]["Payload"]
        else:
            complete = event["InvokeComplete"]
    assert json.loads(chunks)["event"] == {"n": 2}
    assert "ErrorCode" not in complete and b"seen" in base64.b64decode(complete["LogResult"]), complete
    failed = client.invoke_with_response_stream(FunctionName=NAME, Payload=b'{"fail": true}')
    complete = [event for event in failed["EventStream"]][-1]["InvokeComplete"]
    assert complete["ErrorCode"] == "Unhandled" and "as asked" in complete["ErrorDetails"], complete


def updates():
    before = client.get_function_configuration(FunctionName=NAME)
    after = client.update_function_configuration(
        FunctionName=NAME, MemorySize=256, Environment={"Variables": {"KEY": "w"}}
    )
    assert after["MemorySize"] == 256 and after["RevisionId"] != before["RevisionId"]
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    published = client.update_function_code(FunctionName=NAME, ZipFile=package(2), Publish=True)
    assert published["Version"] == "1" and published["FunctionArn"].endswith(":1"), published
    client.get_waiter("function_updated").wait(FunctionName=NAME)
    body = json.load(client.invoke(FunctionName=NAME)["Payload"])
    assert body["key"] == "w" and body["code"] == 2, body
    refused(
        "PreconditionFailedException", 412, client.update_function_configuration,
        FunctionName=NAME, MemorySize=128, RevisionId=before["RevisionId"],
    )  # fmt: skip
    message = refused(
        "ValidationException", 400, client.update_function_configuration, FunctionName=NAME, Timeout=100_000
    )
    assert "timeout" in message, message


def aliases():
    alias = client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    assert alias["AliasArn"].endswith(f":{NAME}:live")
    client.update_function_code(FunctionName=NAME, ZipFile=package(3))
    answer = client.invoke(FunctionName=NAME, Qualifier="live")
    assert answer["ExecutedVersion"] == "1"
    body = json.load(answer["Payload"])
    assert body["code"] == 2 and body["arn"].endswith(":live"), body
    client.publish_version(FunctionName=NAME)
    client.update_alias(FunctionName=NAME, Name="live", FunctionVersion="2")
    assert json.load(client.invoke(FunctionName=f"{NAME}:live")["Payload"])["code"] == 3
    versions = client.list_versions_by_function(FunctionName=NAME)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]
    assert [alias["Name"] for alias in client.list_aliases(FunctionName=NAME)["Aliases"]] == ["live"]
    client.delete_alias(FunctionName=NAME, Name="live")
    refused("ResourceNotFoundException", 404, client.get_alias, FunctionName=NAME, Name="live")


def urls():
    made = client.create_function_url_config(FunctionName=NAME, AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    assert made["FunctionUrl"].startswith("http"), made
    host = made["FunctionUrl"].split("://")[1].split("/")[0]
    # Not every resolver knows names below localhost, so the address goes in by hand.
    request = urllib.request.Request(f"http://{GATEWAY or host}/a?b=c", headers={"Host": host})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event"]
        assert event["rawPath"] == "/a" and event["rawQueryString"] == "b=c", event
    assert client.get_function_url_config(FunctionName=NAME)["AuthType"] == "NONE"
    assert client.update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM")["AuthType"] == "AWS_IAM"
    try:
        urllib.request.urlopen(request)
        raise AssertionError("an unsigned request passed")
    except urllib.error.HTTPError as error:
        assert error.code == 403, error
    client.delete_function_url_config(FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.get_function_url_config, FunctionName=NAME)


def settings_of_a_function():
    arn = client.get_function_configuration(FunctionName=NAME)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "b"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "b"}
    client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
    try:
        client.invoke(FunctionName=NAME)
        raise AssertionError("no concurrency, and it ran")
    except ClientError as error:
        answer = error.response
        assert answer["Error"]["Code"] == "TooManyRequestsException", answer
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded", answer
        assert "retry-after" in answer["ResponseMetadata"]["HTTPHeaders"]
    client.delete_function_concurrency(FunctionName=NAME)
    client.add_permission(
        FunctionName=NAME, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    assert json.loads(client.get_policy(FunctionName=NAME)["Policy"])["Statement"][0]["Sid"] == "s"
    client.remove_permission(FunctionName=NAME, StatementId="s")


def who():
    sts = boto3.client("sts", endpoint_url=ENDPOINT, region_name="us-east-1", config=settings)
    assert sts.get_caller_identity()["Account"] == "000000000000"


def deletes():
    client.delete_function(FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.get_function, FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.delete_function, FunctionName=NAME)


if __name__ == "__main__":
    for step in [creates, shows, invokes, streams, updates, aliases, urls, settings_of_a_function, who, deletes]:
        began = time.monotonic()
        step()
        print(f"{step.__name__}: {(time.monotonic() - began) * 1000:.0f} ms")
