"""Whether an invocation's end is the moment to deliver. Pure: arrival times in, decision out.

``end`` delivers after every invocation and holds the environment for one round trip.
``periodic`` leaves lines for a later running invocation until the oldest is ``interval`` old:
no hold, but lines wait while no invocation comes.
``adaptive`` is ``end`` while invocations are sparse. While they are dense it holds nobody, and
leaves behind only as many invocations as it could bear to leave for long: when the traffic stops,
which nothing announces, their lines wait for the next invocation or for SIGTERM. docs/flush.md
has the simulation that the rule was chosen by.
"""

from __future__ import annotations

from collections import deque

END = "end"
PERIODIC = "periodic"
ADAPTIVE = "adaptive"
MODES = (END, PERIODIC, ADAPTIVE)

#: Gaps that the mean is taken of.
LOOKBACK = 20

#: Gaps without a silence (one longer than the interval) before traffic may be called dense.
ENOUGH_GAPS = 10

#: Traffic is dense when the next invocation is expected within this share of the interval.
DENSE_SHARE = 0.2

#: Most invocations left undelivered, as a share of those since the last silence: of a burst that
#: ends without notice, however long it was, so many lines wait. One may always be left.
LEFT_SHARE = 0.05


class FlushPolicy:
    """Decides at the beginning and end of an invocation, from when invocations came.

    Args:
        mode: ``end``, ``periodic`` or ``adaptive``.
        interval: seconds a line may wait under ``periodic``.
    """

    def __init__(self, mode: str, interval: float) -> None:
        self.change(mode, interval)
        # All mutable state.
        self._arrivals: deque[float] = deque(maxlen=LOOKBACK + 1)  # since the last silence
        self._gaps = 0  # since the last silence, also those that _arrivals has forgotten
        self._left = 0  # invocations that ended without a delivery since the last one

    def change(self, mode: str, interval: float) -> None:
        """Decide otherwise from now on; arguments as of ``FlushPolicy``."""
        if mode not in MODES:
            raise ValueError(f"flush mode {mode!r}; one of {', '.join(MODES)}")
        self.mode = mode
        self.interval = interval

    def arrived(self, now: float) -> None:
        """An invocation came."""
        arrivals = self._arrivals
        if arrivals:
            if now - arrivals[-1] > self.interval:
                arrivals.clear()
                self._gaps = 0
            else:
                self._gaps += 1
        arrivals.append(now)

    def dense(self) -> bool:
        """Whether the next invocation is expected soon.

        One silence ends dense traffic at once, and it takes ENOUGH_GAPS gaps to begin it. Fewer
        than LOOKBACK must be shorter: a few short gaps in a row come in sparse traffic too.
        """
        if self._gaps < ENOUGH_GAPS:
            return False
        arrivals = self._arrivals
        gaps = len(arrivals) - 1
        mean = (arrivals[-1] - arrivals[0]) / gaps
        return mean <= self.interval * DENSE_SHARE * gaps / LOOKBACK

    def leaves(self, oldest: float | None, now: float) -> bool:
        """Whether ``at_end`` will not want to deliver, as far as an invocation's beginning tells.

        Args:
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
        """
        if self.mode == END or (self.mode == ADAPTIVE and not self.dense()):
            return False
        return oldest is None or now - oldest < self.interval

    def at_end(self, oldest: float | None, now: float) -> bool:
        """Whether to deliver, and hold, now that an invocation has ended.

        Args:
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
        """
        if oldest is None:
            return False
        deliver = (
            self.mode == END
            or (self.mode == ADAPTIVE and not self.dense())
            # Too old although invocations deliver while they run: do not put it off again.
            or now - oldest >= 2 * self.interval
        )
        self._left = 0 if deliver else self._left + 1
        return deliver

    def due(self, oldest: float | None, now: float) -> bool:
        """Whether to deliver during the invocation that has begun.

        Args:
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
        """
        due = self.is_due(oldest, now)
        if due:
            self._left = 0
        return due

    def is_due(self, oldest: float | None, now: float) -> bool:
        """The same, where it is only asked."""
        if oldest is None:
            return False
        return now - oldest >= self.interval or (self.mode == ADAPTIVE and self._enough_left())

    def _enough_left(self) -> bool:
        """Whether leaving this invocation behind as well would be leaving too many."""
        return self._left > 0 and self._left + 1 > self._gaps * LEFT_SHARE
