"""Kills the server while topics are published to, and looks for what it had accepted.

python boto3_sns_crash.py http://127.0.0.1:4566 publish <the server's process id> prints what was accepted;
python boto3_sns_crash.py http://127.0.0.1:4566 check <that> finds it in every queue.
"""

import json
import os
import signal
import sys
import threading

import botocore.exceptions

from checked import connect

client, sqs = connect("sns"), connect("sqs")
QUEUES = [f"{kind}-{index}" for kind in ("wrapped", "raw") for index in range(2)]
PUBLISHERS, ENOUGH = 4, 200


def publish(server):
    topic = client.create_topic(Name="news")["TopicArn"]
    for name in QUEUES:
        sqs.create_queue(QueueName=name)
        raw = {"RawMessageDelivery": "true" if name.startswith("raw") else "false"}
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    accepted, enough = [], threading.Event()

    def run(publisher):
        for number in range(100_000):
            try:
                client.publish(TopicArn=topic, Message=f"{publisher}:{number}")
            except botocore.exceptions.BotoCoreError:
                return
            accepted.append(f"{publisher}:{number}")
            if len(accepted) >= ENOUGH:
                enough.set()

    threads = [threading.Thread(target=run, args=(publisher,)) for publisher in range(PUBLISHERS)]
    for thread in threads:
        thread.start()
    assert enough.wait(120)
    os.kill(server, signal.SIGKILL)
    for thread in threads:
        thread.join()
    print(json.dumps(accepted))


def messages(name):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = []
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            body = message["Body"]
            found.append(json.loads(body)["Message"] if name.startswith("wrapped") else body)
    return found


def check(accepted):
    found = [sorted(messages(name)) for name in QUEUES]
    # A message is in all queues or in none, and once.
    assert all(one == found[0] for one in found), [len(one) for one in found]
    assert len(set(found[0])) == len(found[0])
    lost = set(accepted) - set(found[0])
    assert not lost, lost
    # What was under way when the server was killed may be there too.
    assert len(found[0]) <= len(accepted) + PUBLISHERS, (len(found[0]), len(accepted))


if sys.argv[2] == "publish":
    publish(int(sys.argv[3]))
else:
    check(json.loads(sys.argv[3]))
