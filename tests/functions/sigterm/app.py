"""Handles SIGTERM itself; SETUP says whether before us, ENDS whether it ends the process."""

from __future__ import annotations

import logging
import os
import signal
import sys

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)


def on_sigterm(number: int, frame: object) -> None:
    """Log and print, as functions do that clean up."""
    logger.warning("the function's own handler")
    print("cleaning up")
    if os.environ.get("ENDS"):
        sys.exit(0)


signal.signal(signal.SIGTERM, on_sigterm)
if os.environ.get("SETUP") == "before us":
    from firehose_logging import install

    install()
logger.info("imported")


def handler(event: dict[str, bool], context: object) -> str:
    """Log; run Python code for ever where the event asks for it."""
    logger.info("handled")
    while event.get("spin"):
        pass
    return "answer"
