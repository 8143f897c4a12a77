"""Knows which snapshot it is of, and logs in every part of its life.

AFTER_RESTORE "raise" fails the restore.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from pathlib import Path
from typing import Any

from snapshot_restore_py import register_after_restore, register_before_snapshot

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)
logger.info("imported")

#: Made once, in Init: the same in every environment of one snapshot.
SNAPSHOT = str(uuid.uuid4())
lives: list[str] = []


@register_before_snapshot
def before_snapshot() -> None:
    """The snapshot is about to be taken."""
    logger.info("before the snapshot")
    lives.append("before")


@register_after_restore
def after_restore() -> None:
    """An environment has come of it."""
    if os.environ.get("AFTER_RESTORE") == "raise":
        raise RuntimeError("cannot go on")
    logger.info("after the restore")
    lives.append("after")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Log what the event says; tell who we are."""
    for line in event.get("log", []):
        logger.info(line)
    return {
        "snapshot": SNAPSHOT,
        "lives": lives,
        "keys": sorted(name for name in os.environ if "KEY" in name or "LOG_STREAM" in name),
        "peers": sorted(_peers()),
    }


def _peers() -> set[int]:
    """Ports that this process is connected to."""
    ports = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(entry.name))) as copy:
                address = copy.getpeername()
        except OSError:
            continue  # no socket, or not connected
        if isinstance(address, tuple):
            ports.add(address[1])
    return ports
