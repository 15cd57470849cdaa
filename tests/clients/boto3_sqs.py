"""boto3 against SQS's API: python boto3_sqs.py http://127.0.0.1:4566 json|query

Which of SQS's protocols is spoken depends on the version of botocore; the second argument says which it must be. Plain
asserts; the first that fails ends the program. Leaves no queue behind.
"""

import hashlib
import json
import sys
import threading
import time
import uuid

import boto3
from botocore.exceptions import ClientError

from checked import ENDPOINT, UUID, connect, matches, refused

ACCOUNT = "000000000000"
RUN = "q-" + uuid.uuid4().hex[:8]
client = connect("sqs")
MODEL = client.meta.service_model
assert MODEL.metadata["protocol"] == sys.argv[2], MODEL.metadata
# Errors that are of every operation ("Common Error Types").
COMMON = {"InvalidParameterValueException", "MissingRequiredParameterException", "SerializationException"}


def check(response_dict, context=None, **_):
    """Holds every answer against the model; botocore passes over what it does not know."""
    assert UUID.fullmatch(response_dict["headers"]["x-amzn-requestid"])
    operation = MODEL.operation_model(response_dict["context"]["operation_name"])
    status = response_dict["status_code"]
    if MODEL.metadata["protocol"] == "query":
        assert response_dict["headers"]["content-type"] == "text/xml"
        return
    assert response_dict["headers"]["content-type"] == "application/x-amz-json-1.0"
    answer = json.loads(response_dict["body"])
    if status >= 300:
        kind = answer["__type"].split("#")[1]
        assert kind in {shape.name for shape in operation.error_shapes} | COMMON, (operation.name, kind)
        assert set(answer) == {"__type", "message"}, answer
        return
    if operation.output_shape:
        matches(operation.output_shape, answer, operation.name)
    else:
        assert answer == {}, answer


client.meta.events.register("response-received.sqs", check)


def create(name, fifo=False, **attributes):
    if fifo:
        name, attributes = name + ".fifo", attributes | {"FifoQueue": "true"}
    return client.create_queue(QueueName=f"{RUN}-{name}", Attributes=attributes)["QueueUrl"]


def arn(url):
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(url, **more):
    arguments = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]} | more
    return client.receive_message(QueueUrl=url, **arguments).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def queues():
    url = create("made", VisibilityTimeout="20")
    assert url == f"{ENDPOINT}/{ACCOUNT}/{RUN}-made", url
    assert create("made", VisibilityTimeout="20") == url
    message = refused("QueueAlreadyExists", 400, create, name="made", VisibilityTimeout="21")
    assert message.endswith("a different value for attribute VisibilityTimeout"), message
    try:
        create("made", VisibilityTimeout="21")
    except client.exceptions.QueueNameExists:
        pass
    assert client.get_queue_url(QueueName=f"{RUN}-made")["QueueUrl"] == url
    try:
        client.get_queue_url(QueueName=f"{RUN}-nowhere")
    except client.exceptions.QueueDoesNotExist as error:
        assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue", error.response
        assert error.response["Error"]["Type"] == "Sender", error.response
    others = [create(f"other-{index}") for index in range(3)]
    assert client.list_queues(QueueNamePrefix=f"{RUN}-other")["QueueUrls"] == others
    assert "QueueUrls" not in client.list_queues(QueueNamePrefix=f"{RUN}-nothing")
    pages = client.get_paginator("list_queues").paginate(
        QueueNamePrefix=f"{RUN}-other", PaginationConfig={"PageSize": 2}
    )
    assert [page["QueueUrls"] for page in pages] == [others[:2], others[2:]]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    client.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0", "Policy": policy})
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert shown["Policy"] == policy and shown["VisibilityTimeout"] == "20", shown
    assert shown["QueueArn"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:{RUN}-made", shown
    assert "Attributes" not in client.get_queue_attributes(QueueUrl=url)
    refused("InvalidAttributeName", 400, client.set_queue_attributes, QueueUrl=url, Attributes={"No": "1"})
    refused("InvalidAttributeValue", 400, client.set_queue_attributes, QueueUrl=url, Attributes={"Policy": "{"})
    client.tag_queue(QueueUrl=url, Tags={"team": "pets", "empty": ""})
    client.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"empty": ""}
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    actions = ["SendMessage", "ReceiveMessage"]
    client.add_permission(QueueUrl=url, Label="them", AWSAccountIds=["111111111111"], Actions=actions)
    policy = json.loads(client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert policy["Statement"][0]["Action"] == ["SQS:SendMessage", "SQS:ReceiveMessage"], policy
    client.remove_permission(QueueUrl=url, Label="them")
    assert "Attributes" not in client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    client.purge_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", 403, client.purge_queue, QueueUrl=url)


def messages():
    url = create("messages")
    body = "소나기 <&> \"quoted\"\nline\ttab \U0001f327"
    attributes = {
        "text": {"DataType": "String", "StringValue": "<v> & w"},
        "count.of": {"DataType": "Number.int", "StringValue": "42"},
        "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff<&>"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = client.send_message(
        QueueUrl=url, MessageBody=body, MessageAttributes=attributes, MessageSystemAttributes=trace
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert sent["MD5OfMessageAttributes"] == digest(attributes), sent
    assert sent["MD5OfMessageSystemAttributes"] == digest(trace), sent
    [received] = receive(url)
    assert received["Body"] == body and received["MessageId"] == sent["MessageId"], received
    assert received["MessageAttributes"] == attributes, received
    assert received["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert received["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert received["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(received["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    assert receive(url) == []
    handle = received["ReceiptHandle"]
    client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    [again] = receive(url, MessageAttributeNames=["cou.*"], AttributeNames=["ApproximateReceiveCount"])
    assert list(again["MessageAttributes"]) == ["count.of"], again
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    client.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    change = {"QueueUrl": url, "ReceiptHandle": again["ReceiptHandle"], "VisibilityTimeout": 5}
    message = refused("InvalidParameterValue", 400, client.change_message_visibility, **change)
    assert message.endswith("Message does not exist or is not available for visibility timeout change."), message
    message = refused("ReceiptHandleIsInvalid", 400, client.delete_message, QueueUrl=url, ReceiptHandle="garbage")
    assert message == 'The input receipt handle "garbage" is not a valid receipt handle.', message
    refused("InvalidMessageContents", 400, client.send_message, QueueUrl=url, MessageBody="\x08")
    refused("MissingParameter", 400, client.send_message, QueueUrl=url, MessageBody="")
    message = refused("InvalidParameterValue", 400, client.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    assert message.endswith("MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."), message
    most = "é" * (1 << 19)
    client.send_message(QueueUrl=url, MessageBody=most)
    assert bodies(receive(url)) == [most]
    message = refused("InvalidParameterValue", 400, client.send_message, QueueUrl=url, MessageBody=most + "x")
    assert message.endswith("Message must be shorter than 1048576 bytes."), message
    # A delay, and a message that nobody acknowledges.
    client.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=1)
    assert receive(url) == []
    began = time.monotonic()
    assert bodies(receive(url, WaitTimeSeconds=20, VisibilityTimeout=1)) == ["late"]
    assert bodies(receive(url, WaitTimeSeconds=20)) == ["late"]
    assert 1.5 < time.monotonic() - began < 15
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    assert shown == {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "2"}, shown


def digest(attributes):
    """SQS Developer Guide, "Calculating the MD5 message digest for message attributes"."""
    whole = hashlib.md5()

    def add(part):
        whole.update(len(part).to_bytes(4, "big") + part)

    for name in sorted(attributes):
        value = attributes[name]
        add(name.encode())
        add(value["DataType"].encode())
        binary = value["DataType"].startswith("Binary")
        whole.update(b"\x02" if binary else b"\x01")
        add(value["BinaryValue"] if binary else value["StringValue"].encode())
    return whole.hexdigest()


def batches():
    url = create("batches", MaximumMessageSize="1024")
    entries = [{"Id": f"e{index}", "MessageBody": f"body {index}"} for index in range(9)]
    entries.append({"Id": "large", "MessageBody": "x" * 1025})
    sent = client.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == [f"e{index}" for index in range(9)]
    [failed] = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("large", "InvalidParameterValue", True), failed
    received = receive(url)
    assert len(received) == 9

    def entries_of(received, **more):
        return [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"], **more} for at, one in enumerate(received)]

    change = entries_of(received, VisibilityTimeout=0)
    assert len(client.change_message_visibility_batch(QueueUrl=url, Entries=change)["Successful"]) == 9
    delete = entries_of(receive(url))
    gone = client.delete_message_batch(QueueUrl=url, Entries=delete + [{"Id": "x", "ReceiptHandle": "garbage"}])
    assert len(gone["Successful"]) == 9 and gone["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", gone
    code = "AWS.SimpleQueueService."
    refused(code + "EmptyBatchRequest", 400, client.send_message_batch, QueueUrl=url, Entries=[])
    twice = [{"Id": "a", "MessageBody": "x"}] * 2
    message = refused(code + "BatchEntryIdsNotDistinct", 400, client.send_message_batch, QueueUrl=url, Entries=twice)
    assert message == "Id a repeated.", message
    many = [{"Id": str(index), "MessageBody": "x"} for index in range(11)]
    refused(code + "TooManyEntriesInBatchRequest", 400, client.send_message_batch, QueueUrl=url, Entries=many)
    try:
        client.send_message_batch(QueueUrl=url, Entries=[{"Id": "a b", "MessageBody": "x"}])
        raise AssertionError("it was taken")
    except client.exceptions.InvalidBatchEntryId:
        pass


def fifo():
    url = create("groups", fifo=True, ContentBasedDeduplication="true", VisibilityTimeout="60")
    for number in range(3):
        for group in "ab":
            body = f"{group}{number}"
            sent, again = (
                client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group) for _ in range(2)
            )
            assert sent["MessageId"] == again["MessageId"]
            assert len(sent["SequenceNumber"]) == 20
    [first] = receive(url, MaxNumberOfMessages=1, ReceiveRequestAttemptId="one")
    [again] = receive(url, MaxNumberOfMessages=1, ReceiveRequestAttemptId="one")
    assert again["ReceiptHandle"] == first["ReceiptHandle"]
    assert (first["Body"], first["Attributes"]["MessageGroupId"]) == ("a0", "a")
    assert bodies(receive(url)) == ["b0", "b1", "b2"]
    client.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    rest = receive(url)
    assert bodies(rest) == ["a1", "a2"]
    numbers = [message["Attributes"]["SequenceNumber"] for message in [first, *rest]]
    assert numbers == sorted(numbers)
    refused("MissingParameter", 400, client.send_message, QueueUrl=url, MessageBody="x")
    url = create("strict", fifo=True)
    unnamed = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g"}
    message = refused("InvalidParameterValue", 400, client.send_message, **unnamed)
    assert message.startswith("The queue should either have ContentBasedDeduplication enabled"), message
    refused("InvalidParameterValue", 400, client.create_queue, QueueName=f"{RUN}-x.fifo")


def long_polls():
    url = create("waiting")
    waiting = connect("sqs")
    got = []

    def wait():
        got.extend(waiting.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    client.send_message(QueueUrl=url, MessageBody="wake")
    thread.join()
    assert bodies(got) == ["wake"] and time.monotonic() - began < 5
    began = time.monotonic()
    assert receive(url, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - began < 10


def dead_letters():
    dead = create("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": "2"})
    url = create("source", RedrivePolicy=redrive, VisibilityTimeout="0")
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    assert json.loads(shown) == {"deadLetterTargetArn": arn(dead), "maxReceiveCount": 2}, shown
    assert client.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    client.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": f"poison {n}"} for n in range(5)])
    for _ in range(2):
        assert len(receive(url)) == 5
    assert receive(url) == []
    letters = receive(dead, VisibilityTimeout=0)
    assert len(letters) == 5 and letters[0]["Attributes"]["DeadLetterQueueSourceArn"] == arn(url), letters
    message = refused("InvalidParameterValue", 400, client.start_message_move_task, SourceArn=arn(url))
    assert message == "Source queue must be configured as a Dead Letter Queue.", message
    client.start_message_move_task(SourceArn=arn(dead))
    task = ended(dead)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 5), task
    assert sorted(bodies(receive(url))) == [f"poison {n}" for n in range(5)]
    # Elsewhere, slowly, and not to the end.
    for n in range(20):
        client.send_message(QueueUrl=dead, MessageBody=str(n))
    elsewhere = create("elsewhere")
    started = client.start_message_move_task(
        SourceArn=arn(dead), DestinationArn=arn(elsewhere), MaxNumberOfMessagesPerSecond=1
    )
    [task] = client.list_message_move_tasks(SourceArn=arn(dead))["Results"]
    assert task["TaskHandle"] == started["TaskHandle"] and task["Status"] == "RUNNING", task
    client.cancel_message_move_task(TaskHandle=started["TaskHandle"])
    task = ended(dead)
    assert task["Status"] == "CANCELLED" and task["DestinationArn"] == arn(elsewhere), task
    assert len(client.list_message_move_tasks(SourceArn=arn(dead), MaxResults=10)["Results"]) == 2
    refused("ResourceNotFoundException", 404, client.start_message_move_task, SourceArn=arn(dead) + "-none")


def ended(source):
    for _ in range(300):
        task = client.list_message_move_tasks(SourceArn=arn(source))["Results"][0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        time.sleep(0.1)
    raise AssertionError(task)


def resources():
    """The other half of boto3."""
    service = boto3.resource("sqs", endpoint_url=ENDPOINT, region_name="us-east-1")
    queue = service.create_queue(QueueName=f"{RUN}-resource")
    queue.send_message(MessageBody="one", MessageAttributes={"n": {"DataType": "String", "StringValue": "v"}})
    queue.send_messages(Entries=[{"Id": "a", "MessageBody": "two"}])
    for message in queue.receive_messages(MaxNumberOfMessages=10, MessageAttributeNames=["All"]):
        message.change_visibility(VisibilityTimeout=10)
        message.delete()
    assert service.get_queue_by_name(QueueName=f"{RUN}-resource").attributes["ApproximateNumberOfMessages"] == "0"
    queue.delete()
    try:
        queue.load()
        raise AssertionError("it is still there")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


try:
    for part in (queues, messages, batches, fifo, long_polls, dead_letters, resources):
        part()
finally:
    for url in client.list_queues(QueueNamePrefix=RUN).get("QueueUrls", []):
        client.delete_queue(QueueUrl=url)
assert "QueueUrls" not in client.list_queues(QueueNamePrefix=RUN)
print("passed")
