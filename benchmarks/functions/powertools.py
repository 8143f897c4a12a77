"""AWS Lambda Powertools Logger: JSON on stdout. It ships nothing anywhere by itself."""

import probe
from aws_lambda_powertools import Logger

logger = Logger(service="bench")


@logger.inject_lambda_context
def handler(event, context):
    """Log the usual lines and answer."""
    for number in range(event.get("lines", 3)):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
    return probe.read()
