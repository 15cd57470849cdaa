"""boto3 against SNS's API: python boto3_sns.py http://127.0.0.1:4566

Plain asserts; the first that fails ends the program. Leaves no topic and no queue behind.
"""

import base64
import http.server
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid

from botocore.exceptions import ClientError

from checked import ARN, ENDPOINT, PYTHON, ROLE, UUID, connect, package, refused

ACCOUNT = "000000000000"
RUN = "t-" + uuid.uuid4().hex[:8]
client, sqs, functions = connect("sns"), connect("sqs"), connect("lambda")
MODEL = client.meta.service_model


def check(response_dict, context=None, **_):
    """Every answer is XML of SNS's, and every error one of the operation's."""
    assert UUID.fullmatch(response_dict["headers"]["x-amzn-requestid"])
    assert response_dict["headers"]["content-type"] == "text/xml"
    operation = MODEL.operation_model(response_dict["context"]["operation_name"])
    body = response_dict["body"].decode()
    if response_dict["status_code"] >= 300:
        known = {shape.error_code for shape in operation.error_shapes} | {"ValidationError"}
        code = body.split("<Code>")[1].split("</Code>")[0]
        assert code in known, (operation.name, code)
    else:
        assert body.startswith(f'<{operation.name}Response xmlns="{MODEL.metadata["xmlNamespace"]}">'), body


client.meta.events.register("response-received.sns", check)


def topic(name, **attributes):
    if name.endswith(".fifo"):
        attributes["FifoTopic"] = "true"
    return client.create_topic(Name=f"{RUN}-{name}", Attributes=attributes)["TopicArn"]


def subscribed_queue(topic, name, **attributes):
    """The URL of a new queue, and its subscription."""
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=f"{RUN}-{name}", Attributes=fifo)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{RUN}-{name}"
    made = client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return url, made["SubscriptionArn"]


def receive(url, wait=0):
    names = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, **names).get("Messages", [])
    for message in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return got


def topics():
    arn = topic("made", DisplayName="Made")
    assert arn == f"arn:aws:sns:us-east-1:{ACCOUNT}:{RUN}-made", arn
    assert topic("made") == arn
    message = refused("InvalidParameter", 400, topic, name="made", DisplayName="Other")
    assert message.endswith("Attributes Reason: Topic already exists with different attributes"), message
    try:
        client.publish(TopicArn=arn + "-none", Message="m")
    except client.exceptions.NotFoundException as error:
        assert error.response["Error"]["Message"] == "Topic does not exist", error.response
    pages = client.get_paginator("list_topics").paginate()
    assert {"TopicArn": arn} in [listed for page in pages for listed in page["Topics"]]
    client.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="소나기 <&>")
    shown = client.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert shown["DisplayName"] == "소나기 <&>" and shown["SubscriptionsConfirmed"] == "0", shown
    assert json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "pets"}, {"Key": "empty", "Value": ""}])
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "empty", "Value": ""}]
    client.add_permission(TopicArn=arn, Label="them", AWSAccountId=["111111111111"], ActionName=["Publish"])
    policy = json.loads(client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert policy["Statement"][1]["Action"] == "SNS:Publish", policy
    client.remove_permission(TopicArn=arn, Label="them")
    client.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy='{"Name": "p"}')
    assert client.get_data_protection_policy(ResourceArn=arn)["DataProtectionPolicy"] == '{"Name": "p"}'
    refused("AuthorizationError", 403, client.list_platform_applications)
    refused("InvalidParameter", 400, client.publish, PhoneNumber="+15551234567", Message="m")
    refused("InvalidParameter", 400, client.subscribe, TopicArn=arn, Protocol="email", Endpoint="a@b.c")
    client.delete_topic(TopicArn=arn)
    client.delete_topic(TopicArn=arn)


def fan_out():
    arn = topic("news")
    wrapped, _ = subscribed_queue(arn, "wrapped", FilterPolicy=json.dumps({"kind": [{"prefix": "ra"}]}))
    raw, subscription = subscribed_queue(arn, "raw", RawMessageDelivery="true")
    listed = client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert subscription in [one["SubscriptionArn"] for one in listed] and len(listed) == 2, listed
    attributes = {
        "kind": {"DataType": "String", "StringValue": "rain"},
        "mm": {"DataType": "Number", "StringValue": "1.5"},
        "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff<&>"},
    }
    body = "소나기 <&> \"quoted\"\nline \U0001f327"
    sent = client.publish(TopicArn=arn, Message=body, Subject="wet", MessageAttributes=attributes)
    assert UUID.fullmatch(sent["MessageId"]), sent
    client.publish(TopicArn=arn, Message="dry", MessageAttributes={"kind": {"DataType": "String", "StringValue": "sun"}})
    [got] = receive(wrapped)
    envelope = json.loads(got["Body"])
    assert (envelope["Message"], envelope["Subject"], envelope["MessageId"]) == (body, "wet", sent["MessageId"])
    assert envelope["MessageAttributes"]["blob"]["Value"] == base64.b64encode(b"\x00\xff<&>").decode(), envelope
    first, second = receive(raw)
    assert first["Body"] == body and first["MessageAttributes"] == attributes, first
    assert second["Body"] == "dry", second
    # The body decides, from the next message on.
    policy = json.dumps({"kind": {"of": ["rain"]}})
    change = {"SubscriptionArn": subscription}
    client.set_subscription_attributes(**change, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    client.set_subscription_attributes(**change, AttributeName="FilterPolicy", AttributeValue=policy)
    shown = client.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert shown["FilterPolicy"] == policy and shown["FilterPolicyScope"] == "MessageBody", shown
    entries = [{"Id": kind, "Message": json.dumps({"kind": {"of": kind}})} for kind in ("rain", "snow")]
    entries.append({"Id": "empty", "Message": ""})
    answer = client.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["rain", "snow"], answer
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("empty", "InvalidParameter", True)
    ], answer
    assert [json.loads(one["Body"])["kind"]["of"] for one in receive(raw)] == ["rain"]
    client.unsubscribe(SubscriptionArn=subscription)
    structured = json.dumps({"default": "d", "sqs": "s"})
    kind = {"kind": {"DataType": "String.Array", "StringValue": '["x", "rain"]'}}
    client.publish(TopicArn=arn, Message=structured, MessageStructure="json", MessageAttributes=kind)
    assert [json.loads(one["Body"])["Message"] for one in receive(wrapped)] == ["s"]
    assert receive(raw) == []
    # A queue that is gone, and the subscription's dead letters.
    letters = sqs.create_queue(QueueName=f"{RUN}-dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{RUN}-dead"})
    gone, _ = subscribed_queue(arn, "gone", RedrivePolicy=redrive)
    sqs.delete_queue(QueueUrl=gone)
    client.publish(TopicArn=arn, Message="lost")
    assert [json.loads(one["Body"])["Message"] for one in receive(letters)] == ["lost"]
    client.delete_topic(TopicArn=arn)


def fifo():
    arn = topic("news.fifo", ContentBasedDeduplication="true")
    url, _ = subscribed_queue(arn, "news.fifo")
    numbers = []
    for message in ("1", "2", "1", "3"):
        numbers.append(client.publish(TopicArn=arn, Message=message, MessageGroupId="g")["SequenceNumber"])
    assert numbers[0] == numbers[2] and numbers[0] < numbers[1] < numbers[3], numbers
    got = receive(url)
    assert [json.loads(one["Body"])["Message"] for one in got] == ["1", "2", "3"], got
    assert [json.loads(one["Body"])["SequenceNumber"] for one in got] == [numbers[0], numbers[1], numbers[3]]
    assert {one["Attributes"]["MessageGroupId"] for one in got} == {"g"}
    refused("InvalidParameter", 400, client.publish, TopicArn=arn, Message="m")
    client.delete_topic(TopicArn=arn)


class Endpoint(http.server.BaseHTTPRequestHandler):
    posts = queue.Queue()
    statuses = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        Endpoint.posts.put((self.path, dict(self.headers.items()), body))
        status = 200 if Endpoint.statuses.empty() else Endpoint.statuses.get()
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def endpoints():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://me:secret@127.0.0.1:{server.server_port}/wet?a=b"
    arn = topic("posted")
    policy = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}}
    given = {"DeliveryPolicy": json.dumps(policy)}
    made = client.subscribe(TopicArn=arn, Protocol="http", Endpoint=url, Attributes=given)
    assert made["SubscriptionArn"] == "pending confirmation", made

    def posted():
        path, headers, body = Endpoint.posts.get(timeout=30)
        assert path == "/wet?a=b" and headers["authorization"] == "Basic bWU6c2VjcmV0", (path, headers)
        assert headers["user-agent"] == "Amazon Simple Notification Service Agent", headers
        assert headers["x-amz-sns-topic-arn"] == arn, headers
        return headers, body

    headers, body = posted()
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation", headers
    assert headers["content-type"] == "text/plain; charset=UTF-8", headers
    refused("InvalidParameter", 400, client.confirm_subscription, TopicArn=arn, Token="0" * 64)
    subscription = client.confirm_subscription(TopicArn=arn, Token=asked["Token"])["SubscriptionArn"]
    Endpoint.statuses.put(500)
    Endpoint.statuses.put(503)
    sent = client.publish(TopicArn=arn, Message="rain", Subject="wet")
    for _ in range(3):
        headers, body = posted()
        message = json.loads(body)
        assert headers["x-amz-sns-message-id"] == message["MessageId"] == sent["MessageId"], headers
        assert headers["x-amz-sns-subscription-arn"] == subscription, headers
        assert (message["Type"], message["Message"], message["Subject"]) == ("Notification", "rain", "wet")
    # The link in a message ends it without a signature, and asks whether that was meant.
    with urllib.request.urlopen(message["UnsubscribeURL"]) as answer:
        assert b"UnsubscribeResponse" in answer.read()
    headers, body = posted()
    asked = json.loads(body)
    assert asked["Type"] == "UnsubscribeConfirmation" and subscription in asked["Message"], asked
    assert client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []
    client.publish(TopicArn=arn, Message="to nobody")
    with urllib.request.urlopen(asked["SubscribeURL"]) as answer:
        assert subscription.encode() in answer.read()
    raw = {"SubscriptionArn": subscription, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    client.set_subscription_attributes(**raw)
    client.publish(TopicArn=arn, Message="as it is")
    headers, body = posted()
    assert body == "as it is" and headers["x-amz-sns-rawdelivery"] == "true", (headers, body)
    try:
        urllib.request.urlopen(asked["SubscribeURL"])
        raise AssertionError("a token works once")
    except urllib.error.HTTPError as error:
        assert error.code == 400, error
    client.delete_topic(TopicArn=arn)
    assert Endpoint.posts.empty()
    server.shutdown()


def function():
    arn = topic("woken")
    name = f"{RUN}-woken"
    code = package({"app.py": "def handler(event, context):\n    return event\n"})
    functions.create_function(
        FunctionName=name, Runtime=PYTHON, Role=ROLE, Handler="app.handler", Code={"ZipFile": code}
    )
    told = sqs.create_queue(QueueName=f"{RUN}-told")["QueueUrl"]
    functions.put_function_event_invoke_config(
        FunctionName=name,
        DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{RUN}-told"}},
    )
    made = client.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=ARN + name, ReturnSubscriptionArn=True)
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    sent = client.publish(TopicArn=arn, Message="rain", MessageAttributes=attributes)
    [got] = receive(told, wait=20)
    [record] = json.loads(got["Body"])["responsePayload"]["Records"]
    assert record["EventSource"] == "aws:sns", record
    assert record["EventSubscriptionArn"] == made["SubscriptionArn"], record
    message = record["Sns"]
    assert (message["Message"], message["MessageId"], message["Subject"]) == ("rain", sent["MessageId"], None)
    assert message["MessageAttributes"] == {"k": {"Type": "String", "Value": "v"}}, message
    functions.delete_function(FunctionName=name)
    client.delete_topic(TopicArn=arn)


for test in (topics, fan_out, fifo, endpoints, function):
    test()
for url in sqs.list_queues(QueueNamePrefix=RUN).get("QueueUrls", []):
    sqs.delete_queue(QueueUrl=url)
assert not [one for one in client.list_subscriptions()["Subscriptions"] if RUN in one["TopicArn"]]
print("topics: all well")
