import time


def handler(event, context):
    now = time.time_ns()
    for record in event['Records']:
        print('woken', record['body'], now)
