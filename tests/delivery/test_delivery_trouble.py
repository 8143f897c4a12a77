"""The delivery where something raises: on its thread, in its recovery, on a caller's thread."""

from __future__ import annotations

import json

import pytest

from firehose_logging import _diagnostics
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._delivery.journal import name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging.testing import ManualClock, MemoryTransport
from support.stage import threaded, unthreaded
from tools.waiting import wait_until

BODY = '{"message":"x"'


@pytest.fixture(autouse=True)
def nothing_told():
    """Nothing has been told before."""
    _diagnostics.forget()


@pytest.fixture
def made():
    """Deliveries made by a test, closed at its end."""
    deliveries: list[Delivery] = []
    yield deliveries
    for delivery in deliveries:
        delivery.close(0.1)


def leave(folder, lines: int = 3) -> None:
    """A process that is gone has left this many lines."""
    dead = Journal(str(folder), name_prefix("logs"), "1-dead")
    for number in range(lines):
        dead.append(number, json.dumps({"old": number}).encode() + b"\n", 0.0, lambda: 0)
    dead.close(keep=True)


def test_the_thread_goes_on_after_an_error(made, monkeypatch, capfd):
    """What was on its way is sent again, and the error is told; nobody else would deliver."""
    transport = MemoryTransport()
    delivery = threaded(transport)
    made.append(delivery)
    book, fails = delivery.dispatcher.calls._book, [True]

    def fail_once(records, outcome):
        if fails.pop() if fails else False:
            raise ValueError("booked wrong")
        return book(records, outcome)

    monkeypatch.setattr(delivery.dispatcher.calls, "_book", fail_once)
    delivery.add(BODY)
    assert delivery.flush(10).pending == 0

    assert [line["message"] for line in transport.lines()][-1] == "x"
    counts = delivery.counts()
    assert (counts["accepted"], counts["delivered"], counts["balances"]) == (1, 1, True)
    assert delivery.has_thread
    assert capfd.readouterr().err.count("delivery: ValueError: booked wrong") == 1


def test_the_thread_takes_over_what_a_dead_process_left(made, tmp_path):
    """Whoever waits for a flush waits for these lines, too."""
    leave(tmp_path)
    transport = MemoryTransport()
    delivery = threaded(transport, journal_folder=str(tmp_path))
    made.append(delivery)
    delivery.add(BODY)
    assert delivery.flush(10).pending == 0

    assert sorted(line["old"] for line in transport.lines() if "old" in line) == [0, 1, 2]
    assert [line["own"]["recovered"] for line in transport.lines() if "own" in line] == [3]


def test_a_recovery_that_raises_keeps_no_new_line_waiting(made, tmp_path, monkeypatch, capfd):
    """It is told once, the lines of this process are delivered, and flushes end."""
    transport = MemoryTransport()
    delivery = threaded(transport, journal_folder=str(tmp_path))
    made.append(delivery)

    def fail(*_: object) -> None:
        raise ValueError("no journal of ours")

    monkeypatch.setattr(delivery.backlog.journal, "recover", fail)
    delivery.add(BODY)

    assert delivery.flush(10).pending == 0
    assert delivery.recovered
    assert [line["message"] for line in transport.lines()] == ["x"]
    told = capfd.readouterr().err
    assert told.count("crash journal not read: ValueError: no journal of ours") == 1


def test_a_call_that_the_function_breaks_off_is_made_again():
    """A signal handler raises on the thread of a caller: it comes out, and nothing is lost."""

    class Interrupted(MemoryTransport):
        """Stores what it gets; the first time somebody breaks in."""

        times = 0

        def send(self, records, timeout):
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            return super().send(records, timeout)

    transport, clock = Interrupted(), ManualClock()
    delivery = unthreaded(transport, clock)
    delivery.add(BODY)
    delivery.request_flush()
    with pytest.raises(KeyboardInterrupt):
        delivery.dispatcher.step()
    assert delivery.counts()["pending"] == 1

    clock.advance(60)
    delivery.request_flush(urgent=True)
    delivery.dispatcher.step()
    assert len(transport.lines()) == 1
    assert delivery.counts()["balances"]


def test_lines_come_after_the_close(made):
    """A delivery that was closed starts its thread again for a line that is flushed."""
    transport = MemoryTransport()
    delivery = threaded(transport)
    made.append(delivery)
    delivery.add(BODY)
    delivery.close(10)
    wait_until(lambda: not delivery.has_thread)
    delivery.add(BODY)

    assert delivery.flush(10).pending == 0
    assert len(transport.lines()) == 2


def test_losses_of_a_dead_process_are_counted_and_told(made, tmp_path):
    """Diverted lines count as diverted, others as lost, and one line tells both."""
    dead = Journal(str(tmp_path), name_prefix("logs"), "1-dead")
    dead.keep_losses({"refused": 2, "diverted": 3})
    dead.close(keep=True)
    transport = MemoryTransport()
    delivery = threaded(transport, journal_folder=str(tmp_path))
    made.append(delivery)
    for _ in range(2):
        delivery.add(BODY)
        delivery.flush(10)

    counts = delivery.counts()
    assert (counts["lost"], counts["diverted"]) == ({"refused": 2}, 3)
    assert counts["balances"]
    told = [line["own"] for line in transport.lines() if "own" in line]
    assert told == [{"code": "lines_lost", "lost": {"refused": 2}, "diverted": 3}]


def test_a_journal_that_the_function_deletes_is_told(made, tmp_path):
    """A line says that it was made anew: what the function does to /tmp, it should know."""
    transport = MemoryTransport()
    clock = ManualClock()
    delivery = unthreaded(transport, clock, journal_folder=str(tmp_path))
    delivery.add(BODY)
    for path in tmp_path.iterdir():
        path.unlink()
    clock.advance(1)
    delivery.add(BODY)
    for _ in range(2):
        delivery.request_flush()
        delivery.dispatcher.step()

    codes = [line["own"]["code"] for line in transport.lines() if "own" in line]
    assert codes == ["journal_anew"]
    assert list(tmp_path.iterdir())
    delivery.backlog.close_journal()
