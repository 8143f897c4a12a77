"""The throughput quota of a stream: records, requests and bytes a second."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clock import Clock

MIB = 1024 * 1024

#: Regions with the larger quota: AWS developer guide, "Quota" page (limits.html).
LARGE_REGIONS = frozenset({"us-east-1", "us-west-2", "eu-west-1"})


@dataclass(frozen=True)
class Throughput:
    """Quota of one stream, shared by PutRecord and PutRecordBatch.

    The defaults are AWS's for us-east-1, us-west-2 and eu-west-1 (limits.html). Each number is
    also the largest burst, since a bucket holds one second of it.

    Args:
        records_per_second: records, default 500,000.
        requests_per_second: calls, default 2,000.
        bytes_per_second: raw bytes, before base64, default 5 MiB.

    Raises:
        ValueError: a number is not above zero.
    """

    records_per_second: float = 500_000
    requests_per_second: float = 2_000
    bytes_per_second: float = 5 * MIB

    def __post_init__(self) -> None:
        for name in ("records_per_second", "requests_per_second", "bytes_per_second"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise ValueError(
                    f"Throughput({name}={value!r}): a number above 0 is needed; "
                    "to switch the quota off use DeliveryStream(throughput=None)"
                )

    @classmethod
    def for_region(cls, region: str) -> Throughput:
        """Return AWS's default quota for `region` (limits.html; smaller outside three regions)."""
        if region in LARGE_REGIONS:
            return cls()
        return cls(records_per_second=100_000, requests_per_second=1_000, bytes_per_second=MIB)


class TokenBucket:
    """A bucket of `rate` tokens that refills at `rate` a second; not thread safe by itself."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = rate
        self._at = clock.monotonic()

    def holds(self, amount: float) -> bool:
        """Tell whether `amount` tokens could be taken now."""
        now = self._clock.monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return self._tokens >= amount

    def take(self, amount: float) -> None:
        """Take `amount` tokens, which `holds` has granted."""
        self._tokens -= amount


class Meter:
    """Measures the calls of one stream against its quota.

    Args:
        quota: what is allowed, None for no quota.
        clock: where the seconds come from.
    """

    def __init__(self, quota: Throughput | None, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._buckets: tuple[TokenBucket, TokenBucket, TokenBucket] | None = None
        if quota is not None:
            self._buckets = (
                TokenBucket(quota.requests_per_second, clock),
                TokenBucket(quota.records_per_second, clock),
                TokenBucket(quota.bytes_per_second, clock),
            )

    def admit(self, sizes: Sequence[int]) -> list[bool] | None:
        """Say which records of a call fit into the quota; None when the call itself does not.

        A record that does not fit does not stop a later, smaller one: failures of the service
        need not be a tail (API reference, PutRecordBatch).
        """
        if self._buckets is None:
            return [True] * len(sizes)
        requests, records, data = self._buckets
        with self._lock:
            if not requests.holds(1):
                return None
            requests.take(1)
            admitted = []
            for size in sizes:
                fits = records.holds(1) and data.holds(size)
                if fits:
                    records.take(1)
                    data.take(size)
                admitted.append(fits)
            return admitted
