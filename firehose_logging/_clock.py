"""The clock seam: durations from the monotonic clock, dates from the wall clock."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Clock(Protocol):
        """Both clocks that this package reads."""

        def now(self) -> float:
            """Seconds that only ever grow."""

        def epoch(self) -> float:
            """Seconds since 1970."""


#: Seconds by which the wall clock must have gained on the monotonic one to tell of a freeze.
GAINED = 0.05

#: Seconds between two readings of one clock after which they say nothing about another.
INTERRUPTED = 0.005


class SystemClock:
    """The real clocks; ``now`` is the monotonic one and the time it has missed.

    Linux' monotonic clock stands still while a virtual machine is stopped, and so it does in a
    frozen Lambda environment (hashicorp/vault-lambda-extension#150), where the wall clock has gone
    on at the thaw. A silence of minutes would be one of milliseconds, and lines would not age.
    """

    epoch = staticmethod(time.time)

    def __init__(self) -> None:
        #: Seconds that only ever grow. Before any freeze the bare function: each log call reads it.
        self.now: Callable[[], float] = time.monotonic
        self._missed = 0.0
        self._ahead = time.time() - time.monotonic()

    def catch_up(self) -> None:
        """Have ``now`` count a freeze that has just ended, if the monotonic clock has not.

        A wall clock that was put back changes nothing.
        """
        before = time.monotonic()
        ahead = time.time() - before
        if time.monotonic() - before > INTERRUPTED:
            return  # the next look will do
        gained = ahead - self._ahead
        if abs(gained) < GAINED:
            return
        self._ahead = ahead
        if gained > 0:
            missed = self._missed = self._missed + gained
            self.now = lambda: time.monotonic() + missed
