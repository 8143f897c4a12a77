"""Logs numbered lines, keeps a record of them that no logging can touch, then ends as told.

    {"first": 1, "lines": 40, "bytes": 200, "threads": 1, "then": "return", "counts": false}

A number is written to the file ``accepted`` after its log call has returned, so that the file
holds exactly what was accepted, whatever happens to the process next.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

logger = logging.getLogger("faults")
logger.setLevel(logging.INFO)

TMP = os.environ["TMPDIR"]
ACCEPTED = os.open(f"{TMP}/accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
DOWN = Path(TMP, "dns-down")
STALLED = Path(TMP, "dns-stall")
_resolve = socket.getaddrinfo


def _resolve_unless_down(host: Any, *rest: Any, **named: Any) -> Any:
    """Ask for a name that cannot exist while the file ``dns-down`` is there; hang for a stall."""
    if DOWN.exists():
        host = "firehose.invalid"
    while STALLED.exists():
        time.sleep(0.01)
    return _resolve(host, *rest, **named)


socket.getaddrinfo = _resolve_unless_down


def handler(event: dict[str, Any], _context: Any) -> Any:
    """Log, then return or end."""
    if event.get("empty"):
        _empty()
    first, lines = event.get("first", 0), event.get("lines", 0)
    size, threads = event.get("bytes", 200), event.get("threads", 1)
    if event.get("children"):
        _in_children(range(first, first + lines), size, event["children"])
    elif threads == 1:
        _log(range(first, first + lines), size, event.get("pace", 0))
    else:
        numbers = [range(first + n, first + lines, threads) for n in range(threads)]
        writers = [
            threading.Thread(target=_log, args=(mine, size, event.get("pace", 0)))
            for mine in numbers
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    if event.get("counts"):
        return {"logged": lines, "counts": _counts(), "rss_kib": _rss()}
    time.sleep(event.get("sleep", 0))
    THEN[event.get("then", "return")]()
    return {"logged": lines}


def _empty() -> None:
    """Empty /tmp of all that is not ours, as functions do that fear for their space."""
    for path in Path(TMP).iterdir():
        if path.name.startswith("."):
            path.unlink()


def _in_children(numbers: range, size: int, children: int) -> None:
    """Log in forked children that leave without a word, as the documentation of fork says."""
    for n in range(children):
        pid = os.fork()
        if not pid:
            _log(numbers[n::children], size, 0)
            os._exit(0)
        os.waitpid(pid, 0)


def _log(numbers: range, size: int, pace: float) -> None:
    padding = "x" * size
    for number in numbers:
        logger.info("line %d %s", number, padding)
        os.write(ACCEPTED, b"%d\n" % number)
        if pace:
            time.sleep(pace)


def _counts() -> Any:
    bootstrap = sys.modules.get("firehose_logging._bootstrap")
    return bootstrap.counts() if bootstrap is not None else []


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * (os.sysconf("SC_PAGE_SIZE") // 1024)


def _raise() -> None:
    raise LookupError(json.dumps("nobody caught this"))


THEN: dict[str, Any] = {
    "return": lambda: None,
    "raise": _raise,
    "sys.exit": lambda: sys.exit(7),
    "os._exit": lambda: os._exit(7),
    "timeout": lambda: time.sleep(60),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
}
