"""SIGTERM outside Lambda: what is pending is delivered, then comes what would have come anyway.

``docker stop``, Amazon ECS and Kubernetes send SIGTERM and wait 10 or 30 seconds. Python's own
default ends the process at once, without its exit hooks.
"""

from __future__ import annotations

import os
import time

from firehose_logging import _shutdown, _threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.deliveries import Deliveries

#: Most seconds for the flush; an outage must not use up the time that the program has to end.
TIMEOUT = 3.0

#: Seconds between deliveries while a program that handles SIGTERM itself ends, and most seconds
#: of that. Servers log until their end, and some end by the signal, without exit hooks.
EAGER_EVERY = 0.05
EAGER_LIMIT = 60.0


#: Seconds until SIGTERM comes again to a thread that it interrupted in the middle of our own code.
AGAIN_AFTER = 0.02


class Termination:
    """The end of a process by SIGTERM, where no extension sees to it.

    Args:
        deliveries: what is flushed.
        clock: the clock seam.
    """

    def __init__(self, deliveries: Deliveries, clock: Clock) -> None:
        self._deliveries = deliveries
        self._clock = clock
        # All mutable state.
        self._is_eager = False

    def watch(self) -> bool:
        """Be called at SIGTERM; False when that is not ours to arrange."""
        return _shutdown.call_at_sigterm(self.deliver)

    def deliver(self, *, ends: bool) -> bool:
        """Deliver what is pending; on the main thread, in the signal's handler.

        Args:
            ends: whether the process is about to end by the signal; else somebody handles it.

        Returns False when the signal is to take its course later, and will come again.
        """
        deadline = self._clock.now() + TIMEOUT
        self._deliveries.flush(TIMEOUT, urgent=True)
        if not ends:
            self._stay_eager()
            return True
        waits = self._deliveries.oldest() is not None and not self._deliveries.failing
        if waits and self._clock.now() < deadline:
            # This thread was in the middle of our own code, and has to leave it first.
            return not self._spawn(self._send_again)
        return True

    def _stay_eager(self) -> None:
        """Deliver everything soon from now on, on a thread of its own."""
        if not self._is_eager:
            self._is_eager = self._spawn(self._deliver_soon)

    @staticmethod
    def _spawn(target: Callable[[], None]) -> bool:
        try:
            _threads.spawn("termination", target)
        except RuntimeError:
            return False
        return True

    @staticmethod
    def _send_again() -> None:
        time.sleep(AGAIN_AFTER)
        os.kill(os.getpid(), _shutdown.SIGTERM)

    def _deliver_soon(self) -> None:
        end = self._clock.now() + EAGER_LIMIT
        while self._clock.now() < end:
            time.sleep(EAGER_EVERY)
            if self._deliveries.oldest() is not None and not self._deliveries.failing:
                self._deliveries.request_flush()
