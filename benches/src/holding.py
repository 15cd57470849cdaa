import time


def handler(event, context):
    time.sleep(float(event.get('queryStringParameters', {}).get('hold', 0)))
    return {'statusCode': 200, 'body': 'hello'}
