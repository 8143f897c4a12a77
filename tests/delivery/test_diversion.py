from __future__ import annotations

import json
import os
import threading

import pytest

from firehose_logging import _diagnostics
from firehose_logging._delivery.diversion import Diversion, RuntimeOutput
from firehose_logging._delivery.journal import CrashJournal
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging.errors import BUFFER_FULL, DIVERTED, REFUSED
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import backlog as make_backlog
from support.stage import unthreaded

BODY = '{"message":"x"'
LONG = '{"message":"' + "x" * 20_000 + '"'
THROTTLED = CallOutcome(error="ServiceUnavailableException", status=503)


class Output:
    """The runtime's own output; may be broken."""

    def __init__(self) -> None:
        self.written = b""
        self.broken = False

    def __call__(self, data: bytes | bytearray) -> None:
        if self.broken:
            raise OSError("nobody reads it")
        self.written += data

    @property
    def seqs(self) -> list[int]:
        """The numbers of the lines there."""
        return [json.loads(line)["seq"] for line in self.written.splitlines()]


@pytest.fixture
def output():
    """An output that takes everything."""
    _diagnostics.forget()
    return Output()


@pytest.fixture
def transport():
    """A transport that stores everything unless told otherwise."""
    return MemoryTransport()


@pytest.fixture
def delivery(transport, output):
    """A delivery of 64 KiB with another way out."""
    return unthreaded(
        transport, ManualClock(), divert=output, buffer_bytes=65_536, passthrough=("undelivered",)
    )


def test_what_a_full_buffer_would_drop_is_written(delivery, output, transport):
    """The oldest lines go there, whole and in order; what is delivered later tells how many."""
    for _ in range(6):
        delivery.add(LONG)

    counts = delivery.counts()
    assert output.seqs == [1, 2, 3, 4]
    assert (counts["diverted"], counts["pending"], counts["lost"]) == (4, 2, {})
    assert counts["balances"]
    for _ in range(2):
        delivery.request_flush()
        delivery.dispatcher.step()
    assert [line["seq"] for line in transport.lines()] == [5, 6, 7]
    assert transport.lines()[-1]["own"] == {"code": "lines_diverted", DIVERTED: 4}


def test_what_is_refused_for_good_is_written(delivery, output, transport):
    """Sending it again cannot help, so it goes the other way."""
    transport.outcomes = [CallOutcome(error="ValidationException", status=400)]
    delivery.add(BODY)
    result = None
    delivery.request_flush()
    delivery.dispatcher.step()
    result = delivery.flush(0)

    assert output.seqs == [1]
    assert delivery.counts()["balances"]
    assert result.pending == 0


def test_at_the_end_everything_pending_is_written(delivery, output, transport):
    """What a call has under way, too; what that call comes to later changes nothing."""
    delivery.add(BODY)
    delivery.request_flush()
    step = delivery._backlog.exclusively(delivery.dispatcher._next_step, False)
    delivery.add(BODY)
    delivery.divert()

    assert output.seqs == [1, 2]
    delivery.dispatcher._send(step.records)
    counts = delivery.counts()
    assert (counts["diverted"], counts["delivered"]) == (2, 0)
    assert counts["balances"]


def test_what_an_earlier_process_left_is_written_at_the_end(tmp_path, output):
    """Its journal goes with the environment."""
    dead = make_backlog(ManualClock(), journal_folder=str(tmp_path))[1]
    dead.add(BODY)
    dead.close_journal()
    delivery = unthreaded(
        MemoryTransport(), ManualClock(), divert=output, journal_folder=str(tmp_path),
        passthrough=("undelivered",),
    )  # fmt: skip
    delivery.divert()

    recovered, told = output.written.splitlines()
    assert json.loads(recovered) == {"message": "x", "seq": 1}
    assert json.loads(told)["own"] == {"code": "lines_recovered", "recovered": 1}
    delivery.close_journal()


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_killed_while_a_call_hangs(tmp_path, output, rounds):
    """No line is missing. Written and recovered is none while one call hangs.

    Where it was made again meanwhile, the journal leaves out the widest range that was written, and
    what was written before that may come again.
    """
    delivery = unthreaded(
        MemoryTransport(), ManualClock(), divert=output, journal_folder=str(tmp_path),
        buffer_bytes=65_536, passthrough=("undelivered",),
    )  # fmt: skip
    lines = 0
    for number in range(rounds):
        delivery._backlog.exclusively(delivery._backlog.batcher.recall)
        delivery.add(LONG)
        delivery.request_flush()
        delivery._backlog.exclusively(delivery.dispatcher._next_step, False)
        for _ in range(3 + number):
            delivery.add(LONG)
        lines += 4 + number
    delivery.backlog.journal.close(keep=True)

    heir = CrashJournal(str(tmp_path), "logs")
    recovered = [json.loads(line)["seq"] for line in heir.recover()]
    heir.close(keep=False)
    assert sorted({*recovered, *output.seqs}) == list(range(1, lines + 1))
    assert len(set(output.seqs)) == len(output.seqs)
    twice = set(recovered) & set(output.seqs)
    if rounds == 1:
        assert not twice
    assert not twice & set(output.seqs[-3:])


def test_delivered_lines_are_not_written(delivery, output):
    """Only what Firehose does not take goes there."""
    delivery.add(BODY)
    delivery.request_flush()
    delivery.dispatcher.step()
    delivery.divert()

    assert output.written == b""


def test_an_output_that_takes_nothing_is_told_and_loses_nothing_more(delivery, output, capfd):
    """What had to make room is lost as ever; what is there because of the end stays pending."""
    output.broken = True
    for _ in range(6):
        delivery.add(LONG)
    delivery.divert()

    counts = delivery.counts()
    assert (counts["diverted"], counts["lost"], counts["pending"]) == (0, {BUFFER_FULL: 4}, 2)
    assert counts["balances"]
    assert capfd.readouterr().err.count("cannot be written to the function's own output") == 1


def test_without_it_lines_are_lost_as_ever(transport):
    """Nobody asked for another way out."""
    delivery = unthreaded(transport, ManualClock(), buffer_bytes=65_536)
    transport.outcomes = [CallOutcome(error="ValidationException", status=400)]
    delivery.add(BODY)
    delivery.request_flush()
    delivery.dispatcher.step()
    delivery.divert()

    assert delivery.counts()["lost"] == {REFUSED: 1}


def test_one_thread_writes_at_a_time():
    """Lines are not torn: another thread's are taken along by the one that writes."""
    _, backlog = make_backlog(ManualClock(), passthrough=("undelivered",), buffer_bytes=200_000)
    entered, leave = threading.Event(), threading.Event()
    written: list[bytes] = []

    def write(data: bytes | bytearray) -> None:
        entered.set()
        assert leave.wait(10)
        written.append(bytes(data))

    diversion = Diversion(backlog, write)
    for _ in range(8):
        backlog.add(LONG)
    first = threading.Thread(target=diversion.run)
    first.start()
    assert entered.wait(10)
    backlog.add(LONG)
    second = threading.Thread(target=diversion.finish)
    second.start()
    leave.set()
    first.join(10)
    second.join(10)

    lines = [json.loads(line)["seq"] for data in written for line in data.splitlines()]
    assert lines == list(range(1, 10))


def test_the_output_is_a_descriptor_of_our_own():
    """Whole lines, however little the pipe takes at a time, also when it must not block."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    write = RuntimeOutput(writer)
    os.close(writer)
    data = b"x" * 300_000 + b"\n"
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(os.read(reader, 4_096))

    thread = threading.Thread(target=read)
    thread.start()
    write(data)
    thread.join(10)
    os.close(reader)

    assert bytes(got) == data


def test_lines_are_written_whole(monkeypatch):
    """A process that is killed between two writes has left no part of a line."""
    writes = []

    def writing(fileno, data):
        writes.append(bytes(data))
        return os.write(fileno, data)

    monkeypatch.setattr("firehose_logging._delivery.diversion.write", writing)
    lines = [b"x" * size + b"\n" for size in (10, 4_095, 1, 4_000, 90, 10_000, 20)]
    with open(os.devnull, "wb") as file:  # noqa: PTH123
        RuntimeOutput(file.fileno())(bytearray(b"".join(lines)))

    assert b"".join(writes) == b"".join(lines)
    assert all(len(data) <= 4_096 for data in writes)
    assert {data for data in writes if data[-1:] != b"\n"} == {b"x" * 4_096}


@pytest.mark.parametrize("blocks", [True, False])
def test_an_output_that_nobody_reads_is_given_up(monkeypatch, blocks):
    """The end of the environment must not wait for it."""
    monkeypatch.setattr("firehose_logging._delivery.diversion.PATIENCE", 0.05)
    reader, writer = os.pipe()
    os.set_blocking(writer, blocks)
    write = RuntimeOutput(writer)

    with pytest.raises(TimeoutError, match="nobody reads it"):
        write(b"x" * 1_000_000)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        write(b"x\n")
    os.close(writer)
