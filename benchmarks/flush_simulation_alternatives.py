"""Rules for ``adaptive`` that were tried and dropped; docs/flush.md tells why."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firehose_logging._extension.flush_policy import ADAPTIVE, FlushPolicy

if TYPE_CHECKING:
    from collections.abc import Callable


class _Rule(FlushPolicy):
    """Holds while traffic is not dense; nothing leaves early."""

    def __init__(self, interval: float) -> None:
        super().__init__(ADAPTIVE, interval)

    def _enough_left(self) -> bool:
        return False


class MeanGap(_Rule):
    """The first rule: mean of the last 20 gaps and the last gap within a fifth of the interval."""

    def __init__(self, interval: float, *, lookback: int = 20) -> None:
        super().__init__(interval)
        self._times: deque[float] = deque(maxlen=lookback + 1)

    def arrived(self, now: float) -> None:
        """An invocation came."""
        self._times.append(now)

    def dense(self) -> bool:
        """Whether the next invocation is expected soon."""
        times = self._times
        gaps = len(times) - 1
        limit = self.interval / 5
        return (
            gaps >= 5 and (times[-1] - times[0]) / gaps <= limit and times[-1] - times[-2] <= limit
        )


class SilenceRemembered(_Rule):
    """Dense once the longest silence, spread over the invocations since, is a short gap.

    A cold start counts as a silence of 10 minutes; a remembered one halves with each new one.
    """

    def __init__(self, interval: float, *, first: float = 600.0) -> None:
        super().__init__(interval)
        self._silence = first
        self._last: float | None = None
        self._sum = 0.0
        self._count = 0

    def arrived(self, now: float) -> None:
        """An invocation came."""
        if self._last is not None:
            gap = now - self._last
            if gap > self.interval:
                self._silence = max(gap, self._silence / 2)
                self._sum, self._count = 0.0, 0
            else:
                self._sum += gap
                self._count += 1
        self._last = now

    def dense(self) -> bool:
        """Whether the next invocation is expected soon."""
        limit = self.interval / 5
        return self._count >= 5 and (self._silence + self._sum) / self._count <= limit


class Regret(_Rule):
    """Each silence that lines were left in quadruples the gaps it takes to call traffic dense."""

    def __init__(self, interval: float, *, first: int = 20) -> None:
        super().__init__(interval)
        self._first = self._need = first
        self._was_left = False

    def arrived(self, now: float) -> None:
        """An invocation came."""
        super().arrived(now)
        if not self._gaps and self._was_left:
            self._need *= 4
        elif self._gaps >= 10 * self._need:
            self._need = max(self._first, self._need // 4)
        self._was_left = False

    def dense(self) -> bool:
        """Whether the next invocation is expected soon."""
        return self._gaps >= self._need and super().dense()

    def at_end(self, oldest: float | None, now: float) -> bool:
        """Whether to deliver, and hold, now that an invocation has ended."""
        deliver = super().at_end(oldest, now)
        self._was_left = oldest is not None and not deliver
        return deliver


class LeftShare(FlushPolicy):
    """The rule that is used, with another share left behind.

    Args:
        interval: as in ``FlushPolicy``.
        share: of the invocations since the last silence.
    """

    def __init__(self, interval: float, share: float) -> None:
        super().__init__(ADAPTIVE, interval)
        self._share = share

    def _enough_left(self) -> bool:
        return self._left > 0 and self._left + 1 > self._gaps * self._share


@dataclass(frozen=True)
class Alternative:
    """A rule and its name in the table."""

    name: str
    make: Callable[[float], FlushPolicy]


ALTERNATIVES = (
    Alternative("mean gap of 20", MeanGap),
    Alternative("mean gap of 100", lambda interval: MeanGap(interval, lookback=100)),
    Alternative("silence remembered", SilenceRemembered),
    Alternative("regret", Regret),
    Alternative("leave one at most", lambda interval: LeftShare(interval, 0.0)),
    Alternative("leave 2 %", lambda interval: LeftShare(interval, 0.02)),
    Alternative("leave 10 %", lambda interval: LeftShare(interval, 0.1)),
    Alternative("leave 20 %", lambda interval: LeftShare(interval, 0.2)),
)
