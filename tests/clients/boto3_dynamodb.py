"""boto3 against DynamoDB's API: python boto3_dynamodb.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program. Leaves no table behind.
"""

import json
import uuid
import zlib
from decimal import Decimal

from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
import boto3

from checked import ENDPOINT, UUID, connect, matches

RUN = "t-" + uuid.uuid4().hex[:8]
client = connect("dynamodb")
streams = connect("dynamodbstreams")
resource = boto3.resource("dynamodb", endpoint_url=ENDPOINT, region_name="us-east-1")
MODEL = client.meta.service_model


COMMON = {"ValidationException", "SerializationException", "AccessDeniedException"}


def check(response_dict, context=None, **_):
    """Holds every answer against the model; botocore passes over what it does not know."""
    assert UUID.fullmatch(response_dict["headers"]["x-amzn-requestid"])
    assert response_dict["headers"]["content-type"] == "application/x-amz-json-1.0"
    body = response_dict["body"]
    assert int(response_dict["headers"]["x-amz-crc32"]) == zlib.crc32(body)
    name = response_dict["context"]["operation_name"]
    model = MODEL if name in MODEL.operation_names else streams.meta.service_model
    operation = model.operation_model(name)
    if response_dict["status_code"] >= 300:
        kinds = {shape.name for shape in operation.error_shapes} | COMMON
        assert json.loads(body)["__type"].rsplit("#")[-1] in kinds, (name, body)
    elif operation.output_shape:
        matches(operation.output_shape, json.loads(body), name)


client.meta.events.register("response-received.dynamodb", check)
streams.meta.events.register("response-received.dynamodb-streams", check)


def refused(code, call, **given):
    try:
        call(**given)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response
    raise AssertionError(f"{code} was to come")


def table_life():
    made = client.create_table(
        TableName=RUN,
        AttributeDefinitions=[
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "born", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "born", "KeyType": "RANGE"}],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [
                    {"AttributeName": "owner", "KeyType": "HASH"},
                    {"AttributeName": "kind", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        Tags=[{"Key": "team", "Value": "pets"}],
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING" and made["TableArn"].endswith(f":table/{RUN}"), made
    client.get_waiter("table_exists").wait(TableName=RUN, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    refused("ResourceInUseException", client.create_table, TableName=RUN, KeySchema=made["KeySchema"][:1],
            AttributeDefinitions=made["AttributeDefinitions"][:1], BillingMode="PAY_PER_REQUEST")
    assert RUN in client.list_tables()["TableNames"]
    tags = client.list_tags_of_resource(ResourceArn=made["TableArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "pets"}], tags
    client.update_table(TableName=RUN, DeletionProtectionEnabled=True)
    refused("ValidationException", client.delete_table, TableName=RUN)
    client.update_table(TableName=RUN, DeletionProtectionEnabled=False)
    return made


def items():
    table = resource.Table(RUN)
    pet = {
        "owner": "yuna", "born": Decimal("2020.5"), "kind": "cat", "names": ["momo", {"brief": "mo"}],
        "tags": {"soft", "loud"}, "sizes": {Decimal(1), Decimal("2.5")}, "raw": b"\x00\xff", "gone": None, "good": True,
    }
    assert "Attributes" not in table.put_item(Item=pet)
    got = table.get_item(Key={"owner": "yuna", "born": Decimal("2020.5")}, ConsistentRead=True)["Item"]
    got["raw"] = got["raw"].value
    assert got == pet, got
    part = table.get_item(
        Key={"owner": "yuna", "born": Decimal("2020.5")},
        ProjectionExpression="#n[1].brief, good", ExpressionAttributeNames={"#n": "names"},
    )["Item"]
    assert part == {"names": [{"brief": "mo"}], "good": True}, part
    changed = table.update_item(
        Key={"owner": "yuna", "born": Decimal("2020.5")},
        UpdateExpression="SET #n = list_append(#n, :more), visits = if_not_exists(visits, :zero) + :one "
                         "REMOVE gone ADD sizes :size DELETE tags :tag",
        ConditionExpression="size(tags) = :two AND NOT contains(tags, :none)",
        ExpressionAttributeNames={"#n": "names"},
        ExpressionAttributeValues={
            ":more": ["m"], ":zero": 0, ":one": 1, ":two": 2, ":size": {Decimal(9)}, ":tag": {"loud"}, ":none": "wet",
        },
        ReturnValues="UPDATED_NEW",
    )["Attributes"]
    assert changed["visits"] == 1 and changed["tags"] == {"soft"} and len(changed["sizes"]) == 3, changed
    failed = refused(
        "ConditionalCheckFailedException", client.delete_item, TableName=RUN,
        Key={"owner": {"S": "yuna"}, "born": {"N": "2020.5"}}, ConditionExpression="visits > :n",
        ExpressionAttributeValues={":n": {"N": "5"}}, ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert failed["Item"]["visits"] == {"N": "1"}, failed
    refused("ValidationException", client.get_item, TableName=RUN, Key={"owner": {"S": "yuna"}})
    refused("ResourceNotFoundException", client.get_item, TableName=RUN + "x", Key={"owner": {"S": "yuna"}})


def pages():
    table = resource.Table(RUN)
    with table.batch_writer() as batch:
        for born in range(60):
            batch.put_item(Item={"owner": "minho", "born": born, "kind": ["cat", "dog"][born % 2], "text": "x" * 100})
    found, start, rounds = [], {}, 0
    while True:
        page = table.query(
            KeyConditionExpression=Key("owner").eq("minho") & Key("born").between(10, 49),
            FilterExpression=Attr("kind").eq("dog"), ScanIndexForward=False, Limit=7, **start,
        )
        found += [int(item["born"]) for item in page["Items"]]
        rounds += 1
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert found == list(range(49, 10, -2)) and rounds == 6, (found, rounds)
    cats = table.query(
        IndexName="by-kind", KeyConditionExpression=Key("owner").eq("minho") & Key("kind").eq("cat"),
        Select="COUNT", ReturnConsumedCapacity="INDEXES",
    )
    assert cats["Count"] == 30 and "by-kind" in cats["ConsumedCapacity"]["LocalSecondaryIndexes"], cats
    segments = [table.scan(Segment=at, TotalSegments=4)["Items"] for at in range(4)]
    assert sum(map(len, segments)) == 61


def index_while_written():
    client.update_table(
        TableName=RUN,
        AttributeDefinitions=[{"AttributeName": "kind", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{
            "Create": {
                "IndexName": "all-kinds", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text"]},
            }
        }],
    )
    for born in range(100, 120):
        resource.Table(RUN).put_item(Item={"owner": "jiho", "born": born, "kind": "fox"})
    client.get_waiter("table_exists").wait(TableName=RUN, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    for _ in range(200):
        index = client.describe_table(TableName=RUN)["Table"]["GlobalSecondaryIndexes"][0]
        if index["IndexStatus"] == "ACTIVE":
            break
    assert (index["IndexStatus"], index["ItemCount"]) == ("ACTIVE", 81), index
    query = resource.Table(RUN).query
    assert query(IndexName="all-kinds", KeyConditionExpression=Key("kind").eq("fox"))["Count"] == 20
    dogs = query(IndexName="all-kinds", KeyConditionExpression=Key("kind").eq("dog"))
    assert dogs["Count"] == 30 and set(dogs["Items"][0]) == {"owner", "born", "kind", "text"}, dogs["Items"][0]


def transactions():
    key = {"owner": {"S": "bank"}, "born": {"N": "1"}}
    put = {"Put": {"TableName": RUN, "Item": {**key, "left": {"N": "10"}}}}
    client.transact_write_items(TransactItems=[put], ClientRequestToken="token-1")
    client.transact_write_items(TransactItems=[put], ClientRequestToken="token-1")
    put["Put"]["Item"]["left"] = {"N": "11"}
    refused("IdempotentParameterMismatchException", client.transact_write_items, TransactItems=[put],
            ClientRequestToken="token-1")
    charge = {"Update": {
        "TableName": RUN, "Key": key, "UpdateExpression": "SET #l = #l - :n", "ConditionExpression": "#l >= :n",
        "ExpressionAttributeNames": {"#l": "left"}, "ExpressionAttributeValues": {":n": {"N": "20"}},
    }}
    other = {"Put": {"TableName": RUN, "Item": {"owner": {"S": "bank"}, "born": {"N": "2"}}}}
    failed = refused("TransactionCanceledException", client.transact_write_items, TransactItems=[other, charge])
    assert [r["Code"] for r in failed["CancellationReasons"]] == ["None", "ConditionalCheckFailed"], failed
    got = client.transact_get_items(TransactItems=[
        {"Get": {"TableName": RUN, "Key": key}}, {"Get": {"TableName": RUN, "Key": {**key, "born": {"N": "2"}}}},
    ])["Responses"]
    assert got[0]["Item"]["left"] == {"N": "10"} and "Item" not in got[1], got


def stream(made):
    arn = made["LatestStreamArn"]
    assert streams.list_streams(TableName=RUN)["Streams"][0]["StreamArn"] == arn
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED" and described["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    shard = described["Shards"][0]["ShardId"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = []
    while True:
        batch = streams.get_records(ShardIterator=at, Limit=50)
        if not batch["Records"]:
            break
        records += batch["Records"]
        at = batch["NextShardIterator"]
    kinds = [record["eventName"] for record in records]
    assert kinds.count("INSERT") == 82 and kinds.count("MODIFY") == 1, kinds
    read = TypeDeserializer().deserialize
    first = records[1]["dynamodb"]
    assert read({"M": first["NewImage"]})["visits"] == 1 and "visits" not in first["OldImage"], first
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)
    after = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[-2]
    )["ShardIterator"]
    assert [r["dynamodb"]["SequenceNumber"] for r in streams.get_records(ShardIterator=after)["Records"]] == numbers[-1:]


def expiry():
    table = resource.Table(RUN)
    table.put_item(Item={"owner": "gone", "born": 1, "until": 1_000_000_000})
    client.update_time_to_live(TableName=RUN, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    shown = client.describe_time_to_live(TableName=RUN)["TimeToLiveDescription"]
    assert shown["AttributeName"] == "until" and shown["TimeToLiveStatus"] in ("ENABLED", "ENABLING"), shown
    # It was over more than five years ago, and so it stays.
    assert "Item" in table.get_item(Key={"owner": "gone", "born": 1})


made = table_life()
items()
pages()
index_while_written()
transactions()
stream(made)
expiry()
client.delete_table(TableName=RUN)
client.get_waiter("table_not_exists").wait(TableName=RUN, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
refused("ResourceNotFoundException", client.describe_table, TableName=RUN)
print("all passed")
