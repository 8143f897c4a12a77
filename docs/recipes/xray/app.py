"""A function with the X-Ray SDK: its subsegments go to X-Ray, its lines have the trace's id."""

import logging

from aws_xray_sdk.core import patch_all, xray_recorder

patch_all()
logger = logging.getLogger("shop")
logger.setLevel("INFO")


@xray_recorder.capture("price")
def price(items):
    """What one item costs."""
    return 100 / items


def handler(event, context):
    """Price an order."""
    logger.info("order received", extra={"order": event["order"], "items": event["items"]})
    try:
        return price(event["items"])
    except ZeroDivisionError:
        logger.exception("no price", extra={"order": event["order"]})
        return None
