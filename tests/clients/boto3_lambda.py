"""boto3 against Lambda's API: python boto3_lambda.py http://127.0.0.1:4566 [127.0.0.1:8080]

Plain asserts; the first that fails ends the program. Runs on a platform with Python, and leaves nothing behind.
"""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import botocore
from botocore.exceptions import ClientError

from checked import ARN, ENDPOINT, GATEWAY, PYTHON, ROLE, check, client, connect, events, package, refused

NAME = "boto3-" + uuid.uuid4().hex[:8]
# What botocore refuses by itself has to reach the platform too.
careless = connect("lambda", parameter_validation=False)
careless.meta.events.register("response-received.lambda", check)
nobody = connect("lambda", signature_version=botocore.UNSIGNED)

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


def code(number):
    return package({"app.py": f"CODE = {number}\n{HANDLER}"})


def invoke(payload=None, **more):
    """The answer, and its payload."""
    if payload is not None:
        more["Payload"] = json.dumps(payload)
    answer = client.invoke(**{"FunctionName": NAME} | more)
    return answer, json.load(answer["Payload"])


CREATION = {
    "FunctionName": NAME,
    "Runtime": PYTHON,
    "Role": ROLE,
    "Handler": "app.handler",
    "Code": {"ZipFile": code(1)},
    "Environment": {"Variables": {"KEY": "v"}},
    "Tags": {"team": "pets"},
    "Timeout": 20,
}


def creates():
    made = client.create_function(**CREATION)
    assert made["FunctionArn"] == ARN + NAME and made["Version"] == "$LATEST", made
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(code(1)).digest()).decode()
    assert (made["MemorySize"], made["Timeout"], made["PackageType"]) == (128, 20, "Zip")
    assert made["Environment"] == {"Variables": {"KEY": "v"}} and made["Architectures"] == ["x86_64"]
    assert made["EphemeralStorage"] == {"Size": 512} and made["TracingConfig"] == {"Mode": "PassThrough"}
    for waiter in ["function_exists", "function_active", "function_active_v2"]:
        client.get_waiter(waiter).wait(FunctionName=NAME)


def refuses_to_create():
    parameter, constraint = "InvalidParameterValueException", "ValidationException"
    failures = [
        ({}, "ResourceConflictException", f"Function already exist: {NAME}"),
        ({"Role": "nobody"}, constraint, "Value 'nobody' at 'role' failed to satisfy constraint: "),
        ({"Role": "arn:aws:iam::12:role/x"}, constraint, "at 'role'"),
        ({"Runtime": "cobol85"}, parameter, "Value cobol85 at 'runtime' failed to satisfy constraint"),
        ({"Runtime": "java21"}, parameter, "java21"),
        ({"Runtime": None}, parameter, "Runtime and Handler are mandatory parameters"),
        ({"Handler": None}, parameter, "Runtime and Handler are mandatory parameters"),
        ({"Handler": "a b"}, constraint, "at 'handler'"),
        ({"FunctionName": "a b"}, constraint, "at 'functionName'"),
        ({"FunctionName": "x" * 65}, parameter, "Member must have length less than or equal to 64"),
        ({"Timeout": 901}, constraint, "'901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"),
        ({"MemorySize": 127}, constraint, "at 'memorySize'"),
        ({"MemorySize": 10241}, constraint, "at 'memorySize'"),
        ({"EphemeralStorage": {"Size": 511}}, constraint, "at 'ephemeralStorage.size'"),
        ({"Architectures": ["sparc"]}, constraint, "at 'architectures'"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, parameter, "Reserved keys used in this request: AWS_REGION"),
        ({"Environment": {"Variables": {"KEY": "x" * 4096}}}, parameter, "4KB"),
        ({"Code": {"ZipFile": b"no zip"}}, parameter, "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"Code": {"ZipFile": code(1)[:-30]}}, parameter, "Could not unzip uploaded file"),
        ({"Code": {"ZipFile": b""}}, parameter, "Uploaded file must be a non-empty zip"),
        ({"Code": {"S3Bucket": "b", "S3Key": "k"}}, parameter, "ZipFile"),
        ({"PackageType": "Image"}, parameter, "Image"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:x:1"]}, parameter, "another account"),
    ]  # fmt: skip
    other = {"FunctionName": NAME + "-other"}
    for change, error, words in failures:
        asked = CREATION | (other if change else {}) | change
        status = 409 if error == "ResourceConflictException" else 400
        given = {name: value for name, value in asked.items() if value is not None}
        message = refused(error, status, careless.create_function, **given)
        assert words in message, (change, message)
    refused("ResourceNotFoundException", 404, client.get_function, **other)


def shows():
    got = client.get_function(FunctionName=NAME)
    configuration = got["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["CodeSize"] == len(code(1)), configuration
    assert got["Tags"] == {"team": "pets"} and "Concurrency" not in got
    # The link needs no signature of its own.
    link = got["Code"]["Location"]
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == code(1) and answer.headers["content-type"] == "application/zip"
    try:
        urllib.request.urlopen(link.replace("size=", "size=1"))
        raise AssertionError("a changed link gave code")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"<Code>SignatureDoesNotMatch</Code>" in error.read()
    for reference in [ARN + NAME, f"000000000000:function:{NAME}", f"function:{NAME}", f"{NAME}:$LATEST"]:
        by_reference = client.get_function_configuration(FunctionName=reference)
        assert by_reference["FunctionName"] == NAME, reference
    assert client.get_function_concurrency(FunctionName=NAME).get("ReservedConcurrentExecutions") is None
    settings = client.get_account_settings()
    assert settings["AccountUsage"]["FunctionCount"] >= 1 and settings["AccountUsage"]["TotalCodeSize"] > 0
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 1000


def lists():
    others = [f"{NAME}-{number}" for number in range(3)]
    for name in others:
        client.create_function(**CREATION | {"FunctionName": name})
    for size in [1, 2, 50]:
        pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": size})
        functions = [function for page in pages for function in page["Functions"]]
        names = [function["FunctionName"] for function in functions]
        assert names == sorted(set(names)) and {NAME, *others} <= set(names), names
    assert "State" not in functions[0], "listings show less"
    for name in others:
        answer = client.delete_function(FunctionName=name)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def invokes():
    answer, body = invoke({"n": 1}, LogType="Tail")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer
    assert headers["content-type"] == "application/json" and headers["x-amz-executed-version"] == "$LATEST"
    assert body == {"event": {"n": 1}, "key": "v", "arn": ARN + NAME, "client": None, "code": 1}, body
    request = answer["ResponseMetadata"]["RequestId"]
    log = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert log[0] == f"START RequestId: {request} Version: $LATEST", log
    assert log[1] == "seen {'n': 1}" and log[2] == f"END RequestId: {request}", log
    for part in ["Duration: ", "Billed Duration: ", "Memory Size: 128 MB", "Max Memory Used: ", "Init Duration: "]:
        assert part in log[3].split(f"REPORT RequestId: {request}\t")[1], log
    assert "LogResult" not in invoke({})[0]

    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    _, body = invoke(ClientContext=context)
    assert body["client"] == {"k": "v"} and body["event"] == {}, body

    failed, error = invoke({"fail": True})
    assert failed["StatusCode"] == 200 and failed["FunctionError"] == "Unhandled", failed
    assert error["errorType"] == "ValueError" and error["errorMessage"] == "as asked", error
    assert error["requestId"] == failed["ResponseMetadata"]["RequestId"]
    assert 'app.py", line 8, in handler' in error["stackTrace"][0], error

    dry = client.invoke(FunctionName=NAME, InvocationType="DryRun")
    assert dry["StatusCode"] == 204 and dry["Payload"].read() == b""
    accepted = client.invoke(FunctionName=NAME, InvocationType="Event", Payload=b"{}")
    assert accepted["StatusCode"] == 202 and accepted["Payload"].read() == b""


def refuses_to_invoke():
    message = refused("InvalidRequestContentException", 400, client.invoke, FunctionName=NAME, Payload=b"{no")
    assert message.startswith("Could not parse request body into json"), message
    message = refused("RequestTooLargeException", 413, client.invoke, FunctionName=NAME, Payload=b'"%s"' % (b"x" * 6291456))
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation", message
    for name in ["nobody", ARN + "nobody", "nobody:$LATEST"]:
        message = refused("ResourceNotFoundException", 404, client.invoke, FunctionName=name)
        assert message.startswith(f"Function not found: {ARN}nobody"), message
    message = refused("ResourceNotFoundException", 404, client.invoke, FunctionName=NAME, Qualifier="9")
    assert message == f"Function not found: {ARN}{NAME}:9", message
    refused("InvalidRequestContentException", 400, client.invoke, FunctionName=NAME, ClientContext="e30")


def streams():
    answer = client.invoke_with_response_stream(FunctionName=NAME, Payload=b'{"n": 2}', LogType="Tail")
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream", answer
    chunks, complete = events(answer)
    assert json.loads(b"".join(chunks))["event"] == {"n": 2}
    assert "ErrorCode" not in complete and b"seen" in base64.b64decode(complete["LogResult"]), complete
    failed = client.invoke_with_response_stream(FunctionName=NAME, Payload=b'{"fail": true}')
    _, complete = events(failed)
    assert complete["ErrorCode"] == "Unhandled" and "as asked" in complete["ErrorDetails"], complete
    dry = client.invoke_with_response_stream(FunctionName=NAME, InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    refused("ResourceNotFoundException", 404, client.invoke_with_response_stream, FunctionName="nobody")


def updates():
    before = client.get_function_configuration(FunctionName=NAME)
    after = client.update_function_configuration(
        FunctionName=NAME, MemorySize=256, Description="d", Environment={"Variables": {"KEY": "w"}}
    )
    assert after["MemorySize"] == 256 and after["RevisionId"] != before["RevisionId"]
    assert after["Description"] == "d" and after["Timeout"] == 20 and after["LastModified"] >= before["LastModified"]
    for waiter in ["function_updated", "function_updated_v2"]:
        client.get_waiter(waiter).wait(FunctionName=NAME)
    # A dry run changes nothing, and checks.
    dry = client.update_function_code(FunctionName=NAME, ZipFile=code(2), DryRun=True)
    assert dry["CodeSize"] == len(code(2)) and invoke()[1]["code"] == 1
    published = client.update_function_code(FunctionName=NAME, ZipFile=code(2), Publish=True)
    assert published["Version"] == "1" and published["FunctionArn"] == f"{ARN}{NAME}:1", published
    client.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier="1")
    body = invoke()[1]
    assert body["key"] == "w" and body["code"] == 2, body
    stale = {"FunctionName": NAME, "RevisionId": before["RevisionId"]}
    refused("PreconditionFailedException", 412, client.update_function_configuration, MemorySize=128, **stale)
    refused("PreconditionFailedException", 412, client.update_function_code, ZipFile=code(3), **stale)
    refused("PreconditionFailedException", 412, client.publish_version, **stale)
    message = refused(
        "ValidationException", 400, careless.update_function_configuration, FunctionName=NAME, Timeout=100_000
    )
    assert "timeout" in message, message
    refused("InvalidParameterValueException", 400, client.update_function_code, FunctionName=NAME, ZipFile=b"no")
    refused("ResourceNotFoundException", 404, client.update_function_code, FunctionName="nobody", ZipFile=code(1))
    refused("ResourceNotFoundException", 404, client.update_function_configuration, FunctionName="nobody")
    cleared = client.update_function_configuration(FunctionName=NAME, Environment={"Variables": {}})
    assert "Environment" not in cleared and invoke()[1]["key"] is None


def versions_and_aliases():
    alias = client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1", Description="d")
    assert alias["AliasArn"] == f"{ARN}{NAME}:live" and alias["Description"] == "d"
    again = {"FunctionName": NAME, "Name": "live", "FunctionVersion": "1"}
    message = refused("ResourceConflictException", 409, client.create_alias, **again)
    assert message == f"Alias already exists: {ARN}{NAME}:live", message
    refused("ResourceNotFoundException", 404, client.create_alias, FunctionName=NAME, Name="x", FunctionVersion="9")
    # The same code and settings: no new version.
    assert client.publish_version(FunctionName=NAME)["Version"] == "2"
    assert client.publish_version(FunctionName=NAME)["Version"] == "2"
    client.update_function_code(FunctionName=NAME, ZipFile=code(3))
    answer, body = invoke(Qualifier="live")
    assert answer["ExecutedVersion"] == "1" and body["code"] == 2 and body["arn"].endswith(":live"), body
    refused("InvalidParameterValueException", 400, client.publish_version, FunctionName=NAME, CodeSha256="no")
    assert client.publish_version(FunctionName=NAME, Description="third")["Version"] == "3"
    client.update_alias(FunctionName=NAME, Name="live", FunctionVersion="3")
    assert invoke(FunctionName=f"{NAME}:live")[1]["code"] == 3
    assert invoke(FunctionName=f"{ARN}{NAME}:live")[1]["code"] == 3

    routing = {"AdditionalVersionWeights": {"1": 0.5}}
    weighted = client.update_alias(FunctionName=NAME, Name="live", RoutingConfig=routing)
    assert weighted["RoutingConfig"] == routing and weighted["FunctionVersion"] == "3"
    seen = {invoke(Qualifier="live")[0]["ExecutedVersion"] for _ in range(40)}
    assert seen == {"1", "3"}, seen
    client.update_alias(FunctionName=NAME, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in client.get_alias(FunctionName=NAME, Name="live")

    versions = client.list_versions_by_function(FunctionName=NAME)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2", "3"]
    assert versions[3]["Description"] == "third" and versions[3]["FunctionArn"].endswith(":3")
    assert [alias["Name"] for alias in client.list_aliases(FunctionName=NAME)["Aliases"]] == ["live"]
    assert client.list_aliases(FunctionName=NAME, FunctionVersion="1")["Aliases"] == []
    # A version that an alias points to stays.
    refused("ResourceConflictException", 409, client.delete_function, FunctionName=NAME, Qualifier="3")
    client.delete_function(FunctionName=NAME, Qualifier="2")
    refused("ResourceNotFoundException", 404, client.invoke, FunctionName=NAME, Qualifier="2")
    client.delete_alias(FunctionName=NAME, Name="live")
    refused("ResourceNotFoundException", 404, client.get_alias, FunctionName=NAME, Name="live")
    refused("ResourceNotFoundException", 404, client.update_alias, FunctionName=NAME, Name="live")


def call_url(url, **more):
    """The answer of a function's address."""
    parts = urllib.parse.urlsplit(url)
    # Not every resolver knows names below localhost, so the address goes in by hand.
    request = urllib.request.Request(f"http://{GATEWAY or parts.netloc}/a?b=c", headers={"Host": parts.netloc}, **more)
    return urllib.request.urlopen(request)


def signatures_are_needed():
    try:
        nobody.list_functions()
        return False
    except ClientError as error:
        assert error.response["Error"]["Code"] == "MissingAuthenticationTokenException", error.response
        return True


def urls():
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 10}
    made = client.create_function_url_config(FunctionName=NAME, AuthType="NONE", Cors=cors)
    assert made["FunctionUrl"].startswith("http") and made["Cors"] == cors and made["InvokeMode"] == "BUFFERED", made
    again = {"FunctionName": NAME, "AuthType": "NONE"}
    refused("ResourceConflictException", 409, client.create_function_url_config, **again)
    with call_url(made["FunctionUrl"]) as answer:
        event = json.load(answer)["event"]
        assert event["rawPath"] == "/a" and event["rawQueryString"] == "b=c" and event["version"] == "2.0", event
    with call_url(made["FunctionUrl"], data=b"\xff\x00", method="PUT") as answer:
        event = json.load(answer)["event"]
        assert event["requestContext"]["http"]["method"] == "PUT", event
        assert base64.b64decode(event["body"]) == b"\xff\x00" and event["isBase64Encoded"] is True, event
    shown = client.get_function_url_config(FunctionName=NAME)
    assert shown["AuthType"] == "NONE" and shown["FunctionUrl"] == made["FunctionUrl"]
    listed = client.list_function_url_configs(FunctionName=NAME)["FunctionUrlConfigs"]
    assert [one["FunctionUrl"] for one in listed] == [made["FunctionUrl"]]
    changed = client.update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM")
    assert changed["AuthType"] == "AWS_IAM" and changed["InvokeMode"] == "RESPONSE_STREAM" and changed["Cors"] == cors
    if signatures_are_needed():
        try:
            call_url(made["FunctionUrl"])
            raise AssertionError("an unsigned request passed")
        except urllib.error.HTTPError as error:
            assert error.code == 403, error
    client.delete_function_url_config(FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.get_function_url_config, FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.delete_function_url_config, FunctionName=NAME)
    try:
        call_url(made["FunctionUrl"])
        raise AssertionError("an address that was given up answers")
    except urllib.error.HTTPError as error:
        assert error.code in (403, 404), error


def settings_of_a_function():
    client.tag_resource(Resource=ARN + NAME, Tags={"a": "b"})
    client.untag_resource(Resource=ARN + NAME, TagKeys=["team"])
    assert client.list_tags(Resource=ARN + NAME)["Tags"] == {"a": "b"}
    refused("ResourceNotFoundException", 404, client.list_tags, Resource=ARN + "nobody")
    put = client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
    assert put["ReservedConcurrentExecutions"] == 0
    assert client.get_function(FunctionName=NAME)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
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
    assert invoke()[0]["StatusCode"] == 200
    refused(
        "InvalidParameterValueException", 400, client.put_function_concurrency,
        FunctionName=NAME, ReservedConcurrentExecutions=100_000,
    )  # fmt: skip


def provisioned(qualifier):
    return client.get_provisioned_concurrency_config(FunctionName=NAME, Qualifier=qualifier)


def until_ready(qualifier):
    deadline = time.monotonic() + 30
    while (state := provisioned(qualifier))["Status"] == "IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def provisions():
    source = "import os\ndef handler(event, context):\n    return [os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], os.getpid()]\n"
    client.update_function_code(FunctionName=NAME, ZipFile=package({"app.py": source}))
    version = client.publish_version(FunctionName=NAME)["Version"]
    client.create_alias(FunctionName=NAME, Name="ready", FunctionVersion=version)
    wanted = {"FunctionName": NAME, "Qualifier": "ready"}
    missing = "ProvisionedConcurrencyConfigNotFoundException"
    refused(missing, 404, client.get_provisioned_concurrency_config, **wanted)
    put = client.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=2, **wanted)
    assert put["RequestedProvisionedConcurrentExecutions"] == 2 and put["LastModified"], put
    state = until_ready("ready")
    assert state["Status"] == "READY", state
    assert state["AvailableProvisionedConcurrentExecutions"] == 2, state
    assert state["AllocatedProvisionedConcurrentExecutions"] == 2, state
    answer, (kind, _) = invoke({}, Qualifier="ready", LogType="Tail")
    assert kind == "provisioned-concurrency", kind
    # Nobody waited for it.
    assert "Init Duration" not in base64.b64decode(answer["LogResult"]).decode()
    _, (kind, _) = invoke({})
    assert kind == "on-demand", kind
    listed = client.list_provisioned_concurrency_configs(FunctionName=NAME)["ProvisionedConcurrencyConfigs"]
    assert [item["FunctionArn"] for item in listed] == [f"{ARN}{NAME}:ready"], listed
    refused(
        "ResourceConflictException", 409, client.put_provisioned_concurrency_config,
        FunctionName=NAME, Qualifier=version, ProvisionedConcurrentExecutions=1,
    )  # fmt: skip
    refused(
        "InvalidParameterValueException", 400, client.put_provisioned_concurrency_config,
        FunctionName=NAME, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1,
    )  # fmt: skip
    refused(
        "InvalidParameterValueException", 400, client.put_function_concurrency,
        FunctionName=NAME, ReservedConcurrentExecutions=1,
    )  # fmt: skip
    # A function that cannot start says so.
    client.update_function_code(FunctionName=NAME, ZipFile=package({"app.py": "raise ValueError('no')"}))
    broken = client.publish_version(FunctionName=NAME)["Version"]
    client.put_provisioned_concurrency_config(
        FunctionName=NAME, Qualifier=broken, ProvisionedConcurrentExecutions=1
    )
    state = until_ready(broken)
    assert (state["Status"], state["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE"), state
    client.delete_provisioned_concurrency_config(FunctionName=NAME, Qualifier=broken)
    client.delete_provisioned_concurrency_config(**wanted)
    refused(missing, 404, client.get_provisioned_concurrency_config, **wanted)
    client.delete_alias(FunctionName=NAME, Name="ready")
    client.update_function_code(FunctionName=NAME, ZipFile=code(1))


def asynchronous_invocations():
    queues = connect("sqs")
    queue = queues.create_queue(QueueName=NAME + "-ends")["QueueUrl"]
    ends = "arn:aws:sqs:us-east-1:000000000000:" + NAME + "-ends"
    function = {"FunctionName": NAME}
    missing = "ResourceNotFoundException"
    assert "doesn't have an EventInvokeConfig" in refused(missing, 404, client.get_function_event_invoke_config, **function)
    made = client.put_function_event_invoke_config(
        MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": ends}}, **function
    )
    assert made["FunctionArn"] == f"{ARN}{NAME}:$LATEST" and made["LastModified"].year > 2000, made
    assert "MaximumRetryAttempts" not in made and made["MaximumEventAgeInSeconds"] == 60, made
    changed = client.update_function_event_invoke_config(MaximumRetryAttempts=0, **function)
    assert changed["MaximumRetryAttempts"] == 0 and changed["MaximumEventAgeInSeconds"] == 60, changed
    assert changed["DestinationConfig"] == {"OnFailure": {"Destination": ends}, "OnSuccess": {}}, changed
    listed = client.get_paginator("list_function_event_invoke_configs").paginate(**function).build_full_result()
    shown = client.get_function_event_invoke_config(Qualifier="$LATEST", **function)
    shown.pop("ResponseMetadata")
    assert listed["FunctionEventInvokeConfigs"] == [shown], listed
    itself = {"OnSuccess": {"Destination": ARN + NAME}}
    message = refused(
        "InvalidParameterValueException", 400, client.put_function_event_invoke_config,
        DestinationConfig=itself, **function,
    )  # fmt: skip
    assert message == "You can't specify the function as a destination for itself.", message
    client.delete_function_event_invoke_config(**function)
    refused(missing, 404, client.delete_function_event_invoke_config, **function)

    changed = client.update_function_configuration(DeadLetterConfig={"TargetArn": ends}, **function)
    assert changed["DeadLetterConfig"] == {"TargetArn": ends}, changed
    changed = client.update_function_configuration(DeadLetterConfig={"TargetArn": ""}, **function)
    assert "DeadLetterConfig" not in changed, changed
    queues.delete_queue(QueueUrl=queue)

    assert client.get_function_recursion_config(**function)["RecursiveLoop"] == "Terminate"
    assert client.put_function_recursion_config(RecursiveLoop="Allow", **function)["RecursiveLoop"] == "Allow"
    assert client.get_function_recursion_config(**function)["RecursiveLoop"] == "Allow"


def event_source_mappings():
    queues = connect("sqs")
    queue = queues.create_queue(QueueName=NAME)["QueueUrl"]
    source = "arn:aws:sqs:us-east-1:000000000000:" + NAME
    pattern = json.dumps({"body": {"kind": ["cat"]}})
    asked = {
        "FunctionName": NAME, "EventSourceArn": source, "Enabled": False, "BatchSize": 20,
        "MaximumBatchingWindowInSeconds": 1, "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        "ScalingConfig": {"MaximumConcurrency": 2}, "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }  # fmt: skip
    made = client.create_event_source_mapping(Tags={"a": "b"}, **asked)
    assert made["State"] == "Creating" and made["StateTransitionReason"] == "USER_INITIATED", made
    assert made["FunctionArn"] == ARN + NAME, made
    for member in ["EventSourceArn", "BatchSize", "FilterCriteria", "ScalingConfig", "FunctionResponseTypes"]:
        assert made[member] == asked[member], made
    assert client.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {"a": "b"}
    client.tag_resource(Resource=made["EventSourceMappingArn"], Tags={"c": "d"})
    client.untag_resource(Resource=made["EventSourceMappingArn"], TagKeys=["a"])
    assert client.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {"c": "d"}
    message = refused("ResourceConflictException", 409, client.create_event_source_mapping, **asked)
    assert message.endswith("Please update or delete the existing mapping with UUID " + made["UUID"]), message
    mapping = {"UUID": made["UUID"]}
    assert client.get_event_source_mapping(**mapping)["State"] == "Disabled"
    changed = client.update_event_source_mapping(Enabled=True, FilterCriteria={}, **mapping)
    assert changed["State"] == "Enabling" and "FilterCriteria" not in changed, changed
    shown = client.get_event_source_mapping(**mapping)
    shown.pop("ResponseMetadata")
    assert shown["State"] == "Enabled", shown
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=NAME, EventSourceArn=source)
    assert pages.build_full_result()["EventSourceMappings"] == [shown]
    message = refused(
        "InvalidParameterValueException", 400, client.update_event_source_mapping,
        FilterCriteria={"Filters": [{"Pattern": "cat"}]}, **mapping,
    )  # fmt: skip
    assert message.startswith("Invalid filter pattern definition."), message
    assert client.delete_event_source_mapping(**mapping)["State"] == "Deleting"
    refused("ResourceNotFoundException", 404, client.get_event_source_mapping, **mapping)
    queues.delete_queue(QueueUrl=queue)
    message = refused("InvalidParameterValueException", 400, client.create_event_source_mapping, **asked)
    assert "AWS.SimpleQueueService.NonExistentQueue" in message, message


def permissions():
    refused("ResourceNotFoundException", 404, client.get_policy, FunctionName=NAME)
    grant = {
        "FunctionName": NAME, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bucket",
    }  # fmt: skip
    statement = json.loads(client.add_permission(**grant)["Statement"])
    assert statement["Sid"] == "s" and statement["Effect"] == "Allow" and statement["Resource"] == ARN + NAME
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    refused("ResourceConflictException", 409, client.add_permission, **grant)
    policy = client.get_policy(FunctionName=NAME)
    assert json.loads(policy["Policy"])["Statement"] == [statement] and policy["RevisionId"]
    client.remove_permission(FunctionName=NAME, StatementId="s")
    refused("ResourceNotFoundException", 404, client.remove_permission, FunctionName=NAME, StatementId="s")


def who():
    sts = connect("sts")
    assert sts.get_caller_identity()["Account"] == "000000000000"


def other_services_say_so():
    for service, call in [("s3", "list_buckets"), ("kinesis", "list_streams")]:
        refused("NotImplemented", 501, getattr(connect(service), call))


def deletes():
    client.delete_function(FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.get_function, FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.delete_function, FunctionName=NAME)
    refused("ResourceNotFoundException", 404, client.invoke, FunctionName=NAME)


STEPS = [
    creates, refuses_to_create, shows, lists, invokes, refuses_to_invoke, streams, updates, versions_and_aliases,
    urls, settings_of_a_function, provisions, asynchronous_invocations, event_source_mappings, permissions,
    who, other_services_say_so, deletes,
]  # fmt: skip

if __name__ == "__main__":
    print(f"boto3 against {ENDPOINT}")
    for step in STEPS:
        began = time.monotonic()
        step()
        print(f"{step.__name__}: {(time.monotonic() - began) * 1000:.0f} ms")
