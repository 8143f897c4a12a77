"""How long a busy thread keeps the interpreter's lock from ours, made short while it matters.

A thread that computes gives the lock up 5 ms after another one asks for it
(``sys.getswitchinterval``). The first delivery of a process asks hundreds of times: each import
and each system call gives the lock away. Behind a function that computes until its time-out that
is longer than the platform waits after SIGTERM.
"""

from __future__ import annotations

import sys

#: Seconds. At 0.3 ms 32 of 32 runs of a spinning function at SIGTERM delivered every line.
SHORT_INTERVAL = 0.0003


class SwitchInterval:
    """The interpreter's switch interval while a flush must not wait for a busy function."""

    def __init__(self) -> None:
        # All mutable state: the function's own interval, in seconds, while ours is set.
        self._before: float | None = None

    def shorten(self) -> None:
        """Make hand-overs quick; no effect where they already are."""
        before = sys.getswitchinterval()
        if self._before is None and before > SHORT_INTERVAL:
            sys.setswitchinterval(SHORT_INTERVAL)
            self._before = before

    def restore(self) -> None:
        """Give the function its own interval back, unless it has set another meanwhile."""
        before, self._before = self._before, None
        # The interpreter counts whole microseconds, so what it gives back is not quite ours.
        if before is not None and abs(sys.getswitchinterval() - SHORT_INTERVAL) < 1e-6:
            sys.setswitchinterval(before)
