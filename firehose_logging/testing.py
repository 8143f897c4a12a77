"""Stand-ins for the two seams, for tests of code that logs: a transport and a clock."""

from __future__ import annotations

import json
import threading

from firehose_logging._delivery.outcome import CallOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class MemoryTransport:
    """Keeps what it is asked to send; outcomes can be scripted.

    Args:
        outcomes: what the next calls come to, in order; afterwards every record is stored.
    """

    def __init__(self, outcomes: Sequence[CallOutcome] = ()) -> None:
        self._lock = threading.Lock()
        self.outcomes = list(outcomes)
        self.calls: list[list[bytes]] = []
        self.stored: list[bytes] = []

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Store the records, or answer with the next scripted outcome."""
        del timeout
        sent = [bytes(record) for record in records]
        with self._lock:
            self.calls.append(sent)
            outcome = self.outcomes.pop(0) if self.outcomes else CallOutcome([None] * len(sent))
            if outcome.codes is not None:
                self.stored.extend(
                    r for r, c in zip(sent, outcome.codes, strict=False) if c is None
                )
            return outcome

    def close(self) -> None:
        """Nothing to close."""

    def lines(self) -> list[dict[str, Any]]:
        """Every stored line, parsed, in the order it was stored."""
        return [json.loads(line) for record in self.stored for line in record.splitlines()]


class ManualClock:
    """A clock that moves only when told.

    Args:
        start: first reading of both clocks, in seconds.
    """

    def __init__(self, start: float = 1_000_000_000.0) -> None:
        self._at = start

    def now(self) -> float:
        """Seconds, monotonic."""
        return self._at

    def epoch(self) -> float:
        """Seconds since 1970."""
        return self._at

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._at += seconds
