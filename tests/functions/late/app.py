"""Makes its handler where it is too late: in the function."""

from __future__ import annotations

import logging

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)


def handler(event: dict[str, bool], context: object) -> object:
    """Set logging up at the first call, log, and flush where the event asks for it."""
    from firehose_logging import FirehoseHandler, flush

    if not logger.handlers:
        logger.addHandler(FirehoseHandler())
    logger.info("late")
    return bool(flush(5.0)) if event.get("flush") else None
