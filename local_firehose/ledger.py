"""What happened to every call and record, for tests and for the closing balance."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

#: Firehose bills each record rounded up to this many bytes (5 KB; limits.html).
BILLING_STEP = 5_120


def billed_bytes(size: int) -> int:
    """Return what a record of `size` raw bytes is billed as: the next multiple of 5,120."""
    return -(-size // BILLING_STEP) * BILLING_STEP


@dataclass(frozen=True)
class CallSummary:
    """One call as the service saw it.

    Args:
        time: when the call was complete, UTC.
        operation: for example `PutRecordBatch`; empty when no operation was named.
        stream: name in the call, None when it could not be read.
        records: records in the call, 0 when the body was not read.
        raw_bytes: their bytes before base64.
        wire_bytes: bytes of head and body as received.
        stored: records that the stream took.
        outcome: `ok`, `partial`, the error code answered, or the name of the fault.
        status: HTTP status answered, None when no answer was sent.
        signature_ok: None when it was not looked at, because the body was never read.
        region: region of the signature, None when there is none.
        invocation_id: the SDK's `amz-sdk-invocation-id`, one for all attempts of a call.
        attempt: the SDK's count of attempts from `amz-sdk-request`, 1 when it sends none.
        connection: number of the connection, counted from 1.
    """

    time: datetime
    operation: str
    stream: str | None
    records: int
    raw_bytes: int
    wire_bytes: int
    stored: int
    outcome: str
    status: int | None
    signature_ok: bool | None
    region: str | None
    invocation_id: str | None
    attempt: int
    connection: int


class Ledger:
    """Running totals; thread safe. Reading one number needs no lock, `balance()` reads all at once.

    `records + sum(refused.values())` is the number of all records that arrived in readable calls.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[CallSummary] = []
        #: Records refused, by error code or fault name.
        self.refused: Counter[str] = Counter()
        #: Records stored.
        self.records = 0
        #: Raw bytes stored.
        self.raw_bytes = 0
        #: What the stored records are billed as.
        self.billed_bytes = 0
        #: Bytes received, heads and bodies, of whatever came to be read.
        self.wire_bytes = 0
        #: Connections accepted.
        self.connections = 0
        #: Objects written to a bucket.
        self.objects = 0
        #: Raw bytes written to a bucket, before compression.
        self.delivered_bytes = 0
        #: Records written to a bucket.
        self.delivered_records = 0
        #: Records given up because their bucket could not be written for 24 hours.
        self.expired_records = 0
        #: Attempts to write an object that failed.
        self.failed_deliveries = 0

    @property
    def calls(self) -> list[CallSummary]:
        """Return a copy of all calls so far, oldest first."""
        with self._changed:
            return list(self._calls)

    def stored(self, sizes: Sequence[int]) -> None:
        """Count records that a stream took."""
        with self._changed:
            self.records += len(sizes)
            self.raw_bytes += sum(sizes)
            self.billed_bytes += sum(map(billed_bytes, sizes))
            self._changed.notify_all()

    def called(self, call: CallSummary, refused: Counter[str]) -> None:
        """Count a call that has ended, and its refused records by reason."""
        with self._changed:
            self._calls.append(call)
            self.refused.update(refused)
            self._changed.notify_all()

    def add(self, name: str, amount: int = 1) -> None:
        """Add to one of the numbers by its name."""
        with self._changed:
            setattr(self, name, getattr(self, name) + amount)
            self._changed.notify_all()

    def delivered(self, records: int, raw_bytes: int) -> None:
        """Count an object that was written."""
        with self._changed:
            self.objects += 1
            self.delivered_records += records
            self.delivered_bytes += raw_bytes
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[Ledger], object], deadline: float) -> None:
        """Wait until `predicate(ledger)` is true; it is asked again after every change.

        Args:
            predicate: must be quick and must not call back into the server.
            deadline: seconds from now; 0 asks once.

        Raises:
            TimeoutError: still false at the deadline; the text holds the balance.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self), timeout=deadline):
                raise TimeoutError(
                    f"not true within {deadline} s; the ledger says: {self.balance()}"
                )

    def balance(self) -> dict[str, object]:
        """Return all totals of one moment, ready for JSON."""
        with self._changed:
            return {
                "calls": len(self._calls),
                "outcomes": dict(Counter(call.outcome for call in self._calls)),
                "connections": self.connections,
                "records": self.records,
                "refused": dict(self.refused),
                "raw_bytes": self.raw_bytes,
                "billed_bytes": self.billed_bytes,
                "wire_bytes": self.wire_bytes,
                "objects": self.objects,
                "delivered_records": self.delivered_records,
                "delivered_bytes": self.delivered_bytes,
                "failed_deliveries": self.failed_deliveries,
                "expired_records": self.expired_records,
            }

    def __repr__(self) -> str:
        return f"Ledger({self.balance()})"
