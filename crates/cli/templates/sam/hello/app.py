import json


def handler(event, context):
    """Answers GET /hello?name=… (an HTTP API event, payload 2.0)."""
    name = (event.get("queryStringParameters") or {}).get("name", "world")
    print(f"hello, {name}")
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": f"Hello, {name}!"}),
    }
