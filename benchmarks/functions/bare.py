"""Python's logging and nothing else: Lambda's own log handling takes it. Also what our layer gets."""

import logging

import probe

logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)


def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    return probe.read()
