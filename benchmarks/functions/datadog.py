"""Datadog's Python layer without its extension: the handler wrapped, metrics to the log."""

import logging

import probe
from datadog_lambda.wrapper import datadog_lambda_wrapper

logger = logging.getLogger("bench")
logger.setLevel(logging.INFO)


@datadog_lambda_wrapper
def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    return probe.read()
