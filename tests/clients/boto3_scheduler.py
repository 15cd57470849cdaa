"""boto3 against EventBridge Scheduler's API: python boto3_scheduler.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program. Leaves no schedule, group or queue behind.
"""

import datetime
import json
import time
import uuid

from checked import UUID, connect, matches, refused

ACCOUNT = "000000000000"
RUN = "s-" + uuid.uuid4().hex[:8]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tests"
client, sqs = connect("scheduler"), connect("sqs")
MODEL = client.meta.service_model
OFF = {"Mode": "OFF"}


def check(response_dict, context=None, **_):
    """Holds every answer against the model; botocore passes over what it does not know."""
    headers, body = response_dict["headers"], json.loads(response_dict["body"])
    assert UUID.fullmatch(headers["x-amzn-requestid"])
    assert headers["content-type"] == "application/json"
    operation = MODEL.operation_model(response_dict["context"]["operation_name"])
    if response_dict["status_code"] >= 300:
        shapes = {shape.name: shape for shape in operation.error_shapes}
        shape = shapes[headers["x-amzn-errortype"]]
        assert response_dict["status_code"] == shape.metadata["error"]["httpStatusCode"]
        assert set(body) == {"Message"}, body
        return
    matches(operation.output_shape, body, operation.name)
    for name in operation.output_shape.required_members:
        assert name in body, (operation.name, name)


client.meta.events.register("response-received.scheduler", check)


def queue(name):
    url = sqs.create_queue(QueueName=f"{RUN}-{name}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def receive(url):
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"])
    return received["Messages"][0]


def soon():
    return f"at({(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)):%Y-%m-%dT%H:%M:%S})"


def groups_and_tags():
    group = f"{RUN}-pets"
    arn = client.create_schedule_group(Name=group, Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    assert arn == f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/{group}"
    refused("ConflictException", 409, client.create_schedule_group, Name=group)
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    pages = client.get_paginator("list_schedule_groups").paginate(PaginationConfig={"PageSize": 1})
    names = [group["Name"] for page in pages for group in page["ScheduleGroups"]]
    assert "default" in names and group in names, names
    target = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "RoleArn": ROLE}
    for number in range(3):
        client.create_schedule(
            Name=f"n-{number}", GroupName=group, ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target=target
        )
    pages = client.get_paginator("list_schedules").paginate(GroupName=group, PaginationConfig={"PageSize": 2})
    assert [each["Name"] for page in pages for each in page["Schedules"]] == ["n-0", "n-1", "n-2"]
    client.delete_schedule_group(Name=group)
    deadline = time.monotonic() + 20
    while True:
        try:
            assert client.get_schedule_group(Name=group)["State"] == "DELETING"
        except client.exceptions.ResourceNotFoundException:
            break
        assert time.monotonic() < deadline, "the group is still there"
    refused("ResourceNotFoundException", 404, client.get_schedule, Name="n-0", GroupName=group)


def schedules():
    name = f"{RUN}-feed"
    start = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    arguments = {
        "Name": name,
        "ScheduleExpression": "cron(0 8 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": start,
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10},
        "Target": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "RoleArn": ROLE, "Input": "{}"},
    }
    token = uuid.uuid4().hex
    arn = client.create_schedule(ClientToken=token, **arguments)["ScheduleArn"]
    assert client.create_schedule(ClientToken=token, **arguments)["ScheduleArn"] == arn
    message = refused("ConflictException", 409, client.create_schedule, **arguments)
    assert message == f"Schedule {name} already exists.", message
    shown = client.get_schedule(Name=name)
    for key, value in arguments.items():
        if key != "Target":
            assert shown[key] == value, (key, shown[key])
    assert shown["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    client.update_schedule(**arguments | {"State": "DISABLED"})
    assert client.get_schedule(Name=name)["State"] == "DISABLED"
    refused("ValidationException", 400, client.update_schedule, **arguments | {"ScheduleExpression": "rate(x)"})
    client.delete_schedule(Name=name)
    refused("ResourceNotFoundException", 404, client.delete_schedule, Name=name)


def firing():
    url, arn = queue("out")
    dead_url, dead_arn = queue("dead")
    name = f"{RUN}-once"
    target = {"Arn": arn, "RoleArn": ROLE, "Input": "<aws.scheduler.schedule-arn> <aws.scheduler.attempt-number>"}
    made = client.create_schedule(
        Name=name, ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target, ActionAfterCompletion="DELETE"
    )
    assert receive(url)["Body"] == made["ScheduleArn"] + " 1"
    refused("ResourceNotFoundException", 404, client.get_schedule, Name=name)
    request = {"QueueUrl": url, "MessageBody": "universal"}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE, "Input": json.dumps(request)}
    client.create_schedule(
        Name=name, ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target, ActionAfterCompletion="DELETE"
    )
    assert receive(url)["Body"] == "universal"
    target = {"Arn": arn + "-none", "RoleArn": ROLE, "Input": "lost", "DeadLetterConfig": {"Arn": dead_arn}}
    made = client.create_schedule(Name=name, ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target)
    dead = receive(dead_url)
    attributes = {key: value["StringValue"] for key, value in dead["MessageAttributes"].items()}
    assert dead["Body"] == "lost" and attributes["SCHEDULE_ARN"] == made["ScheduleArn"], dead
    assert attributes["ERROR_CODE"] == "AWS.SimpleQueueService.NonExistentQueue", attributes
    client.delete_schedule(Name=name)
    for each in (url, dead_url):
        sqs.delete_queue(QueueUrl=each)


for part in (groups_and_tags, schedules, firing):
    part()
print("passed")
