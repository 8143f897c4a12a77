"""Waiting for what other threads and processes do, without guessing how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds. A test that waits for something real gives up after this; a sound run needs far less.
DEADLINE = 30.0
#: Seconds between two looks.
INTERVAL = 0.01


def wait_until(predicate: Callable[[], T], deadline: float = DEADLINE, what: str = "") -> T:
    """Call until the answer is true, and return that answer.

    AssertionError after ``deadline`` seconds, naming ``what`` was waited for. An exception of the
    predicate passes through.
    """
    end = time.monotonic() + deadline
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"{what or predicate} did not come true within {deadline} s")
        time.sleep(INTERVAL)
