"""kflogs: one PutRecord through boto3 for each line, inside of the log call."""

import logging
import os

import probe
from kflogs import KinesisFirehoseHandler, SimpleJsonFormatter

handler_ = KinesisFirehoseHandler(stream_name=os.environ["AWS_KINESIS_STREAM_NAME"])
handler_.setFormatter(SimpleJsonFormatter())
logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)
logger.addHandler(handler_)


def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    return probe.read()
