"""A delivery stream as environments see it: its quotas, its throttling, its outage.

Quotas are those of local_firehose, whose source is AWS's developer guide. A bucket holds one
second of each, as there. Where some environments stand for all, and the quota is cut
to their share, the bytes' bucket may be overdrawn by the record that finds it not empty: over a
second that is the same, and no record is too large for a share of what would take it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firehose_logging._delivery.outcome import CallOutcome
from local_firehose.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What Firehose says when a stream's quota is used up, of a record and of a whole call.
THROTTLED = "ServiceUnavailableException"

#: What it says to who may not.
REFUSED = "AccessDeniedException"

#: The two classes of regions (developer guide, "Quota"), by a name for people.
REGIONS = {
    "large": Throughput.for_region("us-east-1"),
    "other": Throughput.for_region("eu-central-1"),
}


class Seconds:
    """Counts by second of the simulation.

    Args:
        seconds: how long it runs.
    """

    def __init__(self, seconds: float) -> None:
        self.counts = [0.0] * (int(seconds) + 2)

    def add(self, now: float, amount: float = 1.0) -> None:
        """Count something at a moment; what comes after the end counts as the last second."""
        self.counts[min(int(now), len(self.counts) - 1)] += amount


class Stream:
    """One delivery stream.

    Args:
        quota: requests, records and bytes a second.
        share: of the fleet that is simulated; the quota is cut to it.
        seconds: how long the simulation runs.
        outage: from when to when every call is refused; None for never.
        overdraws: whether a record that finds any room left is stored, as where some environments
            stand for all.
        refusal: what every call is refused with instead; None for none.
    """

    def __init__(
        self,
        quota: Throughput,
        *,
        share: float,
        seconds: float,
        outage: tuple[float, float] | None,
        overdraws: bool = False,
        refusal: str | None = None,
    ) -> None:
        self._rates = (
            quota.requests_per_second * share,
            quota.records_per_second * share,
            quota.bytes_per_second * share,
        )
        # One call or record at least: a share of few requests would else refuse all.
        self._most = tuple(max(1.0, rate) for rate in self._rates)
        self._outage = outage
        self._overdraws = overdraws
        self._refusal = refusal
        self._tokens = list(self._most)
        self._at = 0.0
        #: Calls; those of which a part or all was throttled; bytes that were stored.
        self.calls = Seconds(seconds)
        self.throttled = Seconds(seconds)
        self.stored = Seconds(seconds)
        self.records = 0
        self.records_throttled = 0

    def put(self, sizes: Sequence[int], now: float) -> CallOutcome:
        """What becomes of a call that arrives now.

        Args:
            sizes: bytes of each record.
            now: seconds; a little earlier than the last call is the same as with it.
        """
        self.calls.add(now)
        self.records += len(sizes)
        if self._refusal is not None:
            return CallOutcome(error=self._refusal, status=400)
        if self._outage is not None and self._outage[0] <= now < self._outage[1]:
            return CallOutcome(error=THROTTLED, message="outage", status=503)
        tokens, most = self._tokens, self._most
        passed = max(0.0, now - self._at)
        self._at += passed
        for number, rate in enumerate(self._rates):
            tokens[number] = min(most[number], tokens[number] + passed * rate)
        if tokens[0] < 1:
            self.throttled.add(now)
            self.records_throttled += len(sizes)
            return CallOutcome(error=THROTTLED, message="slow down", status=503)
        tokens[0] -= 1
        codes: list[str | None] = []
        for size in sizes:
            if tokens[1] >= 1 and (tokens[2] >= size or (self._overdraws and tokens[2] > 0)):
                tokens[1] -= 1
                tokens[2] -= size
                self.stored.add(now, size)
                codes.append(None)
            else:
                codes.append(THROTTLED)
        failed = sum(code is not None for code in codes)
        self.records_throttled += failed
        if failed:
            self.throttled.add(now)
        return CallOutcome(codes, status=200, sizes=list(sizes))
