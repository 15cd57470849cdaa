"""boto3 against Lambda's layers: python boto3_layers.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program.
"""

import base64
import hashlib
import json
import urllib.request

from checked import PYTHON, ROLE, client, connect, package, refused

LAYER = "arn:aws:lambda:us-east-1:000000000000:layer:"
SITE = f"python/lib/{PYTHON}/site-packages"
HANDLER = """
import json, os, sys
import both, first_only
from site_only import WHERE

def handler(event, context):
    return [both.FROM, first_only.FROM, WHERE, open("/opt/data.txt").read(), sorted(set(os.listdir("/opt/python")) - {"__pycache__"})]
"""
# Some of these calls botocore would refuse itself.
careless = connect("lambda", parameter_validation=False)

FIRST = package({"python/both.py": "FROM = 'first'", "python/first_only.py": "FROM = 'first'", "data.txt": "1"})
SECOND = package({"python/both.py": "FROM = 'second'", f"{SITE}/site_only.py": "WHERE = 'site'", "data.txt": "2"})


def publish(name, zip_file, **settings):
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_file}, **settings)


def invoke(name):
    answer = client.invoke(FunctionName=name)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.load(answer["Payload"])


def publishes():
    made = publish(
        "first",
        FIRST,
        Description="What is first",
        CompatibleRuntimes=[PYTHON, "ruby3.3"],
        CompatibleArchitectures=["x86_64"],
        LicenseInfo="MIT",
    )
    assert (made["Version"], made["LayerVersionArn"]) == (1, LAYER + "first:1"), made
    assert made["LayerArn"] == LAYER + "first"
    assert (made["Description"], made["LicenseInfo"]) == ("What is first", "MIT")
    assert made["CompatibleRuntimes"] == [PYTHON, "ruby3.3"] and made["CompatibleArchitectures"] == ["x86_64"]
    content = made["Content"]
    assert content["CodeSize"] == len(FIRST)
    assert content["CodeSha256"] == base64.b64encode(hashlib.sha256(FIRST).digest()).decode()
    with urllib.request.urlopen(content["Location"]) as answer:
        assert answer.read() == FIRST
    assert publish(LAYER + "first", SECOND)["Version"] == 2
    assert publish("second", SECOND, CompatibleRuntimes=["nodejs24.x"])["Version"] == 1

    same = client.get_layer_version(LayerName="first", VersionNumber=1)
    by_arn = client.get_layer_version_by_arn(Arn=LAYER + "first:1")
    for got in (same, by_arn):
        for key in ("Version", "LayerVersionArn", "LayerArn", "Description", "CreatedDate", "CompatibleRuntimes"):
            assert got[key] == made[key], (key, got)


def lists():
    versions = client.list_layer_versions(LayerName="first")["LayerVersions"]
    assert [version["Version"] for version in versions] == [2, 1]
    assert "CompatibleRuntimes" not in versions[0] and versions[1]["LicenseInfo"] == "MIT"
    fits = client.list_layer_versions(LayerName="first", CompatibleRuntime=PYTHON)["LayerVersions"]
    assert [version["Version"] for version in fits] == [1]
    page = client.list_layer_versions(LayerName="first", MaxItems=1)
    assert [version["Version"] for version in page["LayerVersions"]] == [2]
    rest = client.list_layer_versions(LayerName="first", Marker=page["NextMarker"])
    assert [version["Version"] for version in rest["LayerVersions"]] == [1] and not rest.get("NextMarker")

    layers = client.list_layers()["Layers"]
    assert [(layer["LayerName"], layer["LatestMatchingVersion"]["Version"]) for layer in layers] == [
        ("first", 2),
        ("second", 1),
    ]
    fits = client.list_layers(CompatibleRuntime=PYTHON, CompatibleArchitecture="x86_64")["Layers"]
    assert [(layer["LayerArn"], layer["LatestMatchingVersion"]["Version"]) for layer in fits] == [(LAYER + "first", 1)]
    pages = client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1})
    assert [layer["LayerName"] for page in pages for layer in page["Layers"]] == ["first", "second"]
    assert client.list_layer_versions(LayerName="nowhere")["LayerVersions"] == []


def refuses_layers():
    parameter, constraint, gone = "InvalidParameterValueException", "ValidationException", "ResourceNotFoundException"
    for change, error, words in [
        ({"Content": {"ZipFile": b"no zip"}}, parameter, "Could not unzip uploaded file."),
        ({"Content": {"S3Bucket": "b", "S3Key": "k"}}, parameter, "ZipFile"),
        ({"Content": None}, constraint, "'content'"),
        ({"LayerName": "a b"}, constraint, "at 'layerName'"),
        ({"Description": "x" * 257}, constraint, "at 'description'"),
        ({"LicenseInfo": "x" * 513}, constraint, "at 'licenseInfo'"),
        ({"CompatibleRuntimes": ["cobol"]}, constraint, "Value '[cobol]' at 'compatibleRuntimes'"),
        ({"CompatibleArchitectures": ["sparc"]}, constraint, "Value '[sparc]' at 'compatibleArchitectures'"),
    ]:
        asked = {"LayerName": "wrong", "Content": {"ZipFile": FIRST}} | change
        given = {name: value for name, value in asked.items() if value is not None}
        message = refused(error, 400, careless.publish_layer_version, **given)
        assert words in message, (change, message)
    text = refused(gone, 404, client.get_layer_version, LayerName="first", VersionNumber=9)
    assert text == "The resource you requested does not exist.", text
    text = refused(parameter, 400, client.get_layer_version, LayerName="first", VersionNumber=0)
    assert text == "Layer Version Cannot be less than 1.", text
    text = refused(constraint, 400, careless.get_layer_version_by_arn, Arn=LAYER + "first")
    assert "at 'arn' failed to satisfy constraint" in text, text
    refused(constraint, 400, client.list_layers, MaxItems=51)


def create(name, layers, **settings):
    return careless.create_function(
        **{
            "FunctionName": name,
            "Runtime": PYTHON,
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": package({"app.py": HANDLER})},
            "Layers": layers,
        }
        | settings
    )


def functions_have_them():
    first, second = LAYER + "first:1", LAYER + "second:1"
    made = create("layered", [first, second])
    sizes = [{"Arn": first, "CodeSize": len(FIRST)}, {"Arn": second, "CodeSize": len(SECOND)}]
    assert made["Layers"] == sizes, made
    assert client.get_function(FunctionName="layered")["Configuration"]["Layers"] == sizes
    # The later one lies over the earlier one.
    assert invoke("layered") == ["second", "first", "site", "2", ["both.py", "first_only.py", "lib"]]
    updated = client.update_function_configuration(FunctionName="layered", Layers=[second, first])
    assert [layer["Arn"] for layer in updated["Layers"]] == [second, first]
    assert invoke("layered")[0] == "first"
    # Another change leaves them.
    client.update_function_configuration(FunctionName="layered", Timeout=9)
    assert [layer["Arn"] for layer in client.get_function_configuration(FunctionName="layered")["Layers"]] == [second, first]
    version = client.publish_version(FunctionName="layered")
    assert [layer["Arn"] for layer in version["Layers"]] == [second, first]
    assert "Layers" not in client.update_function_configuration(FunctionName="layered", Layers=[])
    client.update_function_configuration(FunctionName="layered", Layers=[first, second])


def node_has_them():
    modules = package({"nodejs/node_modules/tale/index.js": "module.exports = 'once upon a layer';"})
    arn = publish("tales", modules)["LayerVersionArn"]
    code = package({"index.js": "exports.handler = async () => require('tale');"})
    create("told", [arn], Runtime="nodejs20.x", Handler="index.handler", Code={"ZipFile": code})
    assert invoke("told") == "once upon a layer"


def refuses_functions():
    first, parameter = LAYER + "first:1", "InvalidParameterValueException"
    many = [publish(f"many-{number}", FIRST)["LayerVersionArn"] for number in range(6)]
    big = {f"data/{number}": "x" * 60_000_000 for number in range(3)}
    big = [publish(f"big-{number}", package(big))["LayerVersionArn"] for number in range(2)]
    nearly = publish("nearly", package({f"{number}": "x" * 62_000_000 for number in range(4)}))["LayerVersionArn"]
    heavy = package({"app.py": HANDLER, "data": "x" * 20_000_000})
    for layers, settings, error, words in [
        (many, {}, parameter, "Cannot reference more than 5 layers."),
        ([LAYER + "first:9"], {}, parameter, f"Layer version {LAYER}first:9 does not exist."),
        ([LAYER + "absent:1"], {}, parameter, f"Layer version {LAYER}absent:1 does not exist."),
        ([first, LAYER + "first:2"], {}, parameter, "Two different versions of the same layer are not allowed to be "
         f"referenced in the same function. {LAYER}first:1 and {LAYER}first:2 are versions of the same layer."),
        (["first:1"], {}, "ValidationException", "Value '[first:1]' at 'layers' failed to satisfy constraint: Member "
         "must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater "
         "than or equal to 1, Member must satisfy regular expression pattern:"),
        ([LAYER + "first"], {}, "ValidationException", "at 'layers'"),
        ([LAYER + "first:$LATEST"], {}, "ValidationException", "at 'layers'"),
        (["arn:aws:lambda:eu-west-1:000000000000:layer:first:1"], {}, parameter, "Layers are not in the same region as "
         "the function. Layers are expected to be in region us-east-1."),
        (["arn:aws:lambda:us-east-1:123456789012:layer:first:1"], {}, parameter, "another account"),
        (big, {}, parameter, "Layers consume more than the available size of 262144000 bytes"),
        ([nearly], {"Code": {"ZipFile": heavy}}, parameter, "Function code combined with layers exceeds the maximum "
         "allowed size of 262144000 bytes. The actual size is 268000"),
        ([first], {"Runtime": "provided.wasm", "Handler": "function.wasm"}, parameter, "WebAssembly function has no layers"),
    ]:  # fmt: skip
        message = refused(error, 400, create, name="refused", layers=layers, **settings)
        assert words in message, (layers, message)
        if not settings:
            message = refused(
                error, 400, careless.update_function_configuration, FunctionName="layered", Layers=layers
            )
            assert words in message, (layers, message)
    create("small", [nearly])
    message = refused(parameter, 400, client.update_function_code, FunctionName="small", ZipFile=heavy)
    assert "Function code combined with layers" in message, message


def deleted_ones_go_on():
    assert invoke("layered")[0] == "second"
    client.delete_layer_version(LayerName="first", VersionNumber=1)
    client.delete_layer_version(LayerName="first", VersionNumber=1)
    refused("ResourceNotFoundException", 404, client.get_layer_version, LayerName="first", VersionNumber=1)
    assert [version["Version"] for version in client.list_layer_versions(LayerName="first")["LayerVersions"]] == [2]
    message = refused("InvalidParameterValueException", 400, create, name="late", layers=[LAYER + "first:1"])
    assert "does not exist" in message, message
    # What has it keeps it, in environments that start from now on too, and may be told so again.
    client.update_function_configuration(FunctionName="layered", MemorySize=256)
    assert invoke("layered")[1] == "first"
    again = [LAYER + "second:1", LAYER + "first:1"]
    client.update_function_configuration(FunctionName="layered", Layers=again)
    assert invoke("layered")[0] == "first"
    # Its number is not given again.
    client.delete_layer_version(LayerName="first", VersionNumber=2)
    assert "first" not in [layer["LayerName"] for layer in client.list_layers()["Layers"]]
    assert publish("first", FIRST)["Version"] == 3


def keeps_policies():
    place = {"LayerName": "second", "VersionNumber": 1}
    statement = {"StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    gone, conflict = "ResourceNotFoundException", "ResourceConflictException"
    message = refused(gone, 404, client.get_layer_version_policy, **place)
    assert message == "No policy is associated with the given resource.", message
    added = client.add_layer_version_permission(**place, **statement, OrganizationId="o-1234567890")
    shown = json.loads(added["Statement"])
    assert shown == {
        "Sid": "all",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:GetLayerVersion",
        "Resource": LAYER + "second:1",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
    }, shown
    policy = client.get_layer_version_policy(**place)
    assert json.loads(policy["Policy"])["Statement"] == [shown]
    assert policy["RevisionId"] == added["RevisionId"]
    refused(conflict, 409, client.add_layer_version_permission, **place, **statement)
    other = statement | {"StatementId": "one", "Principal": "123456789012"}
    stale = "PreconditionFailedException"
    refused(stale, 412, client.add_layer_version_permission, **place, **other, RevisionId="old")
    client.add_layer_version_permission(**place, **other, RevisionId=added["RevisionId"])
    for change in ({"Action": "lambda:InvokeFunction"}, {"Principal": "s3.amazonaws.com"}, {"StatementId": "a b"}):
        refused("ValidationException", 400, careless.add_layer_version_permission, **place, **(other | change))
    absent = {"LayerName": "second", "VersionNumber": 9}
    message = refused(gone, 404, client.add_layer_version_permission, **absent, **statement)
    assert message == f"Layer version {LAYER}second:9 does not exist.", message
    client.remove_layer_version_permission(**place, StatementId="all")
    message = refused(gone, 404, client.remove_layer_version_permission, **place, StatementId="all")
    assert message == "Statement all is not found in resource policy.", message
    client.remove_layer_version_permission(**place, StatementId="one")
    refused(gone, 404, client.get_layer_version_policy, **place)


publishes()
lists()
refuses_layers()
functions_have_them()
node_has_them()
refuses_functions()
deleted_ones_go_on()
keeps_policies()
