from __future__ import annotations

import os

import pytest

from firehose_logging import _shutdown, _termination, _threads
from firehose_logging._termination import EAGER_LIMIT, TIMEOUT, Termination
from firehose_logging.testing import ManualClock
from support.deliveries import ScriptedDeliveries
from tools.waiting import wait_until


class Interrupted(ScriptedDeliveries):
    """Deliveries for which the calling thread may not wait: it holds their lock."""

    def flush(self, timeout: float | None = None, *, urgent: bool = False) -> None:
        self.flushes.append(timeout)


@pytest.fixture
def sent(monkeypatch):
    """Signals that were sent to this process, and are not."""
    signals: list[int] = []
    monkeypatch.setattr(_termination.os, "kill", lambda pid, number: signals.append(number))
    return signals


def test_the_end_waits_for_the_delivery():
    """What is pending is flushed, for a bounded time, before the signal takes its course."""
    deliveries = ScriptedDeliveries()
    deliveries.pending = 1.0

    assert Termination(deliveries, ManualClock()).deliver(ends=True)
    assert deliveries.flushes == [TIMEOUT]


def test_a_thread_that_holds_our_lock_is_let_go(sent):
    """It cannot wait for itself: it goes on, and SIGTERM comes again in a moment."""
    deliveries = Interrupted()
    deliveries.pending = 1.0

    assert not Termination(deliveries, ManualClock()).deliver(ends=True)
    wait_until(lambda: sent == [_shutdown.SIGTERM], what="SIGTERM again")


def test_an_outage_does_not_keep_the_process():
    """While calls fail the signal takes its course, whatever is pending."""
    deliveries = Interrupted()
    deliveries.pending = 1.0
    deliveries.failing = True

    assert Termination(deliveries, ManualClock()).deliver(ends=True)


def test_a_program_that_lives_on_has_its_lines_delivered_soon():
    """From then on what it logs is asked for at once, by one thread."""
    deliveries = ScriptedDeliveries()
    clock = ManualClock()
    termination = Termination(deliveries, clock)
    assert termination.deliver(ends=False)
    assert termination.deliver(ends=False)
    deliveries.pending = 1.0

    wait_until(lambda: deliveries.requests, what="a delivery")
    clock.advance(EAGER_LIMIT)
    wait_until(lambda: not _threads.own, what="the thread's end")


def test_without_a_thread_it_ends_all_the_same(monkeypatch):
    """Where no thread can be started there is no second chance, and no error."""

    def none_left(name: str, target: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "spawn", none_left)
    deliveries = Interrupted()
    deliveries.pending = 1.0
    termination = Termination(deliveries, ManualClock())

    assert termination.deliver(ends=False)
    assert termination.deliver(ends=True)
    assert os.getpid() > 0
