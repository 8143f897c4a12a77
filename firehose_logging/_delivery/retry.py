"""What the outcome of a call means for each of its records, and when to try again. Pure.

Firehose answers 200 with some records failed, refuses whole calls, or does not answer at all.
Codes are compared as strings: only five of them are modelled as exceptions by botocore for
PutRecordBatch, the rest arrive as plain client errors.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firehose_logging._delivery.outcome import CallOutcome

#: A record or call comes again after a back-off.
AGAIN = "again"
#: The call was refused for what is in it: again at once, half the size.
SPLIT = "split"
#: Sending it again cannot help.
NEVER = "never"
#: Wrong name, permission, credentials or key: nothing can be delivered until somebody changes
#: that. Kept, tried again rarely, told once.
BLOCKED = "blocked"

#: Seconds of back-off, doubled with each failure; and most of them for what may pass by itself, and
#: for what waits for a person.
BASE = 0.1
CAP = 5.0
BLOCKED_CAP = 60.0

_BLOCKED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "EndpointError",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidKMSResourceException",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "MissingAuthenticationTokenException",
        "NoCredentials",
        "NoRegion",
        "NotAuthorized",
        "OptInRequired",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NEVER_CODES = frozenset(
    {
        "InvalidArgumentException",
        "InvalidSourceException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)


def verdict(outcome: CallOutcome, records: int) -> str:
    """What to do about a call that failed as a whole: AGAIN, SPLIT, NEVER or BLOCKED.

    Args:
        outcome: the call's, with ``codes`` None.
        records: how many records the call held; one record alone cannot be split.
    """
    code = outcome.error
    if code in _BLOCKED_CODES:
        return BLOCKED
    if outcome.status == 413 or code in _NEVER_CODES:
        # One bad record refuses the whole call: halve until it stands alone.
        return SPLIT if records > 1 else NEVER
    return AGAIN


class Backoff:
    """Full-jitter back-off: before attempt n + 1 wait ``random() * min(CAP, BASE * 2 ** n)``.

    Args:
        random: gives a float in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self.failures = 0

    def success(self) -> None:
        """Something was stored: start over."""
        self.failures = 0

    def failure(self, *, blocked: bool = False) -> float:
        """Seconds to wait before the next call."""
        self.failures += 1
        cap = BLOCKED_CAP if blocked else CAP
        # The exponent is bounded, a day of failures must not build a huge integer.
        return self._random() * float(min(cap, BASE * 2 ** min(self.failures, 20)))


#: Most seconds between two calls of one process to a stream that throttles: so far apart, 100,000
#: environments make fewer calls than the 1,000 a second that a stream takes in most regions.
MOST_APART = 120.0

#: Seconds apart after the first time that a stream throttled; twice as many after each further.
FIRST_APART = 0.25

#: Seconds apart from which on calls are put off. Less would keep an invocation's last lines back
#: until the next one, for a stream that had throttled once or twice.
LEAST_APART = 1.0

#: What is left of that after a call that was stored whole. With a doubling for each time that the
#: stream throttled, it holds still where about one call in seven meets that.
EASES = 0.9

#: Most seconds of one wait while nothing at all is stored. After an outage a fleet comes back
#: within so many, not within the seconds of the back-off.
MOST_AWAY = 30.0


class Pace:
    """How far apart calls are made to a stream that throttles; learns it from throttling.

    Back-off starts over at the first call that is stored. Of a fleet that is too large for its
    stream each process then calls as often as before, and most calls of all are in vain. This
    one forgets slowly. An outage, however long, counts as throttled once: it says nothing about
    how many calls are too many. Each wait is drawn anew, so that processes that were started, or
    throttled, at the same moment do not stay together.

    Args:
        random: gives a float in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        # All mutable state.
        self._failures = 0  # in a row
        #: Seconds between two calls in the mean; 0 while nothing was throttled for long.
        self.apart = 0.0

    def failed(self) -> float:
        """Seconds to the next call, after one that the stream did not take whole."""
        if not self._failures:
            self.apart = min(MOST_APART, max(FIRST_APART, self.apart * 2))
        self._failures = min(self._failures + 1, 20)
        away = self._random() * float(min(MOST_AWAY, 0.1 * 2**self._failures))
        return max(away, self._wait())

    def stored(self) -> float:
        """Seconds to the next call, after one that was stored whole."""
        self._failures = 0
        if not self.apart:
            return 0.0
        self.apart *= EASES
        if self.apart < FIRST_APART / 2:
            self.apart = 0.0
        return self._wait()

    def _wait(self) -> float:
        """From half of what was learned to one and a half times as much."""
        if self.apart < LEAST_APART:
            return 0.0
        return self.apart * (0.5 + self._random())
