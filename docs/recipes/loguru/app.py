"""A function that logs with loguru, through logging, so that lines keep level, extras and error."""

import logging

from loguru import logger


def to_logging(message):
    """Hand what loguru was told to the logger of the same name."""
    record = message.record
    error = record["exception"]
    logging.getLogger(record["name"]).log(
        record["level"].no,
        record["message"],
        extra=record["extra"],
        exc_info=(error.type, error.value, error.traceback) if error else None,
    )


logging.getLogger().setLevel("INFO")
logger.remove()
logger.add(to_logging, format="{message}")


def handler(event, context):
    """Price an order."""
    logger.info("order received", order=event["order"], items=event["items"])
    try:
        return 100 / event["items"]
    except ZeroDivisionError:
        logger.exception("no price", order=event["order"])
        return None
