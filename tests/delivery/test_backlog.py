"""The backlog: numbers, the journal, and a lock that a signal handler cannot break."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Any

import pytest

from firehose_logging._delivery.backlog import Backlog
from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging.errors import BUFFER_FULL, DIVERTED, UNENCODABLE
from firehose_logging.testing import ManualClock
from support.stage import backlog as make_backlog
from support.stage import own_body

BODY = '{"message":"x"'


@pytest.fixture
def backlog() -> Backlog:
    """A backlog without a journal."""
    return make_backlog(ManualClock())[1]


def lines_of(backlog: Backlog) -> list[dict[str, Any]]:
    """Every pending line, in order; they are taken out of the queue."""
    records = backlog.batcher.take()
    return [json.loads(line) for record in records for line in record.data.splitlines()]


def test_lines_are_numbered_in_order(backlog):
    """Numbers begin at 1 and have no gap."""
    for _ in range(3):
        backlog.add(BODY)

    assert [line["seq"] for line in lines_of(backlog)] == [1, 2, 3]


def test_a_line_too_long_for_a_record_is_lost_and_told(backlog):
    """Nobody makes one; it must not stand in the way of those behind it."""
    backlog.add('{"message":"' + "x" * MAX_RECORD_BYTES + '"')
    backlog.add(BODY)

    counts = backlog.counts()
    assert (counts["lost"], counts["pending"], counts["balances"]) == ({UNENCODABLE: 1}, 1, True)


def test_an_action_finds_everything_numbered(backlog):
    """What has come before an action is in the batcher when the action runs."""
    backlog.incoming.append(BODY)

    assert backlog.exclusively(lambda: backlog.ledger.accepted) == 1


def test_an_action_within_an_action_finds_things_as_they_are(backlog):
    """A signal handler that comes back while its thread has the lock neither hangs nor changes."""

    def inner() -> int:
        backlog.add(BODY)
        return backlog.exclusively(lambda: backlog.ledger.accepted)

    assert backlog.exclusively(inner) == 0
    assert backlog.counts()["accepted"] == 1


def test_pending_up_to_counts_lines_that_cannot_have_a_number_yet(backlog):
    """While a snapshot is taken lines wait; a flush must not say that they have arrived."""
    backlog.add(BODY)
    backlog.hold()
    backlog.add(BODY)

    assert backlog.pending_up_to(0) == 2
    backlog.release()
    assert backlog.pending_up_to(0) == 1


def test_a_new_instance_counts_from_one(backlog):
    """After a restore waiting lines get the new name, and numbers from 1."""
    backlog.add(BODY)
    backlog.hold()
    backlog.add('{"id":"old"')
    backlog.exclusively(backlog.renumber, '"id":"old"', '"id":"new"')

    assert lines_of(backlog)[1] == {"id": "new", "seq": 1}


def test_losses_are_told_by_a_line(backlog):
    """The line that tells losses is numbered like any other."""
    backlog.lose(UNENCODABLE, 2)
    backlog.exclusively(backlog.tell_losses, own_body)
    backlog.exclusively(int)

    assert lines_of(backlog) == [
        {"own": {"code": "lines_lost", "lost": {UNENCODABLE: 2}}, "seq": 1}
    ]
    assert backlog.ledger.untold == {}


def test_clear_is_what_a_child_starts_with(backlog):
    """Nothing of the parent's is left, and the lock is free, whoever had it."""
    backlog.add(BODY)
    backlog.exclusively(backlog.clear)
    backlog.add(BODY)

    assert [line["seq"] for line in lines_of(backlog)] == [1]


class TimeIsUpError(RuntimeError):
    """What a signal handler of the function's raises."""


@pytest.fixture
def storm():
    """Signals that raise, at moments that nobody chooses; given is what starts the next one."""

    def on_alarm(number: int, frame: object) -> None:
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, on_alarm)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ignored(monkeypatch):
    """Exceptions that Python itself could not let pass: those raised in a finalizer."""
    found: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: found.append(what.exc_type))
    return found


@pytest.mark.interrupts
@pytest.mark.parametrize("capacity", [16_777_216, 65_536], ids=["roomy", "full"])
def test_a_signal_handler_that_raises_breaks_nothing(tmp_path, storm, ignored, capacity):
    """Thousands of exceptions in the middle of our code: all pass, and every line is counted."""
    _, backlog = make_backlog(
        ManualClock(), journal_folder=str(tmp_path), buffer_bytes=capacity, stream_name="logs"
    )
    stop = threading.Event()
    others = [0]

    def log() -> None:
        while not stop.is_set():
            backlog.add(f'{{"other":{others[0]}')
            others[0] += 1

    def work() -> None:
        # Bounded: where Python itself cannot let an exception pass (in a finalizer), none comes.
        for _ in range(3_000):
            backlog.add('{"main":0')
            backlog.counts()
            backlog.lose(UNENCODABLE, 1)

    thread = threading.Thread(target=log)
    thread.start()
    raised = 0
    delivered: list[int] = []
    try:
        for number in range(1_500):
            try:
                storm(0.0001 + number % 13 / 50_000)
                work()
            except TimeIsUpError:
                raised += 1
            if number % 10 == 0 and capacity > 100_000:
                # As the delivery thread does.
                records = backlog.exclusively(backlog.batcher.take)
                delivered += [json.loads(x)["seq"] for r in records for x in r.data.splitlines()]
                backlog.exclusively(backlog.batcher.delivered, records)
    finally:
        storm(0)
        stop.set()
        thread.join()

    counts = backlog.counts()
    assert raised + ignored.count(TimeIsUpError) == 1_500
    assert counts["balances"], counts
    assert not backlog.incoming
    assert backlog.journal._journal is not None
    if capacity > 100_000:
        while records := backlog.exclusively(backlog.batcher.take):
            delivered += [json.loads(x)["seq"] for r in records for x in r.data.splitlines()]
            backlog.exclusively(backlog.batcher.delivered, records)
        assert delivered == list(range(1, len(delivered) + 1))
        assert len(delivered) >= others[0]
        assert set(backlog.counts()["lost"]) == {UNENCODABLE}
    else:
        assert counts["lost"][BUFFER_FULL] > 0
        pending = [line["seq"] for line in lines_of(backlog)]
        assert pending == list(range(pending[0], pending[0] + len(pending)))
    backlog.close_journal()


def test_a_deep_stack_passes_its_error_and_loses_nothing(tmp_path):
    """RecursionError reaches the function; the line that met it is delivered or was never one."""
    _, backlog = make_backlog(ManualClock(), journal_folder=str(tmp_path))
    backlog.add(BODY)

    def deeper() -> None:
        backlog.add(BODY)
        deeper()

    with pytest.raises(RecursionError):
        deeper()

    counts = backlog.counts()
    assert counts["balances"]
    seqs = [line["seq"] for line in lines_of(backlog)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert backlog.journal._journal is not None
    backlog.close_journal()


def test_half_a_character_stands_in_nobodys_way(backlog):
    """A body that UTF-8 has no bytes for is a line all the same, and so is the next."""
    backlog.add('{"message":"\ud800"')
    backlog.add(BODY)

    assert [line["seq"] for line in lines_of(backlog)] == [1, 2]
    assert backlog.counts()["balances"]


def test_losses_of_an_earlier_process_keep_the_balance(backlog):
    """Diverted lines are no losses; all were accepted once."""
    backlog.exclusively(backlog.lose_all, [(UNENCODABLE, 2), (DIVERTED, 3)])

    counts = backlog.counts()
    assert (counts["accepted"], counts["diverted"], counts["lost"]) == (5, 3, {UNENCODABLE: 2})
    assert counts["balances"]


def test_the_last_lines_wait_for_no_thread_that_is_gone(backlog):
    """The interpreter stops threads where they are, and finalizers log after that."""
    thread = threading.Thread(target=backlog._lock.acquire)
    thread.start()
    thread.join()
    backlog.last()
    backlog.add(BODY)
    backlog.add(BODY)

    assert [line["seq"] for line in lines_of(backlog)] == [1, 2]
    assert backlog.counts()["pending"] == 2
