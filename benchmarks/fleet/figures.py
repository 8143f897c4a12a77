"""Delays by the million in little memory."""

from __future__ import annotations

import math

#: Bins to a factor of ten: each is 5 % wide.
_PER_DECADE = 48
_LEAST = 0.001


class Delays:
    """A histogram of delays in seconds, its bins by logarithm."""

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}
        self.count = 0
        self.longest = 0.0
        self._sum = 0.0

    def add(self, seconds: float, lines: int) -> None:
        """Count so many lines that took so long."""
        number = int(math.log10(max(seconds, _LEAST) / _LEAST) * _PER_DECADE)
        self._bins[number] = self._bins.get(number, 0) + lines
        self.count += lines
        self.longest = max(self.longest, seconds)
        self._sum += seconds * lines

    @property
    def mean(self) -> float:
        """Seconds; 0 without lines."""
        return self._sum / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """Seconds within which so many percent of the lines came; 0 without lines."""
        wanted = self.count * percent / 100
        seen = 0
        for number in sorted(self._bins):
            seen += self._bins[number]
            if seen >= wanted:
                return min(self.longest, _LEAST * 10 ** ((number + 1) / _PER_DECADE))
        return self.longest
