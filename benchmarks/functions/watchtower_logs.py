"""watchtower: to CloudWatch Logs through boto3, a flush at the end of each invocation."""

import logging

import probe
import watchtower

handler_ = watchtower.CloudWatchLogHandler(log_group_name="bench", log_stream_name="bench")
logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)
logger.addHandler(handler_)


def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    answer = probe.read()
    handler_.flush()
    return answer
