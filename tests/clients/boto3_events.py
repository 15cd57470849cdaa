"""boto3 against EventBridge's API: python boto3_events.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program. Leaves no bus, rule, archive or queue behind.
"""

import datetime
import json
import uuid

from checked import UUID, connect, matches, refused

ACCOUNT = "000000000000"
RUN = "e-" + uuid.uuid4().hex[:8]
SOURCE = f"tests.{RUN}"
client = connect("events")
sqs = connect("sqs")
MODEL = client.meta.service_model
# Errors that are of every operation ("Common Errors").
COMMON = {"ValidationException", "SerializationException", "AccessDeniedException"}


def check(response_dict, context=None, **_):
    """Holds every answer against the model; botocore passes over what it does not know."""
    assert UUID.fullmatch(response_dict["headers"]["x-amzn-requestid"])
    assert response_dict["headers"]["content-type"] == "application/x-amz-json-1.1"
    operation = MODEL.operation_model(response_dict["context"]["operation_name"])
    answer = json.loads(response_dict["body"])
    if response_dict["status_code"] >= 300:
        kinds = {shape.name for shape in operation.error_shapes} | COMMON | {"NotImplemented"}
        assert answer["__type"] in kinds, (operation.name, answer)
        assert set(answer) == {"__type", "message"}, answer
    elif operation.output_shape:
        matches(operation.output_shape, answer, operation.name)
    else:
        assert answer == {}, answer


client.meta.events.register("response-received.events", check)


class Queue:
    def __init__(self, name, **attributes):
        self.url = sqs.create_queue(QueueName=f"{RUN}-{name}", Attributes=attributes)["QueueUrl"]
        names = ["QueueArn"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]["QueueArn"]

    def messages(self, count):
        """Exactly so many, and no more."""
        found = []
        while len(found) < count:
            more = sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=20,
                MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"],
            ).get("Messages", [])  # fmt: skip
            assert more, (len(found), count)
            found += more
        assert "Messages" not in sqs.receive_message(QueueUrl=self.url), "more than was to come"
        for message in found:
            sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def bodies(self, count):
        return [json.loads(message["Body"]) for message in self.messages(count)]

    def delete(self):
        sqs.delete_queue(QueueUrl=self.url)


def put(bus, *details, **more):
    entry = {"EventBusName": bus, "Source": SOURCE, "DetailType": "Order"} | more
    answer = client.put_events(Entries=[entry | {"Detail": json.dumps(detail)} for detail in details])
    assert answer["FailedEntryCount"] == 0, answer
    return [entry["EventId"] for entry in answer["Entries"]]


def rule(bus, name, pattern, *targets):
    arn = client.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
    answer = client.put_targets(Rule=name, EventBusName=bus, Targets=list(targets))
    assert answer["FailedEntryCount"] == 0, answer
    return arn


def delete_rules(bus):
    for found in client.get_paginator("list_rules").paginate(EventBusName=bus, PaginationConfig={"PageSize": 1}):
        for rule in found["Rules"]:
            targets = client.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
            if targets:
                ids = [target["Id"] for target in targets]
                client.remove_targets(Rule=rule["Name"], EventBusName=bus, Ids=ids)
            client.delete_rule(Name=rule["Name"], EventBusName=bus)


def a_rule_sends_to_queues(bus):
    whole, short, fifo = Queue("whole"), Queue("short"), Queue("fifo.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "when": "$.time"},
        "InputTemplate": '{"text": "<who> ordered", "when": <when>, "rule": <aws.events.rule-name>}',
    }
    arn = rule(
        bus, "orders", {"source": [SOURCE], "detail": {"total": [{"numeric": [">=", 10]}]}},
        {"Id": "1", "Arn": whole.arn},
        {"Id": "2", "Arn": short.arn, "InputTransformer": transformer},
        {"Id": "3", "Arn": fifo.arn, "InputPath": "$.detail", "SqsParameters": {"MessageGroupId": "g"}},
    )  # fmt: skip
    assert arn == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{bus}/orders", arn
    time = datetime.datetime(2026, 1, 31, 8, 15, 30, tzinfo=datetime.timezone.utc)
    ids = put(bus, {"who": "Kim", "total": 9}, {"who": "Lee", "total": 10}, Time=time, Resources=["arn:r"])
    assert whole.bodies(1) == [{
        "version": "0", "id": ids[1], "detail-type": "Order", "source": SOURCE, "account": ACCOUNT,
        "time": "2026-01-31T08:15:30Z", "region": "us-east-1", "resources": ["arn:r"],
        "detail": {"who": "Lee", "total": 10},
    }]  # fmt: skip
    assert short.bodies(1) == [{"text": "Lee ordered", "when": "2026-01-31T08:15:30Z", "rule": "orders"}]
    [message] = fifo.messages(1)
    assert json.loads(message["Body"]) == {"who": "Lee", "total": 10}
    assert message["Attributes"]["MessageGroupId"] == "g"
    listed = client.list_targets_by_rule(Rule="orders", EventBusName=bus)["Targets"]
    assert listed[1]["InputTransformer"] == transformer
    assert client.list_rule_names_by_target(TargetArn=short.arn, EventBusName=bus)["RuleNames"] == ["orders"]
    client.disable_rule(Name="orders", EventBusName=bus)
    put(bus, {"who": "Lee", "total": 10})
    assert "Messages" not in sqs.receive_message(QueueUrl=whole.url)
    client.enable_rule(Name="orders", EventBusName=bus)
    assert client.describe_rule(Name="orders", EventBusName=bus)["State"] == "ENABLED"
    delete_rules(bus)
    for queue in (whole, short, fifo):
        queue.delete()


def dead_letters_say_why(bus):
    dead, gone = Queue("dead"), Queue("gone")
    gone.delete()
    arn = rule(bus, "r", {"source": [SOURCE]}, {
        "Id": "1", "Arn": gone.arn, "DeadLetterConfig": {"Arn": dead.arn}, "RetryPolicy": {"MaximumRetryAttempts": 1},
    })  # fmt: skip
    [id] = put(bus, {"n": 1})
    [message] = dead.messages(1)
    assert json.loads(message["Body"])["id"] == id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": arn, "TARGET_ARN": gone.arn, "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": f"{gone.arn} does not exist.", "RETRY_ATTEMPTS": "0",
    }  # fmt: skip
    delete_rules(bus)
    dead.delete()


def archived_events_are_replayed(bus, bus_arn):
    archive = client.create_archive(
        ArchiveName=RUN, EventSourceArn=bus_arn, EventPattern=json.dumps({"source": [SOURCE]}), RetentionDays=1
    )["ArchiveArn"]
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    for start in range(0, 30, 10):
        put(bus, *({"n": n} for n in range(start, start + 10)))
    put(bus, {"n": -1}, Source="other")
    described = client.describe_archive(ArchiveName=RUN)
    assert (described["EventCount"], described["State"]) == (30, "ENABLED"), described
    queue, other = Queue("again"), Queue("other")
    wanted = rule(bus, "wanted", {"source": [SOURCE]}, {"Id": "1", "Arn": queue.arn})
    rule(bus, "other", {"source": [SOURCE]}, {"Id": "1", "Arn": other.arn})
    replay = {
        "EventSourceArn": archive, "EventStartTime": before,
        "EventEndTime": before + datetime.timedelta(hours=1),
        "Destination": {"Arn": bus_arn, "FilterArns": [wanted]},
    }  # fmt: skip
    assert client.start_replay(ReplayName=RUN, **replay)["State"] == "STARTING"
    refused("ResourceAlreadyExistsException", 400, client.start_replay, ReplayName=RUN, **replay)
    events = queue.bodies(30)
    assert sorted(event["detail"]["n"] for event in events) == list(range(30))
    assert {event["replay-name"] for event in events} == {RUN}
    assert "Messages" not in sqs.receive_message(QueueUrl=other.url)
    while (done := client.describe_replay(ReplayName=RUN))["State"] in ("STARTING", "RUNNING"):
        pass
    assert done["State"] == "COMPLETED" and done["EventLastReplayedTime"] > before, done
    assert client.describe_archive(ArchiveName=RUN)["EventCount"] == 30
    assert client.list_replays(NamePrefix=RUN)["Replays"][0]["State"] == "COMPLETED"
    refused("IllegalStatusException", 400, client.cancel_replay, ReplayName=RUN)
    client.delete_archive(ArchiveName=RUN)
    delete_rules(bus)
    queue.delete()
    other.delete()


def events_go_from_bus_to_bus(bus):
    far = client.create_event_bus(Name=f"{RUN}-far", Description="d", Tags=[{"Key": "k", "Value": "v"}])["EventBusArn"]
    assert client.list_tags_for_resource(ResourceARN=far)["Tags"] == [{"Key": "k", "Value": "v"}]
    queue = Queue("far")
    rule(bus, "on", {"source": [SOURCE]}, {"Id": "1", "Arn": far, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"})
    rule(far, "end", {"detail": {"n": [1]}}, {"Id": "1", "Arn": queue.arn})
    ids = put(bus, {"n": 1}, {"n": 2})
    assert [event["id"] for event in queue.bodies(1)] == ids[:1]
    delete_rules(bus)
    delete_rules(far)
    client.delete_event_bus(Name=f"{RUN}-far")
    queue.delete()


def mistakes_are_errors(bus):
    wrong = refused("InvalidEventPatternException", 400, client.put_rule, Name="r", EventPattern='{"a": 1}')
    assert wrong.startswith('Event pattern is not valid. Reason: "a" must be an object or an array'), wrong
    refused("ResourceNotFoundException", 400, client.describe_rule, Name="none", EventBusName=bus)
    refused("ValidationException", 400, client.delete_event_bus, Name="default")
    refused("NotImplemented", 501, client.list_connections)
    answer = client.put_events(Entries=[{"Source": "aws.s3", "DetailType": "x", "Detail": "{}"}, {"Source": "x"}])
    assert answer["FailedEntryCount"] == 2
    codes = [entry["ErrorCode"] for entry in answer["Entries"]]
    assert codes == ["NotAuthorizedForSourceException", "InvalidArgument"], codes


def permissions_and_patterns(bus):
    client.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="111111111111", StatementId="s")
    policy = json.loads(client.describe_event_bus(Name=bus)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    client.remove_permission(EventBusName=bus, StatementId="s")
    assert "Policy" not in client.describe_event_bus(Name=bus)
    event = {
        "id": "1", "account": ACCOUNT, "source": "a", "time": "2026-01-31T08:15:30Z", "region": "us-east-1",
        "resources": [], "detail-type": "t", "detail": {"x": "abc"},
    }  # fmt: skip
    pattern = json.dumps({"detail": {"x": [{"wildcard": "a*c"}]}})
    assert client.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is True
    client.update_event_bus(Name=bus, Description="another")
    found = client.list_event_buses(NamePrefix=RUN)["EventBuses"]
    assert [bus["Description"] for bus in found] == ["another"], found


bus = f"{RUN}-bus"
bus_arn = client.create_event_bus(Name=bus)["EventBusArn"]
a_rule_sends_to_queues(bus)
dead_letters_say_why(bus)
archived_events_are_replayed(bus, bus_arn)
events_go_from_bus_to_bus(bus)
mistakes_are_errors(bus)
permissions_and_patterns(bus)
client.delete_event_bus(Name=bus)
