from __future__ import annotations

import pytest

from firehose_logging._delivery.batch import Batcher, billed
from firehose_logging._delivery.ledger import Ledger
from firehose_logging._limits import MAX_CALL_BYTES, MAX_CALL_RECORDS, MAX_RECORD_BYTES
from firehose_logging.errors import BUFFER_FULL, REFUSED


def line(size: int, mark: bytes = b"x") -> bytes:
    """A line of that many bytes, its end included."""
    return mark * (size - 1) + b"\n"


@pytest.fixture
def batcher() -> Batcher:
    """A batcher with the real limits and 16 MiB."""
    return Batcher(Ledger(), 16_777_216)


def test_lines_share_a_record(batcher):
    """Small lines travel in one record, in their order, each with its end."""
    for text in (b"a\n", b"b\n", b"c\n"):
        batcher.add(text, 1.0)

    (record,) = batcher.take()

    assert bytes(record.data) == b"a\nb\nc\n"
    assert (record.lines, record.first, record.opened, record.attempts) == (3, 0, 1.0, 1)


@pytest.mark.parametrize("size", [1, 300, 100_000, 512_000, 512_001, 1_024_000])
def test_limits_of_the_service_hold(batcher, size):
    """Whatever the size of the lines, no record and no call is over its limit or empty."""
    count = min(3_000, 16_777_216 // size)
    for _ in range(count):
        batcher.add(line(size), 0.0)
    seen = 0

    while records := batcher.take():
        assert len(records) <= MAX_CALL_RECORDS == 500
        assert sum(len(r.data) for r in records) <= MAX_CALL_BYTES == 4_000_000
        assert all(0 < len(r.data) <= MAX_RECORD_BYTES == 1_024_000 for r in records)
        seen += sum(r.lines for r in records)

    assert seen == count


def test_call_holds_at_most_500_records():
    """501 records of one line each make two calls."""
    batcher = Batcher(Ledger(), 1_000_000, record_bytes=10)
    for _ in range(501):
        batcher.add(line(10), 0.0)

    assert [len(batcher.take()) for _ in range(3)] == [500, 1, 0]


def test_line_over_the_record_limit_is_refused(batcher):
    """What was not split is a defect of the caller, told with its size; nothing is booked."""
    with pytest.raises(ValueError, match=r"1024001 bytes; at most 1024000"):
        batcher.add(line(MAX_RECORD_BYTES + 1), 0.0)

    assert batcher.ledger.accepted == 0
    assert batcher.pending_bytes == 0


def test_oldest_lines_make_room():
    """A full buffer drops its oldest line and counts it."""
    batcher = Batcher(Ledger(), 100, record_bytes=50)
    for mark in b"abcdef":
        batcher.add(line(20, bytes([mark])), 0.0)

    kept = b"".join(bytes(r.data) for r in batcher.take())

    assert kept == b"".join(line(20, bytes([mark])) for mark in b"bcdef")
    assert batcher.ledger.lost == {BUFFER_FULL: 1}
    assert batcher.oldest_index() == 1


def test_lines_in_flight_are_never_dropped():
    """When what is in flight fills the buffer, the new line is the one that is lost."""
    batcher = Batcher(Ledger(), 100)
    batcher.add(line(90), 0.0)
    records = batcher.take()
    batcher.add(line(20), 0.0)

    assert batcher.ledger.lost == {BUFFER_FULL: 1}
    assert batcher.pending_bytes == 90
    batcher.delivered(records)
    assert batcher.ledger.delivered == 1
    assert batcher.ledger.balances(0)


def test_line_larger_than_the_buffer_is_lost_alone():
    """A line that can never fit costs itself, not everything before it."""
    batcher = Batcher(Ledger(), 100)
    batcher.add(line(40), 0.0)
    batcher.add(line(101), 0.0)

    assert batcher.ledger.lost == {BUFFER_FULL: 1}
    assert batcher.pending_lines == 1


def test_failed_records_come_again_first_and_unchanged():
    """Failed records return to the front in their old order, byte for byte."""
    batcher = Batcher(Ledger(), 1_000, record_bytes=10)
    for mark in b"abcd":
        batcher.add(line(10, bytes([mark])), 0.0)
    a, b, c, d = batcher.take()
    batcher.add(line(10, b"e"), 1.0)
    batcher.delivered([a, c])
    batcher.again([b, d])

    second = batcher.take()

    assert [bytes(r.data)[:1] for r in second] == [b"b", b"d", b"e"]
    assert [r.attempts for r in second] == [2, 2, 1]


def test_taken_record_is_not_filled_further(batcher):
    """A line that comes while a record is in flight opens a new one."""
    batcher.add(b"a\n", 0.0)
    (first,) = batcher.take()
    batcher.add(b"b\n", 0.0)
    batcher.again([first])

    batcher.add(b"c\n", 0.0)

    assert [bytes(r.data) for r in batcher.take()] == [b"a\n", b"b\nc\n"]


def test_smaller_call_still_holds_one_record(batcher):
    """A limit that is below one record gives that record alone, so that a call always advances."""
    batcher.add(line(600_000), 0.0)
    batcher.add(line(600_000), 0.0)

    assert [len(batcher.take(10)), len(batcher.take(10)), len(batcher.take(10))] == [1, 1, 0]


@pytest.mark.parametrize(
    ("size", "bill"), [(0, 0), (1, 5_120), (5_120, 5_120), (5_121, 10_240), (512_000, 512_000)]
)
def test_billing_step(size, bill):
    """Firehose bills each record rounded up to 5 KB."""
    assert billed(size) == bill


def test_compressed_records_are_billed_as_sent(batcher):
    """Sizes as sent decide the bill, raw bytes count as delivered."""
    batcher.add(line(20_000), 0.0)
    records = batcher.take()
    batcher.delivered(records, [300])

    assert batcher.ledger.delivered_bytes == 20_000
    assert batcher.ledger.billed_bytes == 5_120


def test_refused_records_leave_for_good():
    """Lines refused for good are lost with the reason, and their memory is free again."""
    batcher = Batcher(Ledger(), 1_000)
    batcher.add(line(10), 0.0)
    batcher.add(line(10), 0.0)
    batcher.lose(batcher.take(), REFUSED)

    assert batcher.ledger.lost == {REFUSED: 2}
    assert batcher.pending_bytes == batcher.queued_bytes == batcher.pending_lines == 0
    assert batcher.oldest_index() is batcher.oldest_time() is batcher.oldest_queued() is None


def test_repr_counts():
    """The repr says what there is."""
    batcher = Batcher(Ledger(), 1_000)
    batcher.add(b"a\n", 0.0)
    records = batcher.take()
    batcher.add(b"bc\n", 0.0)

    assert repr(batcher) == "<Batcher 1 queued, 1 in flight, 5 bytes>"
    assert repr(records) == "[<Record lines=1 bytes=2 attempts=1>]"


def test_the_widest_gap_is_known():
    """What was dropped behind a call that hangs, also when that call is queued again."""
    batcher = Batcher(Ledger(), 10, record_bytes=2)
    assert batcher.settled_between() == (0, 0)
    for number in range(3):
        batcher.add(b"%d\n" % number, 0.0)
    flying = batcher.take()
    for number in range(9):
        batcher.add(b"%d\n" % number, 0.0)
    assert batcher.settled_between() == (3, 10)
    batcher.again(flying)
    assert batcher.settled_between() == (3, 10)
    batcher.delivered(batcher.take())
    assert batcher.settled_between() == (0, 0)
