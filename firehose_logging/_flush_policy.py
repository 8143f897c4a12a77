"""Whether an invocation's end is the moment to deliver. Pure: arrival times in, decision out.

``end`` delivers after every invocation and holds the environment for one round trip.
``periodic`` leaves lines for a later invocation's shade until the oldest is ``interval`` old:
no hold, but lines wait while no invocation comes.
``adaptive`` is ``end`` while invocations are sparse and ``periodic`` while they are dense.
"""

from __future__ import annotations

from collections import deque

END = "end"
PERIODIC = "periodic"
ADAPTIVE = "adaptive"
MODES = (END, PERIODIC, ADAPTIVE)

#: Arrivals looked at by ``adaptive``, and how many gaps it wants before it calls traffic dense.
LOOKBACK = 20
ENOUGH_GAPS = 5

#: Traffic is dense when the next invocation is expected within this share of the interval, so
#: that a line left behind is overtaken by several invocations before it is due.
DENSE_SHARE = 0.2


class FlushPolicy:
    """Decides at the end of an invocation, from when invocations came.

    Args:
        mode: ``end``, ``periodic`` or ``adaptive``.
        interval: seconds a line may wait under ``periodic``.
    """

    def __init__(self, mode: str, interval: float) -> None:
        if mode not in MODES:
            raise ValueError(f"flush mode {mode!r}; one of {', '.join(MODES)}")
        self.mode = mode
        self.interval = interval
        self._arrivals: deque[float] = deque(maxlen=LOOKBACK + 1)

    def arrived(self, now: float) -> None:
        """An invocation came."""
        self._arrivals.append(now)

    def dense(self) -> bool:
        """Whether the next invocation is expected soon.

        Both the mean gap and the last gap must be short: one long silence ends dense traffic at
        once, and it takes ENOUGH_GAPS short gaps to begin it.
        """
        arrivals = self._arrivals
        gaps = len(arrivals) - 1
        if gaps < ENOUGH_GAPS:
            return False
        limit = self.interval * DENSE_SHARE
        mean = (arrivals[-1] - arrivals[0]) / gaps
        return mean <= limit and arrivals[-1] - arrivals[-2] <= limit

    def at_end(self, oldest: float | None, now: float) -> bool:
        """Whether to deliver, and hold, now that an invocation has ended.

        Args:
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
        """
        if oldest is None:
            return False
        if self.mode == END or (self.mode == ADAPTIVE and not self.dense()):
            return True
        # A line that grew too old although deliveries run in the shade: do not put it off again.
        return now - oldest >= 2 * self.interval

    def due(self, oldest: float | None, now: float) -> bool:
        """Whether the oldest line is old enough to be delivered in the shade."""
        return oldest is not None and now - oldest >= self.interval
