"""Lines into records, records into calls; bounded. Pure: no clock, no thread, no I/O.

A line lives in exactly one record from ``add`` until ``delivered``, ``diverted`` or ``lose``.
Records queue in the order their lines came; those taken for a call are *in flight* until the
outcome of each is reported back, and those to be sent again return to the front with their bytes
unchanged. Where lines that Firehose does not take have another way out, they are *spilled* until
they have taken it.

A signal handler of the function's may raise in the middle of any of this. CPython runs one only
at a call, at a jump back and where a function begins, so each change is prepared first and then
made by assignments in a row, with no call and no loop among them: it happens whole or not at all.
"""

from __future__ import annotations

from collections import deque

from firehose_logging._limits import (
    BILLING_STEP_BYTES,
    MAX_CALL_BYTES,
    MAX_CALL_RECORDS,
    MAX_RECORD_BYTES,
    TARGET_RECORD_BYTES,
)
from firehose_logging._reasons import BUFFER_FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._delivery.ledger import Ledger


class Record:
    """Newline-terminated lines that travel as one Firehose record.

    Args:
        first: index of the first line, counted over everything the batcher ever accepted.
        opened: when the first line came, in seconds of the caller's clock.
    """

    __slots__ = ("attempts", "data", "first", "lines", "opened")

    def __init__(self, first: int, opened: float) -> None:
        self.data = bytearray()
        self.lines = 0
        #: Index of the oldest line.
        self.first = first
        self.opened = opened
        self.attempts = 0

    @property
    def end(self) -> int:
        """Index after that of the newest line."""
        return self.first + self.lines

    def __repr__(self) -> str:
        return f"<Record lines={self.lines} bytes={len(self.data)} attempts={self.attempts}>"


def _first(record: Record) -> int:
    return record.first


def billed(size: int) -> int:
    """Bytes that Firehose bills for a record of ``size`` bytes."""
    return -(-size // BILLING_STEP_BYTES) * BILLING_STEP_BYTES


class Batcher:
    """Holds undelivered lines in memory, at most ``capacity`` bytes of them.

    Args:
        ledger: where lines are counted.
        capacity: bytes of undelivered lines, in flight included; past it the oldest line that is
            not in flight is lost as ``buffer_full``.
        record_bytes: where a record is closed; a single longer line is a record of its own.
        call_bytes, call_records: most of one call.
        spill_bytes: most bytes of lines that have made room for others and are on their way to the
            runtime's own output, part of ``capacity``; one line may be longer. 0 where lines that
            make room are lost instead.
    """

    def __init__(
        self,
        ledger: Ledger,
        capacity: int,
        *,
        record_bytes: int = TARGET_RECORD_BYTES,
        call_bytes: int = MAX_CALL_BYTES,
        call_records: int = MAX_CALL_RECORDS,
        spill_bytes: int = 0,
    ) -> None:
        self.ledger = ledger
        self._capacity = capacity - spill_bytes
        self._spill_bytes = spill_bytes
        self._record_bytes = record_bytes
        self._call_bytes = call_bytes
        self._call_records = call_records
        # All mutable state. Lines of _queue and _in_flight are pending.
        self._queue: deque[Record] = deque()  # oldest first; the last one may still be filled
        self._open: Record | None = None  # the record being filled, always the last of _queue
        self._in_flight: list[Record] = []
        self._flying_bytes = 0
        # So many bytes fit surely, into the open record and into memory; 0 where that is not known.
        self._room = 0
        #: Lines on their way to the runtime's own output, and why each is there.
        self.spilled: deque[tuple[Record, str]] = deque()
        self._spilled_bytes = 0
        #: Bytes waiting to be taken, without those in flight.
        self.queued_bytes = 0

    # -- what is there ---------------------------------------------------------------------

    @property
    def pending_bytes(self) -> int:
        """Bytes of all undelivered lines."""
        return self.queued_bytes + self._flying_bytes + self._spilled_bytes

    def _all(self) -> list[Record]:
        records = [*self._in_flight, *self._queue]
        records.extend(record for record, _ in self.spilled)
        return records

    @property
    def pending_lines(self) -> int:
        """All undelivered lines, counted record by record."""
        return sum(record.lines for record in self._all())

    @property
    def spills_over(self) -> bool:
        """Whether so much is on its way out that more may soon be lost."""
        return self._spilled_bytes * 2 > self._spill_bytes

    def pending_up_to(self, index: int) -> int:
        """Undelivered lines with an index of at most ``index``."""
        return sum(max(0, min(r.end, index + 1) - r.first) for r in self._all())

    def oldest_index(self) -> int | None:
        """Index of the oldest pending line; None when nothing is pending."""
        return min((r.first for r in self._all() if r.lines), default=None)

    def oldest_queued(self) -> int | None:
        """Index of the oldest line waiting to be taken; None when nothing is."""
        return min((r.first for r in self._queue if r.lines), default=None)

    def settled_between(self) -> tuple[int, int]:
        """Indices of lines that are settled although older ones are pending: from, and up to.

        What is dropped while a call takes its time is younger than that call. The widest such gap,
        if there are several.
        """
        widest = (0, 0)
        behind: int | None = None
        for record in sorted(self._all(), key=_first):
            if behind is not None and record.first - behind > widest[1] - widest[0]:
                widest = (behind, record.first)
            behind = record.end
        accepted = self.ledger.accepted
        if behind is not None and accepted - behind > widest[1] - widest[0]:
            widest = (behind, accepted)
        return widest

    def oldest_time(self) -> float | None:
        """When the oldest queued record was opened; None when nothing is queued."""
        return min((r.opened for r in self._queue if r.lines), default=None)

    def oldest_pending_time(self) -> float | None:
        """The same with what is in flight; None when nothing is pending."""
        return min((r.opened for r in self._all() if r.lines), default=None)

    # -- in --------------------------------------------------------------------------------

    def add(self, line: bytes, now: float) -> None:
        """Accept one line, newline included, of at most ``MAX_RECORD_BYTES``."""
        size = len(line)
        ledger = self.ledger
        index = ledger.accepted
        room = self._room - size
        if room < 0:
            if size > MAX_RECORD_BYTES:
                raise ValueError(
                    f"a line of {size} bytes; at most {MAX_RECORD_BYTES}, split it first"
                )
            self._room = 0
            pending = self.queued_bytes + self._flying_bytes
            if pending + size > self._capacity and not self._make_room(size):
                self._refuse(line, now)
                return
            room = self._open_record(index, size, now) - size
        record: Any = self._open  # there is one where there is room
        record.data += line
        record.lines += 1
        self.queued_bytes += size
        self._room = room
        ledger.accepted = index + 1

    def _open_record(self, index: int, size: int, now: float) -> int:
        """Have a record open that takes a line of ``size`` bytes; how much fits in it, and here."""
        record = self._open
        if record is None or len(record.data) + size > self._record_bytes:
            record = Record(index, now)
            self._queue += (record,)
            self._open = record
        pending = self.queued_bytes + self._flying_bytes
        return min(self._record_bytes - len(record.data), self._capacity - pending)

    def skip(self, lines: int, reason: str) -> None:
        """Accept lines that are lost before they get here; their indices are taken."""
        ledger = self.ledger
        lost = ledger.losing(reason, lines)
        if not lines:
            return
        ledger.lost[reason] = lost
        ledger.accepted += lines
        self._open = None  # a record's lines are counted on from its first, without gaps
        self._room = 0

    def _make_room(self, size: int) -> bool:
        """Drop the oldest queued lines until ``size`` bytes fit; False when they cannot."""
        most = self._capacity - self._flying_bytes - size
        if most < 0:
            return False
        ledger = self.ledger
        while self.queued_bytes > most:
            record = self._oldest()
            end = record.data.index(b"\n") + 1
            out, lost = self._making_room(record.data[:end], record.first, record.opened)
            spilled_bytes = self._spilled_bytes + (end if out else 0)
            del record.data[:end]
            record.first += 1
            record.lines -= 1
            self.queued_bytes -= end
            self.spilled += out
            self._spilled_bytes = spilled_bytes
            ledger.lost = lost
        if self.queued_bytes:
            self._oldest()
        else:
            self._open = None
            self._queue.clear()
        return True

    def _refuse(self, line: bytes, now: float) -> None:
        """A line for which there is no room, since all of it is taken by what is in flight."""
        ledger = self.ledger
        index = ledger.accepted
        out, lost = self._making_room(line, index, now)
        spilled_bytes = self._spilled_bytes + (len(line) if out else 0)
        self.spilled += out
        self._spilled_bytes = spilled_bytes
        ledger.lost = lost
        ledger.accepted = index + 1
        self._open = None  # as of ``skip``
        self._room = 0

    def _making_room(
        self, line: bytes | bytearray, index: int, opened: float
    ) -> tuple[tuple[tuple[Record, str], ...], dict[str, int]]:
        """What is spilled, and what the losses are, when this line makes room for others."""
        ledger = self.ledger
        spilled = self._spilled_bytes
        if not self._spill_bytes or (spilled and spilled + len(line) > self._spill_bytes):
            return (), {**ledger.lost, BUFFER_FULL: ledger.losing(BUFFER_FULL, 1)}
        record = Record(index, opened)
        record.data += line
        record.lines = 1
        return ((record, BUFFER_FULL),), ledger.lost

    def _oldest(self) -> Record:
        """The oldest queued record; those before it whose lines have all made room go."""
        while not self._queue[0].lines:
            self._queue.popleft()
        return self._queue[0]

    # -- out -------------------------------------------------------------------------------

    def take(self, max_bytes: int | None = None) -> list[Record]:
        """The records of the next call, now in flight; empty when nothing is queued.

        ``max_bytes`` lowers the size of this call (after a refusal for size); at least one
        record is always given.
        """
        limit = self._call_bytes if max_bytes is None else min(max_bytes, self._call_bytes)
        rest = self._queue.copy()
        taken: list[Record] = []
        size = 0
        while rest and len(taken) < self._call_records:
            if not rest[0].lines:
                rest.popleft()  # all of its lines have made room for others
                continue
            more = len(rest[0].data)
            if taken and size + more > limit:
                break
            taken.append(rest.popleft())
            size += more
        for record in taken:
            record.attempts += 1
        in_flight = self._in_flight + taken
        opened = self._open if rest else None
        self._queue = rest
        self._in_flight = in_flight
        self._open = opened
        self._room = 0
        self.queued_bytes -= size
        self._flying_bytes += size
        return taken

    def delivered(self, records: list[Record], sizes: list[int] | None = None) -> None:
        """Firehose confirmed these; ``sizes`` are their bytes as sent, where compressed.

        Records that have been settled otherwise meanwhile are passed over, here and below: a call
        that nobody waited for any more may still come to an end.
        """
        bills = {
            id(record): billed(size)
            for record, size in zip(records, sizes or [len(r.data) for r in records], strict=True)
        }
        held, queue, in_flight = self._taking_out(records)
        lines = sum(record.lines for record in held)
        raw = sum(len(record.data) for record in held)
        bill = sum(bills[id(record)] for record in held)
        queued = sum(len(record.data) for record in queue)
        flying = sum(len(record.data) for record in in_flight)
        ledger = self.ledger
        self._queue = queue
        self._in_flight = in_flight
        self._flying_bytes = flying
        self.queued_bytes = queued
        ledger.delivered += lines
        ledger.delivered_bytes += raw
        ledger.billed_bytes += bill

    def lose(self, records: list[Record], reason: str) -> None:
        """These will never be delivered: they are lost, or go the other way out."""
        held, queue, in_flight = self._taking_out(records)
        ledger, lost = self.ledger, self.ledger.lost
        out: tuple[tuple[Record, str], ...] = ()
        raw = sum(len(record.data) for record in held)
        if self._spill_bytes:
            out = tuple((record, reason) for record in held)
        elif held:
            lost = {**lost, reason: ledger.losing(reason, sum(r.lines for r in held))}
        spilled_bytes = self._spilled_bytes + (raw if out else 0)
        queued = sum(len(record.data) for record in queue)
        flying = sum(len(record.data) for record in in_flight)
        self.spilled += out
        self._spilled_bytes = spilled_bytes
        ledger.lost = lost
        self._queue = queue
        self._in_flight = in_flight
        self._flying_bytes = flying
        self.queued_bytes = queued

    def again(self, records: list[Record]) -> None:
        """Put these back in front of the queue, in their old order, to be sent again."""
        flying = set(map(id, self._in_flight))
        back = [record for record in records if id(record) in flying]
        returning = set(map(id, back))
        in_flight = [record for record in self._in_flight if id(record) not in returning]
        size = sum(len(record.data) for record in back)
        queue = deque(back)
        queue.extend(self._queue)
        self._queue = queue
        self._in_flight = in_flight
        self.queued_bytes += size
        self._flying_bytes -= size

    def recall(self) -> None:
        """Nobody will report on what is in flight: queue all of it again."""
        self.again(list(self._in_flight))

    def _taking_out(
        self, records: list[Record]
    ) -> tuple[list[Record], deque[Record], list[Record]]:
        """Which of these are still held, and queue and flight without them."""
        out = set(map(id, records))
        queue = deque(record for record in self._queue if id(record) not in out)
        in_flight = [record for record in self._in_flight if id(record) not in out]
        held = [record for record in self._queue if id(record) in out]
        held += [record for record in self._in_flight if id(record) in out]
        return held, queue, in_flight

    # -- the other way out -------------------------------------------------------------------

    def spill(self) -> None:
        """The environment ends: everything that is pending goes the other way out."""
        if not self._spill_bytes:
            return
        pending = sorted((*self._in_flight, *self._queue), key=lambda record: record.first)
        out = tuple((record, "") for record in pending if record.lines)
        queue: deque[Record] = deque()
        self.spilled += out
        self._spilled_bytes += self.queued_bytes + self._flying_bytes
        self._queue = queue
        self._in_flight = []
        self._open = None
        self._room = 0
        self._flying_bytes = 0
        self.queued_bytes = 0

    def diverted(self) -> None:
        """The first of the spilled records has been written to the runtime's own output."""
        ledger = self.ledger
        record, _ = self.spilled[0]
        size = len(record.data)
        self._spilled_bytes -= size
        ledger.diverted += record.lines
        del self.spilled[0]

    def not_diverted(self) -> None:
        """That output takes nothing: what is there because of the end is pending again."""
        ledger = self.ledger
        lost = dict(ledger.lost)
        for record, reason in self.spilled:
            if reason:
                lost[reason] = lost.get(reason, 0) + record.lines
        back = deque(record for record, reason in self.spilled if not reason)
        size = sum(len(record.data) for record in back)
        back.extend(self._queue)
        empty: deque[tuple[Record, str]] = deque()
        ledger.lost = lost
        self.spilled = empty
        self._spilled_bytes = 0
        self._queue = back
        self._room = 0
        self.queued_bytes += size

    def __repr__(self) -> str:
        return (
            f"<Batcher {len(self._queue)} queued, {len(self._in_flight)} in flight, "
            f"{self.queued_bytes + self._flying_bytes} bytes>"
        )
