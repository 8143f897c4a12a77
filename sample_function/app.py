"""The shortest honest use: a function that logs. Nothing in it knows of Firehose.

The layer's wrapper does the rest (AWS_LAMBDA_EXEC_WRAPPER=/opt/firehose_wrapper).
An event may ask for more than the usual few lines:

    {"lines": 100}     log that many lines more
    {"sleep": 2.5}     then wait that many seconds, to see a timeout
    {"raise": "text"}  then fail with that message
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

logger = logging.getLogger("sample")
logger.setLevel(logging.DEBUG)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Log at every level, print, and do what the event asks for."""
    lines, seconds, error = asked_for(event)

    logger.debug("the event as it came: %r", event)
    logger.info("hello", extra={"customer": "c-42", "items": 3})
    logger.info({"message": "a dict stays an object", "nested": {"is": "fine"}})
    logger.warning("running low", extra={"left": 7})
    try:
        int("seven")
    except ValueError:
        logger.exception("could not read the number")
    print("printed, and delivered too")
    warnings.warn("warnings are delivered as well", stacklevel=1)

    for number in range(lines):
        logger.info("line %d of %d", number + 1, lines, extra={"number": number + 1})
    time.sleep(seconds)
    if error is not None:
        raise RuntimeError(error)
    return {"lines": lines, "requestId": context.aws_request_id}


def asked_for(event: Any) -> tuple[int, float, str | None]:
    """Lines to log, seconds to sleep and error to raise; ValueError says what an event may hold."""
    wishes = event if isinstance(event, dict) else {}
    lines, seconds, error = wishes.get("lines", 0), wishes.get("sleep", 0), wishes.get("raise")
    if isinstance(lines, bool) or not isinstance(lines, int) or not 0 <= lines <= 100_000:
        raise ValueError(f'"lines" must be a whole number from 0 to 100000, not {lines!r}')
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 900:
        raise ValueError(f'"sleep" must be a number of seconds from 0 to 900, not {seconds!r}')
    if error is not None and not isinstance(error, str):
        raise ValueError(f'"raise" must be the text of the error, not {error!r}')
    return lines, seconds, error
