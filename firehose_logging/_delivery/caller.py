"""One call at a time, through one transport: whether it hangs, and what became of it."""

from __future__ import annotations

import os

from firehose_logging import _threads
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._diagnostics import tell
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.backlog import Backlog
    from firehose_logging._delivery.batch import Record
    from firehose_logging._delivery.booking import Booking, News
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
        return since > 0.0 and self._clock.now() - since > patience

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


class Calls:
    """The calls of a delivery: one at a time, booked when it is over, given up when it hangs.

    What takes records, or says what became of them, is called under the backlog's lock.

    Args:
        backlog: what holds the records.
        booking: books what became of them.
        make_transport: as of ``Caller``.
        clock: the clock seam.
        own_body: builds the body of a line of ours from level, message and more columns.
    """

    def __init__(
        self,
        backlog: Backlog,
        booking: Booking,
        make_transport: Callable[[], Transport],
        clock: Clock,
        own_body: Callable[[str, str, dict[str, object]], str],
    ) -> None:
        self._backlog = backlog
        self._booking = booking
        self._make_transport = make_transport
        self._clock = clock
        self._own_body = own_body
        # All mutable state.
        self._caller = Caller(make_transport, clock)
        #: Whether records are in flight.
        self.busy = False

    def begin(self) -> None:
        """Records were taken for a call: they are in flight from now on."""
        self.busy = True

    def none(self) -> None:
        """There is nothing to send now: no records are in flight."""
        self.busy = False

    def make(self, records: list[Record], until: float | None) -> None:
        """Make the call and book it; without the lock.

        Args:
            records: of the call.
            until: when the calling thread's patience ends, on the clock; None is as of ``Caller``.
        """
        caller = self._caller
        patience = None if until is None else until - self._clock.now()
        outcome = caller.send([r.data for r in records], patience)
        if caller is self._caller:
            for code, text, key in self._backlog.exclusively(self._book, records, outcome):
                tell(text, code=code, once=key)
        else:
            caller.close()  # this call was given up meanwhile
            self._backlog.exclusively(self._book_late, records, outcome)

    def _book(self, records: list[Record], outcome: CallOutcome) -> list[News]:
        backlog = self._backlog
        self.busy = False
        news = self._booking.book(records, outcome, self._clock.now())
        if self._booking.stored and backlog.losses.to_tell:
            backlog.tell_losses(self._own_body)
        backlog.forget_settled()
        news += backlog.news(self._own_body)
        if backlog.ledger.has_gaps:
            backlog.keep_losses()
        return news

    def _book_late(self, records: list[Record], outcome: CallOutcome) -> None:
        """What a call that had been given up came to: good news only."""
        codes = outcome.codes
        if codes is not None and len(codes) == len(records):
            stored = [r for r, code in zip(records, codes, strict=True) if code is None]
            sizes = outcome.sizes and [
                size for size, code in zip(outcome.sizes, codes, strict=True) if code is None
            ]
            backlog = self._backlog
            backlog.batcher.delivered(stored, sizes)
            backlog.losses.stored(stored)
            if stored and backlog.losses.to_tell:
                backlog.tell_losses(self._own_body)
            backlog.forget_settled()

    def hang(self, patience: float) -> bool:
        """Whether a call has been under way for more than ``patience`` seconds."""
        return self.busy and self._caller.hangs(patience)

    def give_up(self) -> None:
        """Leave a call that hangs to itself; its records are queued again, and may go at once."""
        self.renew()
        self._booking.given_up()

    def put_back(self) -> None:
        """What was in flight when a thread died is queued again; it may have been stored."""
        self.busy = False
        self._booking.abandoned(self._clock.now())

    def renew(self) -> None:
        """Nothing is in flight, and the next call has a transport of its own."""
        self._caller = Caller(self._make_transport, self._clock)
        self.busy = False

    def close(self) -> None:
        """As of ``Caller``."""
        self._caller.close()

    def abandon(self) -> None:
        """As of ``Caller``."""
        self._caller.abandon()


def jitter() -> float:
    """A float in [0, 1); the random module's import costs more than all jitter ever will."""
    return int.from_bytes(os.urandom(4), "little") / 2**32
