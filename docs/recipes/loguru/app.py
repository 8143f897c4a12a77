"""A function that logs with loguru, as it is by default."""

from loguru import logger


def handler(event, context):
    """Price an order."""
    logger.info("order received", order=event["order"], items=event["items"])
    try:
        return 100 / event["items"]
    except ZeroDivisionError:
        logger.exception("no price", order=event["order"])
        return None
