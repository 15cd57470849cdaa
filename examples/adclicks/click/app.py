import json
import os

import boto3

sqs = boto3.client("sqs")
functions = boto3.client("lambda")


def handler(event, context):
    ad = event["pathParameters"]["ad"]
    query = event.get("queryStringParameters") or {}
    click = {"ad": ad, "id": query.get("id", context.aws_request_id), "n": int(query.get("n", 0))}
    body = json.dumps(click)
    sqs.send_message(QueueUrl=os.environ["QUEUE_CLICKS"], MessageBody=body)
    sqs.send_message(
        QueueUrl=os.environ["QUEUE_CHARGES"],
        MessageBody=body,
        MessageGroupId=ad,
        MessageDeduplicationId=click["id"],
    )
    if "notify" in query:
        functions.invoke(FunctionName=os.environ["NOTIFY"], InvocationType="Event", Payload=body)
    return {"statusCode": 302, "headers": {"location": query.get("to", "https://example.com/")}}
