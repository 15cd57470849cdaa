import json
import os

import boto3

ADS = {"shoes", "hats", "tea"}

sqs = boto3.client("sqs")


def handler(event, context):
    good, failures = [], []
    for record in event["Records"]:
        click = json.loads(record["body"])
        if click["ad"] in ADS:
            good.append({"Id": str(len(good)), "MessageBody": record["body"]})
        else:
            print("nobody knows the ad", click["ad"])
            failures.append({"itemIdentifier": record["messageId"]})
    if good:
        answer = sqs.send_message_batch(QueueUrl=os.environ["QUEUE_COUNTED"], Entries=good)
        if answer.get("Failed"):
            raise RuntimeError(answer["Failed"])
    return {"batchItemFailures": failures}
