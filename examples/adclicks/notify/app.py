def handler(event, context):
    raise LookupError(f"nobody is known who advertises {event['ad']}")
