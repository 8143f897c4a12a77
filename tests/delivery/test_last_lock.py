"""A lock that a thread took which is no more: the interpreter's last lines wait a moment."""

from __future__ import annotations

import threading

import pytest

from firehose_logging._delivery import last_lock
from firehose_logging._delivery.last_lock import LastLock
from firehose_logging._natives import RLock


@pytest.fixture
def held(monkeypatch):
    """A lock that another thread has taken and never gives back."""
    monkeypatch.setattr(last_lock, "LONGEST_HOLD", 0.01)
    lock = RLock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    return lock


def test_nobody_waits_for_a_thread_that_is_gone(held):
    """Another lock takes its place, for all that come then."""
    lock = LastLock(held)
    assert not lock.is_held_here()
    for _ in range(2):
        lock.acquire()
        assert lock.is_held_here()
        lock.release()
    assert not lock.is_held_here()


def test_whoever_holds_it_is_waited_for():
    """Threads run on for a while, and log."""
    lock = LastLock(RLock())
    order = []

    def other():
        lock.acquire()
        order.append("other")
        lock.release()

    lock.acquire()
    thread = threading.Thread(target=other)
    thread.start()
    order.append("first")
    lock.release()
    thread.join()

    assert order == ["first", "other"]


def test_giving_back_what_was_replaced_is_no_error():
    """As by a thread that was slow and lives."""
    LastLock(RLock()).release()
