from __future__ import annotations

from firehose_logging._delivery.waiters import Waiters, wake


def test_news_wakes_everyone_once():
    """Each waits on a lock of its own; news that came before the wait counts."""
    waiters = Waiters()
    first, second = waiters.enter(), waiters.enter()
    waiters.notify()
    waiters.notify()

    assert first.acquire(timeout=0)
    assert not first.acquire(timeout=0)
    assert second.acquire(timeout=0)
    waiters.leave(first)
    waiters.notify()
    assert first.locked()
    assert second.acquire(timeout=0)


def test_waking_twice_is_waking_once():
    """A lock that is free already stays free."""
    lock = Waiters().enter()
    wake(lock)
    wake(lock)

    assert lock.acquire(timeout=0)
