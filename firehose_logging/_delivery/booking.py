"""Books what became of a call: in the batcher, in the ledger, and for the next call. Pure."""

from __future__ import annotations

from firehose_logging._delivery.outage import Outage
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.retry import (
    BLOCKED,
    NEVER,
    SPLIT,
    Backoff,
    Pace,
    verdict,
)
from firehose_logging._reasons import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firehose_logging._delivery.batch import Batcher, Record
    from firehose_logging._delivery.losses import Losses

    #: The code and the text of something to tell, and the key under which it is told once.
    News = tuple[str, str, str | None]

#: Failed calls in a row after which an outage is told; a blip is not worth a line.
TELL_AFTER = 3

_KEPT = "lines are kept meanwhile"
_HINTS = {
    "ResourceNotFoundException": "check AWS_KINESIS_STREAM_NAME, region and account",
    "NoCredentials": "set credentials and AWS_REGION",
    "NoRegion": "set credentials and AWS_REGION",
}


class Booking:
    """The outcomes of the calls to one stream.

    Args:
        stream_name: delivery stream, for what is told.
        batcher: what holds the records.
        losses: what is to be told about lines that are gone.
        random: gives a float in [0, 1), for the jitter.
        learns: whether throttling makes later calls rarer, also those that would be stored.
    """

    def __init__(
        self,
        stream_name: str | None,
        batcher: Batcher,
        losses: Losses,
        random: Callable[[], float],
        *,
        learns: bool = False,
    ) -> None:
        self._stream_name = stream_name
        self._batcher = batcher
        self.backoff = Backoff(random)
        self._pace = Pace(random) if learns else None
        self._losses = losses
        self._outage = Outage()
        # All mutable state.
        #: Whether the last call failed, so that waiting for the next one is likely in vain.
        self.failing = False
        #: How many records of the last call were stored.
        self.stored = 0
        #: When the next call may be made, on the clock.
        self.not_before = 0.0
        #: The same for calls that nothing presses for: neither much that is queued, nor a person,
        #: a deadline or the end of the environment.
        self.unhurried_before = 0.0
        #: Most bytes of the next call; None for as many as it may have.
        self.call_bytes: int | None = None

    def book(self, records: list[Record], outcome: CallOutcome, now: float) -> list[News]:
        """Book an outcome; returns what there is to tell.

        Args:
            records: those of the call.
            outcome: the call's.
            now: seconds, of the clock of ``not_before``.
        """
        self.stored = 0
        codes = outcome.codes
        if codes is not None and len(codes) == len(records):
            return self._by_record(records, outcome, codes, now)
        if codes is not None:
            outcome = CallOutcome(
                error="WrongCount",
                message=f"{len(codes)} results for {len(records)} records",
                maybe_stored=True,
            )
        what = verdict(outcome, len(records))
        if what == SPLIT:  # goes on at once: no outage, whoever waits goes on waiting
            self.call_bytes = sum(len(r.data) for r in records) // 2
            self._batcher.again(records)
            return []
        self.failing = what != NEVER
        if what == NEVER:
            self._batcher.lose(records, REFUSED)
            self._losses.check()
            text = self._told(outcome, "the lines are lost")
            return [("lines_refused", text, f"never:{outcome.error}")]
        self._outage.begin(now)
        self._batcher.again(records)
        self.not_before = now + self.backoff.failure(blocked=what == BLOCKED)
        if what == BLOCKED:
            return self._failing(outcome, hint(outcome.error), now)
        self._space(now, stored=False)
        return self._failing(outcome, "trying on", now) if self._is_no_blip else []

    @property
    def _is_no_blip(self) -> bool:
        return self.backoff.failures >= TELL_AFTER

    def _failing(self, outcome: CallOutcome, then: str, now: float) -> list[News]:
        if not self._outage.tells(outcome.error, now):
            return []
        return [("stream_failing", self._told(outcome, then), None)]

    def _recovered(self, waited: int, now: float) -> list[News]:
        seconds = self._outage.end(now)
        if seconds is None:
            return []
        text = (
            f"stream {self._stream_name} takes lines again after {seconds:.0f} s; "
            f"{waited} lines waited"
        )
        return [("stream_recovered", text, None)]

    def _by_record(
        self, records: list[Record], outcome: CallOutcome, codes: Sequence[str | None], now: float
    ) -> list[News]:
        stored = [i for i, code in enumerate(codes) if code is None]
        failed = [record for record, code in zip(records, codes, strict=True) if code is not None]
        sizes = outcome.sizes
        waited = self._batcher.pending_lines if self.failing and stored else 0
        self._batcher.delivered(
            [records[i] for i in stored], [sizes[i] for i in stored] if sizes else None
        )
        self._losses.stored(records[i] for i in stored)
        self._batcher.again(failed)
        self.stored = len(stored)
        if stored:
            self.backoff.success()
            self.call_bytes = None
        self.failing = bool(failed)
        self.not_before = now + self.backoff.failure() if failed else 0.0
        self._space(now, stored=not failed)
        self._losses.check()
        if not failed:
            return self._recovered(waited, now)
        self._outage.begin(now)
        if self._is_no_blip:
            code = next(code for code in codes if code is not None)
            partial = CallOutcome(error=code or "", message="records refused one by one")
            return self._failing(partial, "trying on", now)
        return []

    def _space(self, now: float, *, stored: bool) -> None:
        if self._pace is not None:
            wait = self._pace.stored() if stored else self._pace.failed()
            self.unhurried_before = now + wait if wait else 0.0

    def hurry(self, *, back_off: bool = True) -> None:
        """The next call is not put off to spare a stream that throttles.

        Args:
            back_off: whether it is after a failure.
        """
        self.unhurried_before = 0.0
        if not back_off:
            self.not_before = 0.0

    def makes_wait(self, now: float) -> bool:
        """Whether what is asked for now is not sent at once, or likely in vain.

        Args:
            now: seconds, of the clock of ``not_before``.
        """
        return self.failing or now < self.unhurried_before

    def given_up(self) -> None:
        """The call that is under way hangs: what it holds is queued again, and may go at once."""
        self._batcher.recall()
        self.not_before = 0.0

    def abandoned(self, now: float) -> None:
        """Nobody will say what became of what is in flight; it may have been stored."""
        self._batcher.recall()
        self.not_before = now + self.backoff.failure()

    def _told(self, outcome: CallOutcome, then: str) -> str:
        what = f"{outcome.error} {outcome.message}".rstrip(". ")
        return f"cannot deliver to stream {self._stream_name}: {what}; {then}"


def hint(code: str) -> str:
    """What a person can do about a refusal."""
    if "KMS" in code:
        return f"check the stream's encryption key; {_KEPT}"
    usual = "the role needs firehose:PutRecordBatch on this stream, and valid credentials"
    return f"{_HINTS.get(code, usual)}; {_KEPT}"
