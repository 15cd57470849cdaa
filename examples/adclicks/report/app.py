import json
import os

import boto3

sqs = boto3.client("sqs")


def waiting(queue):
    name = "ApproximateNumberOfMessages"
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
    return int(answer["Attributes"][name])


def handler(event, context):
    report = {
        "at": event["time"] if "time" in event else None,
        "counted": waiting(os.environ["QUEUE_COUNTED"]),
        "lost": waiting(os.environ["QUEUE_LOST"]),
    }
    print("report", json.dumps(report))
    sqs.send_message(QueueUrl=os.environ["QUEUE_REPORTS"], MessageBody=json.dumps(report))
