import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    for record in event["Records"]:
        sqs.send_message(
            QueueUrl=os.environ["QUEUE_CHARGED"],
            MessageBody=record["body"],
            MessageGroupId=record["attributes"]["MessageGroupId"],
            # A click that is brought again is charged once within five minutes.
            MessageDeduplicationId=record["attributes"]["MessageDeduplicationId"],
        )
