"""A function that logs with structlog as it is usually set up on Lambda: JSON on stdout."""

import structlog

structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
)
log = structlog.get_logger()


def handler(event, context):
    """Price an order."""
    log.info("order received", order=event["order"], items=event["items"])
    try:
        return 100 / event["items"]
    except ZeroDivisionError:
        log.exception("no price", order=event["order"])
        return None
