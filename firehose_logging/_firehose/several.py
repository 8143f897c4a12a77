"""Several delivery streams as one: environments are spread over them, and change when they must.

A call goes to one stream whole. What it does not store stays with the batcher, which sends it
again, perhaps to another stream: no line is in two places because of a change, but one whose call
may have been stored although no answer came, as with one stream.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.outcome import CallOutcome, Transport

#: Seconds without a call that was stored whole after which a stream throttles for long. A burst
#: is over sooner; and a fleet that changes at each throttled call only moves its burst about.
THROTTLED_FOR = 20.0

#: Seconds for which a stream is left alone, in the mean.
AWAY_FOR = 300.0

#: Refusals that are about one stream, so that another one may take what this one does not.
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidKMSResourceException",
        "InvalidSourceException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "NotAuthorized",
        "ResourceNotFoundException",
    }
)

#: What a stream says, of a call or of a record, when its quota is used up.
_THROTTLES = frozenset(
    {"LimitExceededException", "ServiceUnavailableException", "ThrottlingException", "HTTP429"}
)


class Spread:
    """Which of several streams the calls of one environment go to. Pure.

    Args:
        count: how many streams there are.
        home: where this environment belongs, any whole number from 0 on; evenly spread over
            environments, it spreads them evenly over the streams.
        random: gives a float in [0, 1). The environments of a stream that is left are spread
            over the others by it, and come back one by one.
    """

    def __init__(self, count: int, home: int, random: Callable[[], float]) -> None:
        self._home = home % count
        self._random = random
        # All mutable state.
        self._current = self._home
        self._away_until = [0.0] * count
        self._throttled_since: float | None = None

    def at(self, now: float) -> int:
        """The stream of a call that is made now."""
        if self._current != self._home and now >= self._away_until[self._home]:
            self._current = self._home
            self._throttled_since = None
        return self._current

    def stored(self) -> None:
        """The stream has stored a call whole."""
        self._throttled_since = None

    def throttled(self, now: float) -> bool:
        """It has not taken a call, or not all of it; whether the next goes to another stream."""
        if self._throttled_since is None:
            self._throttled_since = now
        return now - self._throttled_since >= THROTTLED_FOR and self._leave(now)

    def refused(self, now: float) -> bool:
        """It takes nothing from us at all; whether there is another stream to try at once."""
        if self._leave(now):
            return True
        # None of them does: next time all are tried again, from home on.
        self._away_until = [0.0] * len(self._away_until)
        self._current = self._home
        return False

    def _leave(self, now: float) -> bool:
        self._away_until[self._current] = now + AWAY_FOR * (0.5 + self._random())
        others = [number for number, until in enumerate(self._away_until) if now >= until]
        if not others:
            return False
        self._current = others[int(self._random() * len(others))]
        self._throttled_since = None
        return True


class SeveralStreams:
    """A transport over those of several streams, each of them made when it is first needed.

    Args:
        names: of the streams.
        make: makes the transport of one.
        home: as of ``Spread``.
        random: gives a float in [0, 1).
        clock: the clock seam.
    """

    def __init__(
        self,
        names: Sequence[str],
        make: Callable[[str], Transport],
        home: int,
        random: Callable[[], float],
        clock: Clock,
    ) -> None:
        self._names = names
        self._make = make
        self._clock = clock
        # All mutable state; only the delivery thread touches it.
        self._spread = Spread(len(names), home, random)
        self._transport: Transport | None = None
        self._number = -1

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Send one call; where a stream refuses us, to the next one, within the same time.

        Args:
            records: raw data of each.
            timeout: most seconds for all of that.
        """
        deadline = self._clock.now() + timeout
        while True:
            now = self._clock.now()
            number = self._spread.at(now)
            outcome = self._to(number).send(records, max(deadline - now, 0.0))
            now = self._clock.now()
            again = self._book(number, outcome, now)
            if not again or now >= deadline:
                return outcome

    def _to(self, number: int) -> Transport:
        """The transport of a stream; the one before lets go of its connection."""
        if self._transport is None or self._number != number:
            self.close()
            self._transport = self._make(self._names[number])
            self._number = number
        return self._transport

    def _book(self, number: int, outcome: CallOutcome, now: float) -> bool:
        """Whether the same call is to be made again at once, to another stream."""
        codes = outcome.codes
        if codes is None and outcome.error in _REFUSALS:
            refused = self._spread.refused(now)
            if refused:
                self._tell(number, f"{outcome.error} {outcome.message}", outcome.error, now)
            return refused
        if codes is not None and not any(codes):
            self._spread.stored()
            return False
        throttled = not _THROTTLES.isdisjoint(codes or (outcome.error,))
        if throttled and self._spread.throttled(now):
            self._tell(number, f"throttled for {THROTTLED_FOR:.0f} s", "throttled", now)
        return False

    def _tell(self, number: int, why: str, key: str, now: float) -> None:
        name, other = self._names[number], self._names[self._spread.at(now)]
        text = f"stream {name} is left for some minutes: {why}; sending to {other}"
        tell(text, code="stream_changed", once=f"stream:{name}:{key}")

    def close(self) -> None:
        """Let go of connections."""
        if self._transport is not None:
            self._transport.close()
