"""A replay over a crash: python boto3_replay.py http://127.0.0.1:4566 begin|end

`begin` archives events and leaves while their replay is under way; `end`, after the server was killed and runs again,
counts what came.
"""

import datetime
import json
import sys

from checked import connect

COUNT = 1_500
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
client = connect("events")
sqs = connect("sqs")


def received(url, enough):
    """The numbers of events that came, until there are enough or no more come."""
    numbers = []
    while len(numbers) < enough:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages", [])
        if not got:
            break
        numbers += (json.loads(message["Body"])["detail"]["n"] for message in got)
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return numbers


if sys.argv[2] == "begin":
    url = sqs.create_queue(QueueName="again")["QueueUrl"]
    client.create_archive(ArchiveName="all", EventSourceArn=BUS)
    for start in range(0, COUNT, 10):
        entries = [{"Source": "shop", "DetailType": "t", "Detail": json.dumps({"n": n})} for n in range(start, start + 10)]
        assert client.put_events(Entries=entries)["FailedEntryCount"] == 0
    client.put_rule(Name="again", EventPattern=json.dumps({"source": ["shop"]}))
    queue = "arn:aws:sqs:us-east-1:000000000000:again"
    client.put_targets(Rule="again", Targets=[{"Id": "1", "Arn": queue}])
    now = datetime.datetime.now(datetime.timezone.utc)
    client.start_replay(
        ReplayName="again", EventSourceArn=BUS.replace("event-bus/default", "archive/all"),
        EventStartTime=now - datetime.timedelta(hours=1), EventEndTime=now + datetime.timedelta(hours=1),
        Destination={"Arn": BUS},
    )  # fmt: skip
    while "EventLastReplayedTime" not in client.describe_replay(ReplayName="again"):
        pass
else:
    url = sqs.get_queue_url(QueueName="again")["QueueUrl"]
    numbers = received(url, COUNT)
    assert sorted(numbers) == list(range(COUNT)), (len(numbers), len(set(numbers)))
    assert received(url, 1) == [], "more than was archived"
    assert client.describe_replay(ReplayName="again")["State"] == "COMPLETED"
    assert client.describe_archive(ArchiveName="all")["EventCount"] == COUNT
