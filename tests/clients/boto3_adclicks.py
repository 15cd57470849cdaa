"""What became of ad clicks: python boto3_adclicks.py http://127.0.0.1:4566

Waits until all clicks are worked on and a report was written, then prints what is in each queue of results, in the order of
receiving, as one line of JSON.
"""

import json
import time

from checked import connect

client = connect("sqs")
DEADLINE = time.monotonic() + 150


def url(name):
    return client.get_queue_url(QueueName="adclicks-" + name)["QueueUrl"]


def depth(name):
    states = ["", "NotVisible", "Delayed"]
    names = ["ApproximateNumberOfMessages" + state for state in states]
    answer = client.get_queue_attributes(QueueUrl=url(name), AttributeNames=names)
    return sum(int(count) for count in answer["Attributes"].values())


def waits(what, condition):
    while not condition():
        assert time.monotonic() < DEADLINE, "still not " + what
        time.sleep(0.25)


def drained(name):
    found = []
    while True:
        answer = client.receive_message(QueueUrl=url(name), MaxNumberOfMessages=10, WaitTimeSeconds=0)
        messages = answer.get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"]))
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ]
        done = client.delete_message_batch(QueueUrl=url(name), Entries=entries)
        assert not done.get("Failed"), done


waits("worked on", lambda: depth("clicks") == 0 and depth("charges.fifo") == 0)
waits("reported", lambda: depth("reports") > 0)
queues = ["counted", "charged.fifo", "lost", "failures", "reports"]
print(json.dumps({name: drained(name) for name in queues}))
