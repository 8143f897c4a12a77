"""Computes until it is killed, and tells when hand-overs of the interpreter's lock are quick."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)
USUAL = sys.getswitchinterval()
#: There once hand-overs were quick after SIGTERM.
NOTE = Path(os.environ["TMPDIR"], "quick")


def on_sigterm(number: int, frame: object) -> None:
    """Compute on until the last flush has made hand-overs quick; nobody else ends the process."""
    _compute_until_quick()
    NOTE.touch()


def _compute_until_quick() -> None:
    while sys.getswitchinterval() >= USUAL:
        pass


signal.signal(signal.SIGTERM, on_sigterm)


def handler(event: object, context: object) -> None:
    """Log, then never let go of the interpreter by itself."""
    logger.info("before")
    print("printed")
    _compute_until_quick()
    logger.info("quick after the deadline" if NOTE.exists() else "quick before the deadline")
    while True:
        pass
