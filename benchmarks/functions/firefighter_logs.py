"""firefighter: to Firehose through boto3, a flush at the end of each invocation."""

import logging
import os

import probe
from firefighter.logging import FirehoseHandler

handler_ = FirehoseHandler(os.environ["AWS_KINESIS_STREAM_NAME"])
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
