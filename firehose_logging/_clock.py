"""The clock seam: durations from the monotonic clock, dates from the wall clock."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Clock(Protocol):
        """Both clocks that this package reads."""

        def now(self) -> float:
            """Seconds that only ever grow."""

        def epoch(self) -> float:
            """Seconds since 1970."""


class SystemClock:
    """The real clocks."""

    now = staticmethod(time.monotonic)
    epoch = staticmethod(time.time)
