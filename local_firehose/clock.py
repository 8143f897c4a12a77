"""Time for quotas, buffer intervals and object keys, real or moved by hand."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """What the local Firehose asks of a clock."""

    def now(self) -> datetime:
        """Return the wall clock time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever time moves in another way than by passing."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the wall clock time, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Do nothing: this clock only ever passes."""


class ManualClock:
    """A clock that stands still until `advance` is called.

    Args:
        start: first wall clock time, with a time zone; default: the time of construction.

    Raises:
        ValueError: `start` has no time zone.
    """

    def __init__(self, start: datetime | None = None) -> None:
        start = start or datetime.now(timezone.utc)
        if start.tzinfo is None:
            raise ValueError(f"start={start!r} has no time zone; pass tzinfo=timezone.utc")
        self._lock = threading.Lock()
        self._start = start.astimezone(timezone.utc)
        self._elapsed = 0.0
        self._callbacks: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the wall clock time, in UTC."""
        with self._lock:
            return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        with self._lock:
            return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds` and wake whoever waits for a moment of this clock.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"seconds={seconds!r} is negative; time only moves forward")
        with self._lock:
            self._elapsed += seconds
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every `advance`."""
        with self._lock:
            self._callbacks.append(callback)
