"""Python's logging and nothing else, for Lambda's own log handling and for our layer."""

import logging

import probe

logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)


def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    return probe.read()
