"""One call at a time, through one transport, and whether it hangs."""

from __future__ import annotations

import os

from firehose_logging import _threads
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.outcome import Transport

#: Seconds one call may take before it counts as failed.
CALL_TIMEOUT = 5.0

#: Seconds that a call is given at least, however short its caller's patience.
SHORTEST_CALL = 0.1

#: Seconds after which a call that is under way hangs, where there is no time to wait for it.
HUNG_AFTER = 0.1

#: The same when the interpreter exits, which may take seconds.
HUNG_AT_EXIT = 1.0


class Caller:
    """Makes calls; a call that hangs is left to its caller, and another one made.

    Args:
        make_transport: called before the first call, on the calling thread.
        clock: the clock seam.
    """

    def __init__(self, make_transport: Callable[[], Transport], clock: Clock) -> None:
        self._make_transport = make_transport
        self._clock = clock
        self._transport: Transport | None = None
        self._since = 0.0
        #: Whether records are in flight; who takes them and who books them says so.
        self.busy = False

    def begin(self) -> None:
        """Records of a call are in flight from now on; under the backlog's lock."""
        self.busy = True

    def end(self) -> None:
        """None are in flight any more: they are booked, or queued again; under the same lock."""
        self.busy = False

    def send(
        self, records: Sequence[bytes | bytearray], patience: float | None = None
    ) -> CallOutcome:
        """Make a call; whatever goes wrong is an outcome.

        Args:
            records: of the call.
            patience: seconds that the calling thread has, which may be another's than ours; None
                is as long as a call may take.
        """
        timeout = CALL_TIMEOUT
        if patience is not None:
            timeout = min(timeout, max(patience, SHORTEST_CALL))
        ident = get_ident()
        _threads.calling.add(ident)
        try:
            if self._transport is None:
                self._transport = self._make_transport()
            self._since = self._clock.now()
            return self._transport.send(records, timeout)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lines must be kept
            return CallOutcome(error=type(error).__name__, message=str(error))
        finally:
            _threads.calling.discard(ident)
            self._since = 0.0

    def hangs(self, patience: float) -> bool:
        """Whether a call has been under way for more than ``patience`` seconds.

        One whose transport is still being made is not under way: a second one would take as long.
        """
        since = self._since
        return self.busy and since > 0.0 and self._clock.now() - since > patience

    def abandon(self) -> None:
        """In a forked child: let go of the parent's connection without a word to its peer.

        Botocore's must not be touched: a thread that is not here may have its locks.
        """
        abandon = getattr(self._transport, "abandon", None)
        if abandon is not None:
            abandon()

    def close(self) -> None:
        """Let go of connections; the next call makes new ones."""
        if self._transport is not None:
            self._transport.close()


def jitter() -> float:
    """A float in [0, 1); the random module's import costs more than all jitter ever will."""
    return int.from_bytes(os.urandom(4), "little") / 2**32
