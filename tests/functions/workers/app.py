"""Run by several workers at a time: logs in every way, and holds until the others are there too.

    {"mark": "m1", "lines": 20, "together": 4, "raise": false}

With MODE "wrapper" the module does nothing about us; with "install" and "handler" it sets us up
itself, as every worker imports it.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)

if os.environ.get("MODE") == "install":
    import firehose_logging

    firehose_logging.install()
elif os.environ.get("MODE") == "handler":
    from firehose_logging import FirehoseHandler

    logger.addHandler(FirehoseHandler())
logger.info("imported")

#: Seconds for the others to come.
PATIENCE = 10.0


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Say it all in this invocation's name."""
    mark = event["mark"]
    _meet(event.get("meeting"), mark, event.get("together", 1))
    for number in range(event.get("lines", 0)):
        logger.info("%s line %d", mark, number)
    # In one write each: workers share the platform's pipe, and a line end of its own may be late.
    print(f"{mark} printed\n", end="")
    print(f"{mark} to stderr\n", end="", file=sys.stderr)
    warnings.warn(f"{mark} warned", stacklevel=1)
    if event.get("raise"):
        raise RuntimeError(f"{mark} raised")
    return {"pid": os.getpid(), "requestId": context.aws_request_id}


def _meet(meeting: str | None, mark: str, together: int) -> None:
    """Wait until so many invocations run at the same time."""
    if meeting is None:
        return
    room = Path("/tmp", meeting)
    room.mkdir(exist_ok=True)
    (room / mark).touch()
    give_up = time.monotonic() + PATIENCE
    while len(list(room.iterdir())) < together:
        if time.monotonic() > give_up:
            raise TimeoutError(f"alone with {sorted(path.name for path in room.iterdir())}")
        time.sleep(0.005)
