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
    """Full-jitter back-off: before attempt n + 1 wait ``random() * min(cap, base * 2 ** n)``.

    Args:
        random: gives a float in [0, 1).
        base: seconds; cap: most seconds for what may pass by itself; blocked_cap: the same for
            what waits for a person.
    """

    def __init__(
        self,
        random: Callable[[], float],
        *,
        base: float = 0.1,
        cap: float = 5.0,
        blocked_cap: float = 60.0,
    ) -> None:
        self._random = random
        self._base = base
        self._cap = cap
        self._blocked_cap = blocked_cap
        self.failures = 0

    def success(self) -> None:
        """Something was stored: start over."""
        self.failures = 0

    def failure(self, *, blocked: bool = False) -> float:
        """Seconds to wait before the next call."""
        self.failures += 1
        cap = self._blocked_cap if blocked else self._cap
        # The exponent is bounded, a day of failures must not build a huge integer.
        return self._random() * float(min(cap, self._base * 2 ** min(self.failures, 20)))
